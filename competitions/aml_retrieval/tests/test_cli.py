"""The command line, end to end, on a small slice of the embedded data in a folder of its own."""

import json
import shutil
from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest

from ctk import api
from ctk.data import Npz
from ctk.samples import Gallery
from ctk_aml_retrieval import layout
from ctk_aml_retrieval.submission import read, write


def test_a_run_goes_the_whole_way(finished, ctk, small):
    said = (finished.parents[2] / "said.txt").read_text()
    for line in (
        "residual-mlp/seed-1",
        "residual-mlp/seed-2",
        "blend (greedy of",
        "ridge/seed-0",
        "baseline",
        "the same, on the test",
    ):
        assert line in said
    assert f"submission  {finished}/submission.csv   100 rows, valid" in said
    assert f"report      {finished}/report.html" in said
    for name in (
        "config.yaml", "overrides.txt", "environment.json", "metrics.jsonl", "blend.json", "submission.csv",
        "submission.json", "report.html", "log.txt", "scores.json", "members/residual-mlp/seed-2/fold-0/oof/values.npy",
        "members/residual-mlp/seed-2/fold-0/checkpoints/weights.pt",
    ):  # fmt: skip
        assert (finished / name).exists(), name
    assert list(finished.glob("members/residual-mlp/seed-1/fold-0/checkpoints/stage-1/tensorboard/events*"))
    assert list(finished.glob("members/residual-mlp/seed-1/fold-0/checkpoints/stage-1/csv/*/metrics.csv"))
    assert "seeds=[1, 2]" in (finished / "overrides.txt").read_text()

    scores = json.loads((finished / "scores.json").read_text())
    blend, members = scores["members"]["blend"], scores["members"]
    assert {"mrr_gallery", "mrr_100", "recall@10_gallery", "recall@10_100", "ndcg@100_100"} <= set(blend)
    assert blend["mrr_gallery"] >= max(members[f"residual-mlp/seed-{seed}"]["mrr_gallery"] for seed in (1, 2)) - 1e-6

    submission = finished / "submission.csv"
    assert "valid, 100 rows" in ctk("validate", "aml-retrieval", submission, "--data", small, code=0).stdout
    truth = small / "test" / "test.truth.npz"
    scored = ctk("score", "aml-retrieval", submission, "--truth", truth, "--json", code=0)
    assert json.loads(scored.stdout) == pytest.approx(scores["test"])

    there = {"CTK_RUNS": finished.parents[1]}
    (row,) = json.loads(ctk("runs", "aml-retrieval", "--json", code=0, **there).stdout)
    assert row["state"] == "finished"
    assert row["blend"] == pytest.approx(blend["mrr_gallery"])
    assert "mrr_gallery" in ctk("show", "mine", code=0, **there).stdout


def test_seeds_give_the_same_whatever_ran_beside_them(finished, run):
    folder, _ = run("--seeds", "2,1", "-o", "executor.name=local", "-o", "executor.workers=2")
    for seed in (1, 2):
        name = f"members/residual-mlp/seed-{seed}/fold-0/test/values.npy"
        assert np.array_equal(np.load(folder / name), np.load(finished / name))


def test_dry_run_writes_a_submission_of_the_right_form_and_tries_filters_without_obeying_them(run, ctk, small):
    folder, said = run("--dry-run", "-o", "filters=[{name: topk, k: 1}]", "--name", "tried")
    assert folder.name.endswith("-tried")
    assert "filter topk kept" in said
    assert not (folder / "kept.npy").exists()
    ctk("validate", "aml-retrieval", folder / "submission.csv", "--data", small, code=0)
    assert json.loads(ctk("runs", "--json").stdout) == []
    assert len(json.loads(ctk("runs", "--dry", "--json").stdout)) == 1
    assert "is a dry run" in ctk("blend", folder, code=2).stderr


