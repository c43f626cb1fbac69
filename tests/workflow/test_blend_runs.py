"""Blending runs and files: what counts as a source, members and weights by name, saved weights, plain sums."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from ctk import api
from ctk.errors import UsageError
from ctk.runs import Run
from ctk.runs.local_leaderboard import local_leaderboard
from ctk.testing.distributions import find_anew, lay, on_path
from ctk.testing.home import home_in
from ctk.testing.toy.toy_competition import ToyCompetition

SERIAL = ["executor.name=serial", "executor.threads=1", "trackers=[]", "members.toy-network.epochs=1"]
SEEDS = (43, 44, 7)
NETWORKS = [f"toy-network/seed-{seed}" for seed in SEEDS]
OWN = {"ridge/seed-43": 0.7, "toy-network/seed-44": 0.3}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of ridge regressions and three networks, with a blend of its own; and a run of one ridge regression."""
    folder = tmp_path_factory.mktemp("made")
    lay(folder, "ctk-toy", "ctk.testing.toy")
    with on_path(folder), home_in(folder / "home"):
        own = [f"blend.weights.{name}={weight}" for name, weight in OWN.items()]
        first = api.run("toy-regression", seeds=SEEDS, overrides=[*SERIAL, *own], name="first")
        members = {"members": [{"model": "ridge"}]}
        second = api.run("toy-regression", config=members, overrides=SERIAL[:3], name="second")
    return first.folder, second.folder, folder / "home" / "cache"


@pytest.fixture
def runs(finished, ctk_home, tmp_plugin, monkeypatch):
    """Copies of both below this test's runs."""
    monkeypatch.setenv("CTK_CACHE", str(finished[2]))  # with the data that they were made from
    lay(tmp_plugin("empty", ""), "ctk-toy", "ctk.testing.toy")
    find_anew()
    return [shutil.copytree(each, api.runs_root() / "toy-regression" / each.name) for each in finished[:2]]


@pytest.fixture
def stranger(runs, tmp_path):
    """A submission that doubles the first run's."""
    lines = (runs[0] / "submission.csv").read_text().splitlines()
    rows = [[row.split(",")[0], *(repr(2 * float(cell)) for cell in row.split(",")[1:])] for row in lines[1:]]
    path = tmp_path / "stranger.v2.csv"
    path.write_text("\n".join([lines[0], *map(",".join, rows)]) + "\n")
    return path


def submitted(folder: Path) -> np.ndarray:
    return np.loadtxt(folder / "submission.csv", delimiter=",", skiprows=1)[:, 1:]


def test_of(run: Path, key: str) -> np.ndarray:
    part = next(part for part in Run(run).parts() if part.key == key)
    return np.array(Run(run).predictions(part, "test").values, np.float64)


test_of.__test__ = False


def weights(results) -> dict[str, float]:
    return json.loads((results.folder / "blend.json").read_text())["weights"]


def test_a_run_beside_a_file_is_one_source_with_its_own_blend(runs, stranger):
    first = runs[0]
    results = api.blend_runs([first, stranger])
    assert weights(results) == {first.name: 0.5, "file/stranger.v2": 0.5}
    np.testing.assert_allclose(submitted(results.folder), 1.5 * submitted(first), rtol=1e-5)
    results = api.blend_runs([stranger, first], options=["weights=[0.25, 0.75]"])
    assert weights(results) == {"file/stranger.v2": 0.25, first.name: 0.75}
    np.testing.assert_allclose(submitted(results.folder), 1.25 * submitted(first), rtol=1e-5)
    assert results.scores[first.name] == Run(first).scores()["members"]["blend"]


def test_runs_that_are_averaged_are_a_source_each_and_for_a_climb_every_member_is(runs):
    assert list(weights(api.blend_runs(runs, blender="mean"))) == [runs[0].name, f"{runs[1].name}/ridge/seed-1"]
    assert len(weights(api.blend_runs(runs, blender="hill-climb"))) == 7


def test_weights_in_a_list_are_in_the_order_of_seeds_as_they_were_given(runs):
    results = api.blend_runs([runs[0]], blender="mean", options=["weights=[0, 0, 0, 1, 0, 0]"])
    assert [key for key in weights(results) if "network" in key] == NETWORKS
    np.testing.assert_array_equal(submitted(results.folder), test_of(runs[0], "toy-network/seed-43"))


