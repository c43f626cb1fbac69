"""Each check finds what it is for, in a small plugin that is wrong in one way, and says what to do."""

from collections.abc import Callable

import pytest

from ctk.testing.checks import CHECKS
from ctk.testing.conformance import examine

HEAD = "from ctk import hookimpl\n"


@pytest.fixture
def problems(tmp_plugin) -> Callable[..., list[str]]:
    """What the checks of the given names find in a plugin made of this source, and of modules beside it."""

    def find(source: str, *names: str, **modules: str) -> list[str]:
        folder = tmp_plugin("wrong", HEAD + source)
        for name, text in modules.items():
            (folder / f"{name}.py").write_text(text)
        report = examine("wrong", None, {}, {name: CHECKS[name] for name in names})
        return [str(problem) for problem in report.problems]

    return find


def register(kind: str, *lines: str, before: str = "") -> str:
    """Source of a register hook."""
    body = "\n".join(f"    {line}" for line in lines)
    return f"{before}\n@hookimpl\ndef ctk_register_{kind}(register):\n{body}\n"


LOSS = "from torch import nn\nclass Loss(nn.Module):\n    def __init__(self{options}):\n        super().__init__()\n"
LOSS += "    def forward(self, prediction, batch): return (prediction - batch.target).square().mean()\n"


@pytest.mark.parametrize(
    ("source", "found", "help"),
    [
        ("@hookimpl\ndef ctk_register_lossess(register): ...", "there is no hook", "'ctk_register_losses'?"),
        ("def ctk_register_losses(register): ...", "ctk_register_losses is no hook: it is not marked", "@ctk.hookimpl"),
        ("@hookimpl\ndef ctk_register_losses(registre): ...", "no argument 'registre'", "Did you mean 'register'?"),
        ("@hookimpl\ndef ctk_run_finished(run, score): ...", "no argument 'score'", "Did you mean 'scores'?"),
        ("", "it implements no hook", "Mark functions"),
        (register("losses", "pass"), "its hooks register nothing", "Call register"),
        (register("losses", "1 / 0"), "ctk_register_losses fails: ZeroDivisionError", "import late"),
        (register("losses", "register('a', 'torch.nn:L1Loss')"), "the loss 'a' has no line about it", "`ctk list`"),
        (register("losses", "register('a', 'torch.nn.L1Loss', 'a')"), 'which is no "module:attribute"', "For example"),
        (register("losses", "register('a', 'nowhere_at:all', 'a')"), "does not load", "Mend the name"),
        (register("losses", "register('a', 'torch.nn:Nothing', 'a')"), "has no attribute 'Nothing'", "Mend the name"),
        (register("losses", "register('a', None, 'a')"), "the loss 'a' is None", "Register a loss"),
    ],
)
def test_hooks_and_what_they_register(problems, source, found, help):
    told = problems(source, "hooks")
    assert any(found in each and help in each for each in told), told


def test_a_registration_is_named_by_file_and_line(problems):
    (told,) = problems(register("losses", "register('a', 'nowhere_at:all', 'a')"), "hooks")
    assert "(wrong_module.py, line 5)" in told


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (register("losses", "register('../up', 'torch.nn:L1Loss', 'a')"), "'../up' is no name"),
        (register("losses", "register('a b', 'torch.nn:L1Loss', 'a')"), "'a b' is no name"),
        (register("losses", "register(7, 'torch.nn:L1Loss', 'a')"), "7 is no name"),
        (
            register("losses", "for _ in '12': register('a', 'torch.nn:L1Loss', 'a')"),
            "the loss 'a' is registered twice",
        ),
        (register("models", "register('ridge', 'torch.nn:Linear', 'a')"), "registered by plugin 'ctk'"),
        (
            register("competitions", "register('mine', 'ctk.testing.toy.toy_competition:ToyRegression', 'a')"),
            "the competition 'mine' has id = 'toy-regression'",
        ),
    ],
)
def test_names(problems, source, found):
    told = problems(source, "names")
    assert any(found in each for each in told), told


