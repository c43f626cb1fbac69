"""random, tpe and mcts on made-up objectives over the 1,728 points of aml-retrieval's space `reference`.

    nice -n 19 python plugins/mcts/bench/synthetic.py [--objectives 100] [--trials 30] [--sampler mcts rave=0 ...]

An objective is a sum of effects: of each parameter by itself, their sizes drawn from a Dirichlet distribution; of five
pairs of parameters; and a little noise for each point, always the same for the same point. Printed is how large a share
of all points is better than the best that was found, over objectives: its median, mean and the mean's standard error. A
search takes a tenth of a second, so that differences can be told from luck, which five repeats of real searches
cannot. The defaults of mcts were chosen here, on objectives from 1,000 on.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import optuna
import yaml
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution

from ctk.api import Guard
from ctk_search.study import seed_of

SIZES = (3, 4, 4, 2, 2, 3, 3)
SPACE: dict[str, BaseDistribution] = {
    f"decision-{level}": CategoricalDistribution(range(size)) for level, size in enumerate(SIZES)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objectives", type=int, default=100, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the number of the first")
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument(
        "--sampler", nargs="+", action="append", metavar="NAME KEY=VALUE", help="with options; may be given again"
    )
    given = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print(f"share of points better than the best of {given.trials} trials, {given.objectives} objectives")
    for name, *options in given.sampler or (["random"], ["tpe"], ["mcts"]):
        keys = dict(option.split("=", 1) for option in options)
        factory = Guard("samplers", name).load()
        made = {key: yaml.safe_load(value) for key, value in keys.items()}
        better = np.array(
            [
                better_than_found(objective(number), number, given.trials, factory, made)
                for number in range(given.first, given.first + given.objectives)
            ]
        )
        spread = better.std() / len(better) ** 0.5
        label = " ".join([name, *options])
        print(f"{label:40} median {np.median(better):.2%}  mean {better.mean():.2%} ± {spread:.2%}", flush=True)


def better_than_found(
    scores: NDArray[np.float64],
    seed: int,
    trials: int,
    factory: Callable[..., optuna.samplers.BaseSampler],
    options: Mapping[str, Any],
) -> float:
    """Search an objective, a sampler made anew for each trial; the share of all points that beat the best found."""
    study = optuna.create_study(direction="maximize")
    for number in range(trials):
        study.sampler = factory(SPACE, seed_of(seed, number), **options)
        trial = study.ask(SPACE)
        study.tell(trial, float(scores[tuple(trial.params.values())]))
    return float((scores > study.best_value).mean())


def objective(number: int) -> NDArray[np.float64]:
    """The scores of all points, an axis for each parameter."""
    random = np.random.default_rng(number)
    weights = random.dirichlet(np.ones(len(SIZES)))
    scores = np.zeros(SIZES)
    for level, size in enumerate(SIZES):
        scores += weights[level] * _along(random.normal(size=size), level)
    for _ in range(5):
        pair = sorted(random.choice(len(SIZES), 2, replace=False).tolist())
        effect = random.normal(size=tuple(SIZES[level] for level in pair))
        scores += 0.7 * np.sqrt(weights[pair].prod()) * _along(effect, *pair)
    noise = random.normal(size=SIZES)
    return np.asarray(scores + 0.1 * scores.std() * noise, dtype=np.float64)


def _along(effect: NDArray[np.float64], *levels: int) -> NDArray[np.float64]:
    return effect.reshape([SIZES[level] if level in levels else 1 for level in range(len(SIZES))])


if __name__ == "__main__":
    main()
