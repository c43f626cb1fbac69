"""Draw some pictures in a process of its own: a job as JSON on stdin, a line of JSON on stdout for each picture.

    {"folder": "...", "images": 300, "test": 100, "seed": 0, "size": [250, 500], "first": 0, "step": 2}

Every ``step``th picture is drawn, from ``first`` on; each has a generator of its own, so that it does not matter how
many processes draw.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ctk_csiro_biomass.pasture.picture import photograph
from ctk_csiro_biomass.pasture.plots import plan_plots

QUALITY = 90


def main() -> None:
    """Draw what stdin asks for."""
    job: dict[str, Any] = json.load(sys.stdin)
    folder, seed = Path(job["folder"]), job["seed"]
    plots = plan_plots(job["images"], job["test"], seed)
    for number in range(job["first"], len(plots), job["step"]):
        plot = plots[number]
        picture, weighed = photograph(plot, tuple(job["size"]), np.random.default_rng([seed, 1, number]))
        Image.fromarray(picture).save(folder / plot.part / f"{plot.id}.jpg", quality=QUALITY)
        print(json.dumps({"number": number, **dataclasses.asdict(weighed)}), flush=True)


if __name__ == "__main__":
    main()
