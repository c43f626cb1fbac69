"""Plugins that misbehave while a run goes: the message names them, other commands live on, and once mended it goes on.

Real plugins, made to look installed, in real runs of the toy competition.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
import textwrap
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from ctk.runs import Run, all_runs
from ctk.testing.distributions import find_anew, lay

NETWORK = {"model": "toy-network", "loss": "toy-squared-error", "batch": {"size": 16}, "epochs": 1}
PLAIN = {"members": [{"model": "ridge"}], "executor": {"name": "serial"}, "trackers": []}

MODEL = """
import numpy as np
from pathlib import Path
from ctk.contract import Model

class Own(RuntimeError):
    def __init__(self, first, second): super().__init__(first)

class Bad(Model):
    curve = []
    def fit(self, train, valid, context):
        self.width = train.target_width
        if BAD: {fit}
    def predict(self, samples):
        good = np.zeros((len(samples), self.width), np.float32)
        return ({predict}) if BAD else good
    def importances(self): return ({importances}) if BAD else None
    def save(self, folder): Path(folder).mkdir(parents=True, exist_ok=True)
    def load(self, folder, samples, device="auto"): self.width = samples.target_width
"""
LOSS = """
import torch
class Bad(torch.nn.Module):
    def forward(self, prediction, batch):
        good = ((prediction - batch.target) ** 2).mean()
        return ({loss}) if BAD else good
"""
NETWORK_THAT_EXITS = """
import sys
from ctk.testing.toy.toy_network import ToyNetwork
class Bad(ToyNetwork):
    def forward(self, x):
        if BAD: sys.exit(5)
        return super().forward(x)
"""
BLENDER = """
from ctk.contract import Blend, Blender
class Bad(Blender):
    def fit(self, oof, samples, metric):
        return ({blend}) if BAD else Blend(dict.fromkeys(oof, 1 / len(oof)))
"""
FILTER = """
import numpy as np
from ctk.contract import Filter
class Bad(Filter):
    def score(self, samples, context):
        return ({score}) if BAD else np.arange(len(samples))
    def keep(self, scores):
        return ({keep}) if BAD else scores >= 0
"""
READER = """
from dataclasses import replace
import numpy as np
from ctk.testing.toy.toy_samples import ToyReader
class Bad(ToyReader):
    def read(self, folder):
        data = super().read(folder)
        return ({data}) if BAD else data
"""
EXECUTOR = """
from concurrent.futures import Future
from ctk.components.executors import Serial
class Pool:
    def submit(self, fn, *given): {submit}
    def shutdown(self, wait=True, cancel_futures=False): pass
def Bad(workers, threads):
    return ({pool}) if BAD else Serial(workers, threads)
"""
COMPETITION = """
import numpy as np
from ctk.contract import Metric
from ctk.testing.toy.toy_competition import ToyRegression
from ctk.testing.toy.toy_competition import MSE
class Good(ToyRegression):
    id = "bad"
    def default_data(self, *progress): return ToyRegression().default_data()
class Toy(Good):
    def evaluate(self, prediction, samples): return {{"toy-mse": 1.0}}
{method}
Bad = Toy if BAD else Good
"""
METRIC = """
import numpy as np
from ctk.contract import Metric
from ctk.testing.toy.toy_competition import MSE
from ctk.testing.toy.toy_competition import ToyRegression
class Scored(ToyRegression):
    id = "scored"
    metric = "bad"
    def default_data(self, *progress): return ToyRegression().default_data()
