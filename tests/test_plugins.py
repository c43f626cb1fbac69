"""A broken plugin is shown with its reason, and everything else lives on. With real distributions on the path."""

import json
import os
import re
import subprocess
import sys
import tempfile
from functools import partial

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
def plugin(tmp_plugin):
    """Lay an installed-looking distribution with one plugin module into a folder; returns that folder."""
    return partial(tmp_plugin, version="1.2")


THESE = "good,broken,looping,here"
"""Plugins of the tests below, to be checked without those that are installed, which import torch."""


def environment(folder, **more):
    """What a child process gets: the plugins of the folder, and a cache that only it has."""
    return {**os.environ, "PYTHONPATH": str(folder), "CTK_CACHE": str(folder / "cache"), **more}


@pytest.fixture
def ctk(ctk_in):
    """``ctk(folder, "list")``: the command line where the plugins of a folder are found."""

    def call(folder, *arguments, cwd=None, **more):
        return ctk_in(cwd or folder)(*arguments, **environment(folder, **more))

    return call


HOOK = "from ctk import hookimpl\n@hookimpl\n"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def broken(:", "SyntaxError"),
        (f"{HOOK}def ctk_register_lossess(register): ...", "ctk_register_losses"),
        (
            f"{HOOK}def ctk_register_losses(register):\n    register('a', 'm:a')\n    register('a', 'm:b')",
            "'a' twice",
        ),
        (f"{HOOK}def ctk_register_losses(register): register('a:b', 'm:a')", "'a:b', which is no name"),
        ("requires_ctk = '>=9'", "upgrade the toolkit with `ctk install -U 'competition-toolkit>=9'`"),
        ("requires_ctk = '<0.0.1'", "upgrade the plugin with `ctk install -U broken`"),
        ("requires_ctk = 'nine'", "no range of versions"),
    ],
)
def test_what_its_source_shows_to_be_broken_is_listed_with_its_reason(ctk, plugin, source, reason):
    plugin("good", GOOD)
    folder = plugin("broken", source)
    assert_broken(ctk, folder, ctk(folder, "plugins", "--json"), reason)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import a_module_that_is_not_there", "ModuleNotFoundError"),
        ("import ctk.competition", "it was made for another version of the toolkit than"),
        ("from ctk.contract import Found", "it was made for another version of the toolkit than"),
        ("raise RuntimeError('at import')", "RuntimeError: at import"),
        ("import sys; sys.exit(3)", "sys.exit(3)"),
        ("import os; os._exit(3)", "ends the process (exit code 3)"),
        (f"{HOOK}def ctk_register_losses(register): 1 / 0", "ZeroDivisionError"),
        (f"{HOOK}def ctk_register_losses(registre): ...", "TypeError"),
        (f"{HOOK}def ctk_run_started(rnu): ...", "rnu"),
        (f"{HOOK}def ctk_register_losses(register):\n    for n in 1, 2: register('a', n)", "'a' twice"),
        (
            "from ctk import hookimpl\n@hookimpl(wrapper=True)\ndef ctk_run_started(run): yield",
            "ctk_run_started is a hook wrapper",
        ),
        (f"{HOOK}def ctk_register_losses(register): register('a', 'nowhere:A')", "No module named 'nowhere'"),
    ],
)
def test_what_only_importing_shows_to_be_broken_is_found_by_a_check_and_remembered(ctk, plugin, source, reason):
    plugin("good", GOOD.replace("nowhere.at_all:Focal", "json:loads"))
    folder = plugin("broken", source)
    unchecked = rows(ctk(folder, "plugins", "--json"))
    assert unchecked["broken"]["problem"] is None
    assert_broken(ctk, folder, ctk(folder, "plugins", "--check", "--json", CTK_PLUGINS=THESE), reason)
    assert_broken(ctk, folder, ctk(folder, "plugins", "--json"), reason)
    (folder / "broken_module.py").write_text("mended = True")
    assert rows(ctk(folder, "plugins", "--json"))["broken"]["state"] == "ok"


def assert_broken(ctk, folder, answer, reason):
    """The broken one has its reason, the good one is untouched, and other commands live on."""
    found = rows(answer)
    assert found["broken"]["state"] == "broken"
    assert reason in found["broken"]["problem"]
    assert found["good"]["problem"] is None
    assert "loss focal" in found["good"]["offers"]
    assert ctk(folder, "list").returncode == 0


def rows(answer):
    assert answer.returncode == 0, answer.stderr
    return {row["name"]: row for row in json.loads(answer.stdout)}


