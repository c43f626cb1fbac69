"""A submission may be a bundle of fitted models: written of a run's members, checked, graded, and blended by runs."""

import io
import json
import zipfile
from typing import Annotated

import numpy as np
import pytest

from ctk import api
from ctk.contract import Graded, RunOf, Strict
from ctk.errors import SubmissionError, UsageError
from ctk.files import atomic
from ctk.plugins.guard import competition_of
from ctk.runs import Run
from ctk.testing import check_plugin
from ctk.testing.distributions import find_anew, lay
from ctk.testing.toy.toy_competition import ToyRegression
from ctk.testing.toy.toy_samples import FLAVOUR, make_toy_samples

SERIAL = ["executor.name=serial", "executor.threads=1", "trackers=[]", "split.folds=3", "split.use=2"]
STIFF = {"name": "stiff", "model": {"name": "ridge", "alpha": 1000}}
RIDGES = {"members": [{"model": "ridge"}, STIFF], "blend": "mean"}


class Further(Strict):
    """What else is handed in."""

    other: Annotated[str | None, RunOf("toy-regression")] = None
    note: str = "none"


class Scoring(Strict):
    """How it is graded."""

    times: float = 1


def write_bundle(self, path, members, test, options):
    """What each member predicts, by key and fold, with its weight; and the members of another run."""
    others = api.fitted_members(options["other"]) if options.get("other") else []
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for begins, each in [*(("", each) for each in members), *(("other/", each) for each in others)]:
            values = io.BytesIO()
            np.save(values, each.load().predict(test))
            archive.writestr(f"{begins}{each.key}/{each.fold}/{each.weight:.6f}.npy", values.getvalue())
    return [f"written with the note {options['note']}"] if options else []


def read(path):
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: np.load(io.BytesIO(archive.read(name))) for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile) as error:
        raise SubmissionError(f"{path}: {error}.") from None


def score_file(self, path, truth, times=1):
    weighed = [float(name.split("/")[-1][:-4]) * values for name, values in read(path).items()]
    numbers = self.score(times * np.sum(weighed, axis=0), self.read_truth(truth))
    return Graded(numbers, [f"{numbers['toy-mse']:.3f} points"])


@pytest.fixture
def toy(tmp_plugin, ctk_home, monkeypatch):
    lay(tmp_plugin("empty", ""), "ctk-toy", "ctk.testing.toy")
    find_anew()
    facts = lambda self, path, test: [f"{len(read(path))} models"]  # noqa: E731
    more = {"bundled": True, "formats": ("zip",), "write_bundle": write_bundle, "check_bundle": facts}
    more |= {"score_file": score_file, "score_options": lambda self: Scoring}
    more |= {"submission_options": lambda self: Further}
    for name, value in more.items():
        monkeypatch.setattr(ToyRegression, name, value, raising=False)
    for name in ("write_submission", "read_submission"):
        monkeypatch.delattr(ToyRegression.__mro__[1], name)
    return "toy-regression"


def test_a_run_hands_its_members_with_their_weights_and_reports_the_facts(toy, ctk_home):
    results = api.run(toy, config=RIDGES, overrides=SERIAL)
    found = read(results.submission)
    assert sorted(found) == [f"{name}/seed-1/{fold}/0.250000.npy" for name in ("ridge", "stiff") for fold in (0, 1)]
    np.testing.assert_allclose(0.25 * np.sum(list(found.values()), axis=0), results.submitted, rtol=1e-5, atol=1e-6)
    assert results.bundle == ["4 models"]
    assert json.loads((results.folder / "submission.json").read_text())["facts"] == ["4 models"]
    assert "a bundle of models" in results.heading()


def test_validate_tells_its_facts_and_score_grades_it_as_the_organisers_print(toy, ctk, ctk_home):
    results = api.run(toy, config=RIDGES, overrides=SERIAL)
    assert ctk("validate", toy, results.submission, code=0).stdout.endswith("valid\n4 models\n")
    assert json.loads(ctk("validate", toy, results.submission, "--json", code=0).stdout)["facts"] == ["4 models"]
    truth = competition_of(toy).default_data() / FLAVOUR
    said = ctk("score", toy, results.submission, "--truth", truth, code=0).stdout
    assert f"{results.truth_scores['toy-mse']:.3f} points" in said
    again = json.loads(ctk("score", toy, results.submission, "--truth", truth, "-otimes=9", "--json", code=0).stdout)
    assert again["toy-mse"] > results.truth_scores["toy-mse"]
    assert again["lines"] == [f"{again['toy-mse']:.3f} points"]
    assert "unknown key 'tims'" in ctk("score", toy, results.submission, "--truth", truth, "-otims=9", code=2).stderr
    with pytest.raises(UsageError, match="toy-classification has no options of its score"):
        api.score("toy-classification", results.submission, truth, overrides=["times=9"])


