"""ctk, the competition toolkit: from raw data to a validated submission.

A plugin author needs ``hookimpl`` and the nouns of ``ctk.competition``; the fast operations are in ``ctk.ops``.
Importing this package imports no heavy library.
"""

from ctk.hookspecs import hookimpl

__all__ = ["__version__", "hookimpl"]
__version__ = "0.1.0"
