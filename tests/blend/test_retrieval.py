"""The climb by mean reciprocal rank against one that counts every rank of every candidate."""

import signal
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch

from ctk.blend import hill_climb_retrieval
from ctk.blend.score_tiles import TilePlan
from ctk.ops import mean_reciprocal_rank, native
from ctk.ops.share_counts import share_counts

ONE = 1 << 36  # scores are told apart to this part of a query
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]


def dense_climb(queries, galleries, positives, shares, rounds=100, replacement=True, cutoff=None, sample=None):
    """Every blend in float64, every rank counted: weights, and the steps as (member, share, score)."""
    scores = np.stack([(q.double() @ g.double().T).numpy() for q, g in zip(queries, galleries, strict=True)])
    sample = np.ones(scores.shape[1], dtype=int) if sample is None else sample

    def score(blend):
        total = 0
        for row, right, times in zip(blend, positives, sample, strict=True):
            best = max(row[place] for place in right)
            wrong = np.delete(row, right)
            halves = 2 * int((wrong > best).sum()) + int((wrong == best).sum())
            if cutoff is None or 1 + halves / 2 <= cutoff:
                total += int(2 * ONE / (halves + 2)) * int(times)
        return total / ONE / len(blend)

    alone = [score(member) for member in scores]
    first = int(np.argmax(alone))
    weights = np.eye(len(scores))[first]
    steps = [(first, 1.0, alone[first])]
    while len(steps) < rounds:
        blend = np.tensordot(weights, scores, 1)
        tries = [
            (score((1 - share) * blend + share * scores[member]), member, share)
            for member in range(len(scores))
            for share in shares
            if share and (replacement or member not in [step[0] for step in steps])
        ]
        best, member, share = max(tries, key=lambda each: each[0], default=(-1.0, 0, 0.0))
        if best <= steps[-1][2]:
            break
        weights = weights * (1 - share)
        weights[member] += share
        steps.append((member, share, best))
    return weights, steps


def assert_same_climb(blend, expected):
    weights, steps = expected
    assert [(step.member, step.share) for step in blend.trace] == [(member, share) for member, share, _ in steps]
    assert [step.score for step in blend.trace] == pytest.approx([score for _, _, score in steps], rel=1e-9)
    np.testing.assert_allclose(blend.weights, weights, atol=1e-12)


def noisy_models(noise, queries=60, gallery=50, width=16, members=3, seed=0):
    """Embeddings of the same things, each model with noise of its own; and the gallery row of each query."""
    generator = torch.Generator().manual_seed(seed)
    things = torch.randn(gallery, width, generator=generator)
    target = torch.randint(0, gallery, (queries,), generator=generator)
    query_sets = [things[target] + noise * torch.randn(queries, width, generator=generator) for _ in range(members)]
    gallery_sets = [things + noise * torch.randn(gallery, width, generator=generator) for _ in range(members)]
    return query_sets, gallery_sets, target


