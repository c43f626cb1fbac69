"""A place of its own for what is tested: runs, cache and current folder, and the environment as it was afterwards."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CACHE = "CTK_TEST_CACHE"
"""A cache to keep between tests, where default data takes long to make."""
CHOOSING = ("CTK_PLUGINS", "CTK_DISABLE_PLUGINS", "CTK_STRICT_PLUGINS")


@dataclass(frozen=True)
class Home:
    """Folders of a test: ``runs`` is $CTK_RUNS, ``cache`` is $CTK_CACHE, ``work`` the current folder, empty."""

    runs: Path
    cache: Path
    work: Path


@contextmanager
def home_in(folder: Path, keep_cache: bool = False) -> Iterator[Home]:
    """Live in a folder for a while; environment variables, current folder and path are then as they were.

    keep_cache  use the cache that $CTK_TEST_CACHE or $CTK_CACHE names, if one does
    """
    kept = next((os.environ[name] for name in (CACHE, "CTK_CACHE") if keep_cache and os.environ.get(name)), None)
    home = Home(folder / "runs", Path(kept).absolute() if kept else folder / "cache", folder / "work")
    home.work.mkdir(parents=True)
    variables, path, before = dict(os.environ), list(sys.path), Path.cwd()
    for name in CHOOSING:
        os.environ.pop(name, None)
    os.environ["CTK_RUNS"], os.environ["CTK_CACHE"] = str(home.runs), str(home.cache)
    # Modules beside the user stay importable when the current folder changes.
    sys.path[:] = [str(before) if each == "" else each for each in sys.path]
    os.chdir(home.work)
    try:
        yield home
    finally:
        os.chdir(before)
        sys.path[:] = path
        for name in set(os.environ) - set(variables):
            del os.environ[name]
        os.environ.update(variables)
