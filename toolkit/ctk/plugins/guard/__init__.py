"""Guards around what plugins do while a command goes on: whose fault it was, and whether what came back can be used.

The tables of ``rules`` say what is checked of each method; ``guards`` calls components by them. Finding and importing
plugins is guarded by ``ctk.plugins``.
"""

from __future__ import annotations

from ctk.plugins.guard.failures import ContractViolation, is_interruption, keep_noise, only_sentences
from ctk.plugins.guard.guards import Guard, GuardedBlock
from ctk.plugins.guard.lookup import GuardedMetric, competition_of, is_named, metric_of, stop_pool, submit_task

__all__ = [
    "ContractViolation",
    "Guard",
    "GuardedBlock",
    "GuardedMetric",
    "competition_of",
    "is_interruption",
    "is_named",
    "keep_noise",
    "metric_of",
    "only_sentences",
    "stop_pool",
    "submit_task",
]
