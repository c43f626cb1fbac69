"""ctk runs and ctk show: past runs as a local leaderboard, and one of them in full."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import click
from rich.text import Text

from ctk.cli import completion
from ctk.cli.json_output import as_json, print_json
from ctk.cli.printing import console, format_score, print_table
from ctk.errors import DamagedError, UsageError, hide_secrets, without_secrets
from ctk.files import dump_yaml
from ctk.plugins import plugins
from ctk.runs import Run, runs_root
from ctk.runs.local_leaderboard import LeaderboardRow, SeriesSummary, leaderboard_row, list_series, local_leaderboard
from ctk.workflow.member_submissions import fitted_keys, write_member_submissions

SHOWN = 100
"""Characters of what is wrong with a run that its row shows."""


@click.command()
@click.argument("competition", required=False, shell_complete=completion.competitions)
@click.option("--dry", is_flag=True, help="Show dry runs too.")
@as_json
def runs(competition: str | None, dry: bool, json_: bool) -> None:
    """List past runs, best first: when, what was changed, scores, state. Then searches and ablations, newest first.

    With --json the runs alone.

    \b
    ctk runs
    ctk runs my-competition --dry
    """
    rows = [row for row in local_leaderboard(runs_root(), competition) if dry or not row.dry_run]
    groups = list_series(runs_root(), competition)
    if not rows and not groups and competition is not None:
        plugins().get("competitions", competition)  # that none has the name is another answer than no runs
    if json_:
        print_json(without_secrets([vars(row) for row in rows]))
        return
    if not rows and not groups:
        console.print(f"No runs under {runs_root()}.")
        return
    several = len({row.competition for row in rows} | {each.competition for each in groups}) > 1
    if rows:
        _show_runs(rows, several)
    if groups:
        if rows:
            console.print()
        _show_series(groups, several)


def _show_runs(rows: Sequence[LeaderboardRow], several: bool) -> None:
    shown = [
        [
            str(place),
            *([row.competition] if several else []),
            _when(row.started),
            row.name,
            hide_secrets(", ".join([row.preset, *row.changed])),
            row.state if not row.problem else f"{row.state}: {row.problem.splitlines()[0][:SHOWN]}",
            *(format_score(value) for value in (row.best_member, row.blend, row.test)),
        ]
        for place, row in enumerate(rows, start=1)
    ]
    columns = ["", *(["competition"] if several else []), "when", "run", "changed", "state"]
    print_table([*columns, "member", "blend", "test"], shown, numbers=3)


def _show_series(groups: Sequence[SeriesSummary], several: bool) -> None:
    shown = [
        [
            *([each.competition] if several else []),
            _when(each.started),
            each.name,
            f"{each.finished:,} of {each.runs:,} finished",
            format_score(each.best),
        ]
        for each in groups
    ]
    print_table([*(["competition"] if several else []), "when", "search or ablation", "runs", "best"], shown, numbers=1)


def _when(started: float | None) -> str:
    return f"{datetime.fromtimestamp(started):%m-%d %H:%M}" if started else ""


@click.command()
@click.argument("run", shell_complete=completion.runs)
@click.option("--member", metavar="NAME", help="Of the scores those of this member: NAME, or NAME/seed-SEED.")
@click.option(
    "--submission", is_flag=True, help="With --member: write a submission of it alone, one a seed, into its folder."
)
@as_json
def show(run: str, member: str | None, submission: bool, json_: bool) -> None:
    """Show a run: its state, scores, config and files.

    \b
    ctk show quick                                    any part of its name that no other has
    ctk show runs/my-competition/1122-045252-quick    its folder
    ctk show quick --member ridge --submission        a submission of a member alone
    """
    found = Run.find(run, runs_root())
    row = leaderboard_row(found)
    scores, config = _if_whole(found.scores), _if_whole(found.config)
    if submission and member is None:
        raise UsageError("--submission writes those of a member.", "Say of which: --member NAME.")
    keys = [] if member is None else fitted_keys(found, member)
    if keys and scores:
        scores["members"] = {key: each for key, each in scores["members"].items() if key in keys}
    written = write_member_submissions(found, str(member)) if submission else []
    if json_:
        print_json(without_secrets({**vars(row), "scores": scores, "config": config, "submissions": written}))
        return
    console.print(Text.assemble((str(found.folder), "bold"), f"  {row.state} {row.problem}"), soft_wrap=True)
    if scores:
        shown = scores["headline"]
        rows = [[key, *(format_score(values.get(name)) for name in shown)] for key, values in scores["members"].items()]
        blends = {} if keys else {name: each["validation"] for name, each in scores.get("blends", {}).items()}
        rows += [[f"blend {name}", *(format_score(each.get(n)) for n in shown)] for name, each in blends.items()]
        if scores["test"] and not keys:
            rows.append(["test", *(format_score(scores["test"].get(name)) for name in shown)])
        print_table(["", *shown], rows, len(shown))
    console.print()
    for path in written:
        console.print(f"{path}", soft_wrap=True)
    if keys:
        return
    for pattern in ("submission.*", "blends/*/submission.*", "report.html", "log.txt"):
        for path in sorted(found.folder.glob(pattern)):
            if path.name != "submission.json":
                console.print(f"{path}", soft_wrap=True)
    console.print()
    if config:
        console.print(hide_secrets(dump_yaml(config)), soft_wrap=True, end="")


def _if_whole(read: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What can be read; what cannot is told in the run's row."""
    try:
        return read()
    except DamagedError:
        return {}
