"""The kernels of target_ranks and topk against float64 and an unhurried count, on every instruction set."""

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from ctk.ops import mean_reciprocal_rank, native, reference, target_ranks, topk
from ctk.ops.processor import at_most
from ctk.ops.ranking import _positives

needs_kernels = pytest.mark.skipif(native.problem("cpu") is not None, reason=f"no kernels: {native.problem('cpu')}")

DTYPES = [torch.float32, torch.bfloat16, torch.float16]
SHAPES = [(1, 1, 1), (5, 3, 7), (40, 130, 33), (1100, 2100, 16)]  # the last crosses blocks of both sides
KINDS = ["normal", "untrained", "duplicates", "equal", "whole", "huge", "tiny", "mixed"]


def vectors(queries, entries, width, kind, dtype=torch.float32):
    generator = torch.Generator().manual_seed(queries + entries + width)
    gallery = F.normalize(torch.randn(entries, width, generator=generator), dim=1)
    target = torch.randint(0, entries, (queries,), generator=generator)
    noise = torch.randn(queries, width, generator=generator) / width**0.5
    query = noise if kind == "untrained" else gallery[target] + 0.5 * noise
    if kind == "duplicates":
        gallery = gallery[torch.arange(entries) % max(1, entries // 3)]
    if kind == "equal":
        query, gallery = torch.ones(queries, width), torch.ones(entries, width)
    if kind == "whole":
        query, gallery = (query * 3).round(), (gallery * 3).round()
    largest = 1e4 if dtype == torch.float16 else 1e30
    if kind == "huge":
        query = query * largest
    if kind == "tiny":  # among the numbers below the smallest normal one
        query, gallery = (query * 6e-8, gallery * 6e-8) if dtype == torch.float16 else (query * 1e-38, gallery)
    if kind == "mixed":  # entries of very different lengths
        gallery = gallery * torch.logspace(-6, 3, entries)[:, None]
    return query.to(dtype), gallery.to(dtype), target


def counted(query, gallery, positive, ties="mean"):
    """Ranks by counting float64 scores that are rounded to float32: the definition."""
    scores = torch.stack([(gallery.double() @ each).float() for each in query.double()])
    best = scores.masked_fill(~positive, -torch.inf).amax(1, keepdim=True)
    greater, equal = (((scores > best) & ~positive).sum(1), ((scores == best) & ~positive).sum(1))
    return (1 + greater + {"optimistic": 0.0, "mean": 0.5, "pessimistic": 1.0}[ties] * equal).float()


@needs_kernels
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_ranks_are_those_of_float64(isa, shape, kind, dtype):
    query, gallery, target = vectors(*shape, kind, dtype)
    positive = torch.zeros(len(query), len(gallery), dtype=torch.bool)
    positive[torch.arange(len(query)), target] = True
    ties = "pessimistic" if kind == "whole" else "mean"
    assert torch.equal(target_ranks(query, gallery, target, ties=ties), counted(query, gallery, positive, ties))


@needs_kernels
@pytest.mark.parametrize("kind", KINDS)
def test_of_several_positives_the_best_counts(isa, kind):
    query, gallery, target = vectors(60, 90, 12, kind)
    gallery_ids = torch.arange(90) % 20 * 10**12
    query_ids = gallery_ids[target]
    positive = query_ids[:, None] == gallery_ids[None, :]
    ranks = target_ranks(query, gallery, query_ids=query_ids, gallery_ids=gallery_ids)
    assert torch.equal(ranks, counted(query, gallery, positive))


@needs_kernels
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k", [1, 5, 90])
def test_topk_gives_the_highest_scores_and_of_equal_ones_the_lower_row(isa, kind, dtype, k):
    query, gallery, _ = vectors(40, 90, 12, kind, dtype)
    scores = torch.stack([(gallery.double() @ each).float() for each in query.double()])
    expected = scores.sort(dim=1, descending=True, stable=True)
    values, rows = topk(query, gallery, k)
    assert torch.equal(values, expected.values[:, :k])
    assert torch.equal(rows, expected.indices[:, :k])


@needs_kernels
def test_topk_joins_blocks_of_the_gallery(isa):
    query, gallery, _ = vectors(30, 5000, 9, "normal")
    expected = reference.top_scores(query, gallery, 70)
    assert all(torch.equal(*pair) for pair in zip(topk(query, gallery, 70), expected, strict=True))


@needs_kernels
def test_every_instruction_set_and_number_of_threads_gives_the_same(isa):
    query, gallery, target = vectors(300, 700, 65, "untrained")
    threads = torch.get_num_threads()
    with at_most("plain"):
        expected = target_ranks(query, gallery, target), *topk(query, gallery, 9)
    try:
        torch.set_num_threads(1)
        ours = target_ranks(query, gallery, target), *topk(query, gallery, 9)
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(ours, expected, strict=True))


@needs_kernels
def test_vectors_that_are_not_contiguous_are_read_where_they_are(isa):
    query, gallery, target = vectors(40, 50, 8, "normal")
    turned, spread = query.T.contiguous().T, torch.zeros(100, 8)[::2]
    spread.copy_(gallery)
    assert not turned.is_contiguous()
    assert torch.equal(target_ranks(turned, spread, target), target_ranks(query, gallery, target))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_an_error_that_names_the_row(isa, value):
    query, gallery, target = vectors(50, 60, 8, "normal")
    query[17, 2] = value
    with pytest.raises(ValueError, match="query row 17 has scores that are not finite"):
        target_ranks(query, gallery, target)
    with pytest.raises(ValueError, match="query row 17 has scores that are not finite"):
        topk(query, gallery, 3)
    query, gallery, target = vectors(50, 60, 8, "normal")
    gallery[23, 0] = value
    with pytest.raises(ValueError, match="gallery row 23 is not finite"):
        target_ranks(query, gallery, target)
    with pytest.raises(ValueError, match="gallery row 23 is not finite"):
        topk(query, gallery, 3)


def test_scores_beyond_float32_are_an_error_and_not_a_rank(isa):
    query, gallery, target = vectors(5, 6, 8, "normal")
    query[3] *= 1e30
    gallery *= 1e20
    with pytest.raises(ValueError, match="query row 3 has scores that are not finite"):
        target_ranks(query, gallery, target)


def test_nothing_to_rank_and_nothing_to_rank_among(isa):
    none = torch.zeros(0, 4)
    some = torch.ones(3, 4)
    assert target_ranks(none, some, torch.zeros(0, dtype=torch.int64)).shape == (0,)
    assert topk(none, some, 2)[0].shape == (0, 2)
    with pytest.raises(ValueError, match="query row 0 has no target in the gallery"):
        target_ranks(some, none, query_ids=torch.arange(3), gallery_ids=torch.zeros(0, dtype=torch.int64))
    with pytest.raises(ValueError, match="k = 1"):
        topk(some, none, 1)
    assert target_ranks(torch.zeros(3, 0), torch.zeros(2, 0), torch.tensor([0, 1, 1])).tolist() == [1.5, 1.5, 1.5]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"query": torch.zeros(3, 5)}, r"\(N, D\)"),
        ({"query": torch.zeros(3, 4, dtype=torch.double)}, "one floating dtype"),
        ({"query": torch.zeros(3, 4, device="meta")}, "one device"),
        ({"target": torch.tensor([0, 1, 9])}, "query row 2 has a target that is no row of a gallery of 6"),
        ({"target": torch.tensor([0, 1, -1])}, "query row 2 has a target that is no row"),
        ({"target": torch.tensor([0.0, 1.0, 2.0])}, "integers"),
        ({"target": torch.tensor([0, 1])}, r"target is \(3,\)"),
        ({"target": torch.tensor([0, 1, 1], device="meta")}, "target is on meta"),
        ({"query_ids": torch.arange(3)}, "not both"),
        ({"target": None}, "say what is right"),
        ({"ties": "first"}, "ties is one of"),
    ],
)
def test_wrong_arguments_are_named(change, says):
    arguments = {"query": torch.zeros(3, 4), "gallery": torch.zeros(6, 4), "target": torch.tensor([0, 1, 2])} | change
    with pytest.raises(ValueError, match=says):
        target_ranks(arguments.pop("query"), arguments.pop("gallery"), **arguments)


