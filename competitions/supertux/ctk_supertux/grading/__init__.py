"""Grading a bundle as the course does."""

from __future__ import annotations

from ctk_supertux.grading.grade import grade
from ctk_supertux.grading.limits import GraderLimits
from ctk_supertux.grading.points import CASES, GradedCase, points

__all__ = ["CASES", "GradedCase", "GraderLimits", "grade", "points"]
