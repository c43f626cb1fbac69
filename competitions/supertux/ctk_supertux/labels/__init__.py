"""From an info file to the karts of a view, its questions, its captions and choices among them."""

from ctk_supertux.labels.captions import caption, kind_and_question
from ctk_supertux.labels.choices import CaptionPool, draw_wrong, shuffle
from ctk_supertux.labels.graded import write_graded
from ctk_supertux.labels.info import Info, frame_of, list_infos, read_info
from ctk_supertux.labels.questions import ask, family_of
from ctk_supertux.labels.sampling import Sampling, draw, draw_views
from ctk_supertux.labels.statements import Statements
from ctk_supertux.labels.views import Views, label_files, label_frames
from ctk_supertux.labels.writing import write_captions, write_pairs

__all__ = [
    "CaptionPool",
    "Info",
    "Sampling",
    "Statements",
    "Views",
    "ask",
    "caption",
    "draw",
    "draw_views",
    "draw_wrong",
    "family_of",
    "frame_of",
    "kind_and_question",
    "label_files",
    "label_frames",
    "list_infos",
    "read_info",
    "shuffle",
    "write_captions",
    "write_graded",
    "write_pairs",
]
