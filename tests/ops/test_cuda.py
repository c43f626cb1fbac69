"""The ops on a GPU against their references in float64, and what only a GPU can show: streams, memory, no waiting."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ctk.ops import info_nce, native, reference, target_ranks, topk
from ctk.ops.ranking import _positives

if torch.cuda.is_available():
    REASON = f"no CUDA kernels: {native.problem('cuda')}" if native.problem("cuda") else ""
else:
    REASON = "torch sees no GPU; tests/ops/test_cuda_emulation.py runs the same kernels on the processor"
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)

DTYPES = [torch.float32, torch.bfloat16, torch.float16]
TOLERANCE = {torch.float32: 2e-5, torch.bfloat16: 1e-2, torch.float16: 2e-3}
MIB = 1 << 20


def vectors(rows: int, width: int, seed: int, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(rows, width, generator=generator), dim=1).to("cuda", dtype)


def distance(ours: Tensor, right: Tensor) -> float:
    return float((ours.double() - right).norm() / right.norm().clamp(min=1e-30))


@contextlib.contextmanager
def waiting_is_an_error() -> Iterator[None]:
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def step(query: Tensor, key: Tensor, scale: float = 10.0, **options: object) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Loss and gradients of query, key and scale."""
    leaves = [query.detach().requires_grad_(), key.detach().requires_grad_()]
    leaves.append(torch.full((), scale, device="cuda", requires_grad=True))
    loss = info_nce(*leaves, **options)
    return (loss.detach(), *torch.autograd.grad(loss, leaves))


def expected(query: Tensor, key: Tensor, scale: float = 10.0, **options: object) -> tuple[Tensor, ...]:
    """The same by the reference in float64."""
    ids = options.pop("query_ids", None), options.pop("key_ids", None)
    rows, columns = (torch.arange(len(each), device="cuda") for each in (query, key))
    positive = (rows if ids[0] is None else ids[0])[:, None] == (columns if ids[1] is None else ids[1])[None, :]
    leaves = [each.detach().double().requires_grad_() for each in (query, key, torch.tensor(scale, device="cuda"))]
    options.pop("memory_limit", None)
    loss = reference.info_nce(*leaves, positive, **options)
    return (loss.detach(), *torch.autograd.grad(loss, leaves))


def assert_right(ours: tuple[Tensor, ...], right: tuple[Tensor, ...], tolerance: float) -> None:
    assert float(ours[0]) == pytest.approx(float(right[0]), rel=1e-5, abs=1e-6)
    for mine, other in zip(ours[1:], right[1:], strict=True):
        assert distance(mine, other) < tolerance or float((mine - other).abs().max()) < 1e-6


