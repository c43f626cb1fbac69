"""TAB after ctk: through the real command, by the protocol that click's scripts speak, and in a real bash."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ctk.config.training_keys import Optimizer, WeightAveraging
from ctk.contract import Split

CTK = Path(sys.executable).parent / "ctk"

PLUGIN = """
from ctk import hookimpl

@hookimpl
def ctk_register_competitions(register): register("tiny", "ctk_plugins._tiny:Tiny", "a competition")
@hookimpl
def ctk_register_models(register): register("net", "ctk_plugins._net:Net")
@hookimpl
def ctk_register_losses(register): register("soft", "ctk_plugins._net:Soft")
@hookimpl
def ctk_register_filters(register): register("sieve", "ctk_plugins._net:Sieve")
@hookimpl
def ctk_register_data(register): register("tiny-npz", "ctk_plugins._net:Reader")
@hookimpl
def ctk_register_commands(register): register("greet", "ctk_plugins._greet:greet")
"""
TINY = """
print("printed at import")

class Tiny:
    reader, embedded, default = "tiny-npz", "quick", "whole"

    def presets(self):
        return {
            "quick": {"members": [{"model": "net"}, {"model": {"name": "ridge"}, "name": "base"}]},
            "whole": {"members": [{"model": "net"}], "filters": ["sieve"]},
        }
"""
NET = """
print("printed at import")
with open("loaded", "a") as file:
    file.write("once ")
from typing import Annotated, Literal

Norm = Literal["batch", "layer"]

class Base:
    features = ("x",)
    def __init__(self, width, *, hidden: int = 8, norm: Norm = "batch", gated: bool | None = None): ...

class Net(Base): ...

class Soft:
    def __init__(self, *, temperature: Annotated[float, 1] = 0.1): ...

class Sieve:
    def __init__(self, *, drop_fraction: float = 0.1): ...

class Reader:
    def __init__(self, *, old: bool = False): ...
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """What loading components showed, of the core's own for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def place(tmp_path):
    """A folder with a one-file plugin whose components tell when they are imported, and three runs."""
    folder = tmp_path / "ctk_plugins"
    folder.mkdir()
    for name, source in (("tiny", PLUGIN), ("_tiny", TINY), ("_net", NET)):
        (folder / f"{name}.py").write_text(source)
    for name, competition in (("1122-080000-mine", "tiny"), ("1122-090000-late", "tiny"), ("1123-090000-other", "x")):
        run = tmp_path / "runs" / competition / name
        run.mkdir(parents=True)
        (run / "config.yaml").write_text(f"competition: {competition}\npreset: quick\nblend: {{name: greedy}}\n")
    return tmp_path


@pytest.fixture
def tab(place, cache):
    """``tab("ctk run ")``: what bash would be offered, as click's script asks for it."""

    def complete(line, shell="bash", **more):
        words = line.split(" ")
        cword = words[-1] if shell == "fish" else str(len(words) - 1)
        asked = {"_CTK_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": cword}
        environment = {key: value for key, value in os.environ.items() if not key.startswith("CTK_")}
        done = subprocess.run(
            [CTK],
            env={**environment, "CTK_CACHE": str(cache), **asked, **more},
            cwd=place,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0
        assert done.stderr == ""
        return done.stdout.strip("\n").splitlines()

    return complete


def plain(*values):
    return [f"plain,{value}" for value in values]


def test_commands_of_the_core_and_of_plugins(tab):
    assert tab("ctk ru") == plain("run", "runs")
    assert tab("ctk gre") == plain("greet")


@pytest.mark.parametrize(
    "line", ["ctk run ", "ctk info ", "ctk validate ", "ctk data ", "ctk runs ", "ctk submit ", "ctk leaderboard "]
)
def test_competitions(tab, line):
    assert "plain,tiny" in tab(line)


def test_presets_of_the_competition_that_was_named(tab):
    assert tab("ctk run tiny --preset ") == plain("quick", "whole")
    assert tab("ctk info tiny --preset=w") == plain("whole")


def test_components(tab):
    assert set(plain("mean", "greedy", "hill-climb")) <= set(tab("ctk blend --blender "))
    assert tab("ctk data tiny --filter sie") == plain("sieve")


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("spl", [f"split.{key}=" for key in Split.model_fields]),
        ("split.scheme=st", ["split.scheme=stratified", "split.scheme=stratified-group"]),
        ("members.", ["members.net.", "members.base.", "members.*."]),
        ("members.net.opt", [f"members.net.optimizer.{key}=" for key in Optimizer.model_fields]),
        ("members.net.swa.", [f"members.net.swa.{key}=" for key in WeightAveraging.model_fields]),
        ("members.net.optimizer.name=", ["members.net.optimizer.name=adam", "members.net.optimizer.name=adamw"]),
        ("members.net.model.", [f"members.net.model.{key}=" for key in ("name", "hidden", "norm", "gated")]),
        ("members.net.model.norm=", ["members.net.model.norm=batch", "members.net.model.norm=layer"]),
        ("members.net.model.gated=t", ["members.net.model.gated=true"]),
        ("members.net.loss=sof", ["members.net.loss=soft"]),
        ("members.base.opt", []),
        ("members.base.blend=", ["members.base.blend=true", "members.base.blend=false"]),
        ("blend=hill-climb-", ["blend=hill-climb-retrieval"]),
        ("blend=greedy -o blend.max", ["blend.max_rounds="]),
        ("features.s.name=svd -o features.", ["features.s=", "features.s."]),
        (
            "features.s.name=svd -o features.s.",
            [f"features.s.{key}=" for key in ("name", "of", "size", "columns", "each")],
        ),
        ("data.o", ["data.old="]),
        ("device=", ["device=auto", "device=cpu", "device=gpu"]),
        ("executor.name=s", ["executor.name=serial"]),
        ("nothing.of.the.kind", []),
    ],
)
def test_config_keys_and_values(tab, typed, found):
    assert tab(f"ctk run tiny -o {typed}") == plain(*found)


