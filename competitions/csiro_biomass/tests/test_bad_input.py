# ruff: noqa: E501  a case a line
"""Whatever is wrong in a folder is one sentence with file, row and column, and a line of help; nothing is written."""

import pandas as pd
import pytest
from PIL import Image

from ctk.errors import DataError

TRAIN, TEST, SAMPLE, TRUTH = "train.csv", "test.csv", "sample_submission.csv", "test_truth.csv"


def cells(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def changed(name, row, column, value):
    """One cell of a table."""

    def change(data):
        table = cells(data / name)
        table.loc[row, column] = value(data) if callable(value) else value
        table.to_csv(data / name, index=False)

    return change


def picture(change):
    """What happens to the picture of the second training image."""
    return lambda data: change(data / cells(data / TRAIN)["image_path"][5])


def rows(change, name=TRAIN):
    return lambda data: change(cells(data / name)).to_csv(data / name, index=False)


def sixth(table):
    more = table.iloc[[4]].assign(
        sample_id=lambda row: row["sample_id"].str.split("__").str[0] + "__Dry_Straw_g", target_name="Dry_Straw_g"
    )
    return pd.concat([table[:5], more, table[5:]])


def without_gdm(table):
    return table.drop(index=table.index[table["target_name"] == "GDM_g"][0])


CASES = {
    "four rows": (rows(without_gdm), "train.csv, row 1, column sample_id: ID1011485656 has 4 rows, and none of GDM_g."),
    "six rows": (rows(sixth), "train.csv, row 6 (ID1011485656__Dry_Straw_g), column target_name: 'Dry_Straw_g' is no target."),
    "a row twice": (rows(lambda table: pd.concat([table, table.iloc[[3]]])), "train.csv, row 121, column sample_id: ID1011485656__", " is in row 4 already."),
    "target unknown": (changed(TEST, 2, "target_name", "Dry_Gren_g"), "test.csv, row 3 (", "column target_name: 'Dry_Gren_g' is no target.", "Did you mean 'Dry_Green_g'?"),
    "target of another row": (changed(TRAIN, 2, "sample_id", "ID1__GDM_g"), "train.csv, row 3, column sample_id: 'ID1__GDM_g' is no id of a row of "),
    "id without target": (changed(TRAIN, 2, "sample_id", "ID1"), "row 3, column sample_id: 'ID1' is no id of a row of "),
    "negative weight": (changed(TRAIN, 8, "target", "-0.5"), "train.csv, row 9 (", "column target: '-0.5' is below zero, as no weight is."),
    "weight missing": (changed(TRAIN, 8, "target", ""), "train.csv, row 9 (", "column target: is empty."),
    "weight NaN": (changed(TRAIN, 8, "target", "NaN"), "column target: 'NaN' is no finite number."),
    "date that does not parse": (changed(TRAIN, 4, "Sampling_Date", "2015/13/4"), "train.csv, row 5 (", "column Sampling_Date: '2015/13/4' is no date, which is year/month/day."),
    "date in words": (changed(TRAIN, 4, "Sampling_Date", "May 2015"), "column Sampling_Date: 'May 2015' is no date"),
    "another state in a row": (changed(TRAIN, 4, "State", "Vic"), "train.csv, row 5 (", "column State: is Vic, and NSW in row 1, which is of the same image."),
    "NDVI in words": (changed(TRAIN, 4, "Pre_GSHH_NDVI", "low"), "column Pre_GSHH_NDVI: 'low' is no finite number."),
    "column missing": (rows(lambda table: table.drop(columns="target_name")), "train.csv: has no column 'target_name'."),
    "no test rows": (rows(lambda table: table.head(0), TEST), "test.csv: there are no rows."),
    "picture missing": (picture(lambda path: path.unlink()), ".jpg: there is no such picture; row 6 of train.csv needs it."),
    "picture elsewhere": (rows(lambda table: table.assign(image_path="../" + table["image_path"].str[-3:])), "there is no such picture; row 1 of train.csv needs it."),
    "picture truncated": (picture(lambda path: path.write_bytes(path.read_bytes()[:-1500])), ".jpg: cannot be decoded as a picture"),
    "picture empty": (picture(lambda path: path.write_bytes(b"")), ".jpg: cannot be decoded as a picture"),
    "picture tiny": (picture(lambda path: Image.new("RGB", (16, 8)).save(path)), ".jpg: is 16 x 8 pixels, and 40 x 20 are asked for.", "Replace it, or ask for a smaller size"),
    "sample with another id": (changed(SAMPLE, 3, "sample_id", "ID7__GDM_g"), "sample_submission.csv, row 1, column sample_id: ID", " has 4 rows, and none of "),
    "sample of other images": (rows(lambda table: table.assign(sample_id="X" + table["sample_id"]), SAMPLE), "sample_submission.csv, row 1, column sample_id: XID", " is in no row of test.csv."),
    "sample with a column more": (rows(lambda table: table.assign(kind="x"), SAMPLE), "sample_submission.csv: has a column 'kind'."),
    "truth of other images": (rows(lambda table: table.assign(sample_id="X" + table["sample_id"]), TRUTH), "test_truth.csv: has no row of ID"),
    "truth below zero": (changed(TRUTH, 1, "target", "-1"), "test_truth.csv, row 2 (", "column target: '-1' is below zero"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_is_named_and_nothing_is_written(case, data, prepared, tmp_path):
    break_it, *said = CASES[case]
    break_it(data)
    with pytest.raises(DataError) as raised:
        prepared(data)
    assert all(part in str(raised.value) for part in said), str(raised.value)
    assert not list((tmp_path / "prepared").rglob("about.json"))  # without which nothing counts as prepared


def test_the_command_line_says_it_in_a_sentence_and_leaves_no_submission(data, ctk, small, tmp_path):
    changed(TRAIN, 8, "target", "-0.5")(data)
    answer = ctk("run", "csiro-biomass", "--data", data, *small, code=1, CTK_CACHE=tmp_path / "cache")
    assert "column target: '-0.5' is below zero, as no weight is." in " ".join(answer.stderr.split())
    assert "Traceback" not in answer.stderr
    assert not list(tmp_path.rglob("submission.csv"))


def test_broken_sums_are_told_with_their_rows_and_not_refused(data, prepared):
    table = cells(data / TRAIN)
    row = table.index[table["target_name"] == "Dry_Total_g"][2]
    table.loc[row, "target"] = str(float(table.loc[row, "target"]) + 0.61)
    table.to_csv(data / TRAIN, index=False)
    image = table.loc[row, "sample_id"].split("__")[0]
    assert (
        f"in 1 image Dry_Total_g is off GDM_g + Dry_Dead_g by more than 0.5 g: {image} (row {row + 1}, 0.61 g)"
        in prepared(data).about
    )
    assert "is off" not in prepared(data, "two", tolerance=0.7).about


def test_columns_that_nobody_reads_are_named(data, prepared):
    rows(lambda table: table.assign(Weather="dry").drop(columns="Species"))(data)
    rows(lambda table: table.assign(Species="Clover", Camera="x"), TEST)(data)
    read = prepared(data)
    assert "train.csv has no Species; " in read.about
    assert read.about.endswith("of train.csv nobody reads Weather; of test.csv nobody reads Species, Camera")
    assert set(read.test.features["species"]) == set(read.train.features["species"]) == {""}


def test_a_column_that_the_config_names_has_to_be_there(data, prepared):
    with pytest.raises(DataError, match=r"train\.csv: has no column 'Specie'"):
        prepared(data, metadata_columns={"species": "Specie"})
