"""Variants beside their base: resolved before anything runs, run with the same seeds, gone on with, told apart."""

import csv
import json
import math
import shutil
import time
from dataclasses import replace

import pytest
from click.testing import CliRunner

from ctk import api
from ctk.cli.main import cli
from ctk.errors import CtkError, UsageError
from ctk.runs import Run, all_runs, runs_root
from ctk.runs.local_leaderboard import list_series, local_leaderboard
from ctk.series.ablation.plan import find_ablation, read_plan
from ctk.series.ablation.run_ablation import run_ablation
from ctk.series.ablation.variants import read_variants
from ctk.testing.distributions import find_anew, lay, on_path
from ctk.testing.home import home_in
from ctk.testing.toy.toy_competition import ToyCompetition

SERIAL = ("executor.name=serial", "executor.threads=1", "trackers=[]")
EPOCH = "members.toy-network.epochs"


@pytest.fixture
def toy(ctk_home, tmp_plugin):
    """The toy competition, installed."""
    lay(tmp_plugin("empty", ""), "ctk-toy", "ctk.testing.toy")
    find_anew()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A base of two epochs, one worse by far, one that fails."""
    folder = tmp_path_factory.mktemp("made")
    lay(folder, "ctk-toy", "ctk.testing.toy")
    variants = {"slow": ["members.toy-network.optimizer.lr=1e-9"], "wild": ["members.toy-network.optimizer.lr=1e30"]}
    with on_path(folder), home_in(folder / "home"):
        return api.ablate("toy-regression", variants, seeds=[1, 2, 3], overrides=[*SERIAL, f"{EPOCH}=8"], name="mine")


@pytest.fixture
def ablated(made, toy):
    """A copy of it below this test's runs."""
    folder = api.runs_root() / "toy-regression" / made.folder.name
    shutil.copytree(made.folder, folder)
    return replace(made, folder=folder)


def test_each_variant_and_seed_is_a_run_below_the_ablation(ablated):
    runs = sorted(path.parent.relative_to(ablated.folder).as_posix() for path in ablated.folder.glob("*/*/config.yaml"))
    assert runs == [f"{name}/seed-{seed}" for name in ("base", "slow", "wild") for seed in (1, 2, 3)]
    for name, scores in ablated.scores.items():
        for seed, score in scores.items():
            run = Run(ablated.folder / name / f"seed-{seed}")
            assert run.config()["seeds"] == [seed]
            assert run.scores()["members"]["blend"]["toy-mse"] == score
    assert list(all_runs(runs_root())) == []


def test_the_leaderboard_has_it_as_one_row_with_the_best_of_its_runs(ablated):
    assert local_leaderboard(runs_root()) == []
    (found,) = list_series(runs_root(), "toy-regression")
    assert (found.folder, found.runs, found.finished) == (str(ablated.folder), 9, 6)
    assert found.best == min(score for scores in ablated.scores.values() for score in scores.values())
    assert list_series(runs_root(), "another") == []
    told = " ".join(CliRunner().invoke(cli, ["runs"]).output.split())
    assert f"{ablated.folder.name} 6 of 9 finished {found.best:.4f}" in told


def test_what_fails_is_listed_with_its_sentence_and_the_others_go_on(ablated):
    rows = ablated.rows()
    assert list(rows) == ["slow", "wild"]
    assert rows["wild"].verdict == "not compared"
    assert "learning rate" in ablated.problems["wild"][1]
    assert rows["slow"].seeds == (1, 2, 3)
    assert ablated.comparisons == 1
    assert ablated.compared


