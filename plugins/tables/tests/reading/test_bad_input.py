"""Whatever is wrong with the files is read as it was meant, or refused in a sentence with file, row and column."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from plugins.tables.tests import trios

from ctk.errors import CtkError, DataError, UsageError
from ctk.plugins.guard.sample_checks import check_data
from ctk.samples import Data
from ctk_tables.describing import describe
from ctk_tables.description import TableFile
from ctk_tables.reading import TableReader, find_files, read_frame, sniff

TRAIN = "id,city,size,price\n1,Köln,1.5,10.5\n2,Ulm,2.5,20.5\n3,Köln,3.5,30.5\n4,Bonn,4.5,40.25\n"
TEST = "id,city,size\n5,Köln,5.5\n6,Ulm,6.5\n"
SAMPLE = "id,price\n5,0.5\n6,0.5\n"


def reader_of(description):
    return type("Reader", (TableReader,), {"description": description})()


def read(folder: Path, **choices) -> Data:
    data = reader_of(describe(folder, **choices).description).read(folder)
    check_data(data)
    return data


def written(folder: Path, train: str = TRAIN, test: str = TEST, sample: str | None = SAMPLE, encoding="utf-8") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("train.csv", train), ("test.csv", test), ("sample_submission.csv", sample)):
        if text is not None:
            (folder / name).write_bytes(text.encode(encoding))
    return folder


def check_houses(data: Data) -> None:
    assert data.train.features["city"].tolist() == ["Köln", "Ulm", "Köln", "Bonn"]
    assert_array_equal(data.train.features["size"], np.float32([1.5, 2.5, 3.5, 4.5]))
    assert_array_equal(data.train.target, np.float32([[10.5], [20.5], [30.5], [40.25]]))
    assert data.test.ids.tolist() == [5, 6]


def refusal(call, *args, kind: type[CtkError] = DataError, **choices) -> str:
    with pytest.raises(kind) as caught:
        call(*args, **choices)
    assert caught.value.problem.count("\n") == 0
    assert caught.value.help
    return str(caught.value)


# Which files ----------------------------------------------------------------------------------------------------------


def test_without_a_sample_submission_the_target_is_asked_for_and_the_likely_one_named(tmp_path):
    said = refusal(describe, written(tmp_path, sample=None))
    assert "there is no sample submission" in said
    assert "--target price" in said


def test_with_the_target_named_no_sample_is_needed(tmp_path):
    folder = written(tmp_path, sample=None)
    described = describe(folder, target="price")
    assert described.description.id == "id"
    assert described.description.submits_columns == ()
    check_houses(read(folder, target="price"))
    assert read(folder, target="price").test.constants["header"].tolist() == ["id", "price"]


def test_two_files_that_could_be_train_are_named_and_an_option_decides(tmp_path):
    folder = written(tmp_path)
    (folder / "train.csv").rename(folder / "train_a.csv")
    (folder / "train_b.csv").write_text(TRAIN)
    said = refusal(describe, folder)
    assert "train_a.csv and train_b.csv could each be the training table" in said
    assert "--train train_a.csv" in said
    check_houses(read(folder, train="train_a.csv"))


def test_a_file_called_train_and_nothing_else_comes_before_one_that_is_called_more(tmp_path):
    folder = written(tmp_path)
    (folder / "training_extra.csv").write_text(TRAIN)
    described = describe(folder)
    found = next(each for each in described.findings if each.key == "train")
    assert described.description.train.path == "train.csv"
    assert not found.sure
    assert "training_extra.csv" in found.why


def test_the_same_table_packed_and_unpacked_is_the_unpacked_one(tmp_path):
    folder = written(tmp_path)
    with zipfile.ZipFile(folder / "the-competition.zip", "w") as archive:
        for name in ("train.csv", "test.csv", "sample_submission.csv"):
            archive.write(folder / name, name)
    assert find_files(folder).train.path == "train.csv"
    with gzip.open(folder / "train.csv.gz", "wt") as file:
        file.write(TRAIN)
    assert find_files(folder).train.path == "train.csv"


def test_a_missing_table_is_told_with_what_there_is(tmp_path):
    folder = written(tmp_path)
    (folder / "test.csv").unlink()
    said = refusal(find_files, folder)
    assert "the test table is missing" in said
    assert "train.csv" in said
    assert "--test FILE" in said
    assert "no such folder" in refusal(find_files, folder / "nowhere")
    assert "no table" in refusal(find_files, (folder / "empty").mkdir() or folder / "empty")


@pytest.mark.parametrize(
    "layout", ["zip", "zips", "gz", "folder", "parquet", "parquet-zip", "tsv", "zip-in-zip", "camel", "data-words"]
)
def test_every_usual_layout_reads_the_same(tmp_path, layout):
    source, folder = written(tmp_path / "source"), tmp_path / "data"
    folder.mkdir()
    names = ["train.csv", "test.csv", "sample_submission.csv"]
    if layout == "zip":
        with zipfile.ZipFile(folder / "houses.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.write(source / name, f"houses/{name}")
                archive.writestr(f"__MACOSX/houses/._{name}", "x")
    elif layout in ("zips", "zip-in-zip"):
        for name in names:
            with zipfile.ZipFile(folder / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
                archive.write(source / name, name)
        if layout == "zip-in-zip":
            with zipfile.ZipFile(folder / "all.zip", "w") as archive:
                for name in names:
                    archive.write(folder / f"{name}.zip", f"{name}.zip")
                    (folder / f"{name}.zip").unlink()
    elif layout == "gz":
        for name in names:
            (folder / f"{name}.gz").write_bytes(gzip.compress((source / name).read_bytes()))
    elif layout == "folder":
        source.rename(folder / "houses")
    elif layout == "tsv":
        for name in names:
            (folder / name.replace(".csv", ".tsv")).write_text((source / name).read_text().replace(",", "\t"))
    elif layout in ("camel", "data-words"):
        others = {"camel": ["trainData.csv", "testData.csv", "SampleSubmission.csv"]}
        others["data-words"] = ["houses_training_set.csv", "houses-test-data.csv", "submission_format.csv"]
        for name, other in zip(names, others[layout], strict=True):
            (folder / other).write_bytes((source / name).read_bytes())
    else:
        for name in names:
            pd.read_csv(source / name).to_parquet(folder / name.replace(".csv", ".parquet"))
        if layout == "parquet-zip":
            with zipfile.ZipFile(folder / "houses.zip", "w") as archive:
                for path in sorted(folder.glob("*.parquet")):
                    archive.write(path, path.name)
                    path.unlink()
    check_houses(read(folder))


def test_a_damaged_archive_is_named(tmp_path):
    folder = written(tmp_path)
    (folder / "train.csv").unlink()
    (folder / "train.csv.gz").write_bytes(gzip.compress(TRAIN.encode())[:-9])
    assert "train.csv.gz: cannot be unpacked" in refusal(describe, folder)
    (folder / "train.csv.gz").unlink()
    (folder / "train.csv.zip").write_bytes(b"PK\x03\x04 no archive")
    assert "train.csv.zip: cannot be unpacked" in refusal(describe, folder)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
        (b"PK\x03\x04....", "a workbook of a spreadsheet"),
        (b"id,city,size,price\n", "has no rows"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS"),
    ],
)
def test_what_is_no_table_is_said(tmp_path, content, said):
    folder = written(tmp_path)
    (folder / "train.csv").write_bytes(content)
    assert said in refusal(describe, folder)


def test_a_parquet_file_that_is_none_is_named(tmp_path):
    folder = written(tmp_path)
    (folder / "train.csv").rename(folder / "train.parquet")
    assert "train.parquet: cannot be read as Parquet" in refusal(describe, folder)


# How they are written -------------------------------------------------------------------------------------------------


def test_semicolons_and_decimal_commas_are_read_and_told(tmp_path):
    german = [text.replace(",", ";").replace(".", ",") for text in (TRAIN, TEST, SAMPLE)]
    folder = written(tmp_path, *german)
    check_houses(read(folder))
    told = {each.key: each.value for each in describe(folder).findings}
    assert (told["train.dialect.separator"], told["train.dialect.decimal"]) == ("';'", ",")


def test_decimal_commas_in_quotes_between_commas_are_read(tmp_path):
    train = TRAIN.replace("1.5,10.5", '"1,5","10,5"').replace("2.5,20.5", '"2,5","20,5"')
    train = train.replace("3.5,30.5", '"3,5","30,5"').replace("4.5,40.25", '"4,5","40,25"')
    check_houses(read(written(tmp_path, train, TEST.replace("5.5", '"5,5"').replace("6.5", '"6,5"'))))


def test_marks_of_thousands_are_read_as_what_they_are(tmp_path):
    train = TRAIN.replace("10.5\n", '"1,010.5"\n').replace("40.25", '"40,000"')
    assert read(written(tmp_path, train)).train.target[:, 0].tolist() == [1010.5, 20.5, 30.5, 40000]


@pytest.mark.parametrize(
    ("encoding", "found"),
    [("utf-8-sig", "utf-8-sig"), ("latin-1", "latin-1"), ("utf-16", "utf-16"), ("utf-8", "utf-8")],
)
def test_encodings_are_found(tmp_path, encoding, found):
    folder = written(tmp_path, encoding=encoding)
    assert sniff(folder, "train.csv").encoding == found
    check_houses(read(folder))


def test_windows_quotes_are_found_and_a_wrong_encoding_is_refused_with_row_and_column(tmp_path):
    folder = written(tmp_path, TRAIN.replace("Ulm", "„Ulm“"), encoding="cp1252")
    assert sniff(folder, "train.csv").encoding == "cp1252"
    assert read(folder).train.features["city"][1] == "„Ulm“"
    said = refusal(describe, folder, encoding="utf-8")
    assert "train.csv, row 1, column city: has the byte 0xf6, which is not utf-8" in said


def test_a_single_byte_late_in_a_file_decides_its_encoding(tmp_path):
    rows = "".join(f"{n},Ulm,{n}.5,{n}.25\n" for n in range(200_000))
    folder = written(tmp_path, f"id,city,size,price\n{rows}200000,Köln,1.5,2.5\n", encoding="latin-1")
    assert sniff(folder, "train.csv").encoding == "latin-1"


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_line_ends_of_other_systems_are_read(tmp_path, ends):
    check_houses(read(written(tmp_path, *(text.replace("\n", ends) for text in (TRAIN, TEST, SAMPLE)))))


def test_line_breaks_in_quotes_stay_in_their_cell_and_rows_are_counted_as_rows(tmp_path):
    train = TRAIN.replace("1,Köln", '1,"Köln\nam Rhein, ""Dom"""')
    folder = written(tmp_path, train)
    assert read_frame(folder, find_files(folder).train)["city"].tolist()[:2] == ['Köln\nam Rhein, "Dom"', "Ulm"]
    broken = written(tmp_path / "broken", train.replace("3.5,30.5", "3.5,30.5,7"))
    assert "train.csv, row 3: has 5 cells, and the header has 4 columns" in refusal(describe, broken)