def test_another_runs_members_are_found_before_anything_is_fitted(toy, ctk_home):
    first = api.run(toy, config=RIDGES, overrides=SERIAL, name="first")
    second = api.run(toy, config=RIDGES, overrides=[*SERIAL, "submission.other=first", "blend.members=[ridge]"])
    assert len(read(second.submission)) == 6
    assert Run(second.folder).config()["submission"] == {"other": str(first.folder.resolve()), "note": "none"}
    classes = api.run("toy-classification", config={"members": [{"model": "ridge"}], "blend": "mean"}, overrides=SERIAL)
    with pytest.raises(UsageError, match=r"a run of toy-classification that is finished.\nName a finished run of toy"):
        api.plan(toy, config=RIDGES, overrides=[*SERIAL, f"submission.other={classes.folder}"])
    with pytest.raises(UsageError, match="There is no run 'nowhere'"):
        api.plan(toy, config=RIDGES, overrides=[*SERIAL, "submission.other=nowhere"])
    with pytest.raises(UsageError, match=r"(?s)submission.*othr.*Did you mean 'other'"):
        api.plan(toy, config=RIDGES, overrides=[*SERIAL, "submission.othr=first"])


def test_a_finished_run_may_be_handed_in_anew_with_another_part(toy, ctk_home):
    first = api.run(toy, config=RIDGES, overrides=SERIAL, name="first")
    second = api.run(toy, config=RIDGES, overrides=SERIAL, name="second")
    stamps = {path: path.stat().st_mtime_ns for path in second.folder.rglob("fitted.json")}
    again = api.resume("second", overrides=["submission.other=first", "submission.note=x"])
    assert len(read(again.submission)) == 8
    assert {path: path.stat().st_mtime_ns for path in second.folder.rglob("fitted.json")} == stamps
    assert "written with the note x" in (again.bundle or [])
    assert first.folder != second.folder


def test_a_blend_of_runs_hands_in_what_its_runs_have_fitted(toy, ctk_home):
    runs = [api.run(toy, config=RIDGES, overrides=SERIAL, name=name) for name in ("one", "two")]
    folders = [each.folder for each in runs]
    whole = api.blend_runs(folders)  # mean: each run a member with its own blend
    assert sorted(read(whole.submission)) == sorted(
        f"{each.name}/{name}/seed-1/{fold}/0.125000.npy"
        for each in folders
        for name in ("ridge", "stiff")
        for fold in (0, 1)
    )
    single = api.blend_runs(folders, members=["stiff"])
    assert sorted(read(single.submission)) == sorted(
        f"{each.name}/stiff/seed-1/{fold}/0.250000.npy" for each in folders for fold in (0, 1)
    )
    with pytest.raises(UsageError, match="is a bundle of models, whose predictions nobody knows"):
        api.blend_runs([folders[0], runs[1].submission])


def test_one_members_own_bundle_and_a_prediction_with_checkpoints_are_written(toy, ctk, ctk_home):
    results = api.run(toy, config=RIDGES, overrides=SERIAL, name="one")
    ctk("show", "one", "--member", "ridge", "--submission", code=0)
    (path,) = results.folder.glob("members/ridge/seed-1/submission.zip")
    assert sorted(read(path)) == [f"ridge/seed-1/{fold}/0.500000.npy" for fold in (0, 1)]
    again = api.run(toy, checkpoints=results.folder, overrides=["trackers=[]"])
    assert sorted(read(again.submission)) == sorted(read(results.submission))


def test_what_needs_no_packing_is_not_packed(toy, ctk_home, tmp_path):
    results = api.run(toy, config=RIDGES, overrides=SERIAL)
    (tmp_path / "image.txt").write_text("")
    with pytest.raises(UsageError, match=r"(?s)is a bundle of its models already.*submission\.zip"):
        api.pack(str(results.folder), tmp_path / "packed", tmp_path / "image.txt")


def test_a_competition_says_what_its_submissions_are(toy, tmp_path):
    test = make_toy_samples(toy)[1]
    with pytest.raises(UsageError, match=r"(?s)reads no table of predictions.*Its submission is a bundle of models"):
        competition_of(toy).read_submission(tmp_path / "s.csv", test)
    with pytest.raises(UsageError, match=r"(?s)writes no bundle.*Its submission is a table of predictions"):
        competition_of("toy-classification").write_bundle(tmp_path / "s.zip", [], test, {})


def test_the_kit_finds_a_bundle_that_is_accepted_broken(toy, monkeypatch):
    monkeypatch.setattr(ToyRegression, "check_bundle", lambda self, path, test: ["fine"])
    with pytest.raises(AssertionError, match=r"a \.zip with its second half missing is accepted"):
        check_plugin("ctk-toy")
