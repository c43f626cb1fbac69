"""Members come in a list, one array, a mapping or a data frame; what cannot be blended is told in words."""

import numpy as np
import pandas as pd
import pytest
import torch

from ctk.blend import cross_validated_score, greedy_selection, hill_climb, hill_climb_retrieval

TARGET = np.array([0.0, 1.0, 2.0, 4.0])
MEMBERS = {"low": TARGET - 1, "high": TARGET + 3}


@pytest.mark.parametrize("kind", [dict, pd.DataFrame])
def test_members_have_names_and_are_found_by_them_in_any_order(kind):
    found = hill_climb(kind(MEMBERS), TARGET, "mse")
    assert found.names == ("low", "high")
    assert found.weights == pytest.approx([0.75, 0.25])
    turned = kind({name: MEMBERS[name] for name in ("high", "low")})
    np.testing.assert_allclose(found.apply(turned), TARGET)
    np.testing.assert_allclose(found.apply(list(MEMBERS.values())), TARGET)
    with pytest.raises(ValueError, match="no member 'high'"):
        found.apply({"low": TARGET})
    with pytest.raises(ValueError, match="member 'third' is none of 'low', 'high'"):
        found.apply(kind({**MEMBERS, "third": TARGET}))


def test_every_blending_function_takes_a_mapping():
    assert cross_validated_score(MEMBERS, TARGET, "mse", folds=2).score == pytest.approx(0, abs=1e-12)
    assert greedy_selection(MEMBERS, lambda blend: -float(np.abs(blend - TARGET).mean())).names == ("low", "high")
    good, bad = np.eye(3, dtype=np.float32), np.ones((3, 3), np.float32)
    found = hill_climb_retrieval({"bad": bad, "good": good}, {"good": good, "bad": bad}, [0, 1, 2])
    assert found.score == 1
    assert found.weights.tolist() == [0.0, 1.0]


def test_rows_in_the_place_of_members_are_told_so():
    table = np.stack(list(MEMBERS.values()), axis=1)
    for metric in ("mse", lambda target, blend: 0.0):
        with pytest.raises(ValueError, match=r"4 rows came as members: members are first, \(M, N\)"):
            hill_climb(table, TARGET, metric)


@pytest.mark.parametrize(("to", "says"), [(torch.Tensor.to_sparse, "sparse tensor"), (lambda t: t.to("meta"), "meta")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_tensors_that_hold_no_dense_numbers_are_named(to, says, dtype):
    members = [torch.zeros(4, dtype=dtype), to(torch.ones(4, dtype=dtype))]
    for metric in ("mse", "mae", "logloss"):
        with pytest.raises(ValueError, match=f"member 1 is .*{says}"):
            hill_climb(members, TARGET, metric)
    with pytest.raises(ValueError, match="target is"):
        hill_climb([members[0]] * 2, members[1], "mse")


@pytest.mark.parametrize("kind", [list, np.array, lambda ids: np.array(ids, np.uint64), torch.tensor])
def test_retrieval_takes_ids_in_whatever_holds_them(kind):
    queries = torch.eye(3)
    assert hill_climb_retrieval([queries], queries, kind([0, 1, 2])).score == 1
    assert hill_climb_retrieval([queries], queries, query_ids=kind([5, 6, 7]), gallery_ids=kind([5, 6, 7])).score == 1


def test_targets_of_any_whole_numbers_are_climbed_on():
    for dtype in (np.uint64, np.uint8, np.int16):
        assert hill_climb(MEMBERS, TARGET.astype(dtype), "mse").score == pytest.approx(0, abs=1e-12)
        classes = np.array([0, 1, 1, 0], dtype)
        assert hill_climb([classes * 0.8 + 0.1, np.full(4, 0.5)], classes, "logloss").weights.tolist() == [1.0, 0.0]


def test_a_blend_that_a_metric_of_ones_own_scores_nan_is_not_taken_and_none_at_all_is_refused():
    def mostly(target, blend):
        return float("nan") if np.allclose(blend, MEMBERS["high"]) else -float(np.abs(blend - target).mean())

    assert hill_climb(MEMBERS, TARGET, mostly).weights == pytest.approx([0.75, 0.25], abs=0.01)
    with pytest.raises(ValueError, match="gives no member a number"):
        hill_climb(MEMBERS, TARGET, lambda target, blend: float("nan"))
