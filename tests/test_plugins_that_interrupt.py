"""Whatever a plugin raises or does to a run, it is the plugin that is named, and not the user."""

import signal

import pytest

from ctk.plugins import tracing
from ctk.testing.distributions import lay

PLUGIN = """
import signal
import time
from pathlib import Path
import shutil
from ctk import hookimpl
from ctk.contract import Model
class Dumb(Exception):
    def __str__(self): raise RuntimeError("no words")
def closed(): raise GeneratorExit
class Own(Model):
    def fit(self, train, valid, context):
        FIT
    def predict(self, samples): return samples.features["x"][:, :2]
    def save(self, folder): pass
    def load(self, folder, samples, device="auto"): pass
@hookimpl
def ctk_register_models(register): register("own", Own)
@hookimpl
def ctk_run_started(run, config):
    STARTED
"""
RUN = ("run", "toy-regression", "-otrackers=[]", "-oexecutor.name=serial", "-omembers=[{model: own}]")


@pytest.fixture
def run(ctk, ctk_home, tmp_plugin):
    def run(fit="pass", started="pass", code=1, top=""):
        source = PLUGIN.replace("FIT", fit).replace("STARTED", started) + top
        lay(tmp_plugin("own", source), "ctk-toy", "ctk.testing.toy")
        done = ctk(*RUN, code=code)
        return " ".join((done.stdout + done.stderr).split())

    return run


@pytest.mark.parametrize(
    ("fit", "told"),
    [
        ("raise Dumb", "failed while fitting: Dumb."),
        ("raise KeyboardInterrupt", "failed while fitting: KeyboardInterrupt."),
        ("raise GeneratorExit('mine')", "failed while fitting: GeneratorExit: mine."),
        ("closed()", "failed while fitting: GeneratorExit."),
        ("raise KeyboardInterrupt('mine')", "failed while fitting: KeyboardInterrupt: mine."),
        ("[1 / (time.sleep(0) or 1) for _ in ()] or exec('raise Dumb')", "failed while fitting: Dumb."),
    ],
)
def test_a_plugin_is_named_whatever_it_raises(run, fit, told):
    assert f"The model 'own' of plugin 'own' (own 1.0) {told}" in run(fit)


def test_the_users_own_ctrl_c_stays_one(run):
    said = run("signal.raise_signal(signal.SIGINT); time.sleep(5)")
    assert "Interrupted. Go on with" in said
    assert "plugin" not in said
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("error", ["Dumb", "KeyboardInterrupt", "GeneratorExit"])
def test_a_hook_that_raises_them_is_named(run, error):
    assert f"plugin 'own' (own 1.0) failed in ctk_run_started: {error}; the run goes on" in run(
        started=f"raise {error}", code=0
    )


@pytest.mark.parametrize("error", ["Dumb", "KeyboardInterrupt", "GeneratorExit"])
def test_an_import_that_raises_them_is_named(run, error):
    assert f"does not load: {error}" in run(top=f"\nraise {error}\n", code=1)


def test_a_hook_that_deletes_the_runs_folder_is_named(run):
    assert "Plugin 'own' (own 1.0) deleted" in run(started="shutil.rmtree(run.folder)")


def test_a_hook_that_writes_another_config_is_named(run):
    said = run(started="(run.folder / 'config.yaml').write_text('competition: x')")
    assert "Plugin 'own' (own 1.0) changed" in said


def test_a_hook_that_changes_the_config_it_is_given_is_named_and_changes_nothing(run):
    said = run(started="config.members[0].model.__pydantic_extra__['width'] = 3", code=0)
    assert "plugin 'own' (own 1.0) changed the config, which comes to nothing, in ctk_run_started" in said


def test_who_waits_long_for_an_import_is_told_on_whom(tmp_plugin, ctk_home, monkeypatch, capfd):
    monkeypatch.setattr(tracing, "PATIENCE", 0.05)
    tmp_plugin("slow", "import time\ntime.sleep(0.3)\n")
    from ctk.plugins import Plugins

    known = Plugins()
    known.load_plugin(next(each for each in known.plugins if each.name == "slow"))
    assert "waiting for plugin 'slow', which is importing ..." in capfd.readouterr().err


@pytest.mark.parametrize(
    ("fit", "top", "told"),
    [
        ("import os; os._exit(3)", "", "the model 'own' of plugin 'own' (own 1.0) was fitting."),
        ("pass", "\nimport os\nos._exit(3)\n", "plugin 'own' was being imported."),
    ],
)
def test_the_next_command_names_the_plugin_that_ended_the_process(ctk_process, ctk_home, tmp_plugin, fit, top, told):
    lay(tmp_plugin("own", PLUGIN.replace("FIT", fit).replace("STARTED", "pass") + top), "ctk-toy", "ctk.testing.toy")
    assert ctk_process(*RUN).returncode != 0
    elsewhere = tmp_plugin("other", "")  # any other folder: nobody there wants to know
    assert "ended without a word" not in ctk_process("list", cwd=elsewhere).stderr
    said = ctk_process("list").stderr
    assert f"A command before this one ended without a word while {told}" in " ".join(said.split())
    assert "ended without a word" not in ctk_process("list").stderr
