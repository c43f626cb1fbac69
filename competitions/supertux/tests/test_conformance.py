"""The plugin keeps the toolkit's contract."""

import pytest
from competitions.supertux.tests.small_homework import OTHER_VIEWS, VIEWS, write_frame, write_small_homework

from ctk.testing import check_plugin
from ctk_supertux import default_data


@pytest.mark.slow
def test_the_plugin_keeps_the_contract(tmp_path, monkeypatch):
    folder = write_small_homework(tmp_path)
    for frame in range(0x20, 0x26):  # as many as there are folds
        write_frame(folder / "train", frame, OTHER_VIEWS if frame % 2 else VIEWS)
    monkeypatch.setattr(default_data, "folder", lambda progress: folder)
    report = check_plugin("supertux")
    assert {"tux-vlm: .zip checked", "tux-clip: .zip checked"} <= set(report.checked["submission"])