def test_folds_and_stacking_share_the_store(run):
    network = "{model: {name: residual-mlp, hidden: 16}, epochs: 1, batch: {size: 128}}"
    ridges = "{model: ridge, name: alone, seeds: [0]}, {model: ridge, name: stacked, uses: [residual-mlp], seeds: [0]}"
    folds = ("-o", "split.folds=2", "-o", "split.use=2", "--seeds", "1")
    folder, _ = run(*folds, "-o", f"members=[{network}, {ridges}]", "-o", "members.residual-mlp.epochs=2")
    assert len(list(folder.glob("members/*/seed-*/fold-*/oof/values.npy"))) == 6
    # What the network said of rows it had not seen is a feature: the ridge that has it answers otherwise.
    alone, stacked = (folder / f"members/{name}/seed-0/fold-1/oof" for name in ("alone", "stacked"))
    assert np.array_equal(np.load(alone / "ids.npy"), np.load(stacked / "ids.npy"))
    assert not np.allclose(np.load(alone / "values.npy"), np.load(stacked / "values.npy"))


RIDGE_FOR_CLIP = (
    "-o", "filters.clip={name: ridge}", "-o", "members.clip.filters=[ridge]", "-o", "members.clip-adamw.filters=[ridge]"
)  # fmt: skip
"""The preset reference without open_clip."""


@pytest.mark.slow
def test_the_whole_of_the_reference_solution_is_one_command(ctk, small, tmp_path):
    tiny = ("-o", "members.top50.model.hidden=8", "-o", "members.clip.model.hidden=8")
    tiny += ("-o", "members.clip-adamw.model.hidden=8", "-o", "members.baseline.model.hidden=8")
    line = ("run", "aml-retrieval", "--data", small, "--preset", "reference", *RIDGE_FOR_CLIP, "-osplit.by=image")
    ctk(*line, *tiny, "--dry-run", code=0)
    (folder,) = (tmp_path / "runs" / "aml-retrieval").iterdir()
    for path in ("submission.csv", "blends/sixteen/submission.csv", "blends/all/submission.csv"):
        ctk("validate", "aml-retrieval", folder / path, "--data", small, code=0)
    assert not list(folder.glob("filters/*/baseline-*"))  # the baseline is fitted once, as a member


def test_the_reference_solutions_means_are_of_its_sixteen_and_all_of_its_seeds():
    config, _ = api.configured("aml-retrieval", preset="reference", overrides=RIDGE_FOR_CLIP[1::2])
    old = ["42", "1337", "2025", "31415", "123456", "7", "111", "7777", "271828", "98765", "4"]
    sixteen = [key.rpartition("-")[2] for key in config.keys_of(config.blends["sixteen"].members)]
    assert sixteen == [*old, "8", "26", "256", "42", "322"]
    assert config.blend == config.blends["sixteen"]
    assert len(config.keys_of(config.blends["all"].members)) == 23
    sets = {member.name: [config.filter_names[n] for n in config.filters_of(member)] for member in config.members}
    assert sets == {"ridge": [], "baseline": [], "top50": ["topk"], "clip": ["ridge"], "clip-adamw": ["ridge"]}


def test_blend_of_runs_and_files(finished, run, ctk, tmp_path):
    other, _ = run("--seeds", "3", "--name", "other")
    told = json.loads(ctk("blend", finished, other, "--json", code=0).stdout)
    assert len([key for key in told["scores"] if "residual-mlp" in key]) == 3
    assert told["scores"]["blend"]["mrr_gallery"] > 0

    theirs = tmp_path / "theirs.csv"
    shutil.copy(finished / "submission.csv", theirs)
    ctk("blend", other, theirs, "--name", "mixed", "--json", code=0)
    by_hand = ctk("blend", theirs, other, "--blender", "mean", "-o", "weights=[1.25, -0.25]", "--json", code=0)
    weights = json.loads((tmp_path / json.loads(by_hand.stdout)["run"] / "blend.json").read_text())["weights"]
    assert list(weights.items()) == [("file/theirs", 1.25), ("residual-mlp/seed-3", -0.25)]
    refused = ctk("blend", other, theirs, "--blender", "greedy", code=2)
    assert "needs out-of-fold predictions" in refused.stderr
    assert "given twice" in ctk("blend", finished, finished, code=2).stderr


