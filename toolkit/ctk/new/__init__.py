"""Packages to start from: a competition or a component, complete, installable, with tests of its own."""

from __future__ import annotations

from ctk.new.kinds import COMPONENTS, KINDS, Kind
from ctk.new.render import make

__all__ = ["COMPONENTS", "KINDS", "Kind", "make"]