Bad = Metric("toy-mse", "min", lambda prediction, samples: ({score}) if BAD else MSE.score(prediction, samples))
"""

TITLE = r"The {} 'bad' of plugin 'rogue' \(rogue 1\.0\) "


def case(kind, template, config, message, competition="toy-regression", **parts):
    """A way to misbehave: what the plugin offers, the config that asks for it, the message."""
    defaults = {
        "fit": "pass",
        "predict": "good",
        "importances": "None",
        "score": "np.arange(len(samples))",
        "keep": "scores >= 0",
    }
    defaults |= {"submit": "pass", "pool": "Pool()"}
    source = template.format(**defaults | parts) if "{" in template else template
    shown = next(iter(parts.values()), "exit").strip().splitlines()[-1].strip()
    return pytest.param(kind, source, config, message, competition, id=f"{kind}: {shown}")


def network(**keys):
    return {"members": [NETWORK | keys]}


MEMBER = {"members": [{"model": "bad"}]}
CASES = [
    case("models", MODEL, MEMBER, r"failed while fitting: ZeroDivisionError: division by zero\.", fit="1 / 0"),
    case("models", MODEL, MEMBER, r"called sys\.exit\(3\) while fitting\.", fit="import sys; sys.exit(3)"),
    case("models", MODEL, MEMBER, r"failed while fitting: Own: one\.", fit="raise Own('one', 'two')"),
    case("models", MODEL, MEMBER, r"ran out of memory while fitting: MemoryError\.", fit="raise MemoryError"),
    case(
        "models", MODEL, MEMBER, r"told -1\.0 as the importance of 'x'; numbers from 0 on .*", importances="{'x': -1}"
    ),
    case("models", MODEL, MEMBER, r"told as importances a list, and numbers by name .*", importances="['x']"),
    case("models", MODEL, MEMBER, r"predicted None, and an array is needed\.", predict="None"),
    case(
        "models", MODEL, MEMBER, r"predicted an array of shape \(24,\), and \(24, 2\) is needed\.", predict="good[:, 0]"
    ),
    case(
        "models", MODEL, MEMBER, r"predicted an array of shape \(1, 2\), and \(24, 2\) is needed\.", predict="good[:1]"
    ),
    case("models", MODEL, MEMBER, r"predicted an array of text, and numbers are needed\.", predict="good.astype(str)"),
    case("models", MODEL, MEMBER, r"predicted nan for sample \d+; predictions must be finite", predict="good * np.nan"),
    case("models", NETWORK_THAT_EXITS, network(model="bad"), r"called sys\.exit\(5\) while fitting\."),
    case("losses", LOSS, network(loss="bad"), r"failed while comparing .*: ZeroDivisionError", loss="1 / 0"),
    case("losses", LOSS, network(loss="bad"), r"gave a tensor of shape \(2,\)", loss="good.expand(2)"),
    case("losses", LOSS, network(loss="bad"), r"gave a number without a gradient", loss="good.detach()"),
    case(
        "losses", LOSS, network(loss="bad"), r"gave a float, and a tensor of one number is needed", loss="good.item()"
    ),
    case("blenders", BLENDER, {"blend": "bad"}, r"failed while blending: KeyError: 'x'", blend="oof['x']"),
    case("blenders", BLENDER, {"blend": "bad"}, r"gave a dict, and a ctk\.contract\.Blend is needed", blend="{}"),
    case(
        "blenders",
        BLENDER,
        {"blend": "bad"},
        r"gave a weight to 'you', and the members are",
        blend="Blend({'you': 1.0})",
    ),
    case(
        "blenders",
        BLENDER,
        {"blend": "bad"},
        r"weighs 'ridge/seed-1' with nan; weights must",
        blend="Blend(dict.fromkeys(oof, float('nan')))",
    ),
    case("filters", FILTER, {"filters": ["bad"]}, r"scored an array of shape \(3,\)", score="np.zeros(3)"),
    case(
        "filters", FILTER, {"filters": ["bad"]}, r"keeps by an array of int64 of shape", keep="np.arange(len(scores))"
    ),
    case("filters", FILTER, {"filters": ["bad"]}, r"keeps none of \d+ samples\.", keep="scores < 0"),
    case("filters", FILTER, {"filters": ["bad"]}, r"failed while scoring samples: IndexError", score="[][1]"),
    case("data", READER, {"data": {"name": "bad"}}, r"failed while reading data: ZeroDivisionError", data="1 / 0"),
    case(
        "data", READER, {"data": {"name": "bad"}}, r"read a NoneType, and a ctk\.samples\.Data is needed", data="None"
    ),
    case(
        "data",
        READER,
        {"data": {"name": "bad"}},
        r"prepared train samples of which two have the id 7; ids must be unique",
        data="replace(data, train=replace(data.train, ids=np.full(96, 7)))",
    ),
    case(
        "data",
        READER,
        {"data": {"name": "bad"}},
        r"prepared the train feature 'x' of shape \(3, 4\) for 96 ids",
        data="replace(data, train=replace(data.train, features={'x': np.zeros((3, 4))}))",
    ),
    case("executors", EXECUTOR, {"executor": {"name": "bad"}}, r"made a int, which has no 'submit'", pool="3"),
    case(
        "executors", EXECUTOR, {"executor": {"name": "bad"}}, r"answered a task with a NoneType", submit="return None"
    ),
    case(
        "executors",
        EXECUTOR,
        {"executor": {"name": "bad"}},
        r"failed while taking on a task: OSError: gone",
        submit="raise OSError('gone')",
    ),
    case(
        "executors",
        EXECUTOR,
        {"executor": {"name": "bad"}},
        r"failed while running .*: RuntimeError: lost",
        submit="future = Future(); future.set_exception(RuntimeError('lost')); return future",
    ),
    case(
        "metrics",
        METRIC,
        {},
        r"scored an array of shape \(2,\), and one number is needed",
        "scored",
        score="np.ones(2)",
    ),
    case("metrics", METRIC, {}, r"scored finite predictions with nan", "scored", score="np.nan"),
    case("metrics", METRIC, {}, r"failed while scoring: ZeroDivisionError", "scored", score="1 / 0"),
    *(
        case("competitions", COMPETITION, {}, message, "bad", method=f"    def {method}")
        for method, message in (
            ("evaluate(self, prediction, samples): return {'other': 1.0}", r"evaluated no 'toy-mse' but other\."),
            ("evaluate(self, prediction, samples): return 3", r"evaluated a int, and numbers by name are needed\."),
            ("write_submission(self, *given): pass", r"wrote no submission to .*submission\.csv"),
            ("write_submission(self, *given): [][0]", r"failed while writing the submission: IndexError"),
            ("read_submission(self, *given): return None", r"read a NoneType, and a ctk\.contract\.Submission"),
            ("postprocess(self, prediction, *given): return prediction[:1]", r"postprocessed predictions of shape"),
            ("fit_postprocess(self, *given): return {'a': np.ones(2)}", r"gave to its postprocessing what JSON cannot"),
            ("report(self, results): raise SystemExit('no')", r"called sys\.exit\('no'\) while drawing its report"),
        )
    ),
]


@pytest.fixture
def toy(ctk_home, tmp_plugin):
    """The toy competition, installed; returns how to install a plugin that offers ``Bad`` as "bad" beside it."""

    def install(kind, source, bad=True):
        also = "    register('scored', Scored)" if kind == "metrics" else ""
        text = (
            f"BAD = {bad}\n{textwrap.dedent(source)}\nfrom ctk import hookimpl\n"
            f"@hookimpl\ndef ctk_register_{kind}(register):\n    register('bad', Bad)\n"
        )
        if also:
            text += f"@hookimpl\ndef ctk_register_competitions(register):\n{also}\n"
        path = ctk_home.work.parents[1] / "installed" / "rogue_module.py"
        if path.exists():  # mended
            path.write_text(text)
            sys.modules.pop("rogue_module", None)
            importlib.invalidate_caches()
            find_anew()
        else:
            lay(tmp_plugin("rogue", text), "ctk-toy", "ctk.testing.toy")
            find_anew()

    return install


@pytest.fixture
def call(ctk_home):
    """The command line, in this process."""

    def call(*arguments):
        from ctk.cli.main import cli

        answer = CliRunner().invoke(cli, [str(each) for each in arguments])
        assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exc_info
        return answer.exit_code, " ".join(answer.output.split()), answer.output

    return call


def written(ctk_home, config):
    path = ctk_home.work / "config.yaml"
    path.write_text(yaml.safe_dump(PLAIN | config))
    return path


def last_run(ctk_home) -> Run:
    return next(all_runs(ctk_home.runs))


@pytest.mark.parametrize(("kind", "source", "config", "message", "competition"), CASES)
def test_the_message_names_the_plugin_others_live_on_and_the_mended_run_goes_on(
    ctk_home, toy, call, kind, source, config, message, competition
):
    from ctk.plugins import KINDS

    toy(kind, source)
    code, told, output = call("run", competition, "--config", written(ctk_home, config))
    assert code == 1, output
    assert re.search(TITLE.format(KINDS[kind]) + message, told), output
    assert "Traceback" not in output
    run = last_run(ctk_home)
    assert run.state()["state"] == "failed"
    assert f"--resume {run.folder}" in told
    for command in ("list", "plugins", "runs"):
        assert call(command)[0] == 0
    # The same without the plugin, and then with it as it should be.
    code, _, output = call("run", "toy-regression", "--config", written(ctk_home, {}))
    assert code == 0, output
    toy(kind, source, bad=False)
    code, _, output = call("run", competition, "--resume", run.folder)
    assert code == 0, output
    assert run.state()["state"] == "finished"


def test_the_whole_traceback_lies_where_the_message_says(ctk_home, toy, call):
    toy("models", MODEL.format(fit="1 / 0", predict="good", importances="None"))
    _, told, _ = call("run", "toy-regression", "--config", written(ctk_home, MEMBER))
    (where,) = re.findall(r"The traceback is in (\S+)\. ", told)
    story = Path(where).read_text()
    assert "rogue_module.py" in story
    assert "ZeroDivisionError" in story
    assert "Mend it or tell its author, or choose another model." in told


def test_a_failure_outside_a_run_keeps_its_traceback_too(ctk_home, toy, call):
    toy("competitions", COMPETITION.format(method="    def presets(self): return 1 / 0"))
    code, told, _ = call("info", "bad")
    assert code == 1
    assert re.search(TITLE.format("competition") + "failed while giving its presets: ZeroDivisionError", told)
    assert "ZeroDivisionError" in (ctk_home.cache / "failures.txt").read_text()
    assert call("info", "toy-regression")[0] == 0


@pytest.mark.parametrize(
    "source", ["Bad = 3", "class Bad:\n    def __init__(self, *, power: 'Nowhere' = 1): pass", "Bad = dict.fromkeys"]
)
def test_what_was_registered_and_cannot_be_configured_is_said_before_a_run_begins(ctk_home, toy, call, source):
    toy("losses", source)
    code, told, output = call("run", "toy-regression", "--config", written(ctk_home, network(loss="bad")))
    assert code == 1, output
    assert re.search(r"'bad' (of|in) plugin 'rogue' \(rogue 1\.0\)", told), output
    assert call("plugins")[0] == 0
    assert call("run", "toy-regression", "--config", written(ctk_home, {}))[0] == 0


HOOKS = """
@hookimpl
def ctk_run_started(run): {started}
@hookimpl
def ctk_member_fitted(member): {fitted}
@hookimpl
def ctk_run_finished(scores): {finished}
"""


@pytest.mark.parametrize("what", ["1 / 0", "raise SystemExit(4)"])
@pytest.mark.parametrize("hook", ["started", "fitted", "finished"])
def test_a_lifecycle_hook_that_fails_is_told_of_in_a_line_and_the_run_goes_on(ctk_home, toy, call, hook, what):
    hooks = {"started": "pass", "fitted": "pass", "finished": "pass"} | {hook: what}
    toy("losses", "from ctk import hookimpl\nBad = 1\n" + HOOKS.format(**hooks))
    code, told, output = call("run", "toy-regression", "--config", written(ctk_home, {}))
    assert code == 0, output
    reason = r"ZeroDivisionError: division by zero" if "/" in what else r"it called sys\.exit\(4\)"
    assert re.search(rf"plugin .*rogue.* failed in ctk_\w+_{hook}: {reason}; the run goes on", told), output
    assert last_run(ctk_home).state()["state"] == "finished"


def test_the_commands_of_another_process_live_on_too(toy, ctk_process):
    toy("models", MODEL.format(fit="import sys; sys.exit(3)", predict="good", importances="None"))
    ctk_process("list", code=0)
    assert "rogue" in ctk_process("plugins").stdout


DEATHS = {
    "import os; os._exit(7)": r"ended itself with exit code 7",
    "import os, signal; os.kill(os.getpid(), signal.SIGKILL)": r"was killed \(SIGKILL\), .* memory runs out",
    "import faulthandler; faulthandler._sigsegv()": r"crashed \(SIGSEGV\)",
}


@pytest.mark.slow
@pytest.mark.parametrize("how", DEATHS)
def test_a_worker_that_dies_is_told_with_the_plugin_that_it_ran(ctk_home, toy, call, how):
    toy("models", MODEL.format(fit=how, predict="good", importances="None"))
    beside = [{"model": "bad"}, {"model": "ridge"}]
    local = {"members": beside, "executor": {"name": "local", "workers": 1}}
    code, told, output = call("run", "toy-regression", "--config", written(ctk_home, local))
    assert code == 1
    at = r" while the model 'bad' of plugin 'rogue' \(rogue 1\.0\) was fitting\."
    assert re.search(rf"bad/seed-1, fold 0: its process {DEATHS[how]}{at}", told), output
    run = last_run(ctk_home)
    if "SIGSEGV" in DEATHS[how]:  # where Python was when it crashed
        assert "in fit" in (run.folder / "members" / "bad" / "seed-1" / "fold-0" / "stderr.txt").read_text()
    assert run.state()["state"] == "failed"
    if "SIGKILL" in DEATHS[how]:
        toy("models", MODEL.format(fit=how, predict="good", importances="None"), bad=False)
        assert call("run", "toy-regression", "--resume", run.folder)[0] == 0


@pytest.mark.parametrize(
    ("kind", "source", "config", "doing"),
    [
        ("losses", LOSS.format(loss="__import__('os')._exit(7)"), network(loss="bad"), "comparing predictions .*"),
        ("metrics", METRIC.format(score="__import__('os')._exit(7)"), PLAIN, "scoring"),
    ],
    ids=["loss", "metric"],
)
def test_a_worker_that_another_plugin_than_the_model_ends_is_told_with_that_one(
    ctk_home, toy, call, kind, source, config, doing
):
    toy(kind, source)
    local = PLAIN | config | {"executor": {"name": "local", "workers": 1}}
    competition = "scored" if kind == "metrics" else "toy-regression"
    code, told, output = call("run", competition, "--config", written(ctk_home, local))
    assert code == 1
    shown = {"losses": "loss", "metrics": "metric"}[kind]
    at = rf"while the {shown} 'bad' of plugin 'rogue' \(rogue 1\.0\) was {doing}\."
    assert re.search(rf"fold 0: its process ended itself with exit code 7 {at} If memory ran out", told), output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fit", "message"),
    [
        ("raise Own('one', 'two')", r"failed while fitting: Own: one\."),
        ("import sys; sys.exit(3)", r"called sys\.exit\(3\) while fitting\."),
    ],
)
def test_what_a_worker_raises_reaches_the_terminal_whatever_it_is(ctk_home, toy, call, fit, message):
    toy("models", MODEL.format(fit=fit, predict="good", importances="None"))
    local = MEMBER | {"executor": {"name": "local"}}
    code, told, output = call("run", "toy-regression", "--config", written(ctk_home, local))
    assert code == 1
    assert re.search("bad/seed-1, fold 0: " + TITLE.format("model") + message, told), output
    assert last_run(ctk_home).state()["state"] == "failed"


COMMANDS = """
import click, sys
@click.command()
@click.argument("what")
def Bad(what):
    if what == "fail": 1 / 0
    if what == "exit": sys.exit(6)
    if what == "refuse": raise click.ClickException("no")
