"""``python -m ctk_supertux.small DATA OUT``: train the small model that is shipped, from nothing, on frames.

DATA is a folder like the homework's: frames of ``train/`` are trained on, and about those of ``valid/``, where there
are some, questions are asked. An interrupted training goes on when called again, and one that has ended with more
--steps; the learning rate is then that of the longer plan.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
import torch

from ctk.errors import CtkError
from ctk_supertux.columns import TRAIN, VALID
from ctk_supertux.small.frames import Frames
from ctk_supertux.small.train import SmallTraining, TrainingPlan

PLAN = TrainingPlan()


@click.command(help=__doc__)
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--work", type=click.Path(path_type=Path), default=Path("small-training"), help="Folder of the checkpoint."
)
@click.option("--seeing", default=PLAN.seeing, help="Steps in which the vision tower alone learns, by karts.")
@click.option("--steps", default=PLAN.steps, help="Steps of both parts.")
@click.option("--batch", default=PLAN.batch, help="Views a step.")
@click.option("--lr", default=PLAN.lr, help="Highest learning rate.")
@click.option("--save-every", default=PLAN.save_every, help="Steps between checkpoints and validations.")
@click.option("--threads", type=int, default=None, help="CPU threads; torch's own number if not given.")
def main(data: Path, out: Path, work: Path, threads: int | None, **plan: float) -> None:
    """Train, and write the model in half precision with its processor to OUT."""
    if threads:
        torch.set_num_threads(threads)
    try:
        train = Frames.read(data / TRAIN)
        valid = Frames.read(data / VALID) if (data / VALID).is_dir() else None
        training = SmallTraining(train, valid, work, replace(PLAN, **plan))  # type: ignore[arg-type]  # click's types
        click.echo(
            f"{len(train.pictures):,} views, {len(training.names)} names, {len(training.processor.tokenizer)} tokens"
        )
        training.run(click.echo)
        training.write(out)
        click.echo(f"{out}  {sum(path.stat().st_size for path in out.iterdir()) / 1e6:.1f} MB")
    except CtkError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
