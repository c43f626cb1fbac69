"""The cases of `ctk bench` in small: each contestant gives the right answer. Times are shown, not judged."""

import pytest
import torch

from ctk.bench import OPS, cases
from ctk.ops import processor

LARGEST_ERROR = {"info-nce": 1e-5, "ranks": 0}
COARSE = 0.02
"""Where logits are rounded to bfloat16."""
FLAT = 5e-5
"""Scores of blends that differ less are equal: an absolute error's lowest place is flat, and climbs end all over it."""


def contestants():
    for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
        for op in OPS:
            for name, build in cases(op, device, small=True).items():
                case = build()
                for contestant in case.contestants:
                    if "torch.compile" not in contestant.name:  # half a minute, for what runs without it too
                        yield pytest.param(op, case, contestant, id=f"{device}, {name}, {contestant.name}")


@pytest.mark.parametrize(("op", "case", "contestant"), list(contestants()))
def test_answers_are_exact_and_no_peers_blend_beats_ours(op, case, contestant, benchmark):
    try:
        run = contestant.prepare()
    except ImportError as error:
        pytest.skip(f"a peer that is not installed: {error}")
    with processor.at_most(contestant.isa or processor.INSTRUCTION_SETS[-1]):
        answer = benchmark.pedantic(run, rounds=3)
    if answer is None:
        assert contestant.role != "ctk"
        return
    verdict = case.judge(answer)
    if op == "blend":
        ours = case.judge(case["ctk"].prepare()()).score
        lower_is_better = case.name.startswith("mae")
        assert (verdict.score - ours) * (-1 if lower_is_better else 1) <= FLAT
    elif contestant.role == "ctk" or case.device == "cpu" or op == "ranks":  # a peer may keep logits in bfloat16
        coarse = "bfloat16" in contestant.name or (case.device == "cuda" and op == "info-nce")
        assert verdict.error <= (COARSE if coarse else LARGEST_ERROR[op])