def test_tables_and_page_say_what_was_found(ablated):
    (slow, wild) = csv.DictReader((ablated.folder / "ablation.csv").open())
    row = ablated.rows()["slow"]
    assert float(slow["difference"]) == row.mean
    assert [float(slow[f"difference_seed_{seed}"]) for seed in (1, 2, 3)] == list(row.differences)
    assert (slow["verdict"], wild["verdict"]) == (row.verdict, "not compared")
    assert "learning rate" in wild["problem"]
    plain = json.loads((ablated.folder / "ablation.json").read_text())
    assert plain["variants"]["slow"]["mean"] == row.mean
    assert plain["variants"]["wild"]["mean"] is None
    page = (ablated.folder / "ablation.html").read_text()
    assert page.count("<svg") == 1
    assert all(part in page for part in ("slow", row.verdict, "learning rate", "paired by seed"))
    assert "<script" not in page


def test_a_finished_run_is_not_made_again_and_one_that_failed_is(ablated, monkeypatch):
    made = {path: path.stat().st_mtime_ns for path in ablated.folder.glob("*/*/submission.csv")}
    started = {path: path.stat().st_mtime_ns for path in ablated.folder.glob("wild/*/state.json")}
    again = run_ablation(read_plan(find_ablation("mine", runs_root())))
    assert again.scores == ablated.scores
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert all(path.stat().st_mtime_ns > before for path, before in started.items())


def test_members_that_are_blended_take_the_run_s_seed_and_baselines_keep_theirs(toy):
    network = {"model": "toy-network", "loss": "toy-squared-error", "epochs": 2, "batch": {"size": 16}}
    members = [{"model": "ridge", "blend": False, "seeds": [0]}, network | {"seeds": [7, 8]}]
    plan = api.plan_ablation("toy-regression", {"a": [f"{EPOCH}=3"]}, config={"members": members}, overrides=SERIAL)
    base = plan.configs["base"]
    assert [member.seeds for member in base.members] == [(0,), None]


@pytest.mark.parametrize(
    ("assignments", "said"),
    [
        (["members.0.epochs=5"], "NAME:key=value"),
        (["blend={name: mean}"], "NAME:key=value"),
        (["a:blend"], "NAME:key=value"),
        (["a b:blend=mean"], "no name for a folder"),
        (["base:blend=mean"], "compared with"),
        (["a:blend=mean", "a:blend=greedy"], "sets blend twice"),
    ],
)
def test_what_is_no_variant_is_refused(assignments, said):
    with pytest.raises(UsageError) as caught:
        read_variants(assignments)
    assert said in str(caught.value)


def test_a_competition_may_bring_variants_of_a_preset(toy, monkeypatch):
    with pytest.raises(UsageError, match="needs a variant"):
        api.plan_ablation("toy-regression", {}, overrides=SERIAL)
    presets = ToyCompetition().presets()
    monkeypatch.setattr(ToyCompetition, "presets", lambda self: {**presets, "ablation": presets["toy"]})
    monkeypatch.setattr(ToyCompetition, "variants", lambda self: {"greedy": ["blend=greedy"]})
    plan = api.plan_ablation("toy-regression", {}, overrides=SERIAL)
    assert plan.configs["greedy"].blend.name == "greedy"
    assert {config.preset for config in plan.configs.values()} == {"ablation"}
    chosen = api.plan_ablation("toy-regression", {}, preset="toy", overrides=SERIAL, name="other")
    assert {config.preset for config in chosen.configs.values()} == {"toy"}


def test_keys_of_one_variant_come_together():
    assert read_variants(["a:x=1", "b:x=2", "a:y={z: 3}"]) == {"a": ["x=1", "y={z: 3}"], "b": ["x=2"]}


@pytest.mark.parametrize(
    ("variants", "more", "said"),
    [
        ({"a": ["blend=mean"]}, {}, "the same as 'base'"),
        ({"a": [f"{EPOCH}=3"], "b": [f"{EPOCH}=3"]}, {}, "the same as 'a'"),
        ({"a": [f"{EPOCH}=3"], "b": ["members.toy-network.epoch=3"]}, {}, "Did you mean 'epochs'"),
        ({"a": [f"{EPOCH}=3"]}, {"seeds": [1, 1]}, "each seed is given once"),
        ({"a": ["seeds=[8,9]"]}, {}, "'a' sets seeds, but"),
        ({"a": ["executor.workers=3"]}, {}, "'a' sets executor, but"),
        ({"a": ["blend=greedy"]}, {"overrides": ["seeds=[8,9]"]}, "have the seeds of --seeds"),
    ],
)
def test_nothing_runs_before_every_variant_is_right(toy, variants, more, said):
    with pytest.raises(UsageError) as caught:
        api.ablate("toy-regression", variants, **{"overrides": SERIAL, **more})
    assert said in str(caught.value)
    assert not list(runs_root().glob("*/*/*"))


