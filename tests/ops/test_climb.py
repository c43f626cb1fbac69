"""Counts along a grid of shares against counting by hand, share by share."""

import ctypes
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ctk.ops import native
from ctk.ops.reference.share_counts import share_counts as reference
from ctk.ops.share_counts import share_counts

CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
HUNDREDTHS = torch.arange(-50, 51) * 0.01


def tile(members, rows, columns, positives=1, shares=HUNDREDTHS, seed=0, whole=False):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(members, rows, columns, generator=generator)
    targets = torch.randn(members, rows, positives, generator=generator) + 0.5
    weights = torch.randn(members, generator=generator).softmax(0)
    if whole:
        scores, targets, weights = scores.round(), targets.round(), torch.tensor([0.75, 0.5, -0.25])[:members]
    return scores, targets, weights, shares


def with_nan(case):
    case[0][:, 0, ::3] = torch.nan
    return case


def strided(case):
    scores, targets, weights, shares = case
    spread = torch.zeros(2 * scores.shape[0], scores.shape[1] + 3, scores.shape[2] + 5)
    spread[::2, 2:-1, 1:-4] = scores
    return spread[::2, 2:-1, 1:-4], targets.transpose(0, 1).contiguous().transpose(0, 1), weights, shares


def transposed(case):
    scores, *rest = case
    return scores.transpose(1, 2).contiguous().transpose(1, 2), *rest


CASES = {
    "one score": lambda: tile(1, 1, 1),
    "a line shorter than a vector": lambda: tile(2, 3, 5),
    "more crossings than are set aside at once": lambda: tile(4, 7, 1037),
    "one share": lambda: tile(3, 4, 50, shares=torch.tensor([1.0])),
    "no share but zero": lambda: tile(3, 4, 50, shares=torch.tensor([0.0])),
    "two shares": lambda: tile(3, 4, 50, shares=torch.tensor([-0.5, 2.0])),
    "an uneven grid": lambda: tile(3, 4, 200, shares=torch.tensor([-3.0, -0.1, 0.0, 0.01, 0.3, 0.31, 4.0])),
    "equal shares": lambda: tile(3, 4, 50, shares=torch.tensor([0.1, 0.1, 0.1])),
    "ties": lambda: tile(3, 5, 300, whole=True, shares=torch.arange(-8, 9) / 8),
    "several positives": lambda: tile(3, 6, 111, positives=4),
    "several positives and ties": lambda: tile(2, 6, 111, positives=3, whole=True, shares=torch.arange(-8, 9) / 8),
    "NaN": lambda: with_nan(tile(3, 4, 70)),
    "all equal": lambda: (torch.ones(3, 4, 40), torch.ones(3, 4, 1), torch.tensor([0.5, 0.25, 0.25]), HUNDREDTHS),
    "nothing blended yet": lambda: (*tile(3, 4, 40)[:2], torch.zeros(3), torch.tensor([1.0])),
    "tiny and huge": lambda: (
        tile(2, 3, 90)[0] * torch.tensor([1e-38, 1e30])[:, None, None],
        *tile(2, 3, 90)[1:],
    ),
    "no gallery": lambda: tile(2, 3, 0),
    "no query": lambda: tile(2, 0, 9),
    "many shares": lambda: tile(2, 3, 300, positives=3, shares=torch.arange(-500, 501) * 0.002),
    "strided": lambda: strided(tile(3, 4, 33)),
    "transposed": lambda: transposed(tile(3, 4, 33)),
}


@pytest.mark.parametrize("name", CASES)
def test_counts_equal_those_of_every_share_in_turn(name, isa):
    case = CASES[name]()
    assert torch.equal(share_counts(*case), reference(*case))


@CUDA
@pytest.mark.parametrize("name", CASES)
def test_a_gpu_counts_the_same(name):
    case = CASES[name]()
    assert torch.equal(share_counts(*(each.cuda() for each in case)).cpu(), reference(*case))


@pytest.fixture(scope="module")
def emulation(emulate):
    return emulate("climb")


