"""The kit's own fixtures, as authors of plugins have them, are what is tested here."""

from ctk.testing.pytest_plugin import ctk

__all__ = ["ctk"]
