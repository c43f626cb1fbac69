"""What the benches of the vision-language model share: noise to ask about, the model, and the table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ctk.bench.tables import BenchRow, machine, save
from ctk.cli.bench import print_rows
from ctk.samples import Samples
from ctk_supertux.columns import IMAGE, QUESTION, SIDE_QUESTION, TOTAL_QUESTION, TRACK_QUESTION
from ctk_supertux.small import write_new


def make_samples(count: int) -> Samples:
    """Noise as pictures, with questions and answers of the usual lengths."""
    random = np.random.default_rng(0)
    asked = [TRACK_QUESTION, TOTAL_QUESTION, *(SIDE_QUESTION.format(kart) for kart in ("tux", "sara_the_wizard"))]
    answers = ["zengarden", "3", "left", "right"]
    chosen = random.integers(0, 4, count)
    pictures = random.integers(0, 256, (count, 100, 150, 3), np.uint8)
    return Samples(np.arange(count), {IMAGE: pictures, QUESTION: np.array(asked)[chosen]}, np.array(answers)[chosen])


def write_small(folder: Path, samples: Samples) -> str:
    """Write the small model with random weights, and a tokenizer of what is asked and answered."""
    write_new(folder, [*np.unique(samples.features[QUESTION]), *np.unique(samples.target)])
    return str(folder)


def tell(measured: Sequence[BenchRow], results: Path | None) -> None:
    """Print the table, and keep it where a folder is given."""
    print_rows(measured)
    if results:
        save(measured, machine(), results)