def test_a_header_with_line_breaks_is_read(tmp_path):
    train, test = TRAIN.replace("size", '"size\nin m"'), TEST.replace("size", '"size\nin m"')
    data = read(written(tmp_path, train, test))
    assert_array_equal(data.train.features["size_in m"], np.float32([1.5, 2.5, 3.5, 4.5]))


def test_a_row_that_ends_early_is_refused(tmp_path):
    said = refusal(describe, written(tmp_path, TRAIN.replace("2,Ulm,2.5,20.5", "2,Ulm")))
    assert "train.csv, row 2: has 2 cells, and the header has 4 columns" in said


def test_options_say_how_files_are_written(tmp_path):
    folder = written(tmp_path, *(text.replace(",", "|") for text in (TRAIN, TEST, SAMPLE)))
    check_houses(read(folder, separator="|", decimal=".", encoding="utf-8"))
    tabs = written(tmp_path / "tabs", *(text.replace(",", "\t") for text in (TRAIN, TEST, SAMPLE)))
    check_houses(read(tabs, separator="tab"))


# Columns --------------------------------------------------------------------------------------------------------------


def test_a_column_without_a_name_gets_one_and_a_row_counter_is_left_out(tmp_path):
    def numbered(text: str, start: int) -> str:
        head, *rows = text.splitlines()
        return "\n".join([f",{head}", *(f"{n},{row}" for n, row in enumerate(rows, start))]) + "\n"

    rows = "".join(f"{n},{'Ulm' if n % 2 else 'Bonn'},{n % 7}.5,{n}.25\n" for n in range(10, 60))
    folder = written(tmp_path, numbered(TRAIN + rows, 0), numbered(TEST, 0))
    described = describe(folder)
    assert described.description.columns["column_1"].kind == "left-out"
    assert any("train.csv: column 1 has no name" in each.why for each in described.findings)
    read(folder)


