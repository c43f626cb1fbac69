"""ctk blend: members of several runs, and submissions of other people, together."""

from __future__ import annotations

from pathlib import Path

import click

from ctk import api
from ctk.cli import completion, config_completion
from ctk.cli.json_output import as_json, print_json
from ctk.cli.options import data_dir
from ctk.cli.run_progress import RunProgress
from ctk.cli.run_results import print_results


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="RUN_OR_FILE...", shell_complete=completion.runs_and_files)
@click.option(
    "--blender",
    shell_complete=completion.component("blenders"),
    help="A registered blender; one that needs validation predictions takes only runs. Default: that of the first run,"
    " or mean where there are files.",
)
@click.option(
    "-o",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=config_completion.blend_options,
    help="An option of the blender, e.g. -o normalise=false; or, for files alone, of the data: -o data.KEY=VALUE.",
)
@click.option("--competition", shell_complete=completion.competitions, help="Needed only if every source is a file.")
@data_dir
@click.option("--name", default="blend", show_default=True, help="What the new run's folder is called.")
@as_json
def blend(
    sources: tuple[str, ...],
    blender: str | None,
    options: tuple[str, ...],
    competition: str | None,
    data_dir: Path | None,
    name: str,
    json_: bool,
) -> None:
    """Blend runs of different times, and submission files, into a new run.

    \b
    ctk blend RUN1 RUN2                                    by the first run's own blender
    ctk blend RUN1 RUN2 --blender hill-climb-retrieval     weights by mean reciprocal rank
    ctk blend RUN1 RUN2 theirs.csv                         equal weights; files have no validation predictions
    ctk blend a.csv b.csv --competition my-competition
    ctk blend a.csv b.csv -o 'weights=[0.7, 0.3]' ...      weights by hand, in the order of the sources
    """
    results = api.blend_runs(
        sources,
        blender=blender,
        options=options,
        competition=competition,
        data=data_dir,
        name=name,
        observer=RunProgress("", quiet=json_),
    )
    if json_:
        print_json({"run": results.folder, "scores": results.scores, "test": results.truth_scores})
    else:
        print_results(results)
