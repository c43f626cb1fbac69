"""A package is drafted for the files there are: every guess in words, a sample that is read as the files are."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from plugins.tables.tests import trios
from plugins.tables.tests.made_packages import drafted, imported

from ctk.contract import RunConfig
from ctk.errors import UsageError
from ctk_tables.description import TableDescription
from ctk_tables.scaffold.table_scaffold import questions
from ctk_tables.scaffold.table_text import table_text

TRIOS = [trios.titanic, trios.house_prices, trios.spaceship, trios.cirrhosis, trios.steel_plates, trios.wine]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("trios")
    return {make.__name__: make(place / make.__name__) for make in TRIOS}


@pytest.fixture(scope="module")
def drafts(folders):
    return {name: drafted(folder) for name, folder in folders.items()}


NAMES = [make.__name__ for make in TRIOS]


@pytest.mark.parametrize("name", NAMES)
def test_the_description_is_written_so_that_it_is_read_again_with_a_reason_for_each_guess(name, drafts):
    inspection, draft = drafts[name]
    described = inspection.found.described
    text = draft.files["ctk_made_thing/table.yaml"]
    assert TableDescription.model_validate(yaml.safe_load(text)) == described.description
    lines = text.splitlines()
    for finding in described.findings:
        key = finding.key.split(".")[0]
        if key not in ("columns", "train", "test", "sample"):
            place = next(row for row, line in enumerate(lines) if line.startswith(f"{key}:"))
            assert lines[place - 1].startswith("# ")
    assert all(column["why"] for column in yaml.safe_load(text)["columns"].values())


@pytest.mark.parametrize("name", NAMES)
def test_every_line_that_is_shown_is_an_option(name, drafts):
    inspection, _ = drafts[name]
    assert all(row.option.startswith("--") and row.why for row in inspection.observations)
    assert {row.what for row in inspection.observations} >= {"train", "test", "id", "targets", "task", "metric"}


@pytest.mark.parametrize("name", NAMES)
def test_the_sample_is_small_and_is_read_as_the_files_are(name, drafts, folders, tmp_path):
    _, draft = drafts[name]
    with imported(draft, tmp_path) as module:
        competition = next(value for key, value in vars(module).items() if key == "MadeThingCompetition")()
        sample = tmp_path / "ctk_made_thing" / "sample"
        small, whole = module.Reader().read(sample), module.Reader().read(folders[name])
        assert len(small.train) <= 300
        assert small.train.features.keys() == whole.train.features.keys()
        assert small.train.target.shape[1:] == whole.train.target.shape[1:]
        assert competition.default_data() == folders[name]
        type(competition).data = str(tmp_path / "moved")
        assert competition.default_data() == sample


@pytest.mark.parametrize("name", NAMES)
def test_a_submission_is_as_the_sample_is_and_is_read_back(name, drafts, folders, tmp_path):
    _, draft = drafts[name]
    with imported(draft, tmp_path) as module:
        competition, data = module.MadeThingCompetition(), module.Reader().read(folders[name])
        rows = np.arange(len(data.test)) % len(data.train)
        prediction = data.train.target[rows]
        path = tmp_path / "submission.csv"
        competition.write_submission(path, data.test, prediction)
        given = next(folders[name].glob("*submission*.csv"))
        written, asked = (pd.read_csv(each, dtype=str) for each in (path, given))
        assert list(written.columns) == list(asked.columns)
        assert written.iloc[:, 0].tolist() == asked.iloc[:, 0].tolist()
        read = competition.read_submission(path, data.test)
        np.testing.assert_array_equal(read.values, competition.submitted(prediction, data.test))
        np.testing.assert_allclose(read.values, prediction, rtol=1e-6)
        if module.TABLE.submits == "labels":  # the words of train
            known = set(pd.read_csv(folders[name] / "train.csv", dtype=str)[module.TABLE.targets[0]].dropna())
            assert set(written.iloc[:, 1]) <= known


@pytest.mark.parametrize("name", NAMES)
def test_every_number_of_the_headline_is_best_for_the_truth(name, drafts, folders, tmp_path):
    _, draft = drafts[name]
    with imported(draft, tmp_path) as module:
        competition, train = module.MadeThingCompetition(), module.Reader().read(folders[name]).train
        draw = np.random.default_rng(0).permutation(len(train))
        best, worse = competition.evaluate(train.target, train), competition.evaluate(train.target[draw], train)
        assert list(best) == list(competition.headline)
        for key in best:
            sign = competition.measure(key).sign
            assert sign * best[key] > sign * worse[key], key


@pytest.mark.parametrize("name", ["titanic", "wine", "spaceship"])
def test_what_is_mended_twice_is_mended_once(name, drafts, folders, tmp_path):
    _, draft = drafts[name]
    with imported(draft, tmp_path) as module:
        competition, train = module.MadeThingCompetition(), module.Reader().read(folders[name]).train
        noise = np.random.default_rng(0).normal(0, 0.3, train.target.shape).astype(np.float32)
        raw = np.clip(0.4 * train.target + 0.3 + noise, 0, 1) if module.TABLE.task == "binary" else train.target + noise
        fitted = competition.fit_postprocess(raw, train)
        assert fitted["thresholds"]
        once = competition.postprocess(raw, train, fitted)
        np.testing.assert_array_equal(competition.postprocess(once, train, fitted), once)
        metric = competition.measure(competition.headline[0])
        assert metric.sign * metric.score(once, train) >= metric.sign * metric.score(raw, train)


@pytest.mark.parametrize("name", NAMES)
def test_presets_and_spaces_are_configs(name, drafts):
    _, draft = drafts[name]
    configs = {path.split("/")[-1]: text for path, text in draft.files.items() if "/presets/" in path}
    assert {"default.yaml", "quick.yaml"} <= configs.keys()
    for text in configs.values():
        assert text.startswith("# ")
        assert yaml.safe_load(text).keys() <= RunConfig.model_fields.keys()
    assert any("/spaces/" in path for path in draft.files)


def test_what_is_made_is_formatted_and_lints(drafts, tmp_path):
    for name, (_, draft) in drafts.items():
        for path, content in draft.files.items():
            if path.endswith(".py"):
                (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / name / path).write_text(content)
    for command in (["check", "--select", "E,F,B,UP,SIM,RUF", "--line-length", "120"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "--isolated", tmp_path]
            if command[0] == "check"
            else [sys.executable, "-m", "ruff", *command, "--no-cache", "--isolated", "--line-length", "120", tmp_path],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_unsure_is_asked_with_what_was_assumed(drafts):
    inspection, _ = drafts["wine"]
    asked = {question.option: question for question in inspection.questions}
    assert asked["metric"].default == "quadratic_kappa"
    assert asked["task"].default == "ordinal"
    assert asked["task"].choices == ("regression", "binary", "classes", "ordinal")
    assert questions(inspection.found.described) == list(inspection.questions)


def test_a_function_of_a_file_decides(folders, tmp_path):
    function = "def closeness(target, prediction):\n    return -abs(target - prediction).mean()\n"
    (tmp_path / "mine.py").write_text(f"{function}\n\ncloseness.maximize = True\n")
    inspection, draft = drafted(folders["house_prices"], metric=f"{tmp_path / 'mine.py'}:closeness")
    assert ("metrics", "-metric", "metric:METRIC", "closeness, of own_metric.py") in draft.parts
    assert not [question for question in inspection.questions if question.option == "metric"]
    with imported(draft, tmp_path / "package") as module:
        competition, train = module.MadeThingCompetition(), module.Reader().read(folders["house_prices"]).train
        assert competition.metric == "made-thing-metric"
        assert competition.headline[0] == "closeness"
        scores = competition.evaluate(train.target + 2, train)
        assert scores["closeness"] == pytest.approx(-2, rel=1e-3)


def test_a_table_that_was_edited_wrongly_is_told_by_its_key(drafts, tmp_path):
    _, draft = drafts["titanic"]
    path = "ctk_made_thing/table.yaml"
    for line, wrong, told in (
        ("task: binary", "task: bynary", "task: Input should be"),
        ("task: binary", "tusk: binary", "unknown key 'tusk'"),
        ("task: binary", "task: [binary", "line "),
    ):
        mangled = draft.files[path].replace(line, wrong)
        broken = replace(draft, files={**draft.files, path: mangled})
        place = tmp_path / str(len(list(tmp_path.iterdir())))
        with pytest.raises(UsageError, match=r"table\.yaml of ctk_made_thing: ") as caught, imported(broken, place):
            pass
        assert told in str(caught.value)


def test_a_metric_that_there_is_not_is_refused_with_the_nearest(folders):
    with pytest.raises(UsageError, match="There is no metric 'rmsel'"):
        drafted(folders["house_prices"], metric="rmsel")


def test_the_name_at_kaggle_makes_download_and_submit_work(folders, tmp_path):
    _, draft = drafted(folders["titanic"], download="titanic")
    assert "ctk data made-thing --download" in draft.use
    with imported(draft, tmp_path) as module:
        competition = module.MadeThingCompetition()
        assert (competition.platform, competition.slug) == ("kaggle", "titanic")
        assert competition.url == "https://www.kaggle.com/competitions/titanic"


def test_an_archive_is_described_and_its_files_are_found_unpacked_too(folders, tmp_path):
    packed = tmp_path / "packed"
    packed.mkdir()
    with zipfile.ZipFile(packed / "titanic.zip", "w") as archive:
        for path in folders["titanic"].iterdir():
            archive.write(path, path.name)
    inspection, draft = drafted(packed)
    assert inspection.found.described.description.train.path == "titanic.zip/train.csv"
    with imported(draft, tmp_path / "package") as module:
        reader = module.Reader()
        small, loose, whole = (
            reader.read(folder)
            for folder in (tmp_path / "package" / "ctk_made_thing" / "sample", folders["titanic"], packed)
        )
        assert (loose.train.ids == whole.train.ids).all()
        assert len(small.train) == len(whole.train)
        assert all(item.path is not None for item in reader.describe(folders["titanic"]))


def test_a_packed_file_is_packed_in_the_sample(folders, tmp_path):
    shutil.copytree(folders["wine"], tmp_path / "wine")
    plain = tmp_path / "wine" / "train.csv"
    (tmp_path / "wine" / "train.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    _, draft = drafted(tmp_path / "wine")
    inside = gzip.decompress(draft.files["ctk_made_thing/sample/train.csv.gz"])
    assert len(pd.read_csv(io.BytesIO(inside))) == 150


def test_of_each_class_the_sample_has_some(tmp_path):
    count = 2000
    frame = pd.DataFrame(
        {"id": range(count), "x": np.arange(count) % 7, "kind": ["rare"] * 9 + ["usual"] * (count - 9)}
    )
    trios.write_trio(tmp_path / "rare", frame, 100, ["kind"], {"id": None, "kind": "usual"})
    _, draft = drafted(tmp_path / "rare")
    small = pd.read_csv(io.BytesIO(draft.files["ctk_made_thing/sample/train.csv"]))
    assert len(small) == 300
    assert (small["kind"] == "rare").sum() >= 8


def test_the_text_of_a_table_says_what_is_unsure(drafts):
    inspection, _ = drafts["wine"]
    assert "# unsure: " in table_text(inspection.found.described)


def test_labels_are_handed_in_as_the_sample_writes_them(tmp_path):
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"id": range(120), "x": draw.normal(size=120), "kind": draw.choice(["no", "yes"], 120)})
    given = pd.DataFrame({"id": range(90, 120), "kind": ["YES", "NO"] * 15})
    trios.write_trio(tmp_path / "letters", frame, 30, ["kind"], given)
    _, draft = drafted(tmp_path / "letters")
    with imported(draft, tmp_path / "package") as module:
        competition, test = module.MadeThingCompetition(), module.Reader().read(tmp_path / "letters").test
        prediction = np.linspace(0, 1, 30, dtype=np.float32)[:, None]
        competition.write_submission(tmp_path / "made.csv", test, prediction)
        assert pd.read_csv(tmp_path / "made.csv")["kind"].tolist() == ["NO"] * 15 + ["YES"] * 15
        read = competition.read_submission(tmp_path / "made.csv", test)
        np.testing.assert_array_equal(read.values[:, 0], [0] * 15 + [1] * 15)