def samples():
    for dtype in DTYPES:
        for shape in ((1, 1, 1), (9, 20, 5)):
            query, gallery, target = vectors(*shape, "normal", dtype)
            yield query, gallery, *_positives(query, gallery, target, None, None)


@needs_kernels
@pytest.mark.parametrize("arguments", list(samples()))
def test_opcheck_finds_nothing(arguments):
    torch.library.opcheck(torch.ops.ctk.rank_counts.default, arguments)
    torch.library.opcheck(torch.ops.ctk.top_scores.default, (*arguments[:2], 1))


@needs_kernels
def test_torch_compile_takes_it_whole_and_gives_nan_for_an_error(compiler):
    torch._dynamo.reset()
    query, gallery, target = vectors(30, 40, 8, "normal")
    compiled = torch.compile(
        lambda q: (target_ranks(q, gallery, target), *topk(q, gallery, 3)), fullgraph=True, backend=compiler
    )
    expected = target_ranks(query, gallery, target), *topk(query, gallery, 3)
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(compiled(query), expected, strict=True))
    query[4, 0] = torch.nan
    ranks, values, _ = compiled(query)
    assert torch.isnan(ranks).nonzero().flatten().tolist() == [4]
    assert torch.isnan(values).all(1).nonzero().flatten().tolist() == [4]