def test_a_broken_plugin_is_red_in_the_list(ctk_process, plugin):
    folder = plugin("broken", "def broken(:")
    shown = ctk_process("plugins", **environment(folder, FORCE_COLOR="1", TERM="xterm-256color")).stdout
    assert "\x1b[31mbroken: SyntaxError" in shown


def test_listing_imports_no_plugin_and_a_run_only_those_it_needs(ctk, plugin):
    source = "import pathlib; pathlib.Path(__file__).with_suffix('.imported').touch()\n"
    plugin("needed", f"{source}{GOOD.replace('nowhere.at_all:Focal', 'json:loads')}")
    folder = plugin("idle", f"{source}{HOOK}def ctk_register_models(register): register('idle', 'json:loads')")
    for command in (["plugins"], ["plugins", "--all", "--json"], ["list"], ["--help"], ["runs"]):
        assert ctk(folder, *command).returncode == 0
    assert not list(folder.glob("*.imported"))
    code = "from ctk.plugins import plugins; plugins().load('losses', 'focal')"
    subprocess.run([sys.executable, "-c", code], env=environment(folder), check=True, timeout=60)
    assert [path.stem for path in folder.glob("*.imported")] == ["needed_module"]


def test_what_is_registered_in_a_loop_is_found_by_loading(ctk, plugin):
    folder = plugin(
        "looping", f"{HOOK}def ctk_register_losses(register):\n    for n in 'ab': register(n, 'json:loads')"
    )
    assert rows(ctk(folder, "plugins", "--json"))["looping"]["offers"] == ["losses, known when it is loaded"]
    assert rows(ctk(folder, "plugins", "--check", "--json", CTK_PLUGINS=THESE))["looping"]["offers"] == [
        "loss a",
        "loss b",
    ]
    code = "from ctk.plugins import plugins; assert plugins().get('losses', 'b').plugin == 'looping'"
    subprocess.run([sys.executable, "-c", code], env=environment(folder), check=True, timeout=60)


LOSS = f"{HOOK}def ctk_register_losses(register): register('LOSS', 'json:loads')"


def test_two_plugins_with_one_name_are_told_apart_by_their_distributions(ctk, plugin):
    plugin("one", LOSS.replace("LOSS", "huber"))
    folder = plugin("other", LOSS.replace("LOSS", "huber"))
    listed = rows(ctk(folder, "plugins", "--json"))
    assert listed["one"]["clashes"] == ["loss one:huber"]
    assert listed["other"]["clashes"] == ["loss other:huber"]
    code = """
from ctk.errors import UsageError
from ctk.plugins import plugins
try:
    plugins().get("losses", "huber")
except UsageError as error:
    print(error)
print(plugins().get("losses", "other:huber").distribution)
print(plugins().beside("losses", "one:huber").get("losses", "huber").plugin)
print(plugins().reference(plugins().get("losses", "one:huber")))
"""
    told = subprocess.run(
        [sys.executable, "-c", code], env=environment(folder), check=True, capture_output=True, text=True
    )
    assert told.stdout.splitlines() == [
        "Several plugins have a loss 'huber': 'one' (one 1.2), 'other' (other 1.2).",
        "Say which: one:huber or other:huber.",
        "other",
        "one",
        "one:huber",
    ]


def test_a_name_of_the_core_means_the_core_and_a_plugins_is_reached_by_its_distribution(plugin, monkeypatch):
    monkeypatch.syspath_prepend(str(plugin("mine", LOSS.replace("LOSS", "info-nce"))))
    known = Plugins()
    assert known.get("losses", "info-nce").distribution == "competition-toolkit"
    assert known.get("losses", "mine:info-nce").distribution == "mine"


@pytest.mark.parametrize(
    ("switch", "value", "working"),
    [
        ("CTK_PLUGINS", "good", {"good"}),
        ("CTK_PLUGINS", "", set()),
        ("CTK_DISABLE_PLUGINS", "good", {"other"}),
        ("CTK_DISABLE_PLUGINS", "Good , other", set()),
    ],
)
def test_environment_variables_choose_among_plugins(ctk, plugin, switch, value, working):
    plugin("good", LOSS.replace("LOSS", "focal"))
    folder = plugin("other", LOSS.replace("LOSS", "huber"))
    found = rows(ctk(folder, "plugins", "--all", "--json", **{switch: value}))
    assert {name for name in ("good", "other") if found[name]["state"] == "ok"} == working
    assert found["ctk"]["state"] == "ok"
    shown = rows(ctk(folder, "plugins", "--json", **{switch: value}))
    assert {name for name in ("good", "other") if name in shown} == working


