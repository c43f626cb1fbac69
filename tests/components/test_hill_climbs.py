"""The climbing blenders: weights that beat the members, a trace that says how, and options that are checked."""

import numpy as np
import pytest

from ctk import ops
from ctk.components import hill_climbs
from ctk.components.blenders import Greedy
from ctk.components.hill_climbs import HillClimb, HillClimbRetrieval
from ctk.contract import Metric
from ctk.errors import UsageError
from ctk.samples import Gallery, Samples

GENERATOR = np.random.default_rng(0)


def retrieval_samples(rows=200, entries=60, width=16):
    vectors = GENERATOR.standard_normal((entries, width)).astype(np.float32)
    names = np.array([str(number) for number in range(entries)])
    target = np.arange(rows) % entries
    return Samples(np.arange(rows), {}, target=target, gallery=Gallery(vectors, names))


def noisy(samples, *levels):
    true = samples.target_values()
    noise = GENERATOR.standard_normal((len(levels), *true.shape))
    return {
        f"m/seed-{number}": (true + level * each).astype(np.float32)
        for number, (level, each) in enumerate(zip(levels, noise, strict=True))
    }


def mrr(prediction, samples):
    import torch

    query = torch.nn.functional.normalize(torch.from_numpy(prediction), dim=1)
    gallery = torch.nn.functional.normalize(torch.from_numpy(samples.gallery.vectors), dim=1)
    return ops.mean_reciprocal_rank(query, gallery, torch.from_numpy(samples.target))


MRR = Metric("mrr", "max", mrr)
ERROR = Metric("error", "min", lambda prediction, samples: float(np.abs(prediction - samples.target_values()).mean()))


@pytest.mark.parametrize("blender", [HillClimb(normalise=True), HillClimbRetrieval()])
def test_a_climb_beats_its_members_and_says_how(blender):
    samples = retrieval_samples()
    oof = noisy(samples, 3.0, 3.0, 4.0)
    blend = blender.fit(oof, samples, MRR)
    alone = {key: mrr(values, samples) for key, values in oof.items()}
    assert blend.score == pytest.approx(mrr(blend.apply(oof), samples))
    assert blend.score > max(alone.values())
    assert sum(blend.weights.values()) == pytest.approx(1)
    assert blend.trace[0]["add"] == max(alone, key=alone.get)
    assert blend.trace[-1]["mrr"] == pytest.approx(blend.score, abs=1e-6)


def test_a_metric_where_less_is_better_is_climbed_down():
    samples = retrieval_samples()
    oof = noisy(samples, 1.0, 1.0, 1.0)
    blend = HillClimb().fit(oof, samples, ERROR)
    assert blend.score < min(ERROR.score(values, samples) for values in oof.values())
    assert [step["error"] for step in blend.trace] == sorted([step["error"] for step in blend.trace], reverse=True)


def test_shares_keep_to_their_bounds_and_grid():
    samples = retrieval_samples()
    blend = HillClimbRetrieval(low=0, high=0.3, step=0.1).fit(noisy(samples, 3.0, 3.0), samples, MRR)
    assert len(blend.trace) > 1
    assert {step["share"] for step in blend.trace[1:]} <= {0.1, 0.2, 0.3}


@pytest.mark.parametrize("blender", [HillClimb(normalise=True), HillClimbRetrieval()])
def test_a_long_climb_says_how_far_it_is(blender, monkeypatch):
    samples = retrieval_samples()
    oof = noisy(samples, 3.0, 3.0)
    said = []
    blender.say = said.append
    blender.fit(oof, samples, MRR)
    assert said == []
    monkeypatch.setattr(hill_climbs, "EVERY", 0.0)
    blender.fit(oof, samples, MRR)
    assert said
    assert "of m/seed-" in said[-1]
    assert "mrr 0." in said[-1]


def test_without_a_gallery_the_retrieval_climb_names_the_other():
    samples = Samples(np.arange(4), {}, target=np.zeros((4, 2)))
    with pytest.raises(UsageError, match="ranks a gallery") as raised:
        HillClimbRetrieval().fit({"a": np.zeros((4, 2), np.float32)}, samples, MRR)
    assert "hill-climb" in raised.value.help


def test_greedy_selection_keeps_the_scale_of_numbers_that_are_compared_with_no_gallery():
    target = np.array([[100.0], [200.0], [300.0]], np.float32)
    samples = Samples(np.arange(3), {}, target=target)
    off = Metric("off", "min", lambda prediction, known: float(abs(prediction - known.target).mean()))
    blend = Greedy().fit({"near": target + 1, "far": target * 9}, samples, off)
    assert blend.weights == {"near": 1.0, "far": 0.0}
    np.testing.assert_array_equal(blend.apply({"near": target + 1, "far": target * 9}), target + 1)
