"""What reading a plugin's source, and loading it, does with the less usual."""

import json

import pytest

from ctk.plugins import Plugins
from ctk.plugins.source import find_source

HOOK = "from ctk import hookimpl\n@hookimpl\n"
LOSS = f"{HOOK}def ctk_register_losses(register): register('huber', 'json:loads')\n"


def found(name):
    return next(plugin for plugin in Plugins().plugins if plugin.name == name)


@pytest.mark.parametrize("source", [f"x = {'(' * 500}{')' * 500}", f"x = {'-' * 50_000}1"])
def test_a_source_that_is_nested_too_deeply_is_a_broken_plugin(tmp_plugin, source):
    tmp_plugin("deep", source)
    assert found("deep").problem


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("requires_ctk: str = '>=99'", "it is made for competition-toolkit >=99"),
        ("wanted = '>=99'\nrequires_ctk = wanted", "its requires_ctk is not written as a string"),
        ("requires_ctk = 3", "its requires_ctk is not written as a string"),
        ("requires_ctk: str = '>=0.1'", ""),
    ],
)
def test_the_versions_it_is_made_for_are_never_passed_over(tmp_plugin, line, problem):
    tmp_plugin("wanting", f"{line}\n{LOSS}")
    told = found("wanting").problem
    assert told.startswith(problem)
    assert bool(told) == bool(problem)


def test_what_is_no_exception_at_import_breaks_one_plugin_only(tmp_plugin):
    tmp_plugin("odd", f"class Odd(BaseException): pass\nraise Odd('hm')\n{LOSS}")
    known = Plugins()
    plugin = next(each for each in known.plugins if each.name == "odd")
    known.load_plugin(plugin)
    assert plugin.problem == "Odd: hm"


def test_a_broken_file_is_mended_or_taken_away_for_no_pip_knows_it(ctk_home, ctk):
    folder = ctk_home.work / "ctk_plugins"
    folder.mkdir()
    (folder / "mine.py").write_text(
        f"{HOOK}def ctk_register_competitions(register): register('mine', 'json:loads')\nimport no_such_library\n"
    )
    (folder / "old.py").write_text(f"requires_ctk = '<0.1'\n{LOSS}")
    told = ctk("run", "mine").stderr
    assert "Mend it, or take the file away; `ctk plugins` shows all of them." in told
    assert "uninstall" not in told
    rows = {row["name"]: row for row in json.loads(ctk("plugins", "--json").stdout)}
    assert rows["old"]["problem"].endswith("mend the file, and its requires_ctk")


def test_a_module_below_a_folder_without_an_init_is_found_though_no_package_around_it_is_imported(
    tmp_path, monkeypatch
):
    deep = tmp_path / "whole" / "namespace" / "deep"
    deep.mkdir(parents=True)
    (tmp_path / "whole" / "__init__.py").touch()
    (deep / "module.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert find_source("whole.namespace.deep.module") == deep / "module.py"
    assert find_source("whole.namespace") is None