@pytest.mark.parametrize(
    ("named", "chosen"),
    [
        (["toy-network/seed-7", "ridge"], ["toy-network/seed-7", *(f"ridge/seed-{seed}" for seed in SEEDS)]),
        (["*/seed-4?"], ["ridge/seed-43", "ridge/seed-44", *NETWORKS[:2]]),
        (["seed-44"], ["ridge/seed-44", "toy-network/seed-44"]),
    ],
)
def test_members_are_chosen_by_name_and_seed(runs, named, chosen):
    results = api.blend_runs([runs[0]], blender="mean", members=named)
    assert weights(results) == dict.fromkeys(chosen, pytest.approx(1 / len(chosen)))
    expected = np.mean([test_of(runs[0], key) for key in chosen], axis=0)
    np.testing.assert_allclose(submitted(results.folder), expected, rtol=1e-5)


def test_members_are_taken_one_by_one_beside_files_where_they_are_named(runs, stranger):
    results = api.blend_runs([runs[0], stranger], members=["toy-network"])
    assert list(weights(results)) == [*NETWORKS, "file/stranger.v2"]


def test_weights_are_given_by_name_to_members_and_to_files(runs, stranger, ctk):
    saved = json.loads((runs[0] / "blend.json").read_text())["weights"]
    assert {key: weight for key, weight in saved.items() if weight} == OWN
    line = ("blend", runs[0], f"theirs={stranger}", "-o", "weights.toy-network/seed-7=0.4", "-o", "weights.theirs=-0.5")
    folder = Path(json.loads(ctk(*line, "--json", code=0).stdout)["run"])
    expected = 0.4 * test_of(runs[0], "toy-network/seed-7") - submitted(runs[0])
    np.testing.assert_allclose(submitted(runs[0].parent / folder.name), expected, rtol=1e-4, atol=1e-6)
    by_file = api.blend_runs([runs[0], stranger], options=["weights.stranger.v2=1", f"weights.{runs[0].name}=0.5"])
    assert weights(by_file) == {runs[0].name: 0.5, "file/stranger.v2": 1.0}


@pytest.mark.parametrize(
    ("options", "members", "says"),
    [
        (["weights.toy-network/seed-43=1", "weights.seed-43=1"], (), "both mean toy-network/seed-43"),
        (["weights.toy-netwrk/seed-43=1"], (), "no member 'toy-netwrk/seed-43'"),
        (["weights=[1, 0]"], (), "2 weights for 6 members"),
        ((), ["rigde"], "--members: there is no member 'rigde'"),
    ],
)
def test_a_name_that_none_or_another_has_is_refused(runs, options, members, says):
    with pytest.raises(UsageError, match=says):
        api.blend_runs([runs[0]], options=options, members=members)


def test_what_would_be_ignored_is_refused(runs, stranger):
    with pytest.raises(UsageError, match="these are files"):
        api.blend_runs([stranger], members=["ridge"], competition="toy-regression")
    for more in ({"blender": "mean"}, {"options": ["weights=[1]"]}):
        with pytest.raises(UsageError, match="weights that were found before"):
            api.blend_runs([runs[0]], weights_of=runs[0].name, **more)


@pytest.fixture
def by_column(runs):
    """The first run, with weights of each column in its blend."""
    path = runs[0] / "blend.json"
    record = json.loads(path.read_text())
    record |= {"column_groups": ["a", "b"], "group_of_column": [0, 1]}
    record["by_group"] = {key: [0.0, 0.0] for key in record["weights"]}
    record["by_group"] |= {"ridge/seed-43": [0.25, 1.0], "toy-network/seed-7": [0.75, 0.0]}
    path.write_text(json.dumps(record))
    return runs[0]


def test_saved_weights_by_column_are_applied_to_other_peoples_files_by_name(by_column, stranger, tmp_path):
    other = shutil.copy(by_column / "submission.csv", tmp_path / "other.csv")
    sources = [f"toy-network/seed-7={other}", f"ridge/seed-43={stranger}", f"toy-network/seed-44={other}"]
    results = api.blend_runs(sources, weights_of=by_column.name, competition="toy-regression")
    expected = submitted(by_column) * [0.25 * 2 + 0.75, 2.0]
    np.testing.assert_allclose(submitted(results.folder), expected, rtol=1e-6)
    with pytest.raises(UsageError, match=r"weight of toy-network/seed-7 in .* has no member"):
        api.blend_runs(sources[1:], weights_of=by_column.name, competition="toy-regression")
    with pytest.raises(UsageError, match="no member 'mine'"):
        api.blend_runs([*sources[:2], f"mine={other}"], weights_of=by_column.name, competition="toy-regression")
    with pytest.raises(UsageError, match="6 weights for 1 members"):
        api.blend_runs([other], weights_of=by_column.name, competition="toy-regression")


