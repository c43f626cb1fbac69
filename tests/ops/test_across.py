"""info_nce over several processes is info_nce over all their rows: loss, gradients, errors, memory."""

import contextlib
import os
import weakref

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing

from ctk.bench.live import Live
from ctk.ops import info_nce_across, native
from ctk.ops.reference import contrastive

WAYS = ("gather", "ring")
WIDTH = 24


def rows_of(kind, size):
    """Rows of queries and keys by rank."""
    if kind == "equal":
        return [12] * size, [12] * size
    if kind == "one row each":
        return [1] * size, [1] * size
    if kind == "a rank without rows":
        return [9, *[0] * (size - 1)], [7, *[0] * (size - 1)]
    return [11 + 6 * rank for rank in range(size)], [20 - 7 * rank for rank in range(size)]


def data(kind, size, dtype, seed=0):
    """Vectors and ids of all ranks; few ids, so that positives lie on several ranks, and several on one."""
    generator = torch.Generator().manual_seed(seed)
    queries, keys = rows_of(kind, size)
    query, key = (
        torch.nn.functional.normalize(torch.randn(sum(rows), WIDTH, generator=generator, dtype=torch.float64), dim=1)
        for rows in (queries, keys)
    )
    query_ids, key_ids = (torch.randint(0, 9, (sum(rows),), generator=generator) for rows in (queries, keys))
    if kind == "a rank without positives":
        query_ids[: queries[0]] = 1000 + torch.arange(queries[0])
    key_ids[-1] = query_ids[-1] if len(key_ids) and len(query_ids) else 0
    return (query.to(dtype), key.to(dtype), query_ids, key_ids), (queries, keys)


def whole(given, smoothing, symmetric, scale):
    """The reference in float64 on all rows: loss, gradients of queries, keys and scale."""
    query, key, query_ids, key_ids = given
    query, key = (each.detach().double().clone().requires_grad_() for each in (query, key))
    scale = torch.tensor(scale, dtype=torch.float64, requires_grad=True)
    loss = contrastive.info_nce(query, key, scale, query_ids[:, None] == key_ids[None, :], smoothing, symmetric)
    loss.backward()
    return loss.detach(), query.grad, key.grad, scale.grad


def one_share(given, rows, smoothing, symmetric, scale, way, **more):
    """What this rank gets: the loss, and gradients as DDP's mean over ranks would have them count."""
    rank, size = dist.get_rank(), dist.get_world_size()
    query, key, query_ids, key_ids = (
        torch.split(each, count)[rank].clone() for each, count in zip(given, (*rows, *rows), strict=True)
    )
    query.requires_grad_()
    key.requires_grad_()
    wide = torch.float64 if query.dtype == torch.float64 else torch.float32
    learned = torch.tensor(scale, dtype=wide, device=query.device, requires_grad=True)
    loss = info_nce_across(
        query, key, learned, query_ids=query_ids, key_ids=key_ids, label_smoothing=smoothing, symmetric=symmetric,
        way=way, **more,
    )  # fmt: skip
    loss.backward()
    of_scale = learned.grad.clone()
    dist.all_reduce(of_scale)
    return loss.detach(), query.grad / size, key.grad / size, of_scale / size


def differences(case, way):
    """Largest differences of loss and gradients from the reference, on this rank."""
    kind, dtype, smoothing, symmetric, kernels = case
    rank, size = dist.get_rank(), dist.get_world_size()
    given, rows = data(kind, size, dtype)
    there = whole(given, smoothing, symmetric, 14.0)
    with contextlib.nullcontext() if kernels else native.switched_off():
        here = one_share(given, rows, smoothing, symmetric, 14.0, way)
    parts = [there[0], torch.split(there[1], rows[0])[rank], torch.split(there[2], rows[1])[rank], there[3]]
    return [
        float((mine.double() - theirs).abs().max()) if mine.numel() else 0.0
        for mine, theirs in zip(here, parts, strict=True)
    ]


KINDS = ("equal", "unequal", "one row each", "a rank without rows", "a rank without positives")
CASES = [
    *((kind, torch.float32, 0.1, True, True) for kind in KINDS),
    *((kind, torch.float64, 0.1, True, True) for kind in KINDS),
    ("unequal", torch.float32, 0.0, False, True),
    ("unequal", torch.float64, 0.0, False, True),
    ("unequal", torch.float32, 0.1, True, False),
    ("unequal", torch.bfloat16, 0.1, True, True),
]
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 4e-3}


def autocast_differences(way):
    """float32 inputs under autocast: the loss and float32 gradients are those of bfloat16 inputs."""
    given, rows = data("unequal", dist.get_world_size(), torch.float32)
    rounded = [each.bfloat16() if each.is_floating_point() else each for each in given]
    with torch.autocast("cpu", torch.bfloat16):
        mixed = one_share(given, rows, 0.1, True, 14.0, way)
    plain = one_share(rounded, rows, 0.1, True, 14.0, way)
    assert mixed[1].dtype == torch.float32
    return [float((one - other.float()).abs().max()) for one, other in zip(mixed, plain, strict=True)]


def without_ids(way):
    """Difference from the reference with each rank's diagonal."""
    rank, size = dist.get_rank(), dist.get_world_size()
    (query, key, *_), _ = data("equal", size, torch.float64)
    ids = torch.arange(len(query))
    there = whole((query, key, ids, ids), 0.0, True, 14.0)[0]
    own = slice(12 * rank, 12 * rank + 12)
    return float(abs(info_nce_across(query[own], key[own], 14.0, way=way) - there))


