"""ctk new makes what installs, runs and passes its tests as it is, and never writes over anything."""

import importlib
import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from click.testing import CliRunner
from packaging.specifiers import SpecifierSet

from ctk import __version__, hookspecs
from ctk.cli.main import cli
from ctk.new import COMPONENTS, KINDS
from ctk.new.names import LONGEST
from ctk.new.render import requires_ctk

SHORT, LONG = "ab", "n" + "-very" * ((LONGEST - 1) // 5) + "long"[: (LONGEST - 1) % 5]


@pytest.fixture
def new(tmp_path, monkeypatch):
    """Call ``ctk new`` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        return CliRunner().invoke(cli, ["new", *map(str, arguments)])

    return call


def arguments(kind, name):
    return ["competition", name] if kind == "competition" else ["plugin", name, "--component", kind]


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# What is made ---------------------------------------------------------------------------------------------------------


def test_what_is_made_is_formatted_and_lints_whatever_its_name(new, tmp_path):
    for kind in KINDS:
        for name in (SHORT, LONG):
            assert new(*arguments(kind, name), "--out", f"{kind}-{len(name)}").exit_code == 0
    for command in (
        ["check", "--extend-select", "SIM,RUF,C4,PT", "--ignore", "RUF001,RUF002,RUF003"],
        ["format", "--check"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", tmp_path],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert len(LONG) == LONGEST


@pytest.mark.parametrize("kind", KINDS)
def test_every_module_imports_and_every_thing_registered_is_there(kind, new, tmp_path, monkeypatch):
    assert new(*arguments(kind, "sample-thing")).exit_code == 0
    folder = tmp_path / "ctk-sample-thing"
    monkeypatch.syspath_prepend(str(folder))
    offered = {}
    try:
        for path in (folder / "ctk_sample_thing").glob("*.py"):
            importlib.import_module(f"ctk_sample_thing.{path.stem}".removesuffix(".__init__"))
        plugin = sys.modules["ctk_sample_thing.plugin"]
        for hook in [name for name in vars(hookspecs) if name.startswith("ctk_register_") and hasattr(plugin, name)]:
            getattr(plugin, hook)(lambda name, thing, about, hook=hook: offered.update({(hook, name): (thing, about)}))
        for thing, about in offered.values():
            module, _, attribute = thing.partition(":")
            assert hasattr(importlib.import_module(module), attribute)
            assert about
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "ctk_sample_thing"]:
            del sys.modules[name]
    assert (f"ctk_register_{KINDS[kind].hook}", "sample-thing") in offered


@pytest.mark.parametrize("kind", KINDS)
def test_the_project_says_what_it_needs_and_what_it_offers(kind, new, tmp_path):
    assert new(*arguments(kind, "sample")).exit_code == 0
    project = tomllib.loads((tmp_path / "ctk-sample" / "pyproject.toml").read_text())["project"]
    assert project["name"] == "ctk-sample"
    assert project["entry-points"] == {"ctk": {"sample": "ctk_sample.plugin"}}
    assert "competition-toolkit" in project["dependencies"]
    assert "pytest" in project["optional-dependencies"]["test"]


@pytest.mark.parametrize("kind", KINDS)
def test_its_own_tests_begin_with_the_toolkits(kind, new, tmp_path):
    assert new(*arguments(kind, "sample")).exit_code == 0
    (test,) = (tmp_path / "ctk-sample" / "tests").glob("*.py")
    assert re.search(r'check_plugin\(("sample"|NAME, overrides)', test.read_text())


def test_the_readme_describes_the_competition_that_was_asked_for_and_calls_the_data_a_stand_in(new, tmp_path):
    assert new("competition", "house-prices").exit_code == 0
    readme = (tmp_path / "ctk-house-prices" / "README.md").read_text()
    assert "diabetes" not in readme.lower()
    assert "runs on a stand-in" in readme
    assert all(f"`{name}.csv`" in readme for name in ("train", "test", "truth", "submission"))
    assert 'title = "House prices"' in (tmp_path / "ctk-house-prices/ctk_house_prices/competition.py").read_text()


def test_pushes_are_tested(new, tmp_path):
    assert new(*arguments("loss", "sample")).exit_code == 0
    workflow = yaml.safe_load((tmp_path / "ctk-sample" / ".github" / "workflows" / "test.yml").read_text())
    steps = workflow["jobs"]["test"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == ["pip install -e .[test]", "pytest"]
    assert steps[1]["with"]["python-version"] == "${{ matrix.python }}"


def test_a_plugin_is_made_for_the_version_that_made_it():
    assert __version__ in SpecifierSet(requires_ctk(__version__), prereleases=True)
    assert "0.2.0" not in SpecifierSet(requires_ctk("0.1.7"))
    assert "2.11.0" in SpecifierSet(requires_ctk("2.11.3"))


def test_the_next_steps_are_told(new):
    told = new("competition", "sample").output
    steps = [line.split("  ")[1].strip() for line in told.splitlines() if line.startswith("  ")]
    assert steps == ["cd ctk-sample", "ctk install -e .", "ctk run sample", "pip install pytest && pytest"]


def test_a_name_may_have_the_prefix_already(new, tmp_path):
    assert new("competition", "ctk-sample", "--out", "a").exit_code == 0
    assert new("competition", "sample", "--out", "b").exit_code == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "help"),
    [
        ("MyLoss", "my-loss"),
        ("my loss", "my-loss"),
        ("my_loss", "my-loss"),
        ("my--loss", "my-loss"),
        ("2nd-loss", "nd-loss"),
        ("../loss", "loss"),
        ("-", "my-competition"),
        ("", "my-competition"),
        ("lösung", "l-sung"),
        ("class", "my-class"),
        ("none", "my-none"),
        ("yes", "my-yes"),
        ("n" * (LONGEST + 1), "shorter"),
    ],
)
def test_a_name_that_will_not_do_is_refused_with_one_that_will(name, help, new, tmp_path):
    answer = new("plugin", "--component", "loss", "--", name)
    assert answer.exit_code == 2, answer.output
    assert help in answer.output.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_taken_is_refused(new, tmp_path):
    answer = new("plugin", "ridge", "--component", "model")
    assert answer.exit_code == 2
    assert "There is a model 'ridge' already, of plugin 'ctk'." in answer.output
    assert new("plugin", "ridge", "--component", "loss").exit_code == 0


def test_a_distribution_that_is_installed_is_refused(new, tmp_path):
    answer = new("competition", "aml-retrieval")
    assert answer.exit_code == 2
    assert "ctk-aml-retrieval 0.2.0 is installed already" in answer.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ["folder", "empty folder", "file", "dangling link"])
def test_nothing_is_written_over(what, new, tmp_path):
    there = tmp_path / "ctk-sample"
    if what == "file":
        there.write_text("mine")
    elif what == "dangling link":
        there.symlink_to(tmp_path / "nowhere")
    else:
        there.mkdir()
        if what == "folder":
            (there / "mine.txt").write_text("mine")
    before = contents(tmp_path)
    answer = new("competition", "sample")
    assert answer.exit_code == 2
    assert "ctk-sample is there already" in answer.output
    assert "--out" in answer.output
    assert contents(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["ctk-sample"]


def test_a_place_that_cannot_be_written_is_told_in_a_sentence(new, tmp_path):
    (tmp_path / "file").write_text("")
    answer = new("competition", "sample", "--out", "file/below")
    assert answer.exit_code == 1
    assert "file/below: cannot be written" in answer.output


def test_a_component_that_is_none_is_answered_with_those_there_are(new):
    answer = new("plugin", "sample", "--component", "los")
    assert answer.exit_code == 2
    assert all(f"'{kind}'" in answer.output for kind in COMPONENTS)
    assert "Did you mean 'loss'?" in answer.output


def test_a_current_folder_that_is_gone_is_told_in_a_sentence(new, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    answer = new("competition", "sample")
    assert answer.exit_code == 1
    assert "ctk-sample: cannot be made (No such file or directory)." in answer.output