def ids_of(queries: int, keys: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(queries + keys)
    few = max(2, min(queries, keys) // 2)
    key_ids = torch.randint(0, few, (keys,), generator=generator)
    query_ids = torch.randint(0, few, (queries,), generator=generator)
    query_ids[0] = key_ids[0]
    return {"query_ids": query_ids.cuda(), "key_ids": key_ids.cuda()}


SHAPES = [(1, 1, 1), (1, 9, 3), (9, 1, 5), (33, 70, 13), (128, 128, 64), (1000, 1000, 50), (1031, 3000, 77)]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("symmetric", [True, False])
def test_loss_and_gradients_are_those_of_the_reference(shape, dtype, symmetric):
    queries, keys, width = shape
    query, key = vectors(queries, width, 1, dtype), vectors(keys, width, 2, dtype)
    options = {"symmetric": symmetric, "label_smoothing": 0.1, **ids_of(queries, keys)}
    assert_right(step(query, key, **options), expected(query, key, **options), TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("limit", [1 << 16, 1 << 20, 5 << 20, None])
def test_tiles_and_what_is_kept_of_them_change_nothing(limit, dtype):
    query, key = vectors(1500, 40, 1, dtype), vectors(1500, 40, 2, dtype)
    assert_right(step(query, key, memory_limit=limit), expected(query, key), TOLERANCE[dtype])


@pytest.mark.parametrize("scale", [100.0, 1e4, -100.0])
def test_any_scale_is_exact(scale):
    query, key = vectors(700, 16, 1), vectors(700, 16, 2)
    key[:50] = -query[:50]
    tolerance = 2e-3 if scale == 1e4 else 5e-5
    assert_right(step(query, key, scale, memory_limit=1 << 20), expected(query, key, scale), tolerance)


def test_inputs_that_are_not_contiguous_are_read_where_they_are():
    query, key = vectors(80, 60, 1), vectors(90, 30, 2)
    ids = ids_of(80, 90)
    pairs = [(query[:, ::2], key), (query[:, :30], key), (query[:30].T, key[:30].T)]
    for left, right in pairs:
        some = {name: each[: len(side)] for (name, each), side in zip(ids.items(), (left, right), strict=True)}
        if len(left) == len(right):
            some = {}
        assert_right(step(left, right, **some), expected(left, right, **some), 2e-5)


def test_backward_can_run_again_and_only_for_what_asks():
    query, key = vectors(300, 20, 1).requires_grad_(), vectors(300, 20, 2)
    loss = info_nce(query, key, 10.0)
    first = torch.autograd.grad(loss, query, retain_graph=True)[0]
    assert torch.equal(torch.autograd.grad(loss, query)[0], first)
    assert distance(first, expected(query, key)[1]) < 2e-5


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_makes_the_loss_nan(bad):
    query, key = vectors(600, 20, 1), vectors(600, 20, 2)
    key[599, 3] = bad
    assert info_nce(query, key, 10.0).isnan()


def test_the_same_bits_every_time():
    query, key = vectors(3000, 64, 1, torch.bfloat16), vectors(3000, 64, 2, torch.bfloat16)
    first = step(query, key, memory_limit=4 * MIB)
    for _ in range(5):
        again = step(query, key, memory_limit=4 * MIB)
        assert all(torch.equal(mine, other) for mine, other in zip(again, first, strict=True))


def test_gradient_scalers_do_not_overflow_float16():
    query, key = vectors(2000, 64, 1, torch.float16).requires_grad_(), vectors(2000, 64, 2, torch.float16)
    right = expected(query, key)[1]
    assert distance(torch.autograd.grad(info_nce(query, key, 10.0) * 65536, query)[0], 65536 * right) < 2e-3


def test_autocast_casts_once_and_nothing_else():
    query, key = vectors(500, 32, 1), vectors(500, 32, 2)
    with torch.autocast("cuda", torch.bfloat16):
        loss, of_query, *_ = step(query, key)
    assert loss.dtype == of_query.dtype == torch.float32
    right = expected(query.bfloat16(), key.bfloat16())
    assert float(loss) == pytest.approx(float(right[0]), rel=1e-5)
    assert distance(of_query, right[1]) < 1e-2


def test_no_step_waits_for_the_device():
    query, key = vectors(900, 32, 1), vectors(900, 32, 2)
    step(query, key)
    scale = torch.full((), 10.0, device="cuda", requires_grad=True)
    query.requires_grad_()
    with waiting_is_an_error():
        info_nce(query, key, scale, memory_limit=1 << 20).backward()


def test_a_cuda_graph_can_hold_a_step():
    query, key = vectors(900, 32, 1).requires_grad_(), vectors(900, 32, 2)
    scale = torch.full((), 10.0, device="cuda")
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            torch.autograd.grad(info_nce(query, key, scale), query)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        gradient = torch.autograd.grad(info_nce(query, key, scale), query)[0]
    with torch.no_grad():
        query.copy_(vectors(900, 32, 3))
    graph.replay()
    assert distance(gradient, expected(query, key)[1]) < 2e-5


def test_work_stays_in_the_current_stream():
    query, key = vectors(2000, 64, 1), vectors(2000, 64, 2)
    right = expected(query, key)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        late = torch.zeros_like(query)
        torch.cuda._sleep(20_000_000)
        late.copy_(query)
        ours = step(late, key)
    torch.cuda.current_stream().wait_stream(side)
    assert_right(ours, right, 2e-5)


def test_torch_compile_takes_the_whole_step():
    query, key = vectors(300, 32, 1), vectors(300, 32, 2)
    scale = torch.full((), 10.0, device="cuda")
    compiled = torch.compile(lambda *inputs: info_nce(*inputs) * 2, fullgraph=True)
    leaf = query.clone().requires_grad_()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        of_query = torch.autograd.grad(compiled(leaf, key, scale), leaf)[0]
    torch.cuda.current_stream().wait_stream(side)
    assert distance(of_query, 2 * expected(query, key)[1]) < 2e-5


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("kept", [0, 1, 6])
def test_opcheck_of_info_nce(dtype, kept):
    query, key = vectors(40, 9, 1, dtype).requires_grad_(), vectors(50, 9, 2, dtype).requires_grad_()
    scale = torch.full((), 3.0, device="cuda", requires_grad=True)
    classes = [torch.arange(each, dtype=torch.int32, device="cuda") for each in (40, 50)]
    torch.library.opcheck(torch.ops.ctk.info_nce.default, (query, key, scale, *classes, 0.1, True, 20, 17, kept))
    plain = [each.detach() for each in (query, key, scale)]
    _, *saved = torch.ops.ctk.info_nce(*plain, *classes, 0.1, True, 20, 17, kept)
    gradient = torch.ones((), device="cuda")
    torch.library.opcheck(
        torch.ops.ctk.info_nce_backward.default, (gradient, *plain, *classes, *saved, 20, 17, True, True)
    )


def peak_beyond(work: Callable[[], object]) -> int:
    """Bytes that torch's allocator gave out at once, beyond those in use before; known without waiting."""
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    work()
    return torch.cuda.max_memory_allocated() - before


def test_logits_take_no_more_than_the_limit():
    query, key = vectors(8192, 16, 1, torch.bfloat16), vectors(8192, 16, 2, torch.bfloat16)
    step(query[:64], key[:64])
    for limit in (4 * MIB, 32 * MIB):
        assert peak_beyond(lambda limit=limit: step(query, key, memory_limit=limit)) < limit + 24 * MIB


def test_a_batch_of_65_536_takes_at_most_a_gibibyte_and_a_half():
    if torch.cuda.get_device_properties(0).total_memory < 8 << 30:
        pytest.skip("the GPU has less than 8 GiB")
    query, key = vectors(65_536, 1536, 1, torch.bfloat16), vectors(65_536, 1536, 2, torch.bfloat16)
    step(query[:64], key[:64])
    assert peak_beyond(lambda: step(query, key)) <= 1.5 * (1 << 30)


RANKED = [(1, 1, 1), (5, 3, 7), (100, 700, 33), (2500, 17_000, 24)]  # the last crosses blocks of both sides


def ranked(queries: int, entries: int, width: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    gallery = vectors(entries, width, 1, dtype)
    gallery[entries // 2 :: 7] = gallery[0].clone()
    target = torch.randint(0, entries, (queries,), generator=torch.Generator().manual_seed(1)).cuda()
    query = (gallery[target].float() + 0.5 * vectors(queries, width, 2)).to(dtype)
    return query, gallery, target


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", RANKED, ids=str)
def test_counts_are_those_of_the_reference(shape, dtype):
    query, gallery, target = ranked(*shape, dtype)
    positives = _positives(query, gallery, target, None, None)
    ours, right = (
        torch.ops.ctk.rank_counts(query, gallery, *positives),
        reference.rank_counts(query, gallery, *positives),
    )
    assert all(torch.equal(mine, other) for mine, other in zip(ours, right, strict=True))


@pytest.mark.parametrize("size", [1e-30, 1e-13, 1e15, 3e18])
def test_counts_are_exact_at_any_length_of_vectors(size):
    query, gallery, target = ranked(60, 900, 24, torch.float32)
    positives = _positives(query, gallery, target, None, None)
    query, gallery = query * size, gallery * size
    ours, right = (
        torch.ops.ctk.rank_counts(query, gallery, *positives),
        reference.rank_counts(query, gallery, *positives),
    )
    assert all(torch.equal(mine, other) for mine, other in zip(ours, right, strict=True))


def test_ranks_of_a_gpu_are_those_of_the_processor():
    query, gallery, target = ranked(300, 2000, 48, torch.float32)
    entry_ids = torch.arange(2000, device="cuda") % 500
    ids = {"query_ids": entry_ids[target], "gallery_ids": entry_ids}
    there = target_ranks(query.cpu(), gallery.cpu(), **{name: each.cpu() for name, each in ids.items()})
    assert torch.equal(target_ranks(query, gallery, **ids).cpu(), there)


def test_ranks_of_matrices_that_are_not_contiguous():
    query, gallery, target = ranked(100, 700, 34, torch.float32)
    right = target_ranks(query[:, ::2].contiguous(), gallery[:, ::2].contiguous(), target)
    assert torch.equal(target_ranks(query[:, ::2], gallery[:, ::2], target), right)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_scores_that_are_not_finite_are_an_error_that_names_the_row(bad):
    query, gallery, target = ranked(100, 700, 33, torch.float32)
    query[41, 3] = bad
    with pytest.raises(ValueError, match="query row 41"):
        target_ranks(query, gallery, target)
    query[41, 3] = 0
    gallery[650, 3] = bad
    with pytest.raises(ValueError, match="gallery row 650"):
        target_ranks(query, gallery, target)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("k", [1, 10, 700])
def test_the_best_are_those_of_a_stable_sort(k, dtype):
    query, gallery, _ = ranked(100, 700, 33, dtype)
    ours, right = topk(query, gallery, k), reference.top_scores(query, gallery, k)
    assert torch.equal(ours[0], right[0])
    assert torch.equal(ours[1], right[1])


def test_the_best_across_blocks_of_the_gallery():
    query, gallery, _ = ranked(40, 20_000, 16, torch.float32)
    ours, right = topk(query, gallery, 50), reference.top_scores(query, gallery, 50)
    assert torch.equal(ours[0], right[0])
    assert torch.equal(ours[1], right[1])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_opcheck_of_ranks(dtype):
    query, gallery, target = ranked(30, 70, 9, dtype)
    positives = _positives(query, gallery, target, None, None)
    torch.library.opcheck(torch.ops.ctk.rank_counts.default, (query, gallery, *positives))
    torch.library.opcheck(torch.ops.ctk.top_scores.default, (query, gallery, 5))


def test_counting_does_not_wait_and_takes_no_more_memory_for_more_rows():
    def peak(rows: int) -> int:
        query, gallery, target = ranked(rows, rows, 64, torch.float32)
        positives = _positives(query, gallery, target, None, None)
        torch.ops.ctk.rank_counts(
            query[:64], gallery, positives[0], *[each[:64] for each in positives[1:3]], positives[3]
        )
        with waiting_is_an_error():
            return peak_beyond(lambda: torch.ops.ctk.rank_counts(query, gallery, *positives))

    assert peak(60_000) < peak(20_000) + 4 * MIB
