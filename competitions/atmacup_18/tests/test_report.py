"""Paths are drawn where the camera sees them, and errors are told by horizon, axis and rows of the scene."""

import re

import numpy as np

from ctk_atmacup_18.camera import COMPETITION, project
from ctk_atmacup_18.report import paths


def test_a_point_on_the_road_is_where_the_intrinsics_put_it():
    camera = np.array(COMPETITION)
    (pixel,), before = project(np.array([[10.0, 1.0, 0.0]]), camera)
    assert before.all()
    np.testing.assert_allclose(pixel, [63.62426614 - 22.616438356, 11.76 + 22.482352941 * 1.22])
    assert not project(np.array([[-1.0, 0.0, 0.0]]), camera)[1].any()


def test_left_is_left_in_the_picture_and_from_above():
    left = np.stack([np.arange(1, 7) * 4.0, np.arange(1, 7) * 1.0, np.zeros(6)], axis=1)
    right = left * [1, -1, 1]
    frame = str(paths.frame_svg(np.zeros((64, 128, 3), np.uint8), left, right, np.array(COMPETITION)))
    above = str(paths.above_svg(left, right))
    for drawn, middle in ((frame, 63.6), (above, 0.0)):
        ends = [
            float(points.split()[-1].split(",")[0])
            for points in re.findall(r'class="(?:truth|blend) line" points="([^"]*)"', drawn)
        ]
        assert ends[0] < middle < ends[1]


def test_paths_end_at_the_pictures_edges():
    """A path begins below the picture; the drawing clips what a picture of its own holds."""
    path = np.stack([np.arange(1, 7) * 4.0, np.zeros(6), np.zeros(6)], axis=1)
    frame = str(paths.frame_svg(np.zeros((64, 128, 3), np.uint8), path, path, np.array(COMPETITION)))
    inner = re.search(r'<svg width="128" height="64">(.*?)</svg></svg>$', frame)
    assert inner is not None
    assert inner[1].count("<polyline") == frame.count("<polyline") == 4


def test_a_dozen_rows_from_the_best_to_the_worst_none_of_which_stands_still():
    random = np.random.default_rng(0)
    target = np.zeros((100, 18))
    target[::2, 15] = 20
    error = random.random(100)
    rows = paths.chosen(error, target)
    assert len(set(rows)) == 12
    assert all(row % 2 == 0 for row in rows)
    assert error[rows].tolist() == sorted(error[rows])
    assert error[rows[-1]] == error[::2].max()
    assert paths.chosen(error[:3], target[1:2].repeat(3, 0)) != []


def test_the_page_has_paths_and_errors(finished):
    page = (finished / "report.html").read_text()
    assert page.count('<svg class="frame"') == page.count('<svg class="above"') == 12
    assert "Errors by horizon, axis and scene" in page
    assert all(f'<th scope="row">{horizon} s</th>' in page for horizon in ("0.5", "1", "3"))
    assert re.search(r'<th scope="row">6 \(\d+ validated\)', page)