def test_columns_of_one_name_are_told_apart_and_told(tmp_path):
    train, test = TRAIN.replace("city", "size"), TEST.replace("city", "size")
    described = describe(written(tmp_path, train, test))
    assert [*described.description.columns] == ["size", "size.2"]
    assert any("columns 2 and 3 are both called 'size'" in each.why for each in described.findings)
    read(tmp_path)


def test_a_target_that_two_columns_are_called_is_refused(tmp_path):
    said = refusal(describe, written(tmp_path, TRAIN.replace("size", "price"), TEST.replace("size", "area")))
    assert "train.csv: 2 columns are called 'price'" in said


def test_a_sample_with_an_unnamed_column_is_refused(tmp_path):
    said = refusal(describe, written(tmp_path, sample=SAMPLE.replace("id", "")))
    assert "sample_submission.csv: column 1 has no name" in said


def test_names_that_no_file_can_have_become_features(tmp_path):
    train, test = TRAIN.replace("size", "../si[ze]*/"), TEST.replace("size", "../si[ze]*/")
    data = read(written(tmp_path / "data", train, test))
    data.save(tmp_path / "store")
    kept = Data.open(tmp_path / "store", tmp_path, None)
    assert [*kept.train.features] == [*data.train.features] == ["city", "_._si_ze___"]


