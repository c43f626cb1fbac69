"""What this distribution offers to ctk; everything by name, nothing imported before it is used."""

from __future__ import annotations

from ctk import hookimpl
from ctk.hookspecs import Register

requires_ctk = ">=0.2,<0.3"


@hookimpl
def ctk_register_competitions(register: Register) -> None:
    competitions = "ctk_supertux.competitions"
    register("tux-vlm", f"{competitions}.vlm:TuxVLM", "questions about frames of SuperTuxKart, answered in words")
    register("tux-clip", f"{competitions}.clip:TuxCLIP", "which of five captions is true of a frame of SuperTuxKart")


@hookimpl
def ctk_register_data(register: Register) -> None:
    register("tux-vlm", "ctk_supertux.reading.questions:TuxQuestionReader", "frames with questions and answers")
    register("tux-clip", "ctk_supertux.reading.choices:TuxChoiceReader", "frames with five captions to choose from")


@hookimpl
def ctk_register_metrics(register: Register) -> None:
    evaluation = "ctk_supertux.evaluation"
    register("answer-accuracy", f"{evaluation}:ANSWER_ACCURACY", "share of answers that begin with the right one")
    register(
        "choice-accuracy", f"{evaluation}:CHOICE_ACCURACY", "share of choices whose highest score is the right one"
    )


@hookimpl
def ctk_register_models(register: Register) -> None:
    register(
        "tux-clip-net",
        "ctk_supertux.networks.tux_clip_net:TuxClipNet",
        "towers of a vision-language model that choose a caption by cosine",
    )
