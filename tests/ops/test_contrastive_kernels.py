"""The kernels of info_nce against the dense float64 reference: values, gradients, memory, what torch asks of an op."""

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from ctk.ops import info_nce, native, reference
from ctk.ops.tiling import SMALLEST_LIMIT, plan_tiling

needs_kernels = pytest.mark.skipif(native.problem("cpu") is not None, reason=f"no kernels: {native.problem('cpu')}")

ULP = {torch.float32: 2**-23, torch.bfloat16: 2**-8, torch.float16: 2**-11}


def vectors(queries, keys, width, dtype=torch.float32, kind="normal"):
    generator = torch.Generator().manual_seed(queries * 1000 + keys * 10 + width)
    query, key = (torch.randn(rows, width, generator=generator) for rows in (queries, keys))
    if kind == "equal":
        query, key = torch.ones(queries, width), torch.ones(keys, width)
    if kind == "duplicates" and keys > 1:
        key = key[torch.arange(keys) % max(1, keys // 2)]
    return F.normalize(query, dim=1).to(dtype), F.normalize(key, dim=1).to(dtype)


def ids_of(queries, keys, kind):
    if kind == "diagonal":
        return {}
    generator = torch.Generator().manual_seed(queries + keys)
    groups = {"groups": max(1, keys // 3), "all": 1}[kind]
    key_ids = torch.randint(0, groups, (keys,), generator=generator) * 10**12  # beyond int32
    query_ids = torch.randint(0, groups + 1, (queries,), generator=generator) * 10**12  # some without positives
    query_ids[0] = key_ids[0]
    return {"query_ids": query_ids, "key_ids": key_ids}


def dense(query, key, scale, query_ids=None, key_ids=None, label_smoothing=0.0, symmetric=True):
    """Loss and gradients of the reference in float64."""
    query, key = (each.detach().double().requires_grad_() for each in (query, key))
    scale = torch.tensor(float(scale), dtype=torch.double, requires_grad=True)
    ids = (torch.arange(len(query)), torch.arange(len(key))) if query_ids is None else (query_ids, key_ids)
    positive = ids[0][:, None] == ids[1][None, :]
    loss = reference.info_nce(query, key, scale, positive, label_smoothing, symmetric)
    loss.backward()
    return loss.detach(), query.grad, key.grad, scale.grad


def fused(query, key, scale, **how):
    query, key = (each.detach().clone().requires_grad_() for each in (query, key))
    scale = torch.tensor(float(scale), requires_grad=True)
    loss = info_nce(query, key, scale, **how)
    loss.backward()
    return loss.detach(), query.grad, key.grad, scale.grad


def assert_close(ours, theirs, dtype):
    loss, *gradients = zip(ours, theirs, strict=True)
    assert loss[0].dtype == torch.float32
    assert float(loss[0]) == pytest.approx(float(loss[1]), rel=1e-5, abs=1e-5)
    tolerance = 1e-5 if dtype == torch.float32 else 4 * ULP[dtype]
    for mine, true in gradients:
        # A gradient can cancel to zero: then what it is a sum of, about 1 over the rows, is the measure.
        size = max(float(true.abs().max()), 1 / (len(true) if true.ndim else 1))
        assert float((mine.double() - true).abs().max()) < tolerance * size


@needs_kernels
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("ids", ["diagonal", "groups", "all"])
@pytest.mark.parametrize(("queries", "keys", "width"), [(1, 1, 1), (5, 5, 3), (17, 40, 13), (70, 33, 8), (1, 65, 31)])
def test_edges_equal_the_dense_loss_and_its_gradients(isa, queries, keys, width, ids, symmetric):
    if ids == "diagonal":
        keys = queries
    query, key = vectors(queries, keys, width)
    how = {**ids_of(queries, keys, ids), "symmetric": symmetric, "label_smoothing": 0.1 if ids == "groups" else 0.0}
    assert_close(fused(query, key, 20.0, **how), dense(query, key, 20.0, **how), torch.float32)


@needs_kernels
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", ["normal", "equal", "duplicates"])
def test_tiles_kept_and_computed_again_give_the_dense_gradients(isa, dtype, kind):
    query, key = vectors(300, 260, 37, dtype, kind)
    how = ids_of(300, 260, "groups")
    expected = dense(query, key, 50.0, **how)
    for limit in (SMALLEST_LIMIT, 5 * SMALLEST_LIMIT, None):
        assert_close(fused(query, key, 50.0, memory_limit=limit, **how), expected, dtype)


@needs_kernels
@pytest.mark.parametrize("scale", [0.0, -3.0, 100.0, 1000.0])
def test_any_scale_is_exact(isa, scale):
    query, key = vectors(60, 60, 16)
    key[:20] = query[:20]  # logits from -scale to scale: what a fixed shift would lose
    key[20:40] = -query[20:40]
    ours, theirs = fused(query, key, scale), dense(query, key, scale)
    assert float(ours[0]) == pytest.approx(float(theirs[0]), rel=1e-5, abs=1e-5)
    for mine, true in zip(ours[1:3], theirs[1:3], strict=True):
        # A float32 logit of size s is off by s * 2^-24, and so, relatively, is what comes of it.
        assert float((mine - true).abs().max()) <= (1e-5 + abs(scale) * 2**-22) * float(
            true.abs().max().clamp(min=1e-30)
        )


@needs_kernels
def test_rows_that_are_not_contiguous_are_read_where_they_are(isa):
    query, key = vectors(40, 40, 24)
    spread = torch.zeros(24, 80).T[::2]
    spread.copy_(query)
    assert not spread.is_contiguous()
    assert torch.equal(info_nce(spread, key, 10.0), info_nce(query, key, 10.0))


@needs_kernels
def test_only_what_needs_a_gradient_gets_one(isa):
    query, key = vectors(20, 20, 8)
    query.requires_grad_()
    info_nce(query, key, 10.0).backward()
    assert_close((torch.zeros(()), query.grad), (torch.zeros(()), dense(query, key, 10.0)[1]), torch.float32)
    assert key.grad is None


@needs_kernels
def test_backward_can_be_called_twice():
    query, key = vectors(30, 30, 8)
    query.requires_grad_()
    loss = info_nce(query, key, 10.0)
    loss.backward(retain_graph=True)
    once = query.grad.clone()
    loss.backward()
    assert torch.equal(query.grad, 2 * once)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("side", [0, 1])
def test_what_is_not_finite_gives_nan(isa, value, side):
    pair = vectors(50, 50, 8)
    pair[side][31, 3] = value
    assert torch.isnan(info_nce(*pair, 100.0))


def test_no_positives_give_nan_and_rows_without_them_do_not_count():
    query, key = vectors(4, 4, 8)
    ids = torch.arange(4)
    assert torch.isnan(info_nce(query, key, 1.0, query_ids=ids, key_ids=ids + 10))
    some = info_nce(query, key, 1.0, query_ids=torch.tensor([0, 1, 8, 9]), key_ids=ids, symmetric=False)
    assert float(some) == pytest.approx(
        float(info_nce(query[:2], key, 1.0, query_ids=ids[:2], key_ids=ids, symmetric=False)), rel=1e-5
    )


def test_a_queue_of_extra_keys_is_negatives_alone():
    query, key = vectors(6, 6, 8)
    queue = F.normalize(torch.randn(10, 8), dim=1)
    ids, none = torch.arange(6), torch.full((10,), -1)
    how = {"query_ids": ids, "key_ids": torch.cat([ids, none]), "symmetric": False}
    logits = 5.0 * query @ torch.cat([key, queue]).T
    assert float(info_nce(query, torch.cat([key, queue]), 5.0, **how)) == pytest.approx(
        float(F.cross_entropy(logits, ids)), rel=1e-5
    )


def test_gradients_pass_gradcheck_in_float64():
    query, key = (each.double().requires_grad_() for each in vectors(6, 5, 4))
    scale = torch.tensor(3.0, dtype=torch.double, requires_grad=True)
    how = ids_of(6, 5, "groups")
    assert torch.autograd.gradcheck(lambda *args: info_nce(*args, label_smoothing=0.1, **how), (query, key, scale))


def samples():
    """Every shape of call that the op is made for, as arguments of torch.ops.ctk.info_nce."""
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        for queries, keys, kept, symmetric in ((7, 7, 0, True), (40, 33, 2, True), (20, 50, 4, False)):
            query, key = vectors(queries, keys, 9, dtype)
            classes = (torch.arange(queries, dtype=torch.int32), torch.arange(keys, dtype=torch.int32))
            learns = [each.requires_grad_() for each in (query, key, torch.tensor(10.0))]
            yield *learns, *classes, 0.1, symmetric, 16, 24, kept


@needs_kernels
@pytest.mark.parametrize("arguments", list(samples()))
def test_opcheck_finds_nothing_in_forward_and_backward(arguments):
    torch.library.opcheck(torch.ops.ctk.info_nce.default, arguments)
    with torch.no_grad():
        _, *saved = torch.ops.ctk.info_nce(*arguments)
    for wanted in ((True, True), (True, False), (False, False)):
        whole = (torch.tensor(0.5), *[each.detach() for each in arguments[:5]], *saved, 16, 24, *wanted)
        torch.library.opcheck(torch.ops.ctk.info_nce_backward.default, whole)


@needs_kernels
def test_torch_compile_takes_it_whole(compiler):
    torch._dynamo.reset()
    query, key = vectors(40, 40, 16)

    def step(query, key, scale):
        return info_nce(F.normalize(query, dim=1) * 1.0, key, scale, query_ids=IDS, key_ids=IDS) * 2

    expected = fused_step(step, query, key)
    compiled = fused_step(torch.compile(step, fullgraph=True, backend=compiler), query, key)
    for mine, true in zip(compiled, expected, strict=True):
        assert torch.allclose(mine, true, rtol=1e-5, atol=1e-6)


IDS = torch.arange(40) // 2


def fused_step(step, query, key):
    query, scale = query.clone().requires_grad_(), torch.tensor(20.0, requires_grad=True)
    loss = step(query, key, scale)
    loss.backward()
    return loss.detach(), query.grad, scale.grad


@needs_kernels
def test_autocast_takes_products_in_its_dtype_and_keeps_logits_in_float32(isa):
    query, key = vectors(64, 64, 32)
    with torch.autocast("cpu", torch.bfloat16):
        loss = info_nce(query, key, 100.0)
    expected = dense(query.bfloat16(), key.bfloat16(), 100.0)[0]
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)
    assert float(loss) != pytest.approx(float(dense(query, key, 100.0)[0]), rel=1e-6)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"key": torch.zeros(4, 8, dtype=torch.double)}, "one floating dtype"),
        ({"query": torch.zeros(4, 8, dtype=torch.int64), "key": torch.zeros(4, 8, dtype=torch.int64)}, "floating"),
        ({"key": torch.zeros(4, 8, device="meta")}, "one device"),
        ({"logit_scale": torch.ones(2)}, "0-d tensor"),
        ({"label_smoothing": 1.0}, "below 1"),
        ({"query_ids": torch.arange(4)}, "come together"),
        ({"query_ids": torch.arange(3), "key_ids": torch.arange(4)}, r"query_ids is \(4,\) integers, one a row"),
        ({"query_ids": torch.rand(4), "key_ids": torch.arange(4)}, "integers"),
        ({"query_ids": torch.arange(4, device="meta"), "key_ids": torch.arange(4)}, "query_ids is on meta"),
        ({"memory_limit": 100}, "memory_limit is at least"),
    ],
)
def test_wrong_arguments_are_named(change, says):
    arguments = {"query": torch.zeros(4, 8), "key": torch.zeros(4, 8), "logit_scale": 1.0} | change
    positional = [arguments.pop(name) for name in ("query", "key", "logit_scale")]
    with pytest.raises(ValueError, match=says):
        info_nce(*positional, **arguments)