def test_what_is_turned_off_is_named_where_it_is_missed_and_a_name_nobody_has_is_told(ctk, plugin):
    folder = plugin("good", f"{HOOK}def ctk_register_competitions(register): register('gone', 'json:loads')")
    answer = ctk(folder, "info", "gone", CTK_DISABLE_PLUGINS="good,goood")
    assert answer.returncode == 2
    assert "Plugin 'good' (good 1.2) has it, but $CTK_DISABLE_PLUGINS turns that plugin off." in answer.stderr
    answer = ctk(folder, "plugins", CTK_DISABLE_PLUGINS="good,goood")
    assert "CTK_DISABLE_PLUGINS names 'goood', which is not installed. Did you mean 'good'?" in answer.stderr


def test_strictly_one_broken_plugin_ends_what_would_load_plugins_but_not_what_mends_them(ctk, plugin):
    folder = plugin("broken", "raise RuntimeError('at import')")
    answer = ctk(folder, "list", CTK_STRICT_PLUGINS="1")
    assert answer.returncode == 1
    assert "Plugin 'broken' (broken 1.2) is broken: RuntimeError: at import." in answer.stderr
    assert "Traceback" not in ctk(folder, "--help", CTK_STRICT_PLUGINS="1").stderr
    assert ctk(folder, "plugins", CTK_STRICT_PLUGINS="1").returncode == 0
    assert ctk(folder, "list", CTK_STRICT_PLUGINS="0").returncode == 0


def test_a_plugin_of_one_file_is_found_beside_the_data_and_in_a_named_folder(ctk, tmp_path):
    for folder, name in ((tmp_path / "ctk_plugins", "here"), (tmp_path / "elsewhere", "there")):
        folder.mkdir()
        (folder / f"{name}.py").write_text(
            f"from ctk_plugins._helper import NAME\n{HOOK}"
            "def ctk_register_losses(register): register(NAME, 'json:loads')"
        )
        (folder / "_helper.py").write_text("NAME = 'focal'")
    found = rows(ctk(tmp_path, "plugins", "--check", "--json", cwd=tmp_path, CTK_PLUGINS=THESE))
    assert found["here"]["offers"] == ["loss focal"]
    assert found["here"]["distribution"].endswith("ctk_plugins/here.py")
    assert "there" not in found
    found = rows(ctk(tmp_path, "--plugins-dir", "elsewhere", "plugins", "--json", cwd=tmp_path))
    assert {"here", "there"} <= found.keys()
    answer = ctk(tmp_path, "--plugins-dir", "nowhere", "plugins")
    assert answer.returncode == 2
    assert "nowhere" in answer.stderr


def test_tracing_tells_of_each_call_with_its_time(ctk, plugin):
    folder = plugin("good", f"{HOOK}def ctk_register_competitions(register): register('mine', 'json:loads')")
    told = ctk(folder, "--trace-plugins", "info", "mine").stderr
    for what in ("import good_module", "ctk_register_competitions", "import json:loads"):
        assert re.search(rf"^trace +\d+\.\d\d ms  good +{what}$", told, re.MULTILINE), told


def test_a_plugin_that_is_an_object_in_a_module_is_loaded_to_be_known(ctk, plugin):
    hook = "    @staticmethod\n    @hookimpl\n    def ctk_register_losses(register): register('LOSS', 'json:loads')"
    folder = plugin("good", f"from ctk import hookimpl\nclass Plugin:\n{hook}")
    (folder / "good-1.2.dist-info" / "entry_points.txt").write_text("[ctk]\ngood = good_module:Plugin\n")
    assert rows(ctk(folder, "plugins", "--json"))["good"]["offers"] == ["known when it is loaded"]
    assert rows(ctk(folder, "plugins", "--check", "--json", CTK_PLUGINS=THESE))["good"]["offers"] == ["loss LOSS"]


def test_damaged_metadata_is_no_reason_to_fail(ctk, plugin):
    folder = plugin("good", GOOD)
    (folder / "good-1.2.dist-info" / "METADATA").write_text("")
    answer = ctk(folder, "plugins", "--json")
    assert answer.returncode == 0, answer.stderr
    assert ctk(folder, "list").returncode == 0


def test_what_does_not_load_is_fatal_only_when_needed(plugin, monkeypatch):
    monkeypatch.syspath_prepend(str(plugin("good", GOOD)))
    known = Plugins()
    assert known.get("losses", "focal").about.startswith("a loss")
    with pytest.raises(PluginError, match="loss 'focal' of plugin 'good' does not load: ModuleNotFoundError"):
        known.load("losses", "focal")


