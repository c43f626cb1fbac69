"""ctk, the competition toolkit: from raw data to a validated submission.

``run``, ``resume``, ``blend``, ``validate``, ``score`` and ``filter_data`` do from Python what the command line does. A
plugin author needs ``hookimpl``, and what ``ctk.samples``, ``ctk.contract`` and ``ctk.competition`` define; the fast
operations are in ``ctk.ops``. Importing this package imports no heavy library.
"""

from ctk.hookspecs import hookimpl

__version__ = "0.1.0"

from ctk.api import blend, filter_data, resume, run, score, validate

__all__ = ["__version__", "blend", "filter_data", "hookimpl", "resume", "run", "score", "validate"]
