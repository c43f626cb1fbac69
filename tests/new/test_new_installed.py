"""What ctk new makes, as wheels in a clean environment: every kind installs, runs and passes its own tests."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ctk.new import COMPONENTS

COMPETITION = "sample"
PACKAGES = {COMPETITION: None, **{f"my-{kind}": kind for kind in COMPONENTS}}
"""Names, and the component that each has."""

pytestmark = pytest.mark.slow


def sh(*command, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=1800, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Installed:
    """A virtual environment with the toolkit's wheel, and below it everything that is written."""

    def __init__(self, folder, make_environment, toolkit, lent):
        self.folder = folder
        self.work = folder / "work"
        self.work.mkdir()
        self.bin = make_environment(folder / "venv", toolkit)
        (site,) = (folder / "venv").glob("lib/python*/site-packages")
        (site / "lent.pth").write_text(f"{lent / 'tools'}\n{lent / 'libraries'}\n")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("CTK_", "PYTHON", "PYTEST"))},
            "CTK_CACHE": str(folder / "cache"),
            "OMP_NUM_THREADS": "1",
            # Nothing is fetched: what a package needs is lent, its build backend too.
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def __call__(self, *command, cwd=None):
        return sh(self.bin / command[0], *command[1:], cwd=cwd or self.work, env=self.environment)

    def install(self, *wheels):
        self("python", "-m", "pip", "install", "-q", "--force-reinstall", "--no-deps", *wheels)


@pytest.fixture(scope="module")
def clean(tmp_path_factory, make_environment, build_wheels, wheels, lent):
    """The environment in which each kind was made by the installed toolkit, built, and installed as a wheel."""
    (toolkit,) = wheels.glob("competition_toolkit-*.whl")
    clean = Installed(tmp_path_factory.mktemp("clean"), make_environment, toolkit, lent)
    for name, component in PACKAGES.items():
        kind = ["competition", name] if component is None else ["plugin", name, "--component", component]
        clean("ctk", "new", *kind, "--out", clean.folder / name)
    made = build_wheels(clean.folder, *(clean.folder / name for name in PACKAGES))
    assert len(made) == len(PACKAGES)
    clean.install(*made)
    return clean


def test_nothing_comes_from_a_checkout(clean):
    code = "import ctk, ctk_sample, ctk_my_loss as loss; print(ctk.__file__, ctk_sample.__file__, loss.__file__)"
    assert clean("python", "-c", code).count(str(clean.bin.parent)) == 3


def test_each_kind_passes_its_own_tests(clean):
    folders = [clean.folder / name / "tests" for name in PACKAGES]
    told = clean("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *folders)
    assert re.search(r"^\d+ passed", told.splitlines()[-1]), told


def test_checking_the_plugins_says_that_all_are_well(clean):
    rows = {row["name"]: row for row in json.loads(clean("ctk", "plugins", "--check", "--json"))}
    assert set(rows) == set(PACKAGES)
    assert [row["problem"] for row in rows.values()] == [None] * len(PACKAGES)
    for name, component in PACKAGES.items():
        wanted = "competition" if component is None else component
        assert any(offer.startswith(wanted) and offer.endswith(f" {name}") for offer in rows[name]["offers"])


def test_the_competition_is_listed(clean):
    assert [row["id"] for row in json.loads(clean("ctk", "list", "--json"))] == [COMPETITION]


def test_the_competition_runs_to_a_valid_submission_that_is_no_worse_than_ridge(clean):
    told = json.loads(clean("ctk", "run", COMPETITION, "--json"))
    run, scores = clean.work / told["run"], told["scores"]
    assert scores["blend"]["rmse"] <= scores["ridge/seed-0"]["rmse"]
    assert json.loads((run / "submission.json").read_text())["rows"] == 88
    data = Path(json.loads(clean("ctk", "data", COMPETITION, "--json"))["folder"])
    assert "88 rows" in clean("ctk", "validate", COMPETITION, run / "submission.csv")
    assert "88 rows" in clean("ctk", "validate", COMPETITION, data / "sample_submission.csv")
    shown = clean("ctk", "score", COMPETITION, run / "submission.csv", "--truth", data / "truth.csv")
    assert f"{told['test']['rmse']:.4f}" in shown


def test_each_component_serves_in_the_competition_by_name(clean):
    clean(
        *("ctk", "run", COMPETITION, "--name", "all-of-them"),
        *("-o", "split.use=2", "-o", "seeds=[1]", "-o", f"members.{COMPETITION}-mlp.epochs=2"),
        *("-o", f"members.{COMPETITION}-mlp.loss=my-loss", "-o", f"members.{COMPETITION}-mlp.model=my-model"),
        *("-o", "data.name=my-data", "-o", "data.target=progression"),
        *("-o", "blend=my-blender", "-o", "filters=[my-filter]"),
        *("-o", "executor.name=my-executor", "-o", "trackers=my-tracker"),
    )
    (run,) = clean.work.glob("runs/*/*-all-of-them")
    assert json.loads((run / "submission.json").read_text())["valid"]
    assert json.loads((run / "blend.json").read_text())["blender"] == "my-blender"
    assert len(list(run.glob("members/my-model/**/metrics.jsonl"))) == 2
    assert list(run.glob("filters/1-my-filter/dropped.csv"))


def test_a_metric_is_changed_installed_run_and_listed_and_its_wheel_runs_too(clean, build_wheels):
    """What a person does with only the README."""
    clean("ctk", "new", "competition", "mine")
    project = clean.work / "ctk-mine"
    metric = project / "ctk_mine" / "metric.py"
    before = metric.read_text()
    changed = before.replace("np.sqrt(np.square(error).mean())", "np.abs(error).mean()").replace('"rmse"', '"mae"')
    metric.write_text(changed)
    clean("ctk", "install", "-e", ".", cwd=project)
    try:
        assert {row["id"] for row in json.loads(clean("ctk", "list", "--json"))} == {COMPETITION, "mine"}
        editable = json.loads(clean("ctk", "run", "mine", "--json", cwd=project))
        assert editable["scores"]["blend"]["mae"] < editable["scores"]["ridge/seed-0"]["mae"]
        clean.install(*build_wheels(clean.folder, project))
        shutil.rmtree(project / "ctk_mine")
        from_wheel = json.loads(clean("ctk", "run", "mine", "--dry-run", "--json"))
        assert list(from_wheel["scores"]["blend"]) == ["mae"]
    finally:
        clean("ctk", "uninstall", "ctk-mine", "-y")
    assert [row["id"] for row in json.loads(clean("ctk", "list", "--json"))] == [COMPETITION]