def test_saved_weights_are_those_of_a_run_with_members_of_the_same_names(by_column, finished, runs):
    again = shutil.copytree(finished[0], runs[0].with_name("0101-000000-again"))
    results = api.blend_runs([again], weights_of=str(by_column))
    ridge, network = test_of(again, "ridge/seed-43"), test_of(again, "toy-network/seed-7")
    np.testing.assert_allclose(submitted(results.folder), ridge * [0.25, 1.0] + network * [0.75, 0.0], rtol=1e-5)


def test_files_without_names_take_saved_weights_in_their_order_and_are_told_so(runs, stranger, ctk):
    shutil.copy(runs[1] / "submission.csv", stranger.with_name("other.csv"))
    blend = api.blend_runs(runs, blender="mean", options=["weights=[0.75, 0.25]"], name="both")
    files = (stranger, stranger.with_name("other.csv"), "--competition", "toy-regression")
    said = ctk("blend", *files, "--weights-of", "both", code=0)
    assert f"file/stranger.v2 takes the weight of {runs[0].name}" in said.stdout + said.stderr
    applied = max(runs[0].parent.glob("*-blend"), key=lambda path: path.name)
    expected = 0.75 * submitted(stranger_folder(stranger)) + 0.25 * submitted(runs[1])
    np.testing.assert_allclose(submitted(applied), expected, rtol=1e-6)
    assert blend.folder != applied


def stranger_folder(stranger: Path) -> Path:
    folder = stranger.parent / "as-run"
    folder.mkdir()
    shutil.copy(stranger, folder / "submission.csv")
    return folder


@pytest.mark.parametrize("blender", ["mean", "hill-climb"])
def test_a_blend_of_runs_predicts_other_data_with_their_members_and_its_weights(runs, tmp_path, blender):
    blend = api.blend_runs(runs, blender=blender, name="both")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "flavour.txt").write_text("toy-regression\n")
    results = api.predict_with_blend("toy-regression", blend.folder, data=tmp_path / "data", name="new")
    np.testing.assert_allclose(submitted(results.folder), submitted(blend.folder), rtol=1e-5)
    assert weights(results) == weights(blend)
    shown = {row.name for row in local_leaderboard(api.runs_root())}
    assert shown == {each.name for each in (*runs, blend.folder, results.folder)}


def test_the_command_line_predicts_with_a_blend_and_refuses_one_of_files(runs, stranger, ctk):
    api.blend_runs([runs[0]], members=["ridge"], blender="mean", name="ridges")
    done = ctk("run", "toy-regression", "--stage", "predict", "--checkpoints", "ridges", "--name", "new", code=0)
    assert "24 rows, valid" in done.stdout
    api.blend_runs([runs[0], stranger], name="mixed")
    refused = ctk("run", "toy-regression", "--stage", "predict", "--checkpoints", "mixed", code=2).stderr
    assert "is a blend of files too" in refused
    assert "--weights-of" in refused


def test_a_switch_leaves_the_weighted_sum_as_it_is(runs, stranger, monkeypatch, ctk):
    monkeypatch.setattr(ToyCompetition, "postprocess", lambda self, prediction, samples, fitted: prediction.clip(0))
    line = ("blend", f"a={stranger}", f"b={stranger}", "--competition", "toy-regression", "-o", "weights=[1, -0.5]")
    ctk(*line, "--name", "plain", "--no-postprocess", code=0)
    ctk(*line, "--name", "mended", code=0)
    plain, mended = (submitted(next(runs[0].parent.glob(f"*-{name}"))) for name in ("plain", "mended"))
    assert plain.min() < 0
    np.testing.assert_allclose(plain, submitted(runs[0]), rtol=1e-6)
    np.testing.assert_array_equal(mended, plain.clip(0))


def test_a_file_that_is_blended_has_a_row_with_its_weight_wherever_members_are_shown(runs, stranger, ctk):
    printed = ctk("blend", runs[0], stranger, code=0).stdout
    assert re.search(r"^ *file/stranger.v2 +[\d.]+ +0.50 *$", printed, re.MULTILINE), printed
    results = api.blend_runs([runs[0], stranger])
    assert list(results.table().index)[:3] == [runs[0].name, "file/stranger.v2", "the same, on the test"]
    assert results.table().loc["file/stranger.v2", "weight"] == 0.5
    page = (results.folder / "report.html").read_text()
    assert re.search(r"<tr[^>]*>(?:(?!</tr>).)*file/stranger.v2(?:(?!</tr>).)*0.5", page, re.DOTALL)
