"""The retrieval sections rank as the metric does, mark the right picture, and survive what lies in the folder."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ctk.contract import Blend, Metric, Results
from ctk.report import best_baseline, write_report
from ctk.samples import Array, Gallery, Samples
from ctk_aml_retrieval.report import Pictures, chosen, cosine_ranks, rank_bins, sections

PICTURES = 30


def made(prediction: Array, vectors: Array, target: Array, files: Path | None = None) -> Results:
    names = np.array([f"{at}.png" for at in range(len(vectors))])
    captions = np.array([f"caption {at}" for at in range(len(target))])
    valid = Samples(np.arange(len(target)), {}, target, notes={"caption": captions}, gallery=Gallery(vectors, names))
    return Results(
        title="AML",
        folder=Path("runs/quick"),
        config={},
        environment={},
        about="",
        metric=Metric("mrr_gallery", "max", lambda prediction, samples: 0.0),
        headline=("m",),
        valid=valid,
        oof={"mlp/seed-1": prediction, "ridge/seed-1": prediction[::-1].copy()},
        blended=prediction,
        blend=Blend({"mlp/seed-1": 1.0}),
        scores={"ridge/seed-1": {"mrr_gallery": 0.1}, "blend": {"mrr_gallery": 0.4}},
        curves={},
        seconds={},
        baselines=frozenset({"ridge/seed-1"}),
        test=Samples(np.arange(3), {}),
        submitted=np.zeros((3, 4)),
        submission=Path("runs/quick/submission.csv"),
        files=files,
    )


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Two captions a picture, predicted so well that there are hits, near misses and misses; small real pictures."""
    rng = np.random.default_rng(3)
    for at in range(PICTURES):
        Image.new("RGB", (40, 30), (at * 8, 90, 120)).save(tmp_path / f"{at}.png")
    vectors = rng.normal(size=(PICTURES, 6)).astype(np.float32)
    target = np.arange(2 * PICTURES) % PICTURES
    prediction = vectors[target] + 1.6 * rng.normal(size=(2 * PICTURES, 6)).astype(np.float32)
    return made(prediction.astype(np.float32), vectors, target, tmp_path)


def test_ranks_are_by_cosine_whatever_the_lengths(results: Results) -> None:
    gallery = results.valid.gallery
    assert gallery is not None
    assert results.valid.target is not None
    lengths = np.linspace(0.1, 9, PICTURES, dtype=np.float32)[:, None]
    longer = replace(results.valid, gallery=Gallery(gallery.vectors * lengths, gallery.names))
    ranks = cosine_ranks(replace(results, valid=longer), results.blended * 7)
    unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (results.blended, gallery.vectors)]
    scores = unit[0] @ unit[1].T
    right = scores[np.arange(len(scores)), results.valid.target]
    np.testing.assert_array_equal(ranks, 1 + (scores > right[:, None] + 1e-6).sum(1))


def test_both_sections_stand_on_the_page_and_nothing_is_fetched(results: Results, tmp_path: Path) -> None:
    drawn = sections(results)
    assert [section.title for section in drawn] == ["Ranks", "Pictures found"]
    write_report(results, drawn, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count('<article class="query">') == 12
    assert all(source.startswith("data:image/") for source in re.findall(r'src="([^"]*)', page))
    assert "blend median" in page
    assert "ridge median" in page


def test_every_shown_caption_has_its_right_picture_marked_once(results: Results) -> None:
    html = sections(results)[1].html
    for query in html.split("<article")[1:]:
        assert query.count('class="right"') == query.count("✓ right") == 1
    assert html.count("<h3>") == 3


def test_captions_are_drawn_by_kind_and_no_picture_twice() -> None:
    ranks = np.array([1.0] * 20 + [2.0] * 3 + [50.0] * 20)
    target = np.arange(43) % 22
    drawn = chosen(ranks, target)
    assert [len(rows) for rows in drawn.values()] == [4, 3, 4]
    assert all(np.all(ranks[rows] == rank) for rows, rank in zip(drawn.values(), (1, 2, 50), strict=True))
    pictures = [target[row] for rows in drawn.values() for row in rows]
    assert len(set(pictures)) == len(pictures)
    assert list(chosen(np.ones(5), np.arange(5))) == ["Ranked first"]


def test_hostile_captions_and_names_are_escaped(results: Results) -> None:
    hostile = '<script>alert("1")</script>'
    gallery = results.valid.gallery
    assert gallery is not None
    valid = replace(
        results.valid,
        notes={"caption": np.full(len(results.valid), hostile)},
        gallery=Gallery(gallery.vectors, np.full(PICTURES, hostile)),
    )
    html = sections(replace(results, valid=valid))[1].html
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_missing_pictures_are_boxes_with_their_names(results: Results, tmp_path: Path) -> None:
    (tmp_path / "7.png").unlink()
    (tmp_path / "8.png").write_bytes(b"not a picture")
    (tmp_path / "9.png").write_bytes((tmp_path / "10.png").read_bytes()[:60])
    pictures = Pictures(tmp_path)
    for name in ("7.png", "8.png", "9.png", "sub/", "", "nul\0.png"):
        assert pictures.uri(name) is None
    assert "7.png" in pictures.tile("7.png", "1", right=False)
    assert "<img" not in sections(replace(results, files=None))[1].html


def test_pictures_outside_the_folder_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "secret.png")
    pictures = Pictures(tmp_path / "inside")
    assert pictures.uri("../secret.png") is None
    assert pictures.uri(str(tmp_path / "secret.png")) is None


@pytest.mark.parametrize(("name", "mode", "kind"), [("large.jpg", "RGB", "JPEG"), ("large.png", "P", "PNG")])
def test_large_pictures_are_made_small(tmp_path: Path, name: str, mode: str, kind: str) -> None:
    Image.new(mode, (600, 300)).save(tmp_path / name)
    uri = Pictures(tmp_path).uri(name)
    assert uri is not None
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as picture:
        assert (picture.size, picture.format) == ((96, 48), kind)


def test_without_a_baseline_the_blend_stands_alone(results: Results) -> None:
    alone = replace(results, baselines=frozenset())
    assert best_baseline(alone) is None
    assert "ridge" not in sections(alone)[0].html


def test_a_blend_that_is_not_finite_is_said_not_drawn(results: Results) -> None:
    broken = results.blended.copy()
    broken[3] = np.nan
    drawn = sections(replace(results, blended=broken))
    assert len(drawn) == 1
    assert "not all finite" in drawn[0].html


def test_there_is_nothing_to_show_without_a_gallery(results: Results) -> None:
    assert sections(replace(results, valid=replace(results.valid, gallery=None))) == []


def test_one_picture_is_enough() -> None:
    vectors = np.ones((1, 3), np.float32)
    assert len(sections(made(np.ones((2, 3), np.float32), vectors, np.zeros(2, np.int64)))) == 2


def test_bins_end_at_the_size_of_the_gallery() -> None:
    assert rank_bins(478) == [1, 2, 5, 10, 20, 50, 100, 200, 478]
    assert rank_bins(1) == [1]
    assert rank_bins(10) == [1, 2, 5, 10]