def test_a_component_is_loaded_once_for_its_keys_and_again_when_it_has_changed(tab, place):
    for more in ("", "class Another: ...\n"):
        (place / "loaded").unlink(missing_ok=True)
        (place / "ctk_plugins" / "_net.py").write_text(NET + more)
        for _ in range(2):
            assert tab("ctk run tiny -o members.net.model.h") == plain("members.net.model.hidden=")
        assert (place / "loaded").read_text() == "once "


def test_a_run_remembers_the_keys_of_what_it_loads(tab, place, cache):
    code = (
        "from ctk.contract import Choice; from ctk.plugins import plugins\n"
        "from ctk.plugins.component_options import resolve_choice\n"
        "resolve_choice(Choice(name='net'), 'models', '', plugins())"
    )
    environment = {**os.environ, "CTK_CACHE": str(cache)}
    subprocess.run([sys.executable, "-c", code], cwd=place, env=environment, check=True, timeout=120)
    (place / "loaded").unlink()
    assert tab("ctk run tiny -o members.net.model.h") == plain("members.net.model.hidden=")
    assert not (place / "loaded").exists()


def test_config_keys_are_those_of_the_preset_and_the_file(tab, place):
    assert tab("ctk run tiny --preset whole -o filters.") == plain("filters.sieve=", "filters.sieve.")
    assert tab("ctk run tiny --data . -o filters.sieve.") == plain(
        *(f"filters.sieve.{key}=" for key in ("name", "member", "run", "write", "drop_fraction"))
    )
    (place / "mine.yaml").write_text("members: [{model: ridge, name: only}]")
    assert tab("ctk run tiny --config mine.yaml -o members.only.model.a") == plain("members.only.model.alpha=")
    assert tab("ctk data tiny --filter sieve -o filters.sieve.d") == plain("filters.sieve.drop_fraction=")
    assert tab("ctk validate tiny -o ") == plain("data.old=")
    assert tab("ctk blend --blender mean -o nor") == plain("normalise=")
    assert tab("ctk blend mine -o max") == plain("max_rounds=")


@pytest.mark.parametrize(
    "line", ["ctk run tiny --resume ", "ctk run tiny --checkpoints ", "ctk leaderboard tiny --metrics "]
)
def test_runs_of_the_competition(tab, line):
    assert sorted(tab(line)) == plain("1122-080000-mine", "1122-090000-late")


def test_runs_of_all_competitions_also_by_what_follows_the_time(tab):
    assert len(tab("ctk show ")) == 3
    assert tab("ctk show m") == plain("mine")
    assert tab("ctk blend 1122-08") == plain("1122-080000-mine")
    assert tab("ctk blend mine theirs.c") == ["file,theirs.c"]
    assert tab("ctk show ./ru") == ["dir,./ru"]


def test_variants_of_an_ablation_and_ablations(tab, place):
    assert tab("ctk ablate tiny --set wide:members.base.b") == plain("wide:members.base.blend=")
    assert tab("ctk ablate tiny --set wide:seeds=1 --set w") == plain("wide:")
    folder = place / "runs" / "tiny" / "1122-100000-ablation"
    folder.mkdir()
    (folder / "plan.json").write_text("{}")
    assert tab("ctk ablate tiny --resume 1122-10") == plain("1122-100000-ablation")


