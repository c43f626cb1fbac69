"""ctk features: what a config extracts of the data, and what of it is made."""

from __future__ import annotations

from typing import Any

import click

from ctk.api import extract_features
from ctk.cli import completion
from ctk.cli.json_output import as_json, print_json
from ctk.cli.options import config_options, refresh
from ctk.cli.printing import console, print_table
from ctk.cli.progress import ProgressBars
from ctk.machine import size_text
from ctk.workflow.features import FeatureState

SHOWN = 3
"""Columns of a feature that its row names."""


@click.command()
@click.argument("competition", shell_complete=completion.competitions)
@config_options
@click.option("--make", is_flag=True, help="Make what is missing, so that runs find it made.")
@refresh
@as_json
def features(
    competition: str, how: dict[str, Any], overrides: tuple[str, ...], make: bool, refresh: bool, json_: bool
) -> None:
    """List the features that a config extracts: by which extractor, their columns, and what lies in the cache.

    \b
    ctk features my-competition
    ctk features my-competition --data DIR --preset PRESET --make
    """
    bars = ProgressBars(quiet=json_)
    try:
        found = extract_features(competition, make=make, refresh=refresh, progress=bars, **how, overrides=overrides)
    finally:
        bars.stop()
    if json_:
        print_json([vars(each) for each in found])
    elif found:
        print_table(
            ["feature", "extractor", "of", "columns", "made", "size"], [_row(each) for each in found], numbers=1
        )
    else:
        console.print(f"No feature of {competition} is extracted: the config's `features` are empty.")


def _row(state: FeatureState) -> list[str]:
    columns = [f"{name} ({width})" if width > 1 else name for name, width in list(state.columns.items())[:SHOWN]]
    more = len(state.columns) - SHOWN
    made = f"{state.made} of {state.all}" if state.made < state.all else "yes"
    by_fold = f"{made} folds" if state.made < state.all else f"yes, {state.all} folds"
    return [
        state.name,
        state.extractor,
        ", ".join(state.of),
        ", ".join([*columns, *([f"{more} more"] if more > 0 else [])]),
        (by_fold if state.all else "with the fits") if state.by_fold else made,
        size_text(state.size) if state.size else "",
    ]