"""


@pytest.mark.parametrize(
    ("what", "code", "message"),
    [
        (
            "fail",
            1,
            TITLE.format("command") + r"failed while running: ZeroDivisionError: division by zero\. .*failures",
        ),
        ("exit", 6, "^$"),
        ("refuse", 1, "^Error: no$"),
        ("--nope", 2, "No such option"),
    ],
)
def test_a_command_that_fails_is_told_with_its_plugin_and_one_that_ends_itself_does(toy, call, what, code, message):
    toy("commands", COMMANDS)
    found, told, output = call("bad", what)
    assert (found, bool(re.search(message, told))) == (code, True), output
    assert "Traceback" not in output
    assert call("list")[0] == 0


def test_what_is_no_command_is_told_with_its_plugin(toy, call):
    toy("commands", "class Bad: pass")
    for command in (["bad"], ["bad", "--help"]):
        code, told, output = call(*command)
        assert code == 1, output
        assert re.search(TITLE.format("command") + r"is a type, and a click\.Command is needed\.", told), output
    assert "bad" in call("--help")[1]


@pytest.mark.slow
def test_whatever_plugins_print_json_is_alone_on_stdout(ctk_home, toy, ctk):
    noise = "print('noise'); import os; os.write(1, b'raw noise')"
    toy("models", noise + MODEL.format(fit=noise, predict="good", importances="None"))
    local = MEMBER | {"executor": {"name": "local"}}
    done = ctk("run", "toy-regression", "--config", written(ctk_home, local), "--json")
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) == {"run", "scores", "test"}
    assert "noise" in done.stderr