def test_ten_thousand_columns_are_described_and_read(tmp_path):
    draw = np.random.default_rng(0)
    names = [f"gene_{n}" for n in range(10_000)]
    frame = pd.DataFrame(draw.normal(size=(16, 10_000)).round(3), columns=names)
    frame.insert(0, "id", np.arange(16))
    frame["y"] = np.arange(16) % 2
    folder = trios.write_trio(tmp_path / "data", frame, 4, ["y"], {"id": None, "y": 0.5})
    described = describe(folder)
    assert len(described.description.of_kind("number")) == 10_000
    assert len(described.findings) < 30
    reader = reader_of(described.description)
    reader.prepare(folder, tmp_path / "store", lambda *_: None)
    data = Data.open(tmp_path / "store", folder, None)
    check_data(data)
    assert_array_equal(data.train.features["numbers"], frame[names].head(12).to_numpy(np.float32))
    assert data.train.constants["numbers"].tolist() == names


# Targets and ids ------------------------------------------------------------------------------------------------------


def test_ids_of_the_sample_that_the_test_has_not_are_refused_with_their_row(tmp_path):
    said = refusal(describe, written(tmp_path, sample=SAMPLE.replace("6,", "9,")))
    assert "sample_submission.csv, row 2, column id: '9' is in no row of test.csv" in said


def test_ids_that_are_there_twice_are_refused_with_both_rows(tmp_path):
    said = refusal(describe, written(tmp_path, test=TEST.replace("6,", "5,"), sample="id,price\n5,1.5\n"))
    assert "test.csv, row 2, column id: 5 is in row 1 already" in said
    said = refusal(describe, written(tmp_path / "b", sample="id,price\n5,1.5\n5,1.5\n"))
    assert "sample_submission.csv, row 2, column id: 5 is in row 1 already" in said


def test_a_sample_of_other_length_without_ids_is_refused(tmp_path):
    said = refusal(describe, written(tmp_path, sample="price\n0.5\n"))
    assert "sample_submission.csv: has 1 rows" in said


def test_a_sample_of_some_of_the_tests_rows_predicts_these(tmp_path):
    folder = written(tmp_path, sample="id,price\n6,0.5\n")
    assert any("1 rows of test.csv are not in it" in each.why for each in describe(folder).findings)
    assert read(folder).test.ids.tolist() == [6]