def refusals():
    """What every rank says of arguments that differ, or do not fit on one."""
    rank, said = dist.get_rank(), []
    for given in (
        (torch.randn(3, 4 + rank), torch.randn(3, 4 + rank), 1.0, {}),
        (torch.randn(3, 4).to(torch.float64 if rank else torch.float32),) * 2 + (1.0, {}),
        (torch.randn(3, 4), torch.randn(3, 4), 1.0, {"label_smoothing": 0.1 * rank}),
        (torch.randn(3, 4), torch.randn(3, 4), 1.0, {"way": "ring" if rank else "gather"}),
        (torch.randn(3, 4), torch.randn(3, 4, requires_grad=rank == 1), 1.0, {}),
        (torch.randn(3, 4), torch.randn(3, 5 if rank == 1 else 4), 1.0, {}),
    ):
        *arguments, options = given
        with contextlib.suppress(AssertionError):
            try:
                info_nce_across(*arguments, **options)
                said.append("")
            except ValueError as error:
                said.append(str(error))
    return said


def kept_after_a_refusal():
    """Whether a query that was refused is still in memory."""
    query = torch.randn(3, 4)
    alive = weakref.ref(query)
    with contextlib.suppress(ValueError):
        info_nce_across(query, torch.randn(3, 5), 1.0)
    del query
    return alive() is not None


def held_of_others(way, rows):
    """Most bytes of tensors alive at once beyond the inputs, as multiples of this rank's keys."""
    width = 256
    generator = torch.Generator().manual_seed(dist.get_rank())
    query, key = (torch.randn(rows, width, generator=generator).requires_grad_() for _ in range(2))
    ids = torch.arange(rows) + rows * dist.get_rank()
    with Live() as live:
        info_nce_across(query, key, 1.0, query_ids=ids, key_ids=ids, way=way, memory_limit=1 << 16).backward()
    return live.peak / (rows * width * 4)


def work(rank, size, folder):
    """One process: every case, its results into a file."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=size)
    found = {(number, way): differences(case, way) for number, case in enumerate(CASES) for way in WAYS}
    found |= {("autocast", way): autocast_differences(way) for way in WAYS}
    found |= {("without ids", way): without_ids(way) for way in WAYS}
    found |= {("held", way): held_of_others(way, 300) for way in WAYS}
    found["refusals"] = refusals()
    found["kept"] = kept_after_a_refusal()
    torch.save(found, folder / f"{rank}.pt")
    # At once: gloo's own threads let go of the last tensors, now and then while Python ends, and that is an abort.
    os._exit(0)


@pytest.fixture(scope="module", params=[2, 3])
def ranks(request, tmp_path_factory):
    """Every rank's results; processes are started once."""
    folder = tmp_path_factory.mktemp("ranks")
    torch.multiprocessing.spawn(work, (request.param, folder), nprocs=request.param)
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(request.param)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", range(len(CASES)), ids=["-".join(map(str, case)) for case in CASES])
def test_loss_and_gradients_are_those_of_one_process(ranks, number, way):
    for rank in ranks:
        assert max(rank[number, way]) < TOLERANCE[CASES[number][1]]


@pytest.mark.parametrize("way", WAYS)
def test_under_autocast_they_are_those_of_its_dtype(ranks, way):
    for rank in ranks:
        assert max(rank["autocast", way]) < 4e-3


@pytest.mark.parametrize("way", WAYS)
def test_without_ids_each_ranks_diagonal_is_positive(ranks, way):
    for rank in ranks:
        assert rank["without ids", way] < 1e-12


def test_what_differs_between_ranks_is_refused_on_every_rank(ranks):
    for rank in ranks:
        width, dtype, smoothing, way, gradient, fit = rank["refusals"]
        assert "D is" in width
        assert "dtype is" in dtype
        assert "label_smoothing" in smoothing
        assert "way" in way
        assert "requires_grad" in gradient
        assert fit
    assert "(3, 5)" in ranks[1]["refusals"][-1]


def test_what_was_refused_is_not_kept_in_memory(ranks):
    assert not any(rank["kept"] for rank in ranks)


def test_the_ring_holds_one_peers_block_of_keys_and_one_of_gradients_and_the_gather_all(ranks):
    # Its own: the gradient of the queries, summed and a piece's part in it, and the pieces of its keys' that are home.
    own, keys, gradients = 1 + 1 + 2 / 3, 2 / 3, 3 / 3
    for rank in ranks:
        assert rank["held", "ring"] < own + keys + gradients + 0.2
        assert rank["held", "gather"] > 2 * len(ranks)


def nccl_work(rank, size, folder):
    """One process with a GPU of its own."""
    torch.cuda.set_device(rank)
    dist.init_process_group("nccl", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=size)
    found = {}
    for way in WAYS:
        given, rows = data("unequal", size, torch.float32)
        there = whole(given, 0.1, True, 14.0)
        here = one_share([each.cuda() for each in given], rows, 0.1, True, 14.0, way)
        parts = [there[0], torch.split(there[1], rows[0])[rank], torch.split(there[2], rows[1])[rank]]
        found[way] = [float((mine.cpu() - own).abs().max()) for mine, own in zip(here, parts, strict=False)]
    torch.save(found, folder / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="not run on a GPU: two are needed")
def test_loss_and_gradients_are_those_of_one_process_on_gpus(tmp_path):
    torch.multiprocessing.spawn(nccl_work, (2, tmp_path), nprocs=2)
    for rank in range(2):
        for way, found in torch.load(tmp_path / f"{rank}.pt").items():
            assert max(found) < 1e-4, way
