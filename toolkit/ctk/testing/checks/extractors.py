"""An extractor makes the same columns of the same samples: again, in blocks, and loaded."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ctk.config.resolve import resolve
from ctk.plugins import plugins
from ctk.samples import Array
from ctk.testing.findings import Examination
from ctk.testing.short_runs import ShortRun
from ctk.testing.subject import Offer
from ctk.workflow.features.extract import check_alike, extract, make_extractor


def check_extractor(exam: Examination, tried: ShortRun, offer: Offer) -> None:
    """Extract from the validation samples of a run as the run did, and again in other ways."""
    choice = resolve(tried.run.config(), plugins()).features["extracted"]
    samples = tried.results.valid
    one, other = make_extractor(choice), make_extractor(choice)
    before = {name: values.copy() for name, values in samples.features.items()}
    if one.learns:
        one.fit_extract(samples, lambda done, total: None)
        place = exam.home.work / "extractor"
        place.mkdir(exist_ok=True)
        one.save(place)
        other.load(place)
    first, again = extract(one, samples), extract(other, samples)
    exam.saw(f"{offer.title}, by itself")
    check_alike(one, first, again)
    how = "saved and loaded" if one.learns else "made once more"
    if not _same(first, again):
        exam.wrong(
            f"the {offer.title}, {how}, makes other columns of the same samples", "Draw from a fixed seed alone."
        )
    if one.rows is not None and not one.learns:
        half = len(samples) // 2
        blocks = [extract(one, samples.take(rows)) for rows in np.split(np.arange(len(samples)), [half])]
        if not _same(first, {name: np.concatenate([block[name] for block in blocks]) for name in first}):
            exam.wrong(
                f"the {offer.title} makes other columns of a row in other blocks",
                "With `rows` a row's features are of that row alone; leave it out where they are not.",
            )
    if not _same(before, samples.features):
        exam.wrong(f"the {offer.title} changes the samples that it is given", "Copy before writing.")


def _same(some: Mapping[str, Array], others: Mapping[str, Array]) -> bool:
    return all(
        np.array_equal(values, others[name], equal_nan=values.dtype.kind == "f") for name, values in some.items()
    )
