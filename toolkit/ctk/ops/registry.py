"""The library that our ops are in: ``torch.ops.ctk``. Schemas and fakes are Python's, so ops exist where no kernel does."""

from torch.library import Library

LIBRARY = Library("ctk", "FRAGMENT")
