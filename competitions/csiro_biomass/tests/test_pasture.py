"""The synthetic data: the competition's layout and habits, and pictures that show what was weighed."""

from __future__ import annotations

import filecmp
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ctk.errors import CtkError
from ctk_csiro_biomass import default_data
from ctk_csiro_biomass.columns import PARTS, TARGETS
from ctk_csiro_biomass.pasture import folder, write_pasture
from ctk_csiro_biomass.pasture.camera import Camera
from ctk_csiro_biomass.pasture.picture import photograph, weigh
from ctk_csiro_biomass.pasture.plots import Plot, plan_plots
from ctk_csiro_biomass.pasture.sward import grow

SIZE = (50, 100)
HEADER = "sample_id,image_path,Sampling_Date,State,Species,Pre_GSHH_NDVI,Height_Ave_cm,target_name,target"


@pytest.fixture(scope="module")
def pasture(once) -> Path:
    return once("csiro-pasture", lambda place: write_pasture(place, 7, 4, size=SIZE, processes=2))


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """What the default data's tables say, one row a picture, without a picture drawn."""
    rows = []
    for number, plot in enumerate(plan_plots(default_data.IMAGES, default_data.TEST, 0)):
        random = np.random.default_rng([0, 1, number])
        weighed = weigh(grow(plot, random), plot, random)
        about = {"part": plot.part, "state": plot.visit.state, "date": plot.visit.date, "stamped": plot.visit.stamped}
        rows.append({**about, "ndvi": weighed.ndvi, "height": weighed.height, **weighed.grams})
    return pd.DataFrame(rows)


def plot_like(**how: object) -> Plot:
    """A plot of ryegrass on a clouded day without a date in its pictures, but for what is said."""
    plot = next(each for each in plan_plots(300, 0, 0) if each.species == "Ryegrass")
    visit = replace(
        plot.visit, sun=0.0, stamped=False, dryness=0.1, weathering=0.2, exposure=1.0, balance=(1.0, 1.0, 1.0)
    )
    return replace(plot, visit=visit, green=20.0, clover=0.0, dead=0.0, height=8.0, **how)


def shares(plot: Plot) -> tuple[float, float]:
    """Shares of pixels that are green and straw-coloured."""
    picture, _ = photograph(plot, (100, 200), np.random.default_rng(0))
    hue, saturation, value = np.moveaxis(np.asarray(Image.fromarray(picture).convert("HSV"), int), -1, 0)
    green = (hue > 45) & (hue < 120) & (saturation > 60)
    straw = (hue > 15) & (hue < 40) & (value > 120)
    return float(green.mean()), float(straw.mean())


def test_a_folder_has_the_competitions_layout(pasture):
    train, test = pd.read_csv(pasture / "train.csv"), pd.read_csv(pasture / "test.csv")
    assert (pasture / "train.csv").read_text().splitlines()[0] == HEADER
    assert list(test) == ["sample_id", "image_path", "target_name"]
    assert (len(train), len(test)) == (35, 20)
    for table in (train, test):
        images = table.image_path.unique()
        assert all(Image.open(pasture / path).size == (100, 50) for path in images)
        assert (table.sample_id == table.image_path.str.extract(r"/(.*)\.jpg")[0] + "__" + table.target_name).all()
        assert (table.groupby("image_path").target_name.apply(set) == set(TARGETS)).all()
    assert train.Sampling_Date.str.fullmatch(r"2015/[1-9]\d?/[1-9]\d?").all()
    for name in ("sample_submission.csv", "test_truth.csv"):
        listed = pd.read_csv(pasture / name)
        assert list(listed) == ["sample_id", "target"]
        assert (listed.sample_id == test.sample_id).all()
    assert "synthetic" in (pasture / "NOTICE.md").read_text()


def test_the_same_seed_gives_the_same_files_whoever_draws(pasture, tmp_path):
    told: list[tuple[int, int]] = []
    write_pasture(tmp_path, 7, 4, size=SIZE, processes=3, progress=lambda what, done, total: told.append((done, total)))
    files = sorted(str(path.relative_to(pasture)) for path in pasture.rglob("*.*"))
    assert len(files) == 5 + 7 + 4
    assert filecmp.cmpfiles(pasture, tmp_path, files, shallow=False)[0] == files
    assert told == [(done, 11) for done in range(1, 12)]


def test_another_seed_gives_other_pictures(pasture, tmp_path):
    write_pasture(tmp_path, 1, 1, size=SIZE, seed=1)
    assert not {path.name for path in tmp_path.rglob("*.jpg")} & {path.name for path in pasture.rglob("*.jpg")}


