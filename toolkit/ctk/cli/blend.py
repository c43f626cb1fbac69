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
@click.option(
    "--members",
    metavar="NAME,...",
    multiple=True,
    help="Members of the runs to take, by name and seed (mlp, mlp/seed-1, '*'), each by itself.",
)
@click.option(
    "--weights-of",
    metavar="RUN",
    shell_complete=completion.runs,
    help="Take the weights that a run or a blend saved, by its members' names: NAME=FILE says whose a file takes.",
)
@click.option("--no-postprocess", is_flag=True, help="Leave the weighted sum as it is: the competition mends nothing.")
@click.option("--competition", shell_complete=completion.competitions, help="Needed only if every source is a file.")
@data_dir
@click.option("--name", default="blend", show_default=True, help="What the new run's folder is called.")
@as_json
def blend(
    sources: tuple[str, ...],
    blender: str | None,
    options: tuple[str, ...],
    members: tuple[str, ...],
    weights_of: str | None,
    no_postprocess: bool,
    competition: str | None,
    data_dir: Path | None,
    name: str,
    json_: bool,
) -> None:
    """Blend runs of different times, and submission files, into a new run.

    \b
    ctk blend RUN1 RUN2                                    by the first run's own blender
    ctk blend RUN1 RUN2 --blender hill-climb-retrieval     weights by mean reciprocal rank
    ctk blend RUN1 RUN2 theirs.csv                         equal weights; a run is one source, with its own blend
    ctk blend RUN1 theirs.csv -o 'weights=[0.7, 0.3]'      weights by hand, in the order of the sources
    ctk blend RUN --members mlp/seed-1,ridge               some members of a run
    ctk blend RUN -o weights.mlp/seed-1=0.7 -o weights.ridge=0.3
    ctk blend a.csv b.csv --competition my-competition
    ctk blend mlp=a.csv ridge=b.csv --weights-of RUN ...   the weights that RUN saved, by group and column too
    """
    results = api.blend_runs(
        sources,
        blender=blender,
        options=options,
        members=[name for each in members for name in each.split(",") if name],
        weights_of=weights_of,
        postprocess=not no_postprocess,
        competition=competition,
        data=data_dir,
        name=name,
        observer=RunProgress("", quiet=json_),
    )
    if json_:
        print_json({"run": results.folder, "scores": results.scores, "test": results.truth_scores})
    else:
        print_results(results)