def whole_numbers(seed, queries=12, gallery=17, width=3, members=3):
    """Small whole numbers: products without rounding, many ties, duplicates among the gallery."""
    generator = torch.Generator().manual_seed(seed)
    gallery_sets = [torch.randint(-2, 3, (gallery, width), generator=generator).float() for _ in range(members)]
    for each in gallery_sets:
        each[: gallery // 2] = each[gallery // 2 : gallery // 2 * 2]
    query_sets = [torch.randint(-2, 3, (queries, width), generator=generator).float() for _ in range(members)]
    return query_sets, gallery_sets, torch.randint(0, gallery, (queries,), generator=generator)


def each_alone(target):
    return [[place] for place in target.tolist()]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("seed", range(4))
def test_the_climb_is_the_one_that_counts_every_rank(seed, device):
    queries, galleries, target = noisy_models(1.5, seed=seed)
    shares = [number * 0.01 for number in range(-50, 51)]
    expected = dense_climb(queries, galleries, each_alone(target), shares)
    assert len(expected[1]) > 2
    on_device = [each.to(device) for each in queries], [each.to(device) for each in galleries]
    assert_same_climb(hill_climb_retrieval(*on_device, target.to(device)), expected)


# Shares of 1/8 keep the blends of whole numbers free of rounding for a few rounds, so that ties stay ties.
EIGHTHS = {"bounds": (-0.5, 0.5), "step": 0.125, "max_rounds": 4}
EIGHTHS_GRID = [number / 8 for number in range(-4, 5)]


@pytest.mark.parametrize("seed", range(8))
def test_ties_and_duplicates_count_half(seed):
    queries, galleries, target = whole_numbers(seed)
    expected = dense_climb(queries, galleries, each_alone(target), EIGHTHS_GRID, rounds=4)
    assert_same_climb(hill_climb_retrieval(queries, galleries, target, **EIGHTHS), expected)


@pytest.mark.parametrize("seed", range(8))
def test_with_ids_the_best_positive_under_each_share_counts(seed):
    queries, galleries, target = whole_numbers(seed)
    gallery_ids = torch.arange(17) % 5
    query_ids = gallery_ids[target]
    positives = [(gallery_ids == name).nonzero().flatten().tolist() for name in query_ids]
    expected = dense_climb(queries, galleries, positives, EIGHTHS_GRID, rounds=4)
    blend = hill_climb_retrieval(queries, galleries, query_ids=query_ids, gallery_ids=gallery_ids, **EIGHTHS)
    assert_same_climb(blend, expected)


def test_with_ids_on_a_fine_grid():
    queries, galleries, target = noisy_models(1.5, seed=9)
    gallery_ids = torch.arange(50) % 20
    query_ids = gallery_ids[target]
    positives = [(gallery_ids == name).nonzero().flatten().tolist() for name in query_ids]
    expected = dense_climb(queries, galleries, positives, [number * 0.01 for number in range(-50, 51)])
    blend = hill_climb_retrieval(queries, galleries, query_ids=query_ids, gallery_ids=gallery_ids)
    assert len(expected[1]) > 1
    assert_same_climb(blend, expected)


@pytest.mark.parametrize("cutoff", [1, 3])
def test_a_rank_beyond_the_cutoff_counts_nothing(cutoff):
    queries, galleries, target = whole_numbers(5)
    expected = dense_climb(queries, galleries, each_alone(target), EIGHTHS_GRID, rounds=4, cutoff=cutoff)
    assert_same_climb(hill_climb_retrieval(queries, galleries, target, cutoff=cutoff, **EIGHTHS), expected)


def test_without_replacement_each_member_is_taken_once():
    queries, galleries, target = noisy_models(1.5, members=4)
    shares = [number * 0.01 for number in range(-50, 51)]
    expected = dense_climb(queries, galleries, each_alone(target), shares, replacement=False)
    blend = hill_climb_retrieval(queries, galleries, target, replacement=False)
    assert len({step.member for step in blend.trace}) == len(blend.trace) > 1
    assert_same_climb(blend, expected)


@pytest.mark.parametrize("cutoff", [None, 5])
def test_the_score_is_that_of_the_blend_and_the_last_step_saw_it(cutoff):
    queries, galleries, target = noisy_models(1.5)
    blend = hill_climb_retrieval(queries, galleries, target, cutoff=cutoff)
    query = torch.cat([float(weight) * each for weight, each in zip(blend.weights, queries, strict=True)], dim=1)
    assert blend.score == mean_reciprocal_rank(query, torch.cat(galleries, dim=1), target, cutoff=cutoff)
    assert blend.score == pytest.approx(blend.trace[-1].score, abs=1e-6)


def test_each_step_of_the_trace_raises_the_score():
    queries, galleries, target = noisy_models(1.5)
    scores = [step.score for step in hill_climb_retrieval(queries, galleries, target).trace]
    assert all(before < after for before, after in pairwise(scores))


def test_two_weak_models_blend_to_a_better_one():
    queries, galleries, target = noisy_models(2.0, queries=500, gallery=200, members=2)
    blend = hill_climb_retrieval(queries, galleries, target)
    alone = [mean_reciprocal_rank(q, g, target) for q, g in zip(queries, galleries, strict=True)]
    assert blend.score > 1.3 * max(alone)
    assert blend.weights.sum() == pytest.approx(1)
    assert (blend.weights > 0.3).all()


@pytest.mark.parametrize("ids", [False, True])
def test_no_memory_limit_changes_the_climb(ids, monkeypatch):
    monkeypatch.setattr("ctk.blend.score_tiles.COLUMNS", 7)
    queries, galleries, target = whole_numbers(3, queries=40)
    names = torch.arange(17) % 5
    right = {"query_ids": names[target], "gallery_ids": names} if ids else {"target": target}
    climbs = [
        hill_climb_retrieval(queries, galleries, **right, **EIGHTHS, memory_limit=limit)
        for limit in (1_000, 5_000, 20_000, 1 << 30)
    ]
    assert all(climb.trace == climbs[0].trace for climb in climbs)
    assert all(climb.score == climbs[0].score for climb in climbs)


@pytest.mark.parametrize("limit", [10_000, 1_000_000, 20_000_000, 1 << 30])
def test_a_plan_keeps_to_its_limit(limit):
    plan = TilePlan.of(members=5, queries=3_000, gallery=7_000, per_row=5 * 101 * 4, per_line=64, limit=limit)
    tile = 4 * 5 * plan.rows * plan.columns
    assert (
        tile * (1 + plan.kept)
        + 4 * plan.rows * plan.columns
        + plan.rows * 5 * 101 * 4
        + (plan.rows + plan.columns) * 64
        <= limit
    )
    assert tile * (2 + plan.kept) > limit / 4


def test_a_limit_below_one_score_is_an_error_that_says_what_is_needed():
    with pytest.raises(ValueError, match=r"memory_limit is 100 bytes; this blend needs \d+ or more"):
        hill_climb_retrieval([torch.ones(2, 1)], [torch.ones(3, 1)], torch.tensor([0, 1]), memory_limit=100)


PEAK = """
import resource, torch
from ctk.blend import hill_climb_retrieval
torch.manual_seed(0)
sets = [torch.randn(4000, 8) for _ in range(4)]
hill_climb_retrieval([each[:50] for each in sets], sets, torch.arange(50))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
hill_climb_retrieval(sets, sets, torch.arange(4000), memory_limit=32 << 20, max_rounds=2, bounds=(-0.5, 0.5), step=0.1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux only")
@pytest.mark.skipif(native.problem("cpu") is not None, reason="without kernels the final scoring holds all scores")
def test_peak_memory_is_bounded_by_the_limit_and_not_by_the_scores():
    run = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    scores = 4 * 4000 * 4000 * 4
    assert int(run.stdout) * 1024 < (32 << 20) + scores / 4


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floating_dtypes_are_blended_in_float32(dtype):
    queries, galleries, target = whole_numbers(2)
    expected = hill_climb_retrieval(queries, galleries, target, **EIGHTHS)
    cast = [each.to(dtype) for each in queries], [each.to(dtype) for each in galleries]
    assert hill_climb_retrieval(*cast, target, **EIGHTHS).trace == expected.trace


def test_one_gallery_can_serve_all_members():
    queries, galleries, target = noisy_models(1.5)
    shared = hill_climb_retrieval(queries, galleries[0], target)
    apart = hill_climb_retrieval(queries, [galleries[0]] * 3, target)
    assert shared.trace == apart.trace
    assert shared.score == pytest.approx(apart.score)


def test_members_may_be_of_different_widths():
    queries, galleries, target = noisy_models(1.5)
    queries[1], galleries[1] = queries[1][:, :9], galleries[1][:, :9]
    shares = [number * 0.01 for number in range(-50, 51)]
    expected = dense_climb(queries, galleries, each_alone(target), shares)
    assert_same_climb(hill_climb_retrieval(queries, galleries, target), expected)


def test_one_member_is_its_own_blend():
    queries, galleries, target = noisy_models(1.5, members=1)
    blend = hill_climb_retrieval(queries, galleries, target)
    assert blend.weights.tolist() == [1.0]
    assert blend.score == mean_reciprocal_rank(queries[0], galleries[0], target)
    assert [(step.member, step.share) for step in blend.trace] == [(0, 1.0)]


def test_one_query_is_enough():
    queries = [torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0]])]
    galleries = [torch.tensor([[1.0, 0], [2, 0], [0, 0]]), torch.tensor([[2.0, 0], [0.5, 0], [3, 0]])]
    blend = hill_climb_retrieval(queries, galleries, torch.tensor([0]))
    assert blend.score == 1


def test_bags_are_climbs_on_bootstrap_samples_with_their_weights_averaged():
    queries, galleries, target = noisy_models(1.5)
    shares = [number * 0.01 for number in range(-50, 51)]
    generator = np.random.default_rng(7)
    samples = [np.bincount(generator.integers(0, 60, 60), minlength=60) for _ in range(3)]
    climbs = [dense_climb(queries, galleries, each_alone(target), shares, sample=sample) for sample in samples]
    blend = hill_climb_retrieval(queries, galleries, target, bags=3, seed=7)
    np.testing.assert_allclose(blend.weights, np.mean([weights for weights, _ in climbs], axis=0))
    assert [step.member for step in blend.trace] == [member for _, steps in climbs for member, _, _ in steps]
    again = hill_climb_retrieval(queries, galleries, target, bags=3, seed=7)
    assert again.trace == blend.trace


def test_patience_goes_on_past_a_round_without_gain_and_returns_the_best():
    queries, galleries, target = noisy_models(1.5)
    short = hill_climb_retrieval(queries, galleries, target)
    steps = []
    long = hill_climb_retrieval(queries, galleries, target, patience=4, progress=steps.append)
    assert len(steps) >= len(short.trace) + 4
    assert long.trace[: len(short.trace)] == short.trace
    assert long.trace[-1].score == max(step.score for step in long.trace) >= short.trace[-1].score


def test_progress_tells_each_step_and_the_last_that_gained_nothing():
    queries, galleries, target = noisy_models(1.5)
    steps = []
    blend = hill_climb_retrieval(queries, galleries, target, progress=steps.append)
    assert tuple(steps[:-1]) == blend.trace
    assert steps[-1].score <= blend.trace[-1].score


def test_no_time_leaves_the_best_single_member():
    queries, galleries, target = noisy_models(1.5)
    blend = hill_climb_retrieval(queries, galleries, target, time_limit=0)
    alone = [mean_reciprocal_rank(q, g, target) for q, g in zip(queries, galleries, strict=True)]
    assert blend.weights.tolist() == np.eye(3)[int(np.argmax(alone))].tolist()


def test_max_rounds_counts_the_first():
    queries, galleries, target = noisy_models(1.5)
    assert len(hill_climb_retrieval(queries, galleries, target, max_rounds=2).trace) == 2


def test_an_interrupt_ends_a_climb_between_two_tiles(monkeypatch):
    queries, galleries, target = noisy_models(1.5, queries=600, gallery=30)
    tiles = []

    def count(*arguments):
        tiles.append(1)
        signal.raise_signal(signal.SIGINT)
        return share_counts(*arguments)

    monkeypatch.setattr("ctk.blend.rank_climb.share_counts", count)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            hill_climb_retrieval(queries, galleries, target)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(tiles) == 1


def test_autocast_and_gradients_do_not_touch_the_scores():
    queries, galleries, target = noisy_models(1.5)
    expected = hill_climb_retrieval(queries, galleries, target)
    with torch.autocast("cpu", torch.bfloat16):
        blend = hill_climb_retrieval([each.requires_grad_() for each in queries], galleries, target)
    assert blend.trace == expected.trace
    assert blend.score == expected.score


def good():
    return {
        "query_sets": [torch.ones(3, 4), torch.ones(3, 2)],
        "gallery_sets": [torch.ones(5, 4), torch.ones(5, 2)],
        "target": torch.tensor([0, 1, 4]),
    }


def with_row(shape, row, value):
    embeddings = torch.ones(shape)
    embeddings[row, -1] = value
    return embeddings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"query_sets": [], "gallery_sets": []}, "nothing to blend"),
        ({"gallery_sets": [torch.ones(5, 4)]}, "2 query sets and 1 gallery sets"),
        ({"query_sets": [torch.ones(3, 4), torch.ones(2, 2)]}, r"query_sets\[1\] has 2 rows and query_sets\[0\] has 3"),
        ({"gallery_sets": [torch.ones(5, 4), torch.ones(5, 3)]}, r"query_sets\[1\] is 2 wide and gallery_sets\[1\] 3"),
        ({"query_sets": [torch.ones(3, 4), torch.ones(3)]}, r"query_sets\[1\] is a floating matrix"),
        ({"query_sets": [torch.ones(3, 4).long(), torch.ones(3, 2)]}, r"query_sets\[0\] is a floating matrix"),
        ({"query_sets": [torch.ones(3, 4), torch.ones(3, 2, device="meta")]}, r"query_sets\[1\] is on meta"),
        ({"query_sets": [torch.ones(3, 4), with_row((3, 2), 2, torch.nan)]}, r"query_sets\[1\], row 2 has NaN"),
        ({"gallery_sets": [with_row((5, 4), 3, torch.inf), torch.ones(5, 2)]}, r"gallery_sets\[0\], row 3 has NaN"),
        ({"query_sets": [torch.ones(3, 4) * 1e30, torch.ones(3, 2)]}, "member 0 may reach 4e"),
        ({"target": torch.tensor([0, 1, 5])}, "query row 2 has a target outside the gallery of 5"),
        ({"target": torch.tensor([0, 1])}, r"target is \(3,\) integers"),
        ({"target": None}, "nothing says what is right"),
        ({"query_ids": torch.zeros(3).long(), "gallery_ids": torch.zeros(5).long()}, "give one of them"),
        (
            {"target": None, "query_ids": torch.tensor([0, 9, 0]), "gallery_ids": torch.zeros(5).long()},
            "query row 1 has no positive",
        ),
        ({"step": 0.0}, "step is above 0"),
        ({"bounds": (0.001, 0.002)}, "hold no multiple of step 0.01"),
        ({"bounds": (-1.0, 1.0), "step": 1e-6}, "more than 1024 multiples"),
        ({"bags": 0}, "bags is 0"),
        ({"cutoff": 0}, "cutoff is 0"),
    ],
)
def test_what_does_not_fit_is_an_error_that_names_it(change, message):
    with pytest.raises(ValueError, match=message):
        hill_climb_retrieval(**good() | change)