def test_ids_with_leading_zeros_stay_text(tmp_path):
    folder = written(
        tmp_path, test=TEST.replace("\n5", "\n05").replace("\n6", "\n06"), sample="id,price\n05,1.5\n06,1.5\n"
    )
    assert read(folder).test.ids.tolist() == ["05", "06"]


def test_a_test_that_has_the_target_is_refused_but_an_empty_column_of_it_is_not(tmp_path):
    test = "id,city,size,price\n5,Köln,5.5,\n6,Ulm,6.5,60.5\n"
    said = refusal(describe, written(tmp_path, test=test))
    assert "test.csv, row 2, column price: the test has the target, in 1 of its rows" in said
    check_houses(read(written(tmp_path / "empty", test=test.replace("60.5", ""))))


def test_a_target_with_text_and_numbers_mixed_is_refused_with_the_rarer(tmp_path):
    said = refusal(describe, written(tmp_path, TRAIN.replace("30.5", "about 30")))
    assert "train.csv, row 3, column price: 'about 30' is no number, as 1 of 4 targets are" in said
    assert "--task classes" in said
    said = refusal(describe, written(tmp_path, TRAIN.replace("20.5", "b").replace("30.5", "b").replace("40.25", "c")))
    assert "train.csv, row 1, column price: '10.5' is a number, as 1 of 4 targets are" in said


def test_a_mixed_target_is_labels_where_that_is_said(tmp_path):
    train = "id,city,price\n" + "".join(f"{n},Ulm,{n % 3 if n % 3 < 2 else '2+'}\n" for n in range(30))
    sample = SAMPLE.replace("0.5", "0")
    found = describe(written(tmp_path, train, TEST, sample), task="classes").description
    assert found.classes == ("0", "1", "2+")


def test_rows_without_a_target_are_told_and_not_learned_from(tmp_path):
    folder = written(tmp_path, TRAIN.replace("20.5", "").replace("30.5", "NA"))
    assert any(
        "train.csv, row 2, column price: has no target, as 2 rows" in each.why for each in describe(folder).findings
    )
    data = read(folder)
    assert data.train.ids.tolist() == [1, 4]
    assert data.train.features["city"].tolist() == ["Köln", "Bonn"]


def test_all_rows_of_one_class_are_refused(tmp_path):
    train = "id,city,size,price\n" + "".join(f"{n},Ulm,{n}.5,yes\n" for n in range(7))
    said = refusal(describe, written(tmp_path, train))
    assert "train.csv, rows 1 to 7, column price: all are 'yes'" in said


def test_a_class_with_a_single_row_is_told_with_its_row(tmp_path):
    rows = [f"{n},Ulm,{n}.5,{'abc'[n % 3]}" for n in range(30)]
    rows[16] = "16,Ulm,1.5,rare"
    folder = written(tmp_path, "\n".join(["id,city,size,price", *rows]) + "\n", sample="id,price\n5,a\n6,a\n")
    described = describe(folder)
    assert described.description.classes == ("a", "b", "c", "rare")
    assert any(
        "train.csv, row 17, column price: is the only one of the class 'rare'" in e.why for e in described.findings
    )
    read(folder)


def test_a_class_that_only_the_sample_has_is_told(tmp_path):
    folder = trios.cirrhosis(tmp_path)
    sample = pd.read_csv(folder / "sample_submission.csv").assign(Status_X=0.1)
    sample.to_csv(folder / "sample_submission.csv", index=False)
    described = describe(folder)
    assert described.description.classes == ("C", "CL", "D", "X")
    assert any("no row is of the class 'X'" in each.why for each in described.findings)


def test_a_target_that_is_a_text_of_its_own_in_each_row_is_refused(tmp_path):
    train = "id,city,size,price\n" + "".join(f"{n},Ulm,{n}.5,essay number {n}\n" for n in range(80))
    assert "train.csv, row 1, column price: 'essay number 0' is a text of its own" in refusal(
        describe, written(tmp_path, train, sample=SAMPLE.replace("0.5", "x"))
    )


def test_a_column_of_the_sample_that_nothing_is_known_of_is_told(tmp_path):
    train = TRAIN.replace("price", "gain").replace("size", "loss")
    said = refusal(describe, written(tmp_path, train, "id,city\n5,Ulm\n6,Ulm\n"))
    assert "sample_submission.csv: has a column 'price', which train.csv has not; test.csv lacks loss, gain" in said