def test_mean_of_files_is_their_element_wise_mean(ctk, tmp_path):
    ids = np.arange(1, 501)  # the embedded data's test ids
    values = np.random.default_rng(0).normal(size=(2, 500, 1280)).astype(np.float32)
    write(tmp_path / "a.csv", ids, values[0])
    write(tmp_path / "b.csv", ids[::-1], values[1][::-1])
    line = ("blend", "a.csv", "b.csv", "--blender", "mean", "--competition", "aml-retrieval", "--json")
    answer = ctk(*line, code=0)
    folder = tmp_path / json.loads(answer.stdout)["run"]
    assert np.allclose(read(folder / "submission.csv", ids).values, values.mean(0), atol=1e-6)


def test_a_filter_drops_training_samples_and_leaves_validation_whole(finished, run):
    folder, said = run("--seeds", "1", "-o", "filters=[{name: ridge, write: [kept, dropped]}]")
    assert "filter ridge kept" in said
    for which, count in (("kept", 356), ("dropped", 39)):  # both are data sets of their own, with the pictures
        written = layout.locate(folder / "filters" / "1-ridge" / which)
        with Npz(written.train) as suspects:
            assert suspects.shape("captions/ids") == (count,)
        assert written.images is not None
        assert any(written.images.iterdir())
    kept = (folder / "filters" / "1-ridge" / "kept.csv").read_text().splitlines()
    dropped = (folder / "filters" / "1-ridge" / "dropped.csv").read_text().splitlines()
    assert len(dropped) > 10
    assert len(kept) > 5 * len(dropped)
    one, other = (run / "members/residual-mlp/seed-1/fold-0/oof" for run in (finished, folder))
    assert np.array_equal(np.load(one / "ids.npy"), np.load(other / "ids.npy"))
    assert not np.array_equal(np.load(one / "values.npy"), np.load(other / "values.npy"))


def test_filtered_data_is_written_in_the_competitions_layout_and_never_over_data(ctk, small, tmp_path):
    filtered = ("data", "aml-retrieval", "--data", small, "--filter", "ridge", "--out", "filtered")
    assert "wrote 356 of 395" in ctk(*filtered, code=0).stdout
    with Npz(tmp_path / "filtered" / "train" / "train.npz") as new:
        assert new.shape("captions/ids")[0] == 356
        assert int(new.read("metadata/num_captions", kind="iu", shape=(1,))[0]) == 356
    pictures = tmp_path / "filtered" / "train" / "Images"
    assert pictures.is_symlink()  # a link spares a copy
    assert pictures.resolve() == (small / "train" / "Images").resolve()
    listed = ctk("data", "aml-retrieval", "--data", "filtered", "--json")
    assert {item["item"] for item in json.loads(listed.stdout)["items"] if item["path"]} >= {
        "train.npz",
        "test.clean.npz",
    }
    assert "filtered is not empty" in ctk(*filtered, code=2).stderr


@pytest.mark.parametrize("line", ["data_dir: 5", 'data_dir: "a\\0b"', 'checkpoints: "\\0"'])
def test_what_is_no_path_is_told_before_it_is_used(ctk, tmp_path, line):
    (tmp_path / "config.yaml").write_text(line)
    said = ctk("run", "aml-retrieval", "--config", "config.yaml", code=2).stderr
    assert f"Config key '{line.partition(':')[0]}'" in said


def test_filtering_that_was_killed_goes_on(ctk, small, tmp_path, monkeypatch):
    line = ("data", "aml-retrieval", "--data", small, "--filter", "ridge", "--out", "killed")
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / "..unfinished.4711.part").write_text("half")  # killed at once
    with monkeypatch.context() as patch:
        patch.setattr("ctk_aml_retrieval.layout.write", Mock(side_effect=KeyboardInterrupt))
        ctk(*line, code=1)
    (tmp_path / "killed" / "train").mkdir()
    (tmp_path / "killed" / "train" / ".train.npz.4711.part").write_text("half")
    assert "wrote 356 of 395" in ctk(*line, code=0).stdout
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == ["filters", "test", "train"]
    assert sorted(path.name for path in (tmp_path / "killed" / "train").iterdir()) == ["Images", "train.npz"]