def test_a_process_that_fails_is_told_with_its_last_words(tmp_path, monkeypatch):
    import sys

    monkeypatch.setattr(folder, "WORKER", (sys.executable, "-c", "raise SystemExit('no ink left')"))
    with pytest.raises(CtkError, match="ended with code 1") as error:
        write_pasture(tmp_path, 2, 1, size=SIZE)
    assert error.value.help == "no ink left"
    assert not list(tmp_path.glob("*.csv"))


def test_default_data_is_drawn_once_into_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CTK_CACHE", str(tmp_path))
    monkeypatch.setattr(default_data, "IMAGES", 2)
    monkeypatch.setattr(default_data, "TEST", 1)
    place = default_data.folder()
    assert place.is_relative_to(tmp_path)
    assert len({path.stat().st_mtime for path in place.rglob("*")}) == 1
    monkeypatch.setattr(folder, "WORKER", ("/nonexistent",))
    assert default_data.folder() == place


def test_more_grass_is_more_green_and_more_grams():
    seen, grams = [], []
    for green in (3.0, 12.0, 30.0):
        plot = replace(plot_like(), green=green)
        seen.append(shares(plot)[0])
        grams.append(photograph(plot, SIZE, np.random.default_rng(0))[1].grams["Dry_Green_g"])
    assert seen == sorted(seen)
    assert seen[2] > 2 * seen[0]
    assert np.allclose(grams, (3, 12, 30), rtol=0.4)


def test_a_closed_sward_hides_what_is_dead_below():
    bare, under = (replace(plot_like(), green=green, dead=25.0) for green in (2.0, 60.0))
    nothing = replace(plot_like(), green=2.0)
    assert shares(bare)[1] > shares(nothing)[1] + 0.1
    assert shares(under)[1] < 0.5 * shares(bare)[1]


def test_the_same_grams_cover_less_where_the_sward_is_taller():
    low, tall = (
        grow(replace(plot_like(), green=25.0, height=height), np.random.default_rng(0)) for height in (6.0, 30.0)
    )
    areas = [-np.log(1 - sward.cover) / sward.green for sward in (low, tall)]
    assert areas[1] < 0.7 * areas[0]


def test_a_date_is_burnt_in_orange_where_the_visit_is_stamped():
    def orange(plot: Plot) -> int:
        picture, _ = photograph(plot, (250, 500), np.random.default_rng(0))
        return int((np.abs(picture.astype(int) - (255, 138, 22)).max(-1) < 12).sum())

    plain = plot_like()
    assert orange(plain) == 0
    assert orange(replace(plain, visit=replace(plain.visit, stamped=True))) > 100


def test_a_camera_that_is_tilted_still_shows_the_quadrats_middle():
    for seed in range(50):
        x, y = Camera.draw(np.random.default_rng(seed)).project(np.zeros(3), (250, 500))
        assert 200 < x < 300
        assert 75 < y < 175


def test_what_is_taller_is_nearer_to_the_camera():
    camera = Camera(120.0, (0.0, 0.0), np.eye(3), 1.0)
    (x, _), (higher, _) = camera.project(np.array([(20.0, 0.0, 0.0), (20.0, 0.0, 40.0)]), (250, 500))
    assert higher - 250 == pytest.approx((x - 250) * 120 / 80)


@pytest.mark.slow
def test_default_data_has_the_habits_of_the_competitions(table):
    train = table[table.part == "train"]
    total = train.Dry_Total_g
    off = (total - train[list(PARTS)].sum(axis=1)).abs()
    assert (train.GDM_g - train.Dry_Green_g - train.Dry_Clover_g).abs().max() < 1e-4
    assert 1 <= (off > 1e-3).sum() <= 10
    assert off.max() < 0.32
    assert 0.33 < (train.Dry_Clover_g == 0).mean() < 0.43
    assert 1 < total.min() < 10
    assert 130 < total.max() < 200
    assert total.skew() > 0.8
    assert 0.5 < total.corr(train.ndvi) < 0.75
    assert 0.55 < total.corr(train.height) < 0.8
    assert -0.35 < train.Dry_Dead_g.corr(train.ndvi) < 0.1
    assert train.ndvi.between(0.16, 0.91).all()
    means = total.groupby(train.state).mean()
    assert means.idxmax() == "NSW"
    assert means.idxmin() == "WA"
    assert (train.Dry_Dead_g[train.state == "WA"] == 0).all()
    assert (train.Dry_Dead_g[train.state != "WA"] > 0).mean() > 0.9
    assert 25 <= train.date.nunique() <= 28
    assert 0.15 < train.stamped.mean() < 0.4
    new = ~table.date[table.part == "test"].isin(train.date)
    assert 0.35 < new.mean() < 0.65
