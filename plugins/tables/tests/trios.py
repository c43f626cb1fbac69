"""Little tables in the likeness of known competitions: the same columns, other rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

FIRST = ("Maria", "Jonas", "Li", "Ahmed", "Chloe", "Igor", "Nia", "Paul", "Rosa", "Tom", "Uma", "Viktor", "Wei", "Yara")
LAST = ("Okafor", "Meyer", "Tanaka", "Rossi", "Smith", "Dubois", "Novak", "Silva", "Khan", "Berg", "Costa", "Ivanov")


def write_trio(
    folder: Path,
    frame: pd.DataFrame,
    test: int,
    lacking: Sequence[str],
    sample: Mapping[str, Any] | pd.DataFrame | None,
    sample_name: str = "sample_submission.csv",
) -> Path:
    """Write train and test, the last rows without some columns, and the sample; None of its values are the test's."""
    folder.mkdir(parents=True, exist_ok=True)
    tested = frame.tail(test)
    frame.head(len(frame) - test).to_csv(folder / "train.csv", index=False)
    tested.drop(columns=list(lacking)).to_csv(folder / "test.csv", index=False)
    if sample is not None:
        if not isinstance(sample, pd.DataFrame):
            sample = pd.DataFrame({name: tested[name] if value is None else value for name, value in sample.items()})
        sample.to_csv(folder / sample_name, index=False)
    return folder


def titanic(folder: Path, rows: int = 120, test: int = 40) -> Path:
    """Labels 0 and 1; names, tickets, cabins that are mostly missing; a sample that is called otherwise."""
    draw = np.random.default_rng(1)
    count = rows + test
    frame = pd.DataFrame(
        {
            "PassengerId": np.arange(1, count + 1),
            "Survived": draw.integers(0, 2, count),
            "Pclass": draw.integers(1, 4, count),
            "Name": [f"{LAST[i % 12]}, Mr. {FIRST[(i * 5) % 14]} {LAST[(i * 7) % 12]} {i}" for i in range(count)],
            "Sex": draw.choice(["male", "female"], count),
            "Age": np.where(draw.random(count) < 0.2, np.nan, draw.integers(1, 80, count)),
            "SibSp": draw.integers(0, 5, count),
            "Ticket": [f"{draw.integers(100, 180)}{draw.choice(['', ' A', '/5'])}" for _ in range(count)],
            "Fare": draw.gamma(2, 15, count).round(4),
            "Cabin": [f"C{draw.integers(1, 20)}" if draw.random() < 0.25 else np.nan for _ in range(count)],
            "Embarked": draw.choice(["S", "C", "Q"], count),
        }
    )
    sex = {"PassengerId": None, "Survived": (frame["Sex"].tail(test) == "female").astype(int)}
    return write_trio(folder, frame, test, ["Survived"], sex, "gender_submission.csv")


def house_prices(folder: Path, rows: int = 150, test: int = 50) -> Path:
    """Numbers to predict; NA written out, codes that are numbers, years, qualities as words."""
    draw = np.random.default_rng(2)
    count = rows + test
    frame = pd.DataFrame(
        {
            "Id": np.arange(1, count + 1),
            "MSSubClass": draw.choice([20, 30, 50, 60, 120], count),
            "LotFrontage": [str(n) if n > 30 else "NA" for n in draw.integers(20, 120, count)],
            "LotArea": draw.integers(1300, 20000, count),
            "Alley": draw.choice(["NA", "Grvl", "Pave"], count, p=[0.9, 0.05, 0.05]),
            "MasVnrType": draw.choice(["None", "BrkFace", "Stone"], count),
            "OverallQual": draw.integers(1, 11, count),
            "YearBuilt": draw.integers(1900, 2010, count),
            "CentralAir": draw.choice(["Y", "N"], count),
            "SalePrice": draw.integers(35_000, 700_000, count),
        }
    )
    return write_trio(folder, frame, test, ["SalePrice"], {"Id": None, "SalePrice": draw.random(test) * 1e5})


def otto(folder: Path, rows: int = 180, test: int = 30) -> Path:
    """Nine columns of probabilities for the nine classes of a column."""
    draw = np.random.default_rng(3)
    count = rows + test
    frame = pd.DataFrame({"id": np.arange(1, count + 1)})
    for number in range(1, 6):
        frame[f"feat_{number}"] = draw.poisson(2, count)
    frame["target"] = [f"Class_{1 + i % 9}" for i in range(count)]
    sample = {"id": None, **{f"Class_{n}": int(n == 1) for n in range(1, 10)}}
    return write_trio(folder, frame, test, ["target"], sample, "sampleSubmission.csv")


def spaceship(folder: Path, rows: int = 150, test: int = 50) -> Path:
    """True and False to predict, and as features; ids that tell a group and a number in it."""
    draw = np.random.default_rng(4)
    count = rows + test
    frame = pd.DataFrame(
        {
            "PassengerId": [f"{1 + i // 2:04d}_{1 + i % 2:02d}" for i in range(count)],
            "HomePlanet": draw.choice(["Europa", "Earth", "Mars", ""], count),
            "CryoSleep": draw.choice(["True", "False", ""], count, p=[0.4, 0.55, 0.05]),
            "Cabin": [
                f"{draw.choice(list('BFG'))}/{draw.integers(0, 60)}/{draw.choice(['P', 'S'])}" for _ in range(count)
            ],
            "Age": np.where(draw.random(count) < 0.05, np.nan, draw.integers(0, 80, count)),
            "RoomService": draw.integers(0, 3000, count).astype(float),
            "Name": [f"{FIRST[i % 14]}{i} {LAST[(i * 5) % 12]}ent" for i in range(count)],
            "Transported": draw.choice(["True", "False"], count),
        }
    )
    return write_trio(folder, frame, test, ["Transported"], {"PassengerId": None, "Transported": False})


