"""Files are looked at as the reader reads them; of large ones rows by lot, which is said."""

import numpy as np
import pandas as pd
import pytest

from ctk_tables.describing import describe
from ctk_tables.looks import drawing, look
from ctk_tables.reading import TableReader


@pytest.fixture
def folder(tmp_path):
    dice = np.random.default_rng(2)
    days = pd.date_range("2020-01-01", periods=3_000, freq="D").strftime("%Y-%m-%d")
    frame = pd.DataFrame({
        "id": np.arange(3_000), "a": dice.normal(size=3_000), "b": dice.choice(["u", "v", None], 3_000),
        "same": 1, "when": days[dice.permutation(3_000)],
    })  # fmt: skip
    frame["y"] = (frame["a"] + dice.normal(size=3_000)).round(3)
    frame[:2_000].to_csv(tmp_path / "train.csv", index=False)
    test = frame[2_000:].drop(columns="y").assign(a=lambda rows: rows.a + 2)
    test.to_csv(tmp_path / "test.csv", index=False)
    test[["id"]][::-1].assign(y=0.5).to_csv(tmp_path / "sample_submission.csv", index=False)
    return tmp_path


def test_all_rows_are_as_the_reader_has_them(folder):
    description = describe(folder).description
    train, test, said = drawing.draw_sides(folder, description, 0)
    assert said == ""
    reader = type("Read", (TableReader,), {"description": description})()
    data = reader.read(folder)
    for ours, theirs in ((train, data.train), (test, data.test)):
        places = np.argsort(ours.ids), np.argsort(theirs.ids)  # the sample's order is not the file's
        assert set(ours.features) == set(theirs.features)
        for name, values in ours.features.items():
            np.testing.assert_array_equal(values[places[0]], theirs.features[name][places[1]])
    np.testing.assert_array_equal(train.target, data.train.target)


def test_of_large_tables_rows_by_lot_are_looked_at_and_that_is_said(folder, monkeypatch):
    monkeypatch.setattr(drawing, "ROWS", 700)
    description = describe(folder).description
    train, _, said = drawing.draw_sides(folder, description, 0)
    assert said == "Looked at 700 of 2,000 rows of train and 700 of 1,000 rows of test, drawn at random."
    whole = pd.read_csv(folder / "train.csv").set_index("id")
    np.testing.assert_allclose(train.features["a"], whole.loc[train.ids, "a"], rtol=1e-6)
    found = {warning.name: warning for warning in look(folder, description)}
    assert set(found) == {"adversarial", "constants"}
    assert found["adversarial"].columns == ("a",)
    assert found["adversarial"].sentence.endswith(said)
