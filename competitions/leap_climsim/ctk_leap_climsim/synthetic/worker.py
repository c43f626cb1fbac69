"""The child process: makes time steps until its list is done, and says each on its standard output.

RRTMG can end the process it runs in; whoever started this one sees how far it came. ``python -m`` with the job as
JSON on the standard input: out, seed, steps (the length of the timeline), todo ([[step, attempt], ...]).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np

from ctk.errors import CtkError
from ctk_leap_climsim.synthetic import files
from ctk_leap_climsim.synthetic.schemes import Physics, climt_module
from ctk_leap_climsim.synthetic.timeline import moments
from ctk_leap_climsim.synthetic.weather import draw, sun_distance


def main() -> None:
    job = json.load(sys.stdin)
    out, seed = Path(job["out"]), job["seed"]
    # The protocol gets the real standard output; what climt and its Fortran print goes to the standard error.
    says = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    try:
        physics = Physics()
        attributes = files.origin(seed, climt_module().__version__)
        timeline = moments(job["steps"])
        for step, attempt in job["todo"]:
            moment = timeline[step]
            before = draw(moment, np.random.default_rng([seed, step, attempt]))
            after = physics.step(before, sun_distance(moment))
            for path, variables in zip(files.paths(out, moment), (before, after), strict=True):
                files.write(path, variables, attributes)
            print(json.dumps({"made": step}), file=says)
    except CtkError as error:
        print(json.dumps({"problem": error.problem, "help": error.help}), file=says)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