def test_a_name_that_is_not_there_is_answered_with_the_nearest():
    with pytest.raises(UsageError) as caught:
        Plugins().get("models", "rigde")
    assert caught.value.help == "Did you mean 'ridge'?"
    assert nearest("zzz", ["a", "b"], "models") == "Known models: a, b."


def test_a_name_that_is_not_to_be_had_tells_of_the_plugin_that_does_not_load(ctk, plugin):
    offers = f"{HOOK}def ctk_register_competitions(register): register('mine', 'json:loads')"
    folder = plugin("broken", f"{offers}\nraise RuntimeError('at import')")
    answer = ctk(folder, "info", "mine")
    assert answer.returncode == 1
    assert (
        "'mine' is offered by plugin 'broken' (broken 1.2), which does not load: RuntimeError: at import."
        in answer.stderr
    )
    answer = ctk(plugin("worse", "def broken(:"), "info", "my-competition")
    assert answer.returncode == 2
    assert "Plugin 'worse' (worse 1.2) did not load: SyntaxError" in answer.stderr
    assert "Plugin 'broken' (broken 1.2) did not load: RuntimeError: at import" in answer.stderr


HEAVY = {"torch", "lightning", "pandas", "matplotlib", "scipy", "sklearn"}


def imported(code):
    """The modules of a fresh process after it has run the code, with a cache where no killed test left a note."""
    code = f"import sys\n{code}\nprint(*sys.modules, file=sys.stderr)"
    with tempfile.TemporaryDirectory() as cache:
        how = {"env": {**os.environ, "CTK_CACHE": cache}, "capture_output": True, "text": True}
        done = subprocess.run([sys.executable, "-c", code], check=True, timeout=60, **how)
    return set(done.stderr.split())


@pytest.mark.parametrize("code", ["import ctk, ctk.cli", "import ctk.api", "import ctk.cli.run, ctk.cli.ablate"])
def test_importing_ctk_and_its_commands_imports_no_heavy_library(code):
    assert not HEAVY & imported(code)


def test_the_help_of_ctk_imports_no_command_and_no_plugin():
    code = "from ctk.cli.main import cli\ncli(['--help'], standalone_mode=False)"
    modules = imported(code)
    assert not {"numpy", "pydantic", *HEAVY} & modules
    assert {each for each in modules if each.startswith("ctk.cli.")} == {
        "ctk.cli.main",
        "ctk.cli.shell",
        "ctk.cli.choice",
        "ctk.cli.terminal",
    }


def test_a_plugin_cannot_take_the_name_of_a_core_command(ctk, plugin):
    source = "from ctk import hookimpl\n@hookimpl\ndef ctk_register_commands(register):\n    "
    folder = plugin("greeter", f"{source}register('runs', 'greeting:runs', 'say hi')")
    (folder / "greeting.py").write_text("import click\n@click.command()\ndef runs(): print('hi')")
    assert "greeter:runs" in ctk(folder, "--help").stdout
    assert ctk(folder, "greeter:runs").stdout == "hi\n"
    assert ctk(folder, "runs").stdout.startswith("No runs")


def test_a_plugin_adds_a_command_that_is_imported_when_it_is_used(ctk, plugin):
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
    assert problems == ["plugin 'failing' (failing 1.2) failed in ctk_member_fitted: RuntimeError: no"]
    import watcher_module

    assert watcher_module.seen == [("a", {"m": 0.5})]


ONE_FILE = """
import numpy as np
from ctk import hookimpl
from ctk.contract import Model
from ctk.contract.schema import Strict
from ctk.testing.toy import *

class Constant(Strict):
    value: float = 0.0

class Always(Model):
    schema = Constant
    def fit(self, train, valid, context): ...
    def predict(self, samples): return np.full((len(samples), 2), self.training.value, np.float32)
    def save(self, folder): folder.mkdir(parents=True, exist_ok=True)
    def load(self, folder, samples, device="auto"): ...

@hookimpl
def ctk_register_models(register):
    register("always", Always, "one number whatever comes")
"""


@pytest.mark.slow
def test_what_one_file_defines_reaches_worker_processes(ctk, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "mine.py").write_text(ONE_FILE)
    run = ["run", "toy-regression", "-o", "members=[{model: always, value: 0.5}]", "--seeds", "1"]
    answer = ctk(tmp_path, "--plugins-dir", folder, *run, "-o", "executor.workers=1", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "24 rows, valid" in answer.stdout
    lines = next(tmp_path.glob("runs/toy-regression/*/submission.csv")).read_text().splitlines()
    assert {tuple(line.split(",")[1:]) for line in lines[1:]} == {("0.5", "0.5")}
