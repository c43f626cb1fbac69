"""Data is prepared once for the same files, options and code of the reader, and anew where one of them is another."""

import errno
import importlib
import json
import os
import shutil
import sys

import pytest

from ctk.testing.distributions import find_anew, lay

READER = """
from ctk import hookimpl
from ctk.testing.toy.toy_samples import ToyReader
class Mine(ToyReader):
    def read(self, folder):
        import {helper}
        print("read by", {helper}.NAME)
        return super().read(folder)
@hookimpl
def ctk_register_data(register): register("mine", Mine)
"""
HOW = ("--dry-run", "-o", "data=mine", "-o", "members=[{model: ridge}]", "-o", "trackers=[]")


@pytest.fixture
def run(ctk, ctk_home):
    def run(*more):
        for name in [name for name in sys.modules if name.startswith(("mine", "helper", "ctk_plugins"))]:
            del sys.modules[name]
        importlib.invalidate_caches()
        find_anew()
        return ctk("run", "toy-regression", *HOW, *more, code=0).stdout

    return run


@pytest.fixture
def installed(tmp_plugin):
    folder = tmp_plugin("mine", READER.format(helper="mine_helper"))
    (folder / "mine_helper.py").write_text("NAME = 'one'")
    lay(folder, "ctk-toy", "ctk.testing.toy")
    return folder


def test_data_is_prepared_once_and_by_refresh_again(installed, run):
    assert "read by one" in run()
    assert "read by" not in run()
    assert "read by one" in run("--refresh")


def test_other_code_of_the_reader_or_of_what_it_imports_prepares_anew(installed, run):
    (installed / "mine_helper.py").write_text("from mine_package.helper import NAME")
    package = installed / "mine_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "helper.py").write_text("from .name import NAME")
    (package / "name.py").write_text("NAME = 'one'")
    assert "read by one" in run()
    (package / "name.py").write_text("NAME = 'three'")  # of another length: a .pyc knows time and size
    assert "read by three" in run()
    assert "read by" not in run()


@pytest.mark.parametrize(
    "named",
    [
        'importlib.import_module("mine_package.one")',
        "importlib.import_module(f\"mine_package.{__name__ and 'one'}\")",
        'importlib.import_module("mine_package." + str("one"))',
    ],
)
def test_other_code_imported_by_a_name_in_a_text_or_of_run_time_prepares_anew(installed, run, named):
    (installed / "mine_helper.py").write_text(f"import importlib\nNAME = {named}.NAME")
    package = installed / "mine_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text("NAME = 'one'")
    assert "read by one" in run()
    (package / "one.py").write_text("NAME = 'three'")
    sys.modules.pop("mine_package.one", None)
    assert "read by three" in run()


@pytest.mark.parametrize("table", ["names.txt", "tables/names.txt"])
def test_another_table_beside_the_reader_prepares_anew_and_another_file_there_does_not(installed, run, table):
    source = "from pathlib import Path\nNAME = (Path(__file__).parent / {}).read_text()"
    (installed / "mine_helper.py").write_text(source.format(" / ".join(map(repr, table.split("/")))))
    path = installed / table
    path.parent.mkdir(exist_ok=True)
    path.write_text("one")
    assert "read by one" in run()
    path.write_text("two")
    assert "read by two" in run()
    path.with_name("notes.txt").write_text("of nobody's")
    assert "read by" not in run()


def test_another_version_of_its_distribution_prepares_anew(installed, run):
    assert "read by" in run()
    shutil.rmtree(installed / "mine-1.0.dist-info")
    lay(installed, "mine", "mine_module", version="1.1")
    assert "read by" in run()


def test_a_plugin_of_one_file_that_was_edited_prepares_anew(ctk_home, tmp_plugin, run):
    lay(tmp_plugin("other", "from ctk import hookimpl"), "ctk-toy", "ctk.testing.toy")
    folder = ctk_home.work / "ctk_plugins"
    folder.mkdir()
    source = READER.format(helper="_helper").replace("import _helper", "from ctk_plugins import _helper")
    (folder / "mine.py").write_text(source)
    (folder / "_helper.py").write_text("NAME = 'one'")
    assert "read by one" in run()
    (folder / "_helper.py").write_text("NAME = 'three'")
    assert "read by three" in run()


def test_a_run_that_goes_on_with_other_code_of_its_reader_says_so(installed, run, ctk, ctk_home):
    run()
    (state,) = ctk_home.runs.glob("*/*/state.json")
    state.write_text(json.dumps({**json.loads(state.read_text()), "state": "failed"}))
    (installed / "mine_helper.py").write_text("NAME = 'two'")
    sys.modules.pop("mine_helper", None)
    said = ctk("run", "toy-regression", "--resume", state.parent, code=0).stdout
    assert "the code of the data reader 'mine' has changed since this run began" in said
    assert "--resume or --refresh" in ctk("run", "toy-regression", "--resume", state.parent, "--refresh", code=2).stderr


def test_a_run_goes_through_where_nothing_can_be_locked(installed, run, monkeypatch):
    def refused(*how):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    for name in ("flock", "lockf"):
        monkeypatch.setattr(f"ctk.files.folders.fcntl.{name}", refused)
    assert "submission.csv" in run()
