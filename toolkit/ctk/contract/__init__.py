"""What plugins subclass, and the nouns of it: the one door for authors.

Keyword-only parameters of a subclass's ``__init__`` are its config keys.
"""

from __future__ import annotations

from ctk.contract.blender import Blend, Blender, find_members, join_blends
from ctk.contract.bundle import Bundle, FittedMember, Graded, RunOf
from ctk.contract.competition import Competition, Submission, presets_in, spaces_in, variants_in
from ctk.contract.executor import PROGRESS, Files, Portable, WorkerLost
from ctk.contract.extractor import Columns, Done, Extractor
from ctk.contract.filter import Count, DropFraction, Filter, FilterContext, keep_best
from ctk.contract.fit_limit import FitLimit
from ctk.contract.metric import Direction, Metric
from ctk.contract.model import Batch, FitContext, Model, NoTraining
from ctk.contract.platform import Entry, PastSubmission, Platform, Receipt
from ctk.contract.reader import DataItem, DataReader, Progress
from ctk.contract.results import FoldTable, FurtherBlend, Results
from ctk.contract.row_bins import RowBins
from ctk.contract.run_config import (
    BlendChoice,
    Execution,
    FeatureChoice,
    FilterChoice,
    Member,
    PseudoLabels,
    RunConfig,
    Split,
    UsedMember,
)
from ctk.contract.scaffold import Draft, Inspection, Observation, Question, Scaffold
from ctk.contract.schema import Choice, Strict
from ctk.contract.section import Section
from ctk.contract.transform import Transform
from ctk.contract.view import View
from ctk.notebook import Tabular

__all__ = [
    "PROGRESS",
    "Batch",
    "Blend",
    "BlendChoice",
    "Blender",
    "Bundle",
    "Choice",
    "Columns",
    "Competition",
    "Count",
    "DataItem",
    "DataReader",
    "Direction",
    "Done",
    "Draft",
    "DropFraction",
    "Entry",
    "Execution",
    "Extractor",
    "FeatureChoice",
    "Files",
    "Filter",
    "FilterChoice",
    "FilterContext",
    "FitContext",
    "FitLimit",
    "FittedMember",
    "FoldTable",
    "FurtherBlend",
    "Graded",
    "Inspection",
    "Member",
    "Metric",
    "Model",
    "NoTraining",
    "Observation",
    "PastSubmission",
    "Platform",
    "Portable",
    "Progress",
    "PseudoLabels",
    "Question",
    "Receipt",
    "Results",
    "RowBins",
    "RunConfig",
    "RunOf",
    "Scaffold",
    "Section",
    "Split",
    "Strict",
    "Submission",
    "Tabular",
    "Transform",
    "UsedMember",
    "View",
    "WorkerLost",
    "find_members",
    "join_blends",
    "keep_best",
    "presets_in",
    "spaces_in",
    "variants_in",
]
