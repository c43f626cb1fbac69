"""Packages to start from: a competition or a component, complete, installable, with tests of its own.

``kinds`` says what there is, ``names`` what things are called, ``render`` writes.
"""

from __future__ import annotations

from ctk.new.kinds import COMPONENTS, KINDS, Kind

__all__ = ["COMPONENTS", "KINDS", "Kind"]
