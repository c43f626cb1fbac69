"""Checking and blending submissions needs the test alone: it is prepared without what there is to train on."""

import numpy as np
import pytest

from ctk.samples import Data
from ctk_leap_climsim.columns import TARGETS
from ctk_leap_climsim.reading.reader import ClimSimReader


@pytest.mark.parametrize("layout", ["tables", "pairs"])
def test_the_test_alone_is_that_of_the_whole(layout, request, prepared, tmp_path):
    folder = request.getfixturevalue(layout)
    months = {} if layout == "tables" else {"train": "0001-02", "valid": "0001-03", "test": "0001-04"}
    whole = prepared(folder, **months)
    place = tmp_path / "alone"
    place.mkdir()
    width = ClimSimReader(**months).prepare_test(folder, place, lambda what, done, total: None)
    alone = Data.open(place, folder, None)
    assert width == len(TARGETS) == alone.train.target_width
    assert len(alone.train) == 0
    assert np.array_equal(alone.test.ids, whole.test.ids)
    assert alone.test.features.keys() == whole.test.features.keys()
    for name, values in whole.test.features.items():
        assert np.array_equal(alone.test.features[name], values)
    assert np.array_equal(alone.test.constants["weights"], whole.test.constants["weights"])
    assert (alone.truth is None) == (whole.truth is None)
    if whole.truth is not None:
        assert np.array_equal(alone.truth.target, whole.truth.target)
