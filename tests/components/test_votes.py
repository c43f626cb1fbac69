"""Votes of members for texts, choices and classes: by weights, of as many that of the member named first."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctk.components.blenders import Greedy, Mean, Vote
from ctk.contract import Blend, Metric, RowBins, join_blends
from ctk.errors import DamagedError, UsageError
from ctk.plugins.guard.blend_checks import check_blend
from ctk.plugins.guard.failures import ContractViolation
from ctk.samples import Gallery, Samples
from ctk.workflow.blend_record import BlendRecord

WORDS = ["0", "1", "yes", "the kart of the player"]
SHARE = Metric("share", "max", lambda prediction, samples: float((prediction == samples.target).mean()))
ERROR = Metric("error", "min", lambda prediction, samples: float((prediction != samples.target).mean()))

votes = st.lists(st.lists(st.sampled_from(WORDS), min_size=5, max_size=5), min_size=1, max_size=5)


def elect(ballots, weights):
    """Who wins in one row, counted in whole numbers."""
    counts = Counter()
    for ballot, weight in zip(ballots, weights, strict=True):
        counts[ballot] += weight
    return next(ballot for ballot in ballots if counts[ballot] == max(counts.values()))


@given(texts=votes, data=st.data())
def test_the_text_with_the_most_votes_is_taken(texts, data):
    weights = data.draw(st.lists(st.integers(1, 9), min_size=len(texts), max_size=len(texts)))
    members = {f"m{number}": np.array(text) for number, text in enumerate(texts)}
    blend = Blend({key: weight / 10 for key, weight in zip(members, weights, strict=True)}, how="vote")
    expected = [elect([text[row] for text in texts], weights) for row in range(5)]
    assert blend.apply(members).tolist() == expected


@given(data=st.data(), members=st.integers(1, 5))
def test_the_choice_with_the_most_votes_is_the_largest(data, members):
    chosen = data.draw(
        st.lists(st.lists(st.integers(0, 4), min_size=6, max_size=6), min_size=members, max_size=members)
    )
    weights = data.draw(st.lists(st.integers(1, 5), min_size=members, max_size=members))
    random = np.random.default_rng(0)
    scores = {}
    for number, each in enumerate(chosen):
        scores[f"m{number}"] = random.random((6, 5), np.float32)
        scores[f"m{number}"][np.arange(6), each] += 1
    blend = Blend({key: weight / 10 for key, weight in zip(scores, weights, strict=True)}, how="vote")
    blended = blend.apply(scores)
    assert blended.dtype == np.float32
    assert blended.argmax(axis=1).tolist() == [elect([each[row] for each in chosen], weights) for row in range(6)]
    np.testing.assert_allclose(blended.sum(axis=1), sum(weights) / 10, rtol=1e-6)


def test_a_sum_of_choices_is_the_usual_one():
    first, second = np.array([[0.9, 0.1]], np.float32), np.array([[0.2, 0.8]], np.float32)
    mean = Mean().fit({"a": first, "b": second}, Samples(np.arange(1), {}, np.array([0])), SHARE)
    assert mean.how == "sum"
    np.testing.assert_allclose(mean.apply({"a": first, "b": second}), [[0.55, 0.45]], rtol=1e-6)


def test_bins_of_rows_have_votes_of_their_own():
    texts = {"a": np.array(["x", "x"]), "b": np.array(["long", "long"])}
    parts = [Blend({"a": 0.9, "b": 0.1}, how="vote"), Blend({"a": 0.2, "b": 0.8}, how="vote")]
    blend = join_blends(RowBins("part", ((0, 0), (1, 1))), parts, [1, 1])
    samples = Samples(np.arange(2), {}, groups={"part": np.array([1, 0])})
    assert blend.apply(texts, samples).tolist() == ["long", "x"]


def test_a_mean_of_texts_says_that_it_is_a_vote():
    texts = {"a": np.array(["x"]), "b": np.array(["y"])}
    text, number = (Samples(np.arange(1), {}, np.array([value])) for value in ("x", 1.5))
    assert Mean(normalise=True).fit(texts, text, SHARE) == Blend({"a": 0.5, "b": 0.5}, how="vote")
    assert Mean().fit({"a": np.empty(0)}, text, SHARE).how == "vote"
    assert Mean().fit({"a": np.empty(0)}, number, SHARE).how == "sum"
    assert not Greedy.reads_text


def test_votes_weigh_by_score():
    texts = {"a": np.array(["x", "y", "z", "z"]), "b": np.array(["x", "no", "no", "no"])}
    samples = Samples(np.arange(4), {}, np.array(["x", "y", "z", "no"]))
    assert Vote(weights="score").fit(texts, samples, SHARE).weights == pytest.approx({"a": 0.6, "b": 0.4})
    assert Vote(weights="score").fit(texts, samples, ERROR).weights == pytest.approx({"a": 2 / 3, "b": 1 / 3})
    with pytest.raises(UsageError, match="weights is score, and b has no out-of-fold predictions"):
        Vote(weights="score").fit(texts | {"b": np.empty(0)}, samples, SHARE)


@pytest.mark.parametrize("target", [np.array([1.5, 2.0]), np.array([[1.5], [2.0]])])
def test_there_is_no_vote_on_a_number(target):
    samples = Samples(np.arange(2), {}, target)
    with pytest.raises(UsageError, match="one of several choices, and a target is one number"):
        Vote().check(["a"], samples, SHARE)
    with pytest.raises(UsageError, match=r"a predicts an array of shape \(2, 1\)"):
        Vote().fit({"a": np.zeros((2, 1))}, samples, SHARE)


def test_there_is_no_vote_on_vectors_of_a_gallery():
    gallery = Gallery(np.zeros((2, 3), np.float32), np.array(["a", "b"]))
    with pytest.raises(UsageError, match="a target is one of a gallery's rows"):
        Vote().check(["a"], Samples(np.arange(2), {}, np.array([0, 1]), gallery=gallery), SHARE)


def test_how_a_blend_was_made_is_kept(tmp_path):
    BlendRecord("vote", Blend({"a": 1.0}, how="vote")).save(tmp_path)
    assert BlendRecord.load(tmp_path).blend.how == "vote"
    (tmp_path / "blend.json").write_text('{"blender": "mean", "weights": {"a": 1.0}}')
    assert BlendRecord.load(tmp_path).blend.how == "sum"
    (tmp_path / "blend.json").write_text('{"blender": "mean", "weights": {"a": 1.0}, "how": "luck"}')
    with pytest.raises(DamagedError):
        BlendRecord.load(tmp_path)


@pytest.mark.parametrize(
    "blend",
    [Blend({"a": 1.0}, how="luck"), Blend({"a": 1.0}, True, how="vote")],
)
def test_a_vote_that_is_none_is_refused(blend):
    with pytest.raises(ContractViolation, match="vote"):
        check_blend(blend, ["a"])