def invoke(*words):
    return CliRunner().invoke(cli, ["ablate", "toy-regression", *words, *(w for each in SERIAL for w in ("-o", each))])


def test_the_command_prints_the_differences(toy):
    done = invoke("--set", f"long:{EPOCH}=3", "--set", f"longer:{EPOCH}=6", "--seeds", "1,2")
    assert done.exit_code == 0, done.output
    assert "97.5 % interval" in done.output
    assert "Bonferroni" in done.output
    assert "ablation.html" in done.output


def test_all_variants_failing_is_a_failure(toy):
    done = invoke("--set", "wild:members.toy-network.optimizer.lr=1e30", "--seeds", "1")
    assert done.exit_code == 1, done.output
    assert "wild seed 1 failed" in done.output
    assert "nothing can be compared" in done.output


def test_one_seed_is_said_to_tell_nothing_of_noise(toy):
    done = invoke("--set", f"long:{EPOCH}=3", "--seeds", "1")
    assert done.exit_code == 0, done.output
    assert "Without a spread over seeds" in done.output
    page = next(runs_root().glob("*/*/ablation.html")).read_text()
    assert "seed 1</p>" in page
    assert "95 % interval." not in page


def test_an_ablation_that_is_not_there_is_answered_with_the_nearest(ablated):
    done = CliRunner().invoke(cli, ["ablate", "toy-regression", "--resume", "mien"])
    assert done.exit_code == 2
    assert "Did you mean 'mine'?" in done.output


def test_a_plan_that_was_damaged_is_named(ablated):
    (ablated.folder / "plan.json").write_text("{}")
    with pytest.raises(CtkError, match=r"plan\.json: cannot be read"):
        read_plan(ablated.folder)


@pytest.mark.parametrize("change", [{"seeds": ["1"]}, {"configs": []}, {"overrides": {"../out": []}}, {"executor": 3}])
def test_a_plan_of_other_types_or_of_variants_that_are_no_folders_is_named(ablated, change):
    path = ablated.folder / "plan.json"
    whole = path.read_text()
    known = json.loads(whole)
    if "overrides" in change:
        change["configs"] = {"base": known["configs"]["base"], "../out": known["configs"]["base"]}
    path.write_text(json.dumps({**known, **change}))
    with pytest.raises(CtkError, match=r"plan\.json: cannot be read"):
        read_plan(ablated.folder)
    path.write_text(whole)


@pytest.mark.slow
def test_a_killed_ablation_goes_on_to_the_same_scores(toy, ctk, ctk_process):
    options = [word for each in SERIAL for word in ("-o", each)]
    process = ctk_process.start(
        *("ablate", "toy-regression", "--set", f"long:{EPOCH}=12", "--seeds", "1,2", "--name", "killed"), *options
    )
    root, deadline = runs_root() / "toy-regression", time.monotonic() + 120
    while not list(root.glob("*-killed/long/seed-1/members/toy-network")):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.communicate()
    (folder,) = root.glob("*-killed")
    assert not (folder / "ablation.json").exists()
    done = ctk("ablate", "toy-regression", "--resume", "killed", "--json", code=0)
    resumed = json.loads(done.stdout)["variants"]["long"]
    whole = api.ablate("toy-regression", {"long": [f"{EPOCH}=12"]}, seeds=[1, 2], overrides=SERIAL).rows()["long"]
    assert resumed["differences"] == list(whole.differences)
    assert not any(math.isnan(each) for each in whole.differences)
