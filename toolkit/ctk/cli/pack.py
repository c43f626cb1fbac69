"""ctk pack: a finished run as a folder that predicts where there is no network."""

from __future__ import annotations

from pathlib import Path

import click

from ctk import api
from ctk.cli import completion
from ctk.cli.json_output import as_json, print_json
from ctk.cli.printing import console
from ctk.packing import LIMIT, PLATFORM, PYTHON, shown_size


@click.command()
@click.argument("run", shell_complete=completion.runs)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The folder to make.")
@click.option(
    "--constraints",
    required=True,
    type=click.Path(path_type=Path),
    help="What the image has, name==version a line: in it, pip list --format=freeze.",
)
@click.option("--python", default=PYTHON, show_default=True, help="The image's Python.")
@click.option("--platform", default=PLATFORM, show_default=True, help="The newest wheels that the image takes.")
@click.option("--wheels", type=click.Path(path_type=Path), help="Folder of wheels that are taken before others.")
@click.option("--limit", default=LIMIT, show_default=True, help="How large the folder may be.")
@as_json
def pack(
    run: str,
    out: Path,
    constraints: Path,
    python: str,
    platform: str,
    wheels: Path | None,
    limit: str,
    json_: bool,
) -> None:
    """Make a folder to upload: the fitted members, the wheels that the image lacks, and a notebook that predicts.

    \b
    ctk pack RUN --out packed --constraints image.txt
    ctk pack RUN --out packed --constraints image.txt --python 3.11 --wheels wheels
    """
    packed = api.pack(
        run,
        out,
        constraints,
        python=python,
        platform=platform,
        wheels=wheels,
        limit=limit,
        say=None if json_ else lambda line: console.print(line, soft_wrap=True),
    )
    if json_:
        print_json(
            {"folder": packed.folder, "bytes": packed.size, "wheels": packed.wheels, "replaced": packed.replaced}
        )
        return
    for name, old in packed.replaced.items():
        console.print(f"{name} will replace the image's {old}", style="yellow", soft_wrap=True)
    console.print(f"{packed.folder}  {shown_size(packed.size)}, {len(packed.wheels)} wheels", soft_wrap=True)
    console.print(f"notebook  {packed.folder / 'predict.ipynb'}", soft_wrap=True)