def test_mean_reciprocal_rank_stands_on_the_ranks(isa):
    query, gallery, target = vectors(80, 90, 12, "untrained")
    ranks = target_ranks(query, gallery, target)
    within = torch.where(ranks <= 10, 1 / ranks.double(), 0.0)
    assert mean_reciprocal_rank(query, gallery, target) == pytest.approx(float((1 / ranks.double()).mean()))
    assert mean_reciprocal_rank(query, gallery, target, cutoff=10) == pytest.approx(float(within.mean()))


MEMORY = """
import resource, torch
from ctk.ops import target_ranks
query, gallery = torch.randn(12_000, 8), torch.randn(12_000, 8)
target_ranks(query[:100], gallery[:100], torch.arange(100))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
target_ranks(query, gallery, torch.arange(12_000))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@needs_kernels
def test_memory_does_not_grow_with_queries_times_gallery():
    said = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert int(said.stdout) < 40 << 20 < 12_000**2


@needs_kernels
def test_compiled_a_target_outside_the_gallery_is_nan(compiler):
    torch._dynamo.reset()
    query, gallery, _ = vectors(4, 20, 8, "normal")
    target = torch.tensor([0, -1, 20, -100])
    ranks = torch.compile(target_ranks, fullgraph=True, backend=compiler)(query, gallery, target)
    assert torch.isnan(ranks).tolist() == [False, True, True, True]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_ranks_and_scores_have_no_gradient(dtype):
    query, gallery, target = vectors(5, 9, 4, "normal")
    query = query.to(dtype).requires_grad_()
    assert not topk(query, gallery.to(dtype), 3)[0].requires_grad
    assert not target_ranks(query, gallery.to(dtype), target).requires_grad


def test_ids_may_be_of_any_whole_dtype():
    query, gallery, target = vectors(5, 9, 4, "normal")
    expected = target_ranks(query, gallery, query_ids=target, gallery_ids=torch.arange(9))
    for dtype in (torch.uint8, torch.uint16, torch.int32):
        ids = {"query_ids": target.to(dtype), "gallery_ids": torch.arange(9).to(dtype)}
        assert torch.equal(target_ranks(query, gallery, **ids), expected)
    assert torch.equal(target_ranks(query, gallery, target.to(torch.uint16)), target_ranks(query, gallery, target))


def test_finite_vectors_whose_norm_is_beyond_float32_are_ranked(isa):
    query, gallery = torch.full((1, 2), 1e-3), torch.tensor([[3e38, 3e38], [1.0, 1.0], [-1.0, -1.0]])
    assert target_ranks(query, gallery, torch.tensor([1])).tolist() == [2]
    assert topk(query, gallery, 2)[1].tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda q, g: target_ranks(q, g, torch.tensor([True, False])), "integers"),
        (lambda q, g: target_ranks(q.numpy(), g, torch.tensor([0, 1])), "query is a tensor"),
        (lambda q, g: target_ranks(q, g, ["a", "b"]), r"target is \(2,\) integers, not list"),
        (lambda q, g: target_ranks(q.to_sparse(), g, [0, 1]), r"query is a sparse tensor .* \.to_dense\(\)"),
        (lambda q, g: target_ranks(q.to("meta"), g.to("meta"), [0, 1]), "query is on meta"),
        (lambda q, g: topk(q, g, 2.0), "whole number"),
        (lambda q, g: mean_reciprocal_rank(q, g, torch.tensor([0, 1]), cutoff=0), "cutoff"),
        (lambda q, g: target_ranks(q, g, torch.tensor([0, 1]), ties=["mean"]), "ties is one of"),
    ],
)
def test_things_of_another_kind_are_named(call, says):
    with pytest.raises(ValueError, match=says):
        call(torch.zeros(2, 4), torch.zeros(3, 4))


@needs_kernels
@pytest.mark.parametrize("place", [10**12, -(10**9), 3])
def test_a_direct_call_with_rows_beyond_the_gallery_is_refused(place):
    rows = torch.arange(3)
    with pytest.raises(RuntimeError):
        torch.ops.ctk.rank_counts(torch.ones(3, 2), torch.ones(3, 2), torch.full((3,), place), rows, rows + 1, rows)
