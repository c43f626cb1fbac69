"""Repaired weights are never below zero, add up, and are the nearest that do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import nnls

from ctk.contract.schema import validate_config
from ctk.errors import UsageError
from ctk.samples import Samples
from ctk_csiro_biomass.competition import CSIROBiomass
from ctk_csiro_biomass.repair import SUM, Repair, apply, project

GRAMS = arrays(np.float32, (4, 5), elements=st.floats(-80, 200, width=32))
UNKNOWN = Samples(np.arange(4), {})
WA = Samples(np.arange(4), {"state": np.array(["WA", "NSW", "WA", ""])})
ZERO = {"WA": ["Dry_Dead_g"]}
OPTIONS = [
    {"repair": "none"}, {"repair": "clip"}, {"repair": "derive"}, {"repair": "project"},
    {"repair": "project", "tolerance": 2.0}, {"repair": "derive", "zero": ZERO}, {"repair": "project", "zero": ZERO},
    {"repair": "clip", "zero": ZERO},
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@given(grams=GRAMS)
@settings(max_examples=40, deadline=None)
def test_repairing_twice_is_repairing_once(options, grams):
    once = apply(grams, WA, options)
    assert once.dtype == grams.dtype
    np.testing.assert_array_equal(apply(once, WA, options), once)
    if options["repair"] != "none":
        assert (once >= 0).all()
    if options["repair"] in ("derive", "project"):
        off = max(1e-3, options.get("tolerance", 0) + 1e-3)
        np.testing.assert_allclose(once[:, 3], once[:, 0] + once[:, 2], atol=off)
        np.testing.assert_allclose(once[:, 4], once[:, 3] + once[:, 1], atol=off)
    if "zero" in options:
        assert (once[[0, 2], 1] == 0).all()


@given(grams=GRAMS)
@settings(max_examples=40, deadline=None)
def test_a_projection_is_the_least_squares_answer_that_is_not_below_zero(grams):
    found = project(grams.astype(float), np.zeros((4, 3), bool))
    for row, parts in zip(grams.astype(float), found, strict=True):
        _, least = nnls(SUM, row)
        assert np.linalg.norm(row - SUM @ parts) == pytest.approx(least, rel=1e-6, abs=1e-6)


def test_without_a_bound_it_is_the_textbooks_projection():
    grams = np.array([[30, 20, 10, 44, 58]], float)
    by_hand = grams @ (SUM @ np.linalg.inv(SUM.T @ SUM) @ SUM.T)
    np.testing.assert_allclose(apply(grams, Samples(np.arange(1), {}), {}), by_hand, rtol=1e-12)


def test_each_way_does_what_it_says():
    grams = np.array([[10, -1, 5, 14, 20]], float)
    one = Samples(np.arange(1), {})
    assert apply(grams, one, {"repair": "clip"}).tolist() == [[10, 0, 5, 14, 20]]
    assert apply(grams, one, {"repair": "derive"}).tolist() == [[10, 0, 5, 15, 15]]
    whole = np.array([[10, 1, 5, 15.3, 16]], float)
    assert apply(whole, one, {"repair": "derive", "tolerance": 0.5}).tolist() == whole.tolist()
    assert apply(whole, one, {"repair": "derive", "tolerance": 0.2}).tolist() == [[10, 1, 5, 15, 16]]


def test_a_states_rule_is_for_states_that_are_known():
    grams = np.tile([[10, 6, 5, 15, 21]], (4, 1)).astype(float)
    mended = apply(grams, WA, {"repair": "derive", "zero": ZERO})
    assert mended[:, 4].tolist() == [15, 21, 15, 21]
    assert apply(grams, UNKNOWN, {"repair": "derive", "zero": ZERO}).tolist() == grams.tolist()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"repair": "projct"}, r"'postprocess\.repair'"),
        ({"tolerance": -1}, r"'postprocess\.tolerance'"),
        ({"zero": {"WA": ["GDM_g"]}}, "GDM_g of WA is no component"),
        ({"repairs": "clip"}, "unknown key 'repairs'"),
    ],
)
def test_options_that_are_wrong_are_named(options, said):
    with pytest.raises(UsageError, match=said):
        validate_config(Repair, options, "postprocess")


def test_the_competition_offers_them():
    schema = CSIROBiomass().postprocess_options()
    assert schema is Repair
