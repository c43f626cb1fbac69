"""ctk leaderboard: the best teams at the competition's platform, one's own best, and where a local run would stand."""

from __future__ import annotations

import click

from ctk.cli import completion
from ctk.cli.json_output import as_json, print_json
from ctk.cli.printing import console, format_score, print_table
from ctk.plugins.guard import competition_of
from ctk.plugins.platforms import platform_of
from ctk.runs import Run, runs_root
from ctk.workflow import leaderboard_place

TOP = 10


@click.command()
@click.argument("competition", shell_complete=completion.competitions)
@click.option("--team", metavar="NAME", help="Whose best to show; default: that of your own submissions.")
@click.option(
    "--metrics",
    "run",
    metavar="RUN",
    shell_complete=completion.runs,
    help="Show where this run's validation score would stand.",
)
@as_json
def leaderboard(competition: str, team: str | None, run: str | None, json_: bool) -> None:
    """Show the platform's leaderboard: the top, your best, and where a run's local score would stand.

    \b
    ctk leaderboard my-competition
    ctk leaderboard my-competition --team "Four seeds" --metrics quick
    """
    known = competition_of(competition)
    platform = platform_of(known)
    metric = leaderboard_place.board_metric(known)
    local = None if run is None else leaderboard_place.local_score(Run.find(run, runs_root()), known, metric)
    entries = platform.leaderboard(known.slug)
    mine = None if team else leaderboard_place.best(platform.submissions(known.slug), metric.direction)
    own = leaderboard_place.entry_of(team, entries) if team else leaderboard_place.entry_with(mine, entries)
    would = None
    if local is not None:
        leaderboard_place.check_order(entries, metric)
        would = leaderboard_place.find_place(local, [entry for entry in entries if entry is not own], metric.direction)
    if json_:
        facts = {"platform": known.platform, "slug": known.slug, "metric": metric.name, "direction": metric.direction}
        place = None if would is None else {"name": run, "score": local, **vars(would)}
        rows = [vars(entry) for entry in entries]
        submitted = None if mine is None else vars(mine)
        print_json({**facts, "own": own and vars(own), "own_submission": submitted, "run": place, "entries": rows})
        return
    console.print(f"{known.slug} at {known.platform}: {len(entries):,} teams")
    shown = entries[:TOP]
    if own is not None and own not in shown:
        shown = [*shown, own]
    rows_ = [
        [str(entry.rank), entry.team, f"{entry.when:%Y-%m-%d}" if entry.when else "", entry.shown] for entry in shown
    ]
    print_table(["rank", "team", "when", "score"], rows_, numbers=1)
    if own is not None:
        console.print(f"own best  {own.shown or 'no score'}, rank {own.rank:,} ({own.team})")
    elif mine is not None:
        note = f" ({mine.message})" if mine.message else ""
        console.print(f"own best  {format_score(mine.score, 5)}, {mine.file}{note}; not on the leaderboard")
    else:
        console.print("own best  none of your submissions has a score yet")
    if would is not None:
        ties = f"; {would.tied:,} with the same score came earlier" if would.tied else ""
        console.print(
            f"{run}  {metric.name} {format_score(local, 5)} on its validation samples would be rank {would.rank:,} of "
            f"{would.of:,}{ties}",
        )
