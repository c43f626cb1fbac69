"""Answers a second of a vision-language model: in batches with left padding, beside one question at a time.

    python competitions/supertux/bench/generation.py [--model FOLDER] [--questions 64] [--batches 1 8 32]

Every contestant reads the same pictures and questions and generates greedily until the end or 8 tokens; the error is
the share of answers that differ from those of one at a time. The model, if none is given, is the small one with random
weights, which never ends an answer: all give 8 tokens then.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path

import torch
from shared import make_samples, tell, write_small

from ctk.bench.bench_case import BenchCase, Contestant, Run, Verdict
from ctk.bench.measure import measure
from ctk.samples import Array, Samples
from ctk.training import text_codes, texts_of
from ctk_supertux.columns import IMAGE, QUESTION
from ctk_transformers import VisionLanguageNetwork


def main() -> None:
    """Print the table and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a folder; left out, the small model with random weights")
    parser.add_argument("--questions", type=int, default=64)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--results", type=Path, help="folder of the CSV tables; left out, nothing is kept")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ctk-bench-") as place:
        samples = make_samples(given.questions)
        model = given.model or write_small(Path(place), samples)
        first: list[Array] = []

        def judge(answers: Array) -> Verdict:
            first.append(answers)
            return Verdict(error=float((answers != first[0]).mean()))

        contestants = [
            Contestant(f"batches of {size}", partial(_generate, model, samples, size), "floor" if size == 1 else "ctk")
            for size in given.batches
        ]
        case = BenchCase(f"generation, {given.questions} questions", "cpu", contestants, judge, given.seconds)
        measured = measure("generation", case)
    tell(measured, given.results)


def _generate(model: str, samples: Samples, size: int) -> Run:
    network = VisionLanguageNetwork.for_samples(samples, model=model, at_once=size, max_new_tokens=8).eval()
    pictures, questions = torch.from_numpy(samples.features[IMAGE]), text_codes(samples.features[QUESTION])

    def run() -> Array:
        return texts_of(network(pictures, questions).numpy())

    return run


if __name__ == "__main__":
    main()
