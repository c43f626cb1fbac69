# ruff: noqa: E501  a case a line
"""Whatever is wrong in a folder is one sentence with file, row and column, and a line of help; nothing is written."""

import json
import os

import pandas as pd
import pytest
from PIL import Image

TRAIN, TEST = "train_features.csv", "test_features.csv"


def cells(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def changed(name, row, column, value):
    """One cell of a table."""

    def change(data):
        table = cells(data / name)
        table.loc[row, column] = value(data) if callable(value) else value
        table.to_csv(data / name, index=False)

    return change


def picture(change, name="image_t-0.5.png"):
    """What happens to a picture of the third training row."""
    return lambda data: change(data / "images" / cells(data / TRAIN)["ID"][2] / name)


def lights(text):
    """The lights of the third training row."""
    return lambda data: (data / "traffic_lights" / f"{cells(data / TRAIN)['ID'][2]}.json").write_text(text)


def light(**items):
    return lights(json.dumps([{"index": 1, "class": "red", "bbox": [1, 2, 3, 4]}, {"class": "red", "bbox": [1, 2, 3, 4], **items}]))  # fmt: skip


def twice(data):
    table = cells(data / TRAIN)
    pd.concat([table, table.iloc[[4]]]).to_csv(data / TRAIN, index=False)


def without(column):
    return lambda data: cells(data / TRAIN).drop(columns=column).to_csv(data / TRAIN, index=False)


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-60])


def pipe(path):
    path.unlink()
    os.mkfifo(path)


CASES = {
    "picture missing": (picture(lambda path: path.unlink()), "image_t-0.5.png: there is no such picture; row 3 of train_features.csv needs it."),
    "picture a pipe": (picture(pipe), "image_t-0.5.png: there is no such picture; row 3 of train_features.csv needs it."),
    "picture a link to nothing": (picture(lambda path: (path.unlink(), path.symlink_to("gone"))), "image_t-0.5.png: there is no such picture; row 3 of train_features.csv needs it."),
    "picture truncated": (picture(cut_short), "image_t-0.5.png: cannot be decoded as a picture"),
    "picture empty": (picture(lambda path: path.write_bytes(b"")), "image_t-0.5.png: cannot be decoded as a picture"),
    "picture of another size": (picture(lambda path: Image.new("RGB", (64, 32)).save(path)), "image_t-0.5.png: is 64 x 32 pixels; the first picture is 128 x 64."),
    "no lights": (lambda data: (data / "traffic_lights" / f"{cells(data / TRAIN)['ID'][2]}.json").unlink(), ".json: there is no such file; row 3 of train_features.csv needs it."),
    "class unknown": (light(**{"class": "gren"}), ".json, light 2, class: 'gren' is no class of lights. Did you mean 'green'?"),
    "box outside": (light(bbox=[120, 2, 131, 4]), ".json, light 2, bbox: [120.0, 2.0, 131.0, 4.0] is not within the picture of 128 x 64 pixels."),
    "box of three": (light(bbox=[120, 2, 131]), ".json, light 2, bbox: [120.0, 2.0, 131.0] is no box."),
    "box turned": (light(bbox=[9, 2, 3, 4]), ".json, light 2, bbox: [9.0, 2.0, 3.0, 4.0] is not within"),
    "lights no list": (lights('{"class": "red"}'), ".json: is no list of lights."),
    "lights no JSON": (lights("[{"), ".json: cannot be read as JSON"),
    "id that does not parse": (changed(TRAIN, 5, "ID", "0a7d_32.5"), "train_features.csv, row 6, column ID: '0a7d_32.5' is no id."),
    "id that leads away": (changed(TRAIN, 5, "ID", "../../a_1"), "row 6, column ID: '../../a_1' is no id."),
    "id in both": (changed(TEST, 1, "ID", lambda data: cells(data / TRAIN)["ID"][3]), "is also row 4 of train_features.csv."),
    "row twice": (twice, "is in row 5 already."),
    "column missing": (without("aEgo"), "train_features.csv: has no column 'aEgo'."),
    "target missing": (without("z_5"), "train_features.csv: has no column 'z_5'."),
    "empty cell": (changed(TRAIN, 9, "aEgo", ""), ", column aEgo: is empty."),
    "NaN cell": (changed(TEST, 0, "gas", "NaN"), ", column gas: 'NaN' is no finite number."),
    "NaN word": (changed(TEST, 0, "gearShifter", "NaN"), ", column gearShifter: 'NaN' is no word."),
    "beyond float32": (changed(TRAIN, 2, "x_0", "1e39"), ", column x_0: '1e39' is no finite number."),
    "NaN target": (changed(TRAIN, 0, "y_3", "nan"), ", column y_3: 'nan' is no finite number."),
    "words for a switch": (changed(TRAIN, 0, "leftBlinker", "perhaps"), ", column leftBlinker: 'perhaps' is neither True nor False."),
    "no training rows": (lambda data: cells(data / TRAIN).head(0).to_csv(data / TRAIN, index=False), "train_features.csv: there are no rows."),
    "no test rows": (lambda data: cells(data / TEST).head(0).to_csv(data / TEST, index=False), "test_features.csv: there are no rows."),
    "no pictures": (lambda data: (data / "images").rename(data / "bilder"), "images: there is no such folder."),
    "sample of other rows": (lambda data: cells(data / "atmaCup18__sample_submit.csv").head(3).to_csv(data / "atmaCup18__sample_submit.csv", index=False), "has 3 rows, and the test set has"),
    "truth of other rows": (changed("test_truth.csv", 0, "ID", "abc_20"), "test_truth.csv: has no row of"),
    "camera without height": (lambda data: (data / "camera.json").write_text('{"fx": 1, "fy": 1, "cx": 1, "cy": 1}'), "camera.json: says no number 'height'."),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_is_named_and_nothing_is_written(case, data, ctk, tmp_path):
    break_it, said = CASES[case]
    break_it(data)
    run = ("run", "atmacup-18", "--data", data, "-o", "members=[{model: constant-speed}]", "-o", "executor.name=serial")
    answer = ctk(*run, code=1, CTK_CACHE=tmp_path / "cache")
    assert said in " ".join(answer.stderr.split()), answer.stderr
    assert "Traceback" not in answer.stderr
    assert not list((tmp_path / "cache").rglob("*.npy"))
    assert not list(tmp_path.rglob("submission.csv"))


def test_columns_that_nobody_reads_are_named_and_scenes_of_both_sets_are_counted(data, prepared):
    table = cells(data / TRAIN).assign(cluster="1", weather="dry")
    table.to_csv(data / TRAIN, index=False)
    test = cells(data / TEST)
    scene = table["ID"][0].split("_")[0]
    for folder, suffix in (("images", ""), ("traffic_lights", ".json")):
        (data / folder / f"{test['ID'][0]}{suffix}").rename(data / folder / f"{scene}_999{suffix}")
    test.loc[0, "ID"] = f"{scene}_999"
    test.to_csv(data / TEST, index=False)
    (data / "test_truth.csv").unlink()
    said = prepared(data).about
    assert said.endswith(
        f"; 1 of the scenes in both, such as {scene}; of train_features.csv nobody reads cluster, weather"
    )
