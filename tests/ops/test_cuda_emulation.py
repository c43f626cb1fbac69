"""The GPU's kernels, run by a processor: the same source, one thread of a block after another (emulation/simt.h).

What this cannot see: cuBLAS, races between blocks, and anything about speed. tests/ops/test_cuda.py needs the GPU.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ctk.ops import reference

TYPES = {torch.float32: 0, torch.bfloat16: 1, torch.float16: 2}  # as csrc/common/matrix.h has them
SAVED = 5


def places(*arguments: object) -> list[object]:
    """Tensors as pointers, and numbers as the C types that the functions take."""
    wrap = {
        bool: ctypes.c_bool,
        int: ctypes.c_int64,
        float: ctypes.c_double,
        Tensor: lambda tensor: ctypes.c_void_p(tensor.data_ptr()),
        type(None): lambda _: ctypes.c_void_p(),
    }
    return [wrap[type(each)](each) for each in arguments]


class InfoNCE:
    """Both ops over one set of inputs, with every buffer full of NaN before."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library

    def __call__(
        self,
        query: Tensor,
        key: Tensor,
        scale: float,
        classes: tuple[Tensor, Tensor],
        *,
        smoothing: float = 0.0,
        symmetric: bool = True,
        tile: tuple[int, int] | None = None,
        kept: int = 0,
        outer: float = 1.0,
        of: tuple[bool, bool] = (True, True),
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        queries, keys, width = len(query), len(key), query.shape[1]
        rows, columns = tile or (max(1, queries), max(1, keys))
        number = -(-queries // rows) * -(-keys // columns)
        kept = min(kept, number)

        def new(*shape: int) -> Tensor:
            return torch.full(shape, torch.nan)

        tiles, loss = new(kept, rows * columns), new()
        of_query, of_key, of_scale = new(queries, width), new(keys, width), new()
        gradient = torch.tensor(outer)
        saved = new(SAVED, queries), new(SAVED, keys if symmetric else 0)
        inputs = (query, queries, key, keys, width)
        classes = tuple(each.to(torch.int32) for each in classes)
        problem = (torch.tensor(scale), *classes, rows, columns)
        kind = ctypes.c_int(TYPES[query.dtype])
        self.forward_launches = self.library.info_nce(
            *places(*inputs), kind, *places(*problem, smoothing, symmetric, kept, tiles, loss, *saved)
        )
        was = tiles.clone()
        gradients = of_query if of[0] else None, of_key if of[1] else None, of_scale
        self.backward_launches = self.library.info_nce_backward(
            *places(*inputs),
            kind,
            *places(*problem, symmetric, kept, tiles, *saved, gradient, *gradients),
        )
        assert torch.equal(tiles.nan_to_num(), was.nan_to_num()), "kept tiles are for every backward pass to come"
        return loss, of_query, of_key, of_scale


@pytest.fixture(scope="module")
def info_nce(emulate: Callable[[str], ctypes.CDLL]) -> InfoNCE:
    return InfoNCE(emulate("info_nce"))


def expected(
    query: Tensor,
    key: Tensor,
    scale: float,
    classes: tuple[Tensor, Tensor],
    smoothing: float = 0.0,
    symmetric: bool = True,
    outer: float = 1.0,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Loss and gradients by the reference in float64."""
    wide = [each.double().requires_grad_() for each in (query, key, torch.tensor(scale))]
    positive = classes[0][:, None] == classes[1][None, :]
    loss = reference.info_nce(*wide, positive, smoothing, symmetric)
    return (loss.detach(), *torch.autograd.grad(outer * loss, wide))


def vectors(rows: int, width: int, seed: int, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(rows, width, generator=generator), dim=1).to(dtype)


def distance(ours: Tensor, right: Tensor) -> float:
    return float((ours.double() - right).norm() / right.norm().clamp(min=1e-30))


TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 1e-2, torch.float16: 2e-3}
SHAPES = [
    (1, 1, 1),
    (1, 9, 3),
    (9, 1, 5),
    (16, 16, 8),
    (13, 21, 7),
    (40, 700, 6),
    (530, 24, 4),
    (150, 140, 3),
    (2100, 10, 4),
]


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_loss_and_gradients_are_those_of_the_reference(info_nce: InfoNCE, shape, dtype):
    queries, keys, width = shape
    query, key = vectors(queries, width, 1, dtype), vectors(keys, width, 2, dtype)
    classes = torch.arange(queries) % max(1, min(queries, keys) - 1), torch.arange(keys)
    ours = info_nce(query, key, 10.0, classes, smoothing=0.1, outer=0.7)
    right = expected(query, key, 10.0, classes, 0.1, outer=0.7)
    assert float(ours[0]) == pytest.approx(float(right[0]), rel=1e-5, abs=1e-6)
    for mine, other in zip(ours[1:], right[1:], strict=True):
        assert distance(mine, other) < TOLERANCE[dtype] or (mine - other).abs().max() < 1e-6


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("kept", [0, 2, 99])
@pytest.mark.parametrize("tile", [(37, 43), (24, 32), (60, 16)], ids=str)
def test_tiles_and_what_is_kept_of_them_change_nothing(info_nce: InfoNCE, tile, kept, smoothing, symmetric):
    query, key = vectors(61, 5, 3), vectors(84, 5, 4)
    classes = torch.randint(0, 50, (61,)), torch.randint(0, 50, (84,))
    ours = info_nce(query, key, 20.0, classes, smoothing=smoothing, symmetric=symmetric, tile=tile, kept=kept)
    right = expected(query, key, 20.0, classes, smoothing, symmetric)
    for mine, other in zip(ours, right, strict=True):
        assert distance(mine, other) < 1e-5


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("tile", [(20, 1101), (16, 1100)], ids=str)
def test_narrow_slopes_may_lie_where_their_products_were(info_nce: InfoNCE, tile, dtype):
    columns = tile[1]  # wider than a block's reach of 1024
    query, key = vectors(30, 6, 3, dtype), vectors(columns, 6, 4, dtype)
    classes = torch.arange(30), torch.arange(columns)
    ours = info_nce(query, key, 5.0, classes, tile=tile)
    for mine, other in zip(ours, expected(query, key, 5.0, classes), strict=True):
        assert distance(mine, other) < TOLERANCE[dtype]


@pytest.mark.parametrize("scale", [100.0, 1e4, -100.0, 0.0])
def test_any_scale_is_exact(info_nce: InfoNCE, scale):
    query, key = vectors(48, 4, 5), vectors(48, 4, 6)
    key[:8] = -query[:8]  # positives that are the least likely: a fixed shift would underflow
    diagonal = torch.arange(48)
    ours = info_nce(query, key, scale, (diagonal, diagonal), tile=(20, 32))
    right = expected(query, key, scale, (diagonal, diagonal))
    assert float(ours[0]) == pytest.approx(float(right[0]), rel=1e-6)
    for mine, other in zip(ours[1:], right[1:], strict=True):
        assert distance(mine, other) < (2e-3 if abs(scale) > 1000 else 2e-5) or scale == 0


def test_half_precision_gradients_do_not_vanish(info_nce: InfoNCE):
    """Those of keys without a positive are small shares of small weights: 1e-8 in float16's own units is nothing."""
    query, key = vectors(200, 4, 7, torch.float16), vectors(500, 4, 8, torch.float16)
    classes = torch.arange(200), torch.arange(500)
    for outer in (1e-4, 65536.0):  # a small share of a loss; a gradient scaler's
        of_key = info_nce(query, key, 20.0, classes, symmetric=False, tile=(100, 500), outer=outer)[2]
        right = expected(query, key, 20.0, classes, symmetric=False, outer=outer)[2]
        assert distance(of_key[200:], right[200:]) < 5e-4


def test_gradients_that_nobody_asked_for_are_not_written(info_nce: InfoNCE):
    query, key = vectors(9, 4, 1), vectors(9, 4, 2)
    diagonal = torch.arange(9)
    right = expected(query, key, 3.0, (diagonal, diagonal))
    _, of_query, of_key, of_scale = info_nce(query, key, 3.0, (diagonal, diagonal), of=(False, True))
    assert of_query.isnan().all()
    assert distance(of_key, right[2]) < 1e-5
    assert distance(of_scale, right[3]) < 1e-5


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("side", [0, 1])
def test_what_is_not_finite_makes_the_loss_nan(info_nce: InfoNCE, bad, side):
    pair = vectors(12, 4, 1), vectors(12, 4, 2)
    pair[side][7, 2] = bad
    diagonal = torch.arange(12)
    assert info_nce(*pair, 3.0, (diagonal, diagonal), tile=(5, 8))[0].isnan()


def test_without_a_positive_there_is_no_loss_and_no_gradient(info_nce: InfoNCE):
    query, key = vectors(5, 4, 1), vectors(6, 4, 2)
    loss, *gradients = info_nce(query, key, 3.0, (torch.full((5,), -1), torch.arange(6)))
    assert loss.isnan()
    assert all((each == 0).all() for each in gradients)


@pytest.mark.parametrize("shape", [(0, 3, 4), (3, 0, 4), (3, 3, 0)], ids=str)
def test_empty_inputs_run(info_nce: InfoNCE, shape):
    queries, keys, width = shape
    classes = torch.arange(queries), torch.arange(keys)
    loss, of_query, of_key, of_scale = info_nce(torch.rand(queries, width), torch.rand(keys, width), 2.0, classes)
    assert loss.isnan() if queries * keys == 0 else float(loss) == pytest.approx(float(torch.tensor(3.0).log()))
    assert (of_query == 0).all()
    assert (of_key == 0).all()
    assert of_scale == 0


def test_where_all_logits_fit_there_are_four_launches_a_direction(info_nce: InfoNCE):
    diagonal = torch.arange(64)
    info_nce(vectors(64, 4, 1), vectors(64, 4, 2), 2.0, (diagonal, diagonal), kept=1)
    assert (info_nce.forward_launches, info_nce.backward_launches) == (4, 4)


class Ranking:
    """Both ranking ops over one set of inputs, in tiles of a given size."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library

    def counts(
        self, query: Tensor, gallery: Tensor, positives: tuple[Tensor, ...], tile: tuple[int, int] = (16, 600)
    ) -> tuple[Tensor, Tensor]:
        result = torch.full((len(query),), 77), torch.full((len(query),), 77)
        self.library.rank_counts(*self._inputs(query, gallery), *places(*positives, *tile, *result))
        return result

    def top(self, query: Tensor, gallery: Tensor, k: int, tile: tuple[int, int] = (16, 50)) -> tuple[Tensor, Tensor]:
        values, rows = torch.full((len(query), k), 77.0), torch.full((len(query), k), 77)
        self.library.top_scores(*self._inputs(query, gallery), *places(k, *tile, values, rows))
        return values, rows

    def _inputs(self, query: Tensor, gallery: Tensor) -> list[object]:
        sizes = places(query, len(query), gallery, len(gallery), query.shape[1])
        return [*sizes, ctypes.c_int(TYPES[query.dtype])]


@pytest.fixture(scope="module")
def ranking(emulate: Callable[[str], ctypes.CDLL]) -> Ranking:
    return Ranking(emulate("ranks"))


def positives_of(query_ids: Tensor, gallery_ids: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """order, starts, ends and classes, as the op takes them."""
    known, order = gallery_ids.sort()
    starts = torch.searchsorted(known, query_ids)
    ends = torch.searchsorted(known, query_ids, right=True)
    return order, starts, ends, torch.searchsorted(known, gallery_ids)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (3, 1, 9), (21, 50, 7), (40, 1300, 12), (17, 4200, 3), (6, 30, 900)], ids=str
)
def test_counts_are_those_of_the_reference(ranking: Ranking, shape, dtype):
    queries, entries, width = shape
    query, gallery = vectors(queries, width, 1, dtype), vectors(entries, width, 2, dtype)
    positives = positives_of(torch.randint(0, 40, (queries,)), torch.randint(0, 40, (entries,)))
    for mine, right in zip(
        ranking.counts(query, gallery, positives),
        reference.rank_counts(query, gallery, *positives),
        strict=True,
    ):
        assert torch.equal(mine, right)


@pytest.mark.parametrize("size", [1e-30, 1e-13, 1.0, 1e15, 3e18])
def test_counts_are_exact_at_any_length_of_vectors(ranking: Ranking, size):
    query, gallery = vectors(20, 9, 1) * size, vectors(90, 9, 2) * size
    gallery[::3] *= 1e-3
    gallery[5] = 0
    positives = positives_of(torch.arange(20), torch.arange(90) % 30)
    ours, right = ranking.counts(query, gallery, positives), reference.rank_counts(query, gallery, *positives)
    assert all(torch.equal(mine, other) for mine, other in zip(ours, right, strict=True))


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_ties_are_counted_as_such(ranking: Ranking, dtype):
    query, gallery = vectors(9, 6, 1, dtype), vectors(60, 6, 2, dtype)
    gallery[30:] = gallery[:30]
    gallery[20:25] = gallery[0]
    positives = positives_of(torch.arange(9), torch.arange(60))
    greater, equal = ranking.counts(query, gallery, positives)
    right = reference.rank_counts(query, gallery, *positives)
    assert torch.equal(greater, right[0])
    assert torch.equal(equal, right[1])
    assert int(equal[0]) == 6


def test_scores_that_differ_in_the_last_bit_are_told_apart(ranking: Ranking):
    query = vectors(1, 8, 1).repeat(30, 1)
    gallery = vectors(1, 8, 3).repeat(200, 1)
    gallery[:, 0] = gallery[0, 0] * (1 + torch.randint(-2, 3, (200,)) * 2.0**-23)
    positives = positives_of(torch.arange(30), torch.arange(200))
    ours, right = ranking.counts(query, gallery, positives), reference.rank_counts(query, gallery, *positives)
    assert len(set(right[0].tolist())) > 1
    assert all(torch.equal(mine, other) for mine, other in zip(ours, right, strict=True))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_scores_that_are_not_finite_are_reported(ranking: Ranking, bad):
    query, gallery = vectors(9, 6, 1), vectors(40, 6, 2)
    positives = positives_of(torch.arange(9) * 6, torch.arange(40))  # the last two have none
    query[3, 2] = bad
    greater, equal = ranking.counts(query, gallery, positives, tile=(4, 16))
    right = reference.rank_counts(query, gallery, *positives)
    assert torch.equal(greater, right[0])
    assert torch.equal(equal, right[1])
    assert greater.tolist()[3] == -1
    assert greater.tolist()[7:] == [-2, -2]
    gallery[39, 0] = bad
    assert ranking.counts(query, gallery, positives, tile=(4, 16))[0].tolist() == [-1] * 7 + [-2] * 2


def test_finite_vectors_with_infinite_scores_are_reported(ranking: Ranking):
    query, gallery = torch.full((3, 4), 1e19), torch.full((5, 4), 1.0)
    gallery[4] = 1e20
    positives = positives_of(torch.arange(3), torch.arange(5))
    assert ranking.counts(query, gallery, positives)[0].tolist() == [-1] * 3


def test_an_empty_gallery_has_no_positives(ranking: Ranking):
    none = torch.zeros(0, dtype=torch.int64)
    greater, equal = ranking.counts(
        vectors(3, 4, 1), torch.zeros(0, 4), (none, torch.zeros(3).long(), torch.zeros(3).long(), none)
    )
    assert greater.tolist() == [-2] * 3
    assert equal.tolist() == [0] * 3


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("k", [1, 7, 90])
def test_the_best_are_those_of_a_stable_sort(ranking: Ranking, k, dtype):
    query, gallery = vectors(21, 5, 1, dtype), vectors(90, 5, 2, dtype)
    gallery[40:70] = gallery[:30]  # ties: the lower row first
    query[4] = 0  # all tie, at -0 and 0
    ours, right = ranking.top(query, gallery, k), reference.top_scores(query, gallery, k)
    assert torch.equal(ours[0], right[0])
    assert torch.equal(ours[1], right[1])


def test_negative_zero_ties_with_zero(ranking: Ranking):
    query, gallery = vectors(4, 5, 1) * 1e-30, vectors(30, 5, 2) * 1e-30
    values, rows = ranking.top(query, gallery, 9)
    assert (values == 0).all()
    assert torch.equal(rows, torch.arange(9).repeat(4, 1))


def test_the_best_of_scores_that_are_not_finite_are_nan(ranking: Ranking):
    query, gallery = vectors(21, 5, 1), vectors(90, 5, 2)
    query[17, 1] = float("inf")
    values = ranking.top(query, gallery, 3)[0]
    assert values[17].isnan().all()
    assert values[:17].isfinite().all()
