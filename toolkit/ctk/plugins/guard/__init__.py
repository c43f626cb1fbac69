"""Guards around what plugins do while a command goes on: whose fault it was, and whether what came back can be used.

A run calls models, metrics, data readers (``guard.reader``) and competitions (``guard.competition``) through faces that
are guarded, and other components inside a ``Guard``. Finding and importing plugins is guarded by ``ctk.plugins``.
"""

from __future__ import annotations

from ctk.plugins.guard.blend import check_blend
from ctk.plugins.guard.executor import make_pool, stop, submitted
from ctk.plugins.guard.guard import Doing, Guard, Wrong, is_interruption
from ctk.plugins.guard.metric import GuardedMetric, metric_of
from ctk.plugins.guard.model import GuardedModel
from ctk.plugins.guard.worker import keep_noise, only_sentences

__all__ = [
    "Doing",
    "Guard",
    "GuardedMetric",
    "GuardedModel",
    "Wrong",
    "check_blend",
    "is_interruption",
    "keep_noise",
    "make_pool",
    "metric_of",
    "only_sentences",
    "stop",
    "submitted",
]