def test_the_schemes_and_keys_of_cross_validation(tab):
    assert tab("ctk cv tiny --scheme st") == plain("stratified", "stratified-group")
    assert tab("ctk cv tiny -o split.ch") == plain("split.chain=")


def test_plugins_and_distributions(tab):
    assert tab("ctk plugins tin") == plain("tiny")  # ti is timm too
    assert "plain,competition-toolkit" not in tab("ctk uninstall ")


@pytest.mark.parametrize(
    "line", ["ctk run nothing --preset ", "ctk run nothing -o members.", "ctk greet --na", "ctk show z"]
)
def test_nothing_is_said_where_nothing_is_found_or_something_is_broken(tab, line):
    assert tab(line) == []


@pytest.mark.parametrize(
    "source", ["raise RuntimeError('at import')", "import sys\nprint('loud')\nsys.exit(3)", "def broken(:"]
)
def test_a_broken_plugin_or_competition_keeps_completion_going(tab, place, source):
    (place / "ctk_plugins" / "_tiny.py").write_text(source)
    assert tab("ctk run tiny --preset ") == []
    (place / "ctk_plugins" / "other.py").write_text(source)
    assert tab("ctk run ti") == plain("tiny")
    assert tab("ctk run ti", CTK_STRICT_PLUGINS="1") == []


def test_no_runs_and_no_plugins_are_no_error(tab, tmp_path):
    assert tab("ctk show ", CTK_RUNS=str(tmp_path / "nowhere")) == []
    assert tab("ctk run tin", CTK_PLUGINS="") == []


def test_help_stands_beside_what_other_shells_are_offered(tab):
    assert tab("ctk run ti", shell="fish") == ["plain,tiny\ta competition"]
    assert tab("ctk run ti", shell="zsh") == ["plain", "tiny", "a competition"]


def test_completing_the_keys_of_what_was_loaded_before_imports_no_heavy_library(tab, place, cache):
    assert tab("ctk run tiny -o members.base.model.a") == plain("members.base.model.alpha=")
    code = (
        "import sys; from ctk.cli.main import cli; from click.shell_completion import ShellComplete\n"
        "found = ShellComplete(cli, {}, 'ctk', '').get_completions(['run', 'tiny', '-o'], 'members.base.model.a')\n"
        "assert [item.value for item in found] == ['members.base.model.alpha=']\n"
        "heavy = {'torch', 'lightning', 'pandas', 'matplotlib'} & set(sys.modules); assert not heavy, heavy"
    )
    environment = {**os.environ, "CTK_CACHE": str(cache)}
    subprocess.run([sys.executable, "-c", code], cwd=place, env=environment, check=True, timeout=120)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_asks_ctk(shell):
    script = subprocess.run([CTK, "completion", shell], capture_output=True, text=True, timeout=120, check=True).stdout
    assert f"_CTK_COMPLETE={shell}_complete" in script


@pytest.fixture
def bash(place, cache):
    """A real bash with the script in it: ``bash("ctk ru\\t")`` types, and returns the line as it stands then."""
    if not shutil.which("bash"):
        pytest.skip("there is no bash")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(place)
        environment = {"PATH": f"{CTK.parent}:{os.environ['PATH']}", "PS1": "> ", "TERM": "dumb", "HOME": str(place)}
        environment["CTK_CACHE"] = str(cache)
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], environment)

    def read(until, patience=120):
        text, end = "", time.monotonic() + patience
        while not re.search(until, text) and time.monotonic() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                text += os.read(terminal, 4096).decode(errors="replace")
        return text

    def type_(text, until):
        os.write(terminal, text.encode())
        return read(until)

    type_('eval "$(ctk completion bash)"; echo re""ady\n', r"ready\r?\n")
    yield type_
    os.close(terminal)
    os.waitpid(pid, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("ctk run tin\t", "ctk run tiny "),
        ("ctk run tiny --preset qu\t", "ctk run tiny --preset quick "),
        ("ctk run tiny --preset=qu\t", "ctk run tiny --preset=quick "),
        ("ctk run tiny -o members.net.model.hid\t", "ctk run tiny -o members.net.model.hidden= "),
        ("ctk run tiny -o device=g\t", "ctk run tiny -o device=gpu "),
        ("ctk run tiny -o members.net.model.norm=l\t", "ctk run tiny -o members.net.model.norm=layer "),
        ("ctk run tiny -o device=gpu -o split.fol\t", "ctk run tiny -o device=gpu -o split.folds= "),
    ],
)
def test_a_real_bash_completes_words_with_an_equals_sign(bash, typed, line):
    before = typed.rstrip("\t")
    shown = bash(typed + "|", re.escape(line) + r"\|")
    assert f"{line}|" in shown, (before, shown)