@pytest.mark.parametrize("name", CASES)
def test_the_gpu_kernels_count_the_same_where_a_processor_runs_them(name, emulation):
    scores, targets, weights, shares = (each.contiguous() for each in CASES[name]())
    counts = torch.full((*scores.shape[:2], len(shares)), -1, dtype=torch.int32)
    tensors = [ctypes.c_void_p(each.data_ptr()) for each in (scores, targets, weights, shares)]
    sizes = [ctypes.c_int64(size) for size in (*scores.shape, targets.shape[2], len(shares))]
    emulation.share_counts(*tensors, *sizes, ctypes.c_void_p(counts.data_ptr()))
    assert torch.equal(counts, reference(scores, targets, weights, shares))


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=CUDA)])
@pytest.mark.parametrize("name", CASES)
def test_opcheck(name, device):
    case = tuple(each.to(device) for each in CASES[name]())
    if not native.serves(case[0]):
        pytest.skip("no kernel was built")
    torch.library.opcheck(torch.ops.ctk.share_counts.default, case)


def counted_by_hand(scores, targets, weights, shares):
    """In fractions, without any rounding."""

    def exact(tensor):
        return [[[Fraction(value) for value in line] for line in matrix] for matrix in tensor.tolist()]

    scores, targets = exact(scores), exact(targets)
    weights, shares = [Fraction(each) for each in weights.tolist()], [Fraction(each) for each in shares.tolist()]

    def blend(member, share, of, row, column):
        blended = sum(weight * each[row][column] for weight, each in zip(weights, of, strict=True))
        return (1 - share) * blended + share * of[member][row][column]

    counts = []
    for member in range(len(scores)):
        counts.append([])
        for row in range(len(scores[0])):
            counts[-1].append([])
            for share in shares:
                best = max(blend(member, share, targets, row, place) for place in range(len(targets[0][0])))
                entries = [blend(member, share, scores, row, column) for column in range(len(scores[0][0]))]
                counts[-1][-1].append(sum(2 * (entry > best) + (entry == best) for entry in entries))
    return counts


@st.composite
def small_tiles(draw):
    members, rows = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    columns, positives = draw(st.integers(1, 20)), draw(st.integers(1, 3))
    torch.manual_seed(draw(st.integers(0, 10_000)))
    quarters = torch.randint(-4, 5, (members,)) / 4
    return (
        torch.randint(-3, 4, (members, rows, columns)).float(),
        torch.randint(-3, 4, (members, rows, positives)).float(),
        quarters,
        torch.arange(-draw(st.integers(0, 9)), draw(st.integers(1, 9))) / 8,
    )


@settings(deadline=None, max_examples=60)
@given(case=small_tiles())
def test_counts_are_exact_where_nothing_is_rounded(case):
    expected = counted_by_hand(*case)
    assert share_counts(*case).tolist() == expected
    assert reference(*case).tolist() == expected


def test_counts_of_parts_of_a_gallery_add_up():
    scores, *rest = tile(3, 5, 101)
    parts = [share_counts(part, *rest) for part in scores.split(17, dim=2)]
    assert torch.equal(torch.stack(parts).sum(0).int(), share_counts(scores, *rest))


def test_no_number_of_threads_changes_a_count():
    case, threads = tile(3, 50, 400), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = share_counts(*case)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(alone, share_counts(*case))


def test_it_compiles_as_a_whole_graph():
    case = tile(2, 3, 40)
    compiled = torch.compile(share_counts, fullgraph=True, backend="eager")
    assert torch.equal(compiled(*case), share_counts(*case))


@pytest.mark.parametrize(
    ("place", "other", "message"),
    [
        (0, torch.ones(3, 4), "scores"),
        (0, torch.ones(0, 4, 5), "scores"),
        (0, torch.ones(2, 3, 5).double(), "scores are torch.float64"),
        (1, torch.ones(2, 4, 1), "targets"),
        (1, torch.ones(2, 3, 0), "targets"),
        (2, torch.ones(3), "weights"),
        (3, torch.ones(0), "shares"),
        (3, torch.ones(5, device="meta"), "shares are on meta"),
    ],
)
def test_what_does_not_fit_is_an_error_that_names_it(place, other, message):
    case = list(tile(2, 3, 5))
    case[place] = other
    with pytest.raises(ValueError, match=message):
        share_counts(*case)
