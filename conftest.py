"""Tests keep what they prepare out of the user's cache."""

import os
import tempfile

os.environ["CTK_CACHE"] = os.environ.get("CTK_TEST_CACHE") or tempfile.mkdtemp(prefix="ctk-test-cache-")