def bike_sharing(folder: Path, days: int = 24) -> Path:
    """Counts to predict by the hour: the id is a time, and the test lacks two columns beside the target."""
    draw = np.random.default_rng(5)
    hours = pd.date_range("2011-01-01", periods=24 * days, freq="h")
    casual, registered = draw.poisson(20, len(hours)), draw.poisson(120, len(hours))
    frame = pd.DataFrame(
        {
            "datetime": hours.strftime("%Y-%m-%d %H:%M:%S"),
            "season": 1 + (hours.month - 1) // 3,
            "holiday": draw.integers(0, 2, len(hours)),
            "temp": draw.normal(20, 5, len(hours)).round(2),
            "casual": casual,
            "registered": registered,
            "count": casual + registered,
        }
    )
    tested = hours.day % 10 >= 8  # the last days of each third of a month, as there are the last of each month
    frame = pd.concat([frame[~tested], frame[tested]])
    sample = {"datetime": None, "count": 0}
    return write_trio(
        folder, frame, int(tested.sum()), ["casual", "registered", "count"], sample, "sampleSubmission.csv"
    )


def store_sales(folder: Path, days: int = 40) -> Path:
    """Sales of the days that come: the test lies after train; other tables lie beside."""
    draw = np.random.default_rng(6)
    dates = pd.date_range("2017-07-01", periods=days)
    rows = [(d, s, f) for d in dates for s in range(1, 6) for f in ("BREAD", "DAIRY", "EGGS")]
    frame = pd.DataFrame(rows, columns=["date", "store_nbr", "family"])
    frame.insert(0, "id", np.arange(3_000_000, 3_000_000 + len(frame)))
    frame["sales"] = draw.gamma(2, 100, len(frame)).round(3)
    frame["onpromotion"] = draw.integers(0, 30, len(frame))
    folder = write_trio(folder, frame, 75, ["sales"], {"id": None, "sales": 0.0})
    pd.DataFrame({"date": dates, "dcoilwtico": 48.5}).to_csv(folder / "oil.csv", index=False)
    pd.DataFrame({"store_nbr": range(1, 6), "city": "Quito"}).to_csv(folder / "stores.csv", index=False)
    return folder


def playground(folder: Path, rows: int = 120, test: int = 40) -> Path:
    """A half for each row of the sample, so probabilities; an id that goes on from train to test."""
    draw = np.random.default_rng(7)
    count = rows + test
    frame = pd.DataFrame(
        {
            "id": np.arange(count),
            "Gender": draw.choice(["Male", "Female"], count),
            "Age": draw.integers(20, 80, count),
            "Annual_Premium": draw.normal(30000, 9000, count).round(1),
            "Vehicle_Age": draw.choice(["1-2 Year", "< 1 Year", "> 2 Years"], count),
            "Response": draw.integers(0, 2, count),
        }
    )
    return write_trio(folder, frame, test, ["Response"], {"id": None, "Response": 0.5})


def cirrhosis(folder: Path, rows: int = 120, test: int = 40) -> Path:
    """A column of probabilities for each label, called after target and label."""
    draw = np.random.default_rng(8)
    count = rows + test
    frame = pd.DataFrame(
        {
            "id": np.arange(count),
            "N_Days": draw.integers(40, 4800, count),
            "Ascites": draw.choice(["N", "Y"], count),
            "Bilirubin": draw.gamma(1, 3, count).round(1),
            "Status": draw.choice(["C", "CL", "D"], count),
        }
    )
    sample = {"id": None, "Status_C": 0.628, "Status_CL": 0.034, "Status_D": 0.336}
    return write_trio(folder, frame, test, ["Status"], sample)


def steel_plates(folder: Path, rows: int = 120, test: int = 40) -> Path:
    """Several targets of two values."""
    draw = np.random.default_rng(9)
    count = rows + test
    frame = pd.DataFrame({"id": np.arange(count), "X_Minimum": draw.integers(0, 1700, count)})
    for name in ("Pastry", "Z_Scratch", "Stains"):
        frame[name] = draw.integers(0, 2, count)
    sample = {"id": None, "Pastry": 0.5, "Z_Scratch": 0.5, "Stains": 0.5}
    return write_trio(folder, frame, test, ["Pastry", "Z_Scratch", "Stains"], sample)


def digits(folder: Path, rows: int = 200, test: int = 30) -> Path:
    """A test without an id, whose rows the sample numbers from 1."""
    draw = np.random.default_rng(10)
    frame = pd.DataFrame({"label": np.arange(rows + test) % 10})
    for number in range(12):
        frame[f"pixel{number}"] = draw.integers(0, 256, rows + test)
    sample = pd.DataFrame({"ImageId": np.arange(1, test + 1), "Label": 0})
    return write_trio(folder, frame, test, ["label"], sample)


def wine(folder: Path, rows: int = 150, test: int = 50) -> Path:
    """Whole numbers with an order."""
    draw = np.random.default_rng(11)
    count = rows + test
    frame = pd.DataFrame(
        {
            "Id": np.arange(count),
            "alcohol": draw.normal(10, 1, count).round(2),
            "quality": draw.integers(3, 9, count),
        }
    )
    return write_trio(folder, frame, test, ["quality"], {"Id": None, "quality": 5})
