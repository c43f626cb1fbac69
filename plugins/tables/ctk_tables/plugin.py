"""What this distribution offers to ctk; everything by name, nothing imported before it is used."""

from __future__ import annotations

requires_ctk = ">=0.2,<0.3"