def test_wrong_options_are_refused_with_the_nearest(tmp_path):
    folder = written(tmp_path)
    assert "Did you mean 'price'?" in refusal(describe, folder, kind=UsageError, target="prise")
    assert "Did you mean 'city'?" in refusal(describe, folder, kind=UsageError, group="citi")
    assert "Did you mean 'size'?" in refusal(describe, folder, kind=UsageError, column=["sizes=category"])
    assert "--task" in refusal(describe, folder, kind=UsageError, task="guess")
    assert "--column" in refusal(describe, folder, kind=UsageError, column=["size=colour"])


# Reading later --------------------------------------------------------------------------------------------------------


def test_a_cell_of_another_kind_is_refused_with_file_row_and_column(tmp_path):
    folder = written(tmp_path)
    reader = reader_of(describe(folder).description)
    written(folder, test=TEST.replace("6.5", "six"))
    assert "test.csv, row 2, column size: 'six' is no number" in refusal(reader.read, folder)
    written(folder, train=TRAIN.replace("30.5", "many"))
    assert "train.csv, row 3, column price: 'many' is no number" in refusal(reader.read, folder)
    written(folder, test=TEST.replace("size", "width"))
    assert "test.csv: has no column 'size'" in refusal(reader.read, folder)
    (folder / "test.csv").unlink()
    written(folder, train=TRAIN, test=None)
    assert "test.csv: there is no such file" in refusal(reader.read, folder)
    assert [item.path is None for item in reader.describe(folder)] == [False, True, False]


def test_a_table_larger_than_memory_is_described_by_lot_and_streamed_into_the_same_samples(tmp_path):
    draw = np.random.default_rng(0)
    count = 9_000
    frame = pd.DataFrame({"id": draw.permutation(count), "size": draw.normal(size=count).round(4)})
    frame["city"] = draw.choice(["Ulm", "Bonn"], count)
    frame["word"] = [f"{'x' * int(n)} some more words" for n in draw.integers(1, 30, count)]
    frame["day"] = (pd.Timestamp("2020-01-01") + pd.to_timedelta(draw.integers(0, 900, count), "D")).strftime(
        "%Y-%m-%d"
    )
    frame["y"] = np.where(draw.random(count) < 0.01, np.nan, draw.normal(size=count).round(4))
    folder = trios.write_trio(tmp_path / "data", frame, 3_000, ["y"], {"id": None, "y": 0.5})
    sample = pd.read_csv(folder / "sample_submission.csv").sample(frac=1, random_state=0)
    sample.to_csv(folder / "sample_submission.csv", index=False)
    described = describe(folder, memory=60_000)
    assert any("described from" in each.value and "by lot" in each.value for each in described.findings)
    assert described.counts == {"train": 6_000, "test": 3_000, "sample": 3_000}
    assert described.description == describe(folder, memory=60_000).description
    whole = reader_of(described.description).read(folder)
    streaming = reader_of(described.description)
    type(streaming).memory, type(streaming).block = 1000, 1 << 14
    told = []
    streaming.prepare(folder, tmp_path / "store", lambda *progress: told.append(progress))
    streamed = Data.open(tmp_path / "store", folder, None)
    check_data(streamed)
    for one, other in ((whole.train, streamed.train), (whole.test, streamed.test)):
        assert [*one.features] == [*other.features]
        assert_array_equal(one.ids, other.ids)
        for name, values in one.features.items():
            assert_array_equal(values, other.features[name])
    assert_array_equal(whole.train.target, streamed.train.target)
    assert_array_equal(whole.train.groups["label"], streamed.train.groups["label"])
    assert len(told) > 4
    assert_array_equal(streamed.test.ids, sample["id"])


def test_read_frame_gives_columns_and_first_rows_as_text(tmp_path):
    folder = written(tmp_path, TRAIN.replace("20.5", ""))
    frame = read_frame(folder, TableFile(path="train.csv", dialect=sniff(folder, "train.csv")), ["price", "id"], 2)
    assert frame.to_dict("list") == {"price": ["10.5", ""], "id": ["1", "2"]}