@pytest.mark.parametrize("learns", [True, False])
@pytest.mark.parametrize("limit", [SMALLEST_LIMIT, 1 << 20, 16 << 20, 128 << 20, None])
@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (8192, 8192), (3, 200_000), (131_072, 5)])
def test_a_tiling_keeps_to_its_limit(queries, keys, limit, learns):
    rows, columns, kept = plan_tiling(queries, keys, limit, "cpu", learns)
    tiles = -(-queries // rows) * -(-keys // columns)
    assert (kept + 1) * rows * columns * 4 <= (limit or 32 << 20)
    assert kept <= tiles
    if not learns:
        assert kept == 0


MEMORY = """
import resource, sys, torch
from ctk.ops import info_nce
query, key = torch.randn(6000, 64, requires_grad=True), torch.randn(6000, 64, requires_grad=True)
info_nce(query[:100], key[:100], 10.0).backward()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
info_nce(query, key, 0.1, memory_limit=int(sys.argv[1])).backward()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@needs_kernels
def test_memory_beyond_inputs_and_gradients_stays_near_the_limit():
    limit = 4 << 20
    said = subprocess.run([sys.executable, "-c", MEMORY, str(limit)], capture_output=True, text=True, check=True)
    whole = 6000 * 6000 * 4
    assert int(said.stdout) < limit + (24 << 20) < whole  # gradients, packed blocks and the allocator's own


@needs_kernels
def test_torch_compile_takes_other_batch_sizes_too(compiler):
    torch._dynamo.reset()
    compiled = torch.compile(info_nce, fullgraph=True, backend=compiler)
    for rows in (40, 24, 40):
        query, key = vectors(rows, rows, 8)
        query.requires_grad_()
        loss = compiled(query, key, 2.0)
        loss.backward()
        assert_close((loss.detach(), query.grad), dense(query, key, 2.0)[:2], torch.float32)


@needs_kernels
def test_a_second_derivative_is_refused():
    query, key = vectors(6, 6, 4)
    query.requires_grad_()
    loss = info_nce(query, key, 1.5)
    (gradient,) = torch.autograd.grad(loss, query, create_graph=True)
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(loss + gradient.pow(2).sum(), query)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_row_that_does_not_count_hides_no_nan(isa, value):
    query, key = vectors(5, 6, 4)
    query[4, 0] = value
    ids = torch.tensor([0, 1, 2, 3, 99])
    assert torch.isnan(info_nce(query, key, 1.0, query_ids=ids, key_ids=torch.arange(6), symmetric=False))


def test_autocast_takes_two_dtypes_and_leaves_float64():
    query, key = vectors(6, 6, 8)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = info_nce(query.bfloat16(), key, 10.0)
        wide = info_nce(query.double(), key.double(), 10.0)
    assert float(mixed) == pytest.approx(float(dense(query.bfloat16(), key.bfloat16(), 10.0)[0]), rel=1e-5)
    assert wide.dtype == torch.float64


def direct(**change):
    """Arguments of the two ops by name, some of them changed."""
    query, key = vectors(30, 30, 8)
    classes = torch.arange(30, dtype=torch.int32)
    known = {
        "gradient": torch.ones(()),
        "query": query,
        "key": key,
        "scale": torch.tensor(1.0),
        "query_classes": classes,
        "key_classes": classes,
        "query_side": torch.zeros(5, 30),
        "key_side": torch.zeros(5, 30),
        "tiles": torch.zeros(0, 256),
        "smoothing": 0.0,
        "rows": 16,
        "columns": 16,
        "kept": 0,
    }
    assert change.keys() <= known.keys()
    return known | change


@needs_kernels
@pytest.mark.parametrize(
    "change",
    [
        {"rows": 2**32, "columns": 2**32},
        {"rows": 0},
        {"kept": 5},
        {"kept": -1},
        {"smoothing": 5.0},
        {"query_classes": torch.arange(3, dtype=torch.int32)},
        {"key_classes": torch.arange(30)},
        {"scale": torch.ones(2)},
        {"key": torch.zeros(30, 9)},
    ],
)
def test_a_direct_call_of_the_forward_op_is_checked(change):
    its = direct(**change)
    names = ("query", "key", "scale", "query_classes", "key_classes", "smoothing")
    with pytest.raises(RuntimeError):
        torch.ops.ctk.info_nce(*[its[name] for name in names], True, its["rows"], its["columns"], its["kept"])


@needs_kernels
@pytest.mark.parametrize(
    "change",
    [
        {"gradient": torch.ones(0)},
        {"gradient": torch.ones((), dtype=torch.double)},
        {"tiles": torch.zeros(1, 1)},
        {"query_side": torch.zeros(5, 1)},
        {"key_side": torch.zeros(5, 30, dtype=torch.float16)},
    ],
)
def test_a_direct_call_of_the_backward_op_is_checked(change):
    its = direct(**change)
    names = ("gradient", "query", "key", "scale", "query_classes", "key_classes", "query_side", "key_side", "tiles")
    with pytest.raises(RuntimeError):
        torch.ops.ctk.info_nce_backward(*[its[name] for name in names], its["rows"], its["columns"], True, True)