@pytest.mark.parametrize(
    ("kind", "thing", "found"),
    [
        ("competitions", "class X: id = 'x'", "is no subclass of Competition"),
        ("data", "class X: ...", "is no subclass of DataReader"),
        ("blenders", "def X(): ...", "is the function X"),
        ("filters", "from ctk.contract import Filter\nclass X(Filter): ...", "X has no keep, score"),
        ("extractors", "from ctk.contract import Extractor\nclass X(Extractor): ...", "X has no extract"),
        (
            "extractors",
            "from ctk.contract import Extractor\nclass X(Extractor):\n    def extract(self, samples): ...",
            "It is called with (self, samples, progress)",
        ),
        ("platforms", "class X: ...", "is no subclass of Platform"),
        (
            "blenders",
            "from ctk.contract import Blender\nclass X(Blender):\n    def fit(self, oof, samples): ...",
            "It is called with (self, oof, samples, metric)",
        ),
        (
            "blenders",
            "from ctk.contract import Blender\nclass X(Blender):\n    def __init__(self, rounds=3): ...\n"
            "    def fit(self, oof, samples, metric): ...",
            "X takes rounds by position",
        ),
        ("models", "class X: ...", "Register a subclass of ctk.contract.Model or torch.nn.Module"),
        ("models", "from torch import nn\nclass X(nn.Module): ...", "the network X has no 'features'"),
        (
            "models",
            "from torch import nn\nclass X(nn.Module):\n    features = ('a', 'b')\n    def forward(self, a): ...",
            "takes 1 tensors, and features names 2",
        ),
        ("losses", "def X(prediction, batch): ...", "Register a class: a torch.nn.Module"),
        (
            "losses",
            "from torch import nn\nclass X(nn.Module):\n    def forward(self, prediction): ...",
            "A loss is called as loss(prediction, batch).",
        ),
        ("metrics", "def X(prediction, samples): ...", "Register an instance: Metric(name, direction, score)."),
        (
            "metrics",
            "from ctk.contract import Metric\nX = Metric('x', 'up', lambda prediction, samples: 0.0)",
            "has direction 'up'",
        ),
        ("executors", "def X(workers): ...", "is called with (workers, threads)"),
        ("samplers", "def X(seed): ...", "is called with (space, seed)"),
        ("trackers", "def X(folder, nam): ...", "Did you mean 'nam'?"),
        ("trackers", "def X(folder, name, project=None): ...", "Options are keyword-only"),
        ("commands", "def X(): ...", "Register a click.Command."),
        ("commands", "import click\n@click.command()\ndef X(): ...", "has no help"),
    ],
)
def test_kinds_and_signatures(problems, kind, thing, found):
    told = problems(register(kind, "register('x', 'thing:X', 'a')"), "hooks", "kinds", thing=thing)
    assert any(found in each for each in told), told


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (", *, gamma=2.0", "'gamma' of the loss 'x' has no annotation"),
        (", *, gamma: float = 'two'", "'two', does not fit its annotation"),
        (", *, gamma: 'Nowhere' = 2.0", "annotations of the loss 'x' cannot be read"),
        (", *, gamma: object = object()", "cannot stand in a config"),
        (", *, gamma: float = float('nan')", "cannot stand in a config"),
        (", *, name: str = 'a'", "clashes with the component's own name"),
    ],
)
def test_config_keys(problems, options, found):
    source = register("losses", "register('x', 'thing:Loss', 'a')")
    told = problems(source, "hooks", "config", thing=LOSS.format(options=options))
    assert any(found in each for each in told), told


def test_a_heavy_import_is_named_with_its_place(problems):
    source = register("losses", "import pandas", "register('x', 'torch.nn:L1Loss', 'a')")
    (told,) = problems(source, "imports")
    assert "loading it imports pandas" in told
    assert "wrong_module.py, line 5" in told


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("requires_ctk = '>=99'", "upgrade the toolkit"),
        ("requires_ctk = 'new'", "no range of versions"),
        ("requires_ctk = '>=' + '0.1'", "not written as a string"),
    ],
)
def test_required_versions(problems, line, found):
    told = problems(f"{line}\n" + register("losses", "register('x', 'torch.nn:L1Loss', 'a')"), "requires_ctk")
    assert any(found in each for each in told), told


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("title = ''", "X.title is ''"),
        ("headline = 'toy-mse'", "X.headline is 'toy-mse'"),
        ("embedded = 'toi'", "has no preset 'toi', its embedded one"),
        ("metric = 'toy-mze'", "There is no metric 'toy-mze'"),
        ("platform = 'kaggle'", "a platform and no slug"),
        ("def presets(self): return {'toy': {'members': [{'model': 'ridge'}], 'sseeds': [1]}}", "unknown key 'sseeds'"),
        (
            "def presets(self): return {'toy': {'members': [{'model': 'nothing-such'}]}}",
            "There is no model 'nothing-such'",
        ),
    ],
)
def test_competitions_and_presets(problems, body, found):
    thing = f"from ctk.testing.toy.toy_competition import *\nclass X(ToyRegression):\n    id = 'x'\n    {body}\n"
    told = problems(register("competitions", "register('x', 'thing:X', 'a')"), "presets", thing=thing)
    assert any(found in each for each in told), told
