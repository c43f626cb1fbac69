"""``ctk doctor`` and ``ctk plugins --check`` find what a run would import and does not find, before it runs."""

import pytest

from ctk.plugins import Plugins
from ctk.plugins.check import check_all
from ctk.plugins.missing import missing_library

PLUGIN = """
from ctk import hookimpl
@hookimpl
def ctk_register_models(register): register("late", "late_library:Late")
"""
LIBRARY = """
from typing import TYPE_CHECKING
from ctk.contract import Model
if TYPE_CHECKING:
    import absent_types
try:
    import absent_optional
except ImportError:
    absent_optional = None
class Late(Model):
    def fit(self, train, valid, context):
        import late_library, IMPORTED
    def predict(self, samples): ...
    def save(self, folder): ...
    def load(self, folder, samples, device="auto"): ...
"""


@pytest.fixture
def late(tmp_plugin):
    def late(imported="json", **facts):
        folder = tmp_plugin("late", PLUGIN, **facts)
        (folder / "late_library.py").write_text(LIBRARY.replace("IMPORTED", imported))
        return next(each for each in Plugins().plugins if each.name == "late")

    return late


def test_what_is_imported_only_in_the_middle_of_a_fit_is_missed_before(late):
    plugin = late("absent_parquet.writer")
    check_all([plugin])
    assert plugin.problem == "late_library imports absent_parquet, which is not installed"


def test_what_its_metadata_requires_is_missed(late):
    plugin = late(requires="absent-distribution>=1")
    assert missing_library(plugin) == "it needs absent-distribution, which is not installed"


def test_what_may_be_missing_is_not_missed(late):
    plugin = late("absent_extra", requires="absent-extra>=1; extra == 'more'")
    check_all([plugin])
    assert plugin.problem == ""


def test_nothing_that_a_run_imports_is_missing_here():
    known = Plugins()
    assert {each.name: problem for each in known.plugins if (problem := missing_library(each))} == {}
