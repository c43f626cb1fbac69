"""A broken plugin is shown with its reason, and everything else lives on. With real distributions on the path."""

import json
import os
import subprocess
import sys

import pytest

from ctk.errors import PluginError, UsageError, nearest
from ctk.plugins import Plugins

GOOD = """
from ctk import hookimpl

@hookimpl
def ctk_register_losses(register):
    register("focal", "nowhere.at_all:Focal", "a loss whose module is missing")

@hookimpl
def ctk_register_metrics(register):
    register("one", object())
"""


@pytest.fixture
def plugin(tmp_path):
    """Lay an installed-looking distribution with one plugin module into a folder; returns that folder."""

    def make(name, source):
        (tmp_path / f"{name}_module.py").write_text(source)
        facts = tmp_path / f"{name}-1.2.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (facts / "entry_points.txt").write_text(f"[ctk]\n{name} = {name}_module\n")
        return tmp_path

    return make


def ctk(folder, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, "-m", "ctk", *arguments], env=environment, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import a_module_that_is_not_there", "ModuleNotFoundError"),
        ("raise RuntimeError('at import')", "RuntimeError: at import"),
        ("import sys; sys.exit(3)", "sys.exit(3)"),
        ("def broken(:", "SyntaxError"),
        ("from ctk import hookimpl\n@hookimpl\ndef ctk_register_lossess(register): ...", "ctk_register_losses"),
        ("from ctk import hookimpl\n@hookimpl\ndef ctk_register_losses(register): 1 / 0", "ZeroDivisionError"),
        (
            "from ctk import hookimpl\n@hookimpl\ndef ctk_register_losses(register):\n"
            "    register('a', 1)\n    register('a', 2)",
            "'a' twice",
        ),
        (
            "from ctk import hookimpl\n@hookimpl\ndef ctk_register_models(register): register('ridge', object)",
            "'ridge', which 'ctk' has already",
        ),
    ],
)
def test_a_broken_plugin_is_listed_with_its_reason_and_others_live_on(plugin, source, reason):
    plugin("good", GOOD)
    folder = plugin("broken", source)
    answer = ctk(folder, "plugins", "--json")
    assert answer.returncode == 0, answer.stderr
    rows = {row["name"]: row for row in json.loads(answer.stdout)}
    assert reason in rows["broken"]["problem"]
    assert rows["broken"]["offers"] == []
    assert rows["good"]["problem"] is None
    assert "loss focal" in rows["good"]["offers"]
    assert ctk(folder, "list").returncode == 0


def test_what_does_not_load_is_fatal_only_when_needed(plugin, monkeypatch):
    monkeypatch.syspath_prepend(str(plugin("good", GOOD)))
    known = Plugins()
    assert known.get("losses", "focal").about.startswith("a loss")
    with pytest.raises(PluginError, match="loss 'focal' of plugin 'good' does not load: ModuleNotFoundError"):
        known.load("losses", "focal")


def test_a_name_that_is_not_there_is_answered_with_the_nearest():
    with pytest.raises(UsageError) as caught:
        Plugins(found=[]).get("models", "rigde")
    assert caught.value.help == "Did you mean 'ridge'?"
    assert nearest("zzz", ["a", "b"], "models") == "Known models: a, b."


def test_a_missing_name_tells_of_plugins_that_did_not_load(plugin):
    answer = ctk(plugin("broken", "raise RuntimeError('at import')"), "info", "my-competition")
    assert answer.returncode == 2
    assert "Plugin 'broken' (broken 1.2) did not load: RuntimeError: at import." in answer.stderr


def test_importing_ctk_and_listing_import_no_heavy_library():
    code = (
        "import sys, ctk, ctk.cli; from ctk.plugins import plugins; plugins(); "
        "heavy = {'torch', 'lightning', 'pandas', 'matplotlib'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_plugin_adds_a_command_that_is_imported_when_it_is_used(plugin):
    source = "from ctk import hookimpl\n@hookimpl\ndef ctk_register_commands(register):\n    "
    folder = plugin("greeter", f"{source}register('greet', 'greeting:greet', 'say hi')")
    assert "say hi" in ctk(folder, "--help").stdout
    assert "command 'greet' of plugin 'greeter' does not load" in ctk(folder, "greet").stderr
    (folder / "greeting.py").write_text(
        "import click\n@click.command()\n@click.option('--name', default='you')\n"
        "def greet(name):\n    'Say it.'\n    print('hi', name)"
    )
    assert ctk(folder, "greet", "--name", "Ada").stdout == "hi Ada\n"
    assert "--name" in ctk(folder, "greet", "--help").stdout


def test_a_lifecycle_hook_gets_what_it_asks_for_and_a_failing_one_is_passed_over(plugin, monkeypatch):
    source = "from ctk import hookimpl\nseen = []\n@hookimpl\ndef ctk_member_fitted("
    plugin("watcher", f"{source}member, scores): seen.append((member, scores))")
    monkeypatch.syspath_prepend(str(plugin("failing", f"{source}run): raise RuntimeError('no')")))
    problems = Plugins().call("ctk_member_fitted", run=None, member="a", seed=1, fold=0, scores={"m": 0.5})
    assert problems == ["plugin 'failing' failed in ctk_member_fitted: RuntimeError: no"]
    import watcher_module

    assert watcher_module.seen == [("a", {"m": 0.5})]
