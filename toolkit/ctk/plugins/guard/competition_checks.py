"""What competitions and readers of data may give back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ctk import contract
from ctk.contract import Competition, Submission
from ctk.errors import SubmissionError
from ctk.files import refuse_packed
from ctk.plugins.guard import array_checks as arrays
from ctk.plugins.guard.failures import require
from ctk.plugins.guard.sample_checks import check_data, check_prepared
from ctk.plugins.guard.value_checks import Given, instance_of, of_type
from ctk.samples import Data, Samples

TEXTS = ("id", "title", "url", "metric", "reader", "embedded", "default")
"""Texts that a competition has to have."""
LISTS = ("headline", "formats")
"""Lists of texts that a competition has to have."""


def check_competition(own: Any, given: Given) -> Any:
    instance_of(Competition)(own, given)
    for field in TEXTS:
        require(isinstance(getattr(own, field, None), str), f"has no '{field}', a text")
    for field in LISTS:
        value = getattr(own, field, None)
        require(value and not isinstance(value, str), f"has no '{field}', a list of texts")
    return own


def check_presets(presets: Any, given: Given) -> Any:
    of_type(Mapping, "gave a {} of presets, and configs by name are needed")(presets, given)
    for name, preset in presets.items():
        of_type(Mapping, f"gave as preset '{name}' a {{}}, and a mapping is needed")(preset, given)
    for name in (given["self"].embedded, given["self"].default):
        require(name in presets, f"says its preset is '{name}', and has {', '.join(presets) or 'none'}")
    return presets


def check_written(nothing: Any, given: Given) -> None:
    require(given["path"].is_file(), f"wrote no submission to {given['path']}")


def check_sentences(lines: Any, given: Given) -> list[str]:
    whole = isinstance(lines, Sequence) and not isinstance(lines, str) and all(isinstance(each, str) for each in lines)
    require(whole, f"told {lines!r}, and a list of sentences is needed")
    return list(lines)


def check_bundled(lines: Any, given: Given) -> list[str]:
    check_written(None, given)
    return check_sentences(lines, given)


def check_submission(read: Any, given: Given) -> Any:
    path, test = given["path"], given["test"]
    of_type(Submission, "read a {}, and a ctk.contract.Submission is needed")(read, given)
    same = np.array_equal(read.ids, test.ids)
    require(same, f"read {path} into {len(read.ids):,} ids that are not those of the test samples, in order")
    shape = np.shape(read.values)
    require(shape[:1] == (len(test),), f"read {path} into values {shape} for {len(test):,} ids")
    return read


def check_submitted(values: Any, given: Given) -> Any:
    told, rows = np.asarray(values), len(given["prediction"])
    require(told.shape[:1] == (rows,), f"told of values {told.shape} in a submission of {rows:,} predictions")
    return told


def refuse_archive(given: Given) -> None:
    """Raise SubmissionError for an archive that holds a submission, unless the competition's format is one."""
    refuse_packed(Path(given["path"]), SubmissionError, "submission", given["self"].formats)


def check_scored_file(scores: Any, given: Given) -> dict[str, float]:
    numbers = arrays.to_numbers(scores, "scored")
    for name in given["self"].headline:
        if not math.isfinite(numbers.get(name, 0.0)):
            raise SubmissionError(
                f"{given['path']}: its {name} is {numbers[name]}: some numbers are too large to be scored.",
                "Look for them in the file, and in the truth.",
            )
    return (
        contract.Graded(numbers, check_sentences(scores.lines, given))
        if isinstance(scores, contract.Graded)
        else numbers
    )


def check_truth(truth: Any, given: Given) -> Any:
    whole = isinstance(truth, Samples) and truth.target is not None
    require(whole, f"read {given['path']} into no samples with a target")
    return truth


def check_mended(mended: Any, given: Given) -> Any:
    before = given["prediction"]
    text = before.dtype.kind == "U" and getattr(mended, "dtype", before.dtype).kind == "U"
    after = np.asarray(mended) if text else arrays.to_numeric(mended, "postprocessed predictions into")
    require(after.shape == before.shape, f"postprocessed predictions of shape {before.shape} into {after.shape}")
    return after


def check_options_schema(schema: Any, given: Given) -> Any:
    whole = schema is None or (isinstance(schema, type) and issubclass(schema, contract.Strict))
    require(whole, f"told of options {schema!r}, and a subclass of ctk.contract.Strict is needed, or None")
    if schema is not None:
        lacking = [name for name, field in schema.model_fields.items() if field.is_required()]
        require(not lacking, f"has an option without a default: {', '.join(lacking)}")
    return schema


def check_read(data: Any, given: Given) -> Any:
    of_type(Data, "read a {}, and a ctk.samples.Data is needed")(data, given)
    check_data(data)
    return data


def check_width(width: Any, given: Given) -> int:
    count = arrays.to_number(width, "gave as the width of a prediction")
    require(count >= 1 and count == int(count), f"gave {width} as the width of a prediction")
    check_prepared(given["place"], given["folder"], "test")
    return int(width)