def test_a_filter_is_asked_again_when_its_options_change(ctk, small):
    line = ("data", "aml-retrieval", "--data", small, "--filter", "ridge", "--out", "half")
    assert "wrote 198 of 395" in ctk(*line, "-o", "filters.ridge.drop_fraction=0.5", code=0).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run", "aml-retreival"], 2, "Did you mean 'aml-retrieval'?"),
        (["run", "aml-retrieval", "--preset", "qick"], 2, "Did you mean 'quick'?"),
        (["run", "aml-retrieval", "-o", "members.residual-mlp.epoch=3"], 2, "Did you mean 'epochs'?"),
        (["run", "aml-retrieval", "--seeds", "a"], 2, "whole numbers"),
        (["run", "aml-retrieval", "--data", "nowhere"], 1, "nowhere: there is no such folder"),
        (["run", "aml-retrieval", "--config", "nowhere.yaml"], 2, "there is no such file"),
        (["run", "aml-retrieval", "--resume", "nothing"], 2, "There is no run 'nothing'"),
        (["run", "aml-retrieval", "-o", "filters=[clipp]"], 2, "There is no filter 'clipp'"),
        (["rnu"], 2, "Did you mean 'run'?"),
        (["validate", "aml-retrieval", "nowhere.csv"], 1, "there is no such file"),
        (["score", "aml-retrieval", "a.csv", "--truth", "nowhere.npz"], 1, "nowhere.npz"),
        (["show", "nothing"], 2, "There is no run 'nothing'"),
        (["blend", "nothing"], 2, "There is no file and no run 'nothing'"),
        (["run", "aml-retrieval", "--name", "a/b"], 2, "no name for a folder"),
        (["run", "aml-retrieval", "-o", "members.residual-mlp.uses=[ridge]"], 2, "reads only text"),
        (["run", "aml-retrieval", "-o", "members.residual-mlp.model.hidden=-5"], 2, "hidden"),
        (["run", "aml-retrieval", "-o", "members.residual-mlp.loss.temperature=0"], 2, "temperature"),
        (["run", "aml-retrieval", "-o", "members.residual-mlp.epochs=true"], 2, "no number"),
        (["run", "aml-retrieval", "-o", "seeds.0.a=1"], 2, "has no keys"),
        (["run", "aml-retrieval", "-o", "trackers=neptune"], 2, "There is no tracker 'neptune'"),
        (["run", "aml-retrieval", "--seeds=-1"], 2, "whole numbers"),
        (["data", "aml-retrieval", "--data", "nowhere"], 1, "nowhere: there is no such folder"),
        (["data", "aml-retrieval", "--filter", "ridge"], 2, "--out"),
        (["data", "aml-retrieval", "--build", "--images", "x"], 2, "--captions"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_the_right_exit_code(ctk, arguments, code, said):
    answer = ctk(*arguments)
    assert said in answer.stdout + answer.stderr
    assert "Traceback" not in answer.stderr
    assert answer.returncode == code


def test_one_damaged_run_does_not_hide_the_others(finished, ctk, tmp_path):
    folder = tmp_path / "runs" / "aml-retrieval"
    shutil.copytree(finished, folder / finished.name)
    (folder / "bad").mkdir()
    (folder / "bad" / "config.yaml").write_text("")
    rows = json.loads(ctk("runs", "--json").stdout)
    assert [row["state"] for row in rows] == ["finished", "damaged"]
    assert "damaged config.yaml" in ctk("show", "bad", code=0).stdout


def test_listings_are_json_too(ctk):
    assert "aml-retrieval" in [row["id"] for row in json.loads(ctk("list", "--json").stdout)]
    info = json.loads(ctk("info", "aml-retrieval", "--json").stdout)
    assert set(info["presets"]) == {
        "baseline",
        "ensemble-raw",
        "ensemble-clip",
        "ensemble-clip-adamw",
        "quick",
        "reference",
    }
    assert json.loads(ctk("data", "aml-retrieval", "--json").stdout)["items"]


@pytest.mark.slow
@pytest.mark.parametrize(("text", "image"), [(384, 768), (1024, 1536)])
def test_a_run_takes_any_folder_of_the_layout_with_other_widths(ctk, whole, tmp_path, text, image):
    random = np.random.default_rng(0)
    read, seen = random.normal(size=(384, text)) / 20, random.normal(size=(1280, image)) / 36

    def widened(samples):
        features = {"text": (samples.features["text"] @ read).astype(np.float32)}
        gallery = samples.gallery and Gallery(
            (samples.gallery.vectors @ seen).astype(np.float32), samples.gallery.names
        )
        return replace(samples, features=features, gallery=gallery)

    rows = np.flatnonzero(whole.train.target < 60)
    layout.write(tmp_path / "data", widened(whole.train.take(rows).with_own_gallery()), labelled=True)
    layout.write(tmp_path / "data", widened(whole.test), labelled=False)
    # The baseline preset as it stands, its widths taken from the data.
    one = ("-o", "members.residual-mlp.epochs=1", "-o", "seeds=[1]", "-o", "executor={name: serial, threads: 1}")
    answer = ctk("run", "aml-retrieval", "--data", "data", *one, "--json", code=0)
    told = json.loads(answer.stdout)
    assert 0 < told["scores"]["blend"]["mrr_gallery"] <= 1
    first = (tmp_path / told["run"] / "submission.csv").read_text().splitlines()[1]
    assert first.count(",") == image


def test_bad_data_is_one_sentence_with_file_key_and_row(run, ctk, small, tmp_path):
    data = layout.read(small)
    vectors = data.train.features["text"].copy()
    vectors[7, 3] = np.nan
    layout.write(tmp_path / "bad", replace(data.train, features={"text": vectors}), labelled=True)
    layout.write(tmp_path / "bad", data.test, labelled=False)
    answer = ctk("run", "aml-retrieval", "--data", "bad")
    assert answer.returncode == 1
    assert "train.npz, captions/embeddings, row 7" in answer.stderr
    assert "-o data.bad_rows=drop" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not list(tmp_path.glob("runs/*/*/submission.csv"))
    assert "1 bad rows dropped" in run("--data", "bad", "-o", "data.bad_rows=drop", "--dry-run")[1]


def test_a_run_is_not_gone_on_with_on_other_data(run, ctk, small, tmp_path):
    copy = tmp_path / "data"
    shutil.copytree(small, copy, symlinks=True)
    folder, _ = run("--data", copy, "--seeds", "1")
    ctk("run", "aml-retrieval", "--resume", folder, CTK_CACHE=tmp_path / "cleared", code=0)  # the same, read again
    layout.write(copy, layout.read(small).test.take(np.arange(99)), labelled=False)
    answer = ctk("run", "aml-retrieval", "--resume", folder)
    assert answer.returncode == 1
    assert "The data has changed since" in answer.stderr


def test_saved_members_predict_again_without_a_fit(finished, ctk, small, tmp_path):
    predict = ("run", "aml-retrieval", "--stage", "predict", "--checkpoints", finished, "--data", small)
    ctk(*predict, code=0)
    (again,) = (tmp_path / "runs" / "aml-retrieval").iterdir()
    for name in ("submission.csv", "scores.json"):
        assert (again / name).read_bytes() == (finished / name).read_bytes()
    assert not list(again.glob("members/*/*/*/checkpoints"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--stage", "predict"), "--stage predict and --checkpoints RUN go together"),
        (("--stage", "predict", "--checkpoints", "nowhere"), "There is no run 'nowhere'"),
        (("--checkpoints", "nowhere"), "--stage predict and --checkpoints RUN go together"),
    ],
)
def test_predicting_without_saved_members_is_refused(ctk, arguments, said):
    answer = ctk("run", "aml-retrieval", *arguments)
    assert answer.returncode == 2
    assert said in answer.stderr
