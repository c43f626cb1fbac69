"""What the scenes of a recorded race promise: the path is the car's own, left is positive, nothing tells the future."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ctk_atmacup_18.game.record import AHEAD, DECISECONDS, FRAMES, plan
from ctk_atmacup_18.game.scenes import HORIZONS, Race, intrinsics, rotations

SPEED, RATE, NOW = 12.0, 0.3, 40  # m/s; radians a second, to the right of the game's world


def race_on_a_circle(tmp_path: Path, rate: float, steer: float) -> Race:
    """A record of a kart on a level circle: the game's axes (right, up, forward), its heading 0 along z."""
    heading = rate * np.arange(100) / 10
    radius = SPEED / rate
    zero = np.zeros_like(heading)
    place = np.stack([radius * (1 - np.cos(heading)), zero, radius * np.sin(heading)], 1)
    quaternion = np.stack([np.cos(heading / 2), zero, -np.sin(heading / 2), zero], 1)
    velocity = SPEED * np.stack([np.sin(heading), zero, np.cos(heading)], 1)
    local = np.tile([0, 0, SPEED], (100, 1))
    controls = np.tile([steer, 0.2, 0.7, 0], (100, 1))
    np.savez(
        tmp_path / "race.npz",
        track="circle",
        seed=1,
        kart="tux",
        reverse=False,
        trajectory=np.hstack([place, quaternion, velocity, local, controls]).astype(np.float32),
        rows=np.array([[0, NOW, 20]]),
        pictures=np.zeros((1, 3, 64, 128, 3), np.uint8),
        projection=np.eye(4),
    )
    return Race.read(tmp_path / "race.npz")


@pytest.mark.parametrize("rate", [RATE, -RATE])
def test_the_path_is_seen_from_the_car_whichever_way_it_looks(tmp_path, rate):
    turned = rate * np.array(HORIZONS) / 10
    radius = SPEED / rate
    forward, left = radius * np.sin(turned), -radius * (1 - np.cos(turned))
    path = race_on_a_circle(tmp_path, rate, 0.5).path(NOW)
    assert_allclose(path, np.stack([forward, left, 0 * turned], 1), atol=1e-3)


@pytest.mark.parametrize(("rate", "steer"), [(-RATE, -0.6), (RATE, 0.6)])
def test_a_turn_to_the_left_has_path_steering_torque_and_blinker_to_the_left(tmp_path, rate, steer):
    race = race_on_a_circle(tmp_path, rate, steer)
    columns, way = race.columns(NOW), -np.sign(rate)
    assert np.sign(race.path(NOW)[-1, 1]) == way
    assert np.sign(columns["steeringAngleDeg"]) == way
    assert columns["steeringTorque"] == pytest.approx(-SPEED * rate, rel=1e-3)  # to the side, m/s2
    assert (columns["leftBlinker"], columns["rightBlinker"]) == (way > 0, way < 0)


def test_the_columns_know_nothing_of_what_comes_later(tmp_path):
    race = race_on_a_circle(tmp_path, RATE, 0.1)
    before = race.columns(NOW)
    for array in (race.place, race.rotation, race.velocity, race.forward, race.steer, race.gas, race.brake):
        array[NOW + 1 :] = 99
    assert race.columns(NOW) == before


def test_a_kart_that_was_lifted_and_set_down_did_not_drive(tmp_path):
    race = race_on_a_circle(tmp_path, RATE, 0.1)
    assert race.driven(NOW)
    race.place[NOW + 10 :] += (0, 3, 0)
    assert not race.driven(NOW)


def test_a_rotation_takes_the_worlds_axes_to_the_karts():
    half = np.sqrt(0.5)
    looks_along_x = rotations(np.array([[half, 0, -half, 0]]))[0]
    assert_allclose(looks_along_x @ [1, 0, 0], [0, 0, 1], atol=1e-12)


def test_scenes_have_the_competitions_deciseconds_and_mostly_six_rows():
    rows = plan(np.random.default_rng(0), 500)
    assert {decisecond for _, _, decisecond in rows} == set(DECISECONDS)
    counts = np.bincount(np.bincount([scene for scene, _, _ in rows]), minlength=7)
    assert counts[0] == 0
    assert counts[6] > 200
    assert min(counts[1:]) > 0


def test_no_rows_pictures_show_what_another_rows_path_goes_through():
    moments = sorted(moment for _, moment, _ in plan(np.random.default_rng(0), 20))
    assert min(np.diff(moments)) > AHEAD - min(FRAMES)


def test_the_cameras_numbers_are_those_of_the_projection():
    projection = np.diag([0.5, 1.0, 1.0, 0.0])
    assert intrinsics(projection, 128, 64) == {"fx": 32.0, "fy": 32.0, "cx": 64.0, "cy": 32.0}
