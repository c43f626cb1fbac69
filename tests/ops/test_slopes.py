"""Sums of absolute values and their slopes along shares, against float64 sums of every entry."""

import ctypes

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ctk.ops import native
from ctk.ops.reference.slopes import absolute_slopes as reference
from ctk.ops.slopes import absolute_slopes

CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)


def problem(members, rows, shares, seed=0):
    """Errors of a blend and of members, and random ascending shares; all float64."""
    generator = torch.Generator().manual_seed(seed)
    blend = torch.randn(rows, generator=generator, dtype=torch.float64)
    others = blend * 0.5 + torch.randn(members, rows, generator=generator, dtype=torch.float64)
    return blend, others, torch.randn(members, shares, generator=generator, dtype=torch.float64).sort(1).values


def whole(members, rows, shares):
    """Small whole numbers and eighths: many rows are zero exactly at a share, and nothing is rounded."""
    blend, others, _ = problem(members, rows, 1)
    eighths = (torch.arange(shares, dtype=torch.float64) - shares // 2) / 8
    return blend.round(), others.round(), eighths.repeat(members, 1)


def scaled(case, factor):
    return case[0] * factor, case[1] * factor, case[2]


CASES = {
    "one row": lambda: problem(1, 1, 1),
    "no row": lambda: problem(3, 0, 5),
    "no member": lambda: problem(0, 9, 5),
    "no share": lambda: problem(3, 9, 0),
    "rows fewer than a vector": lambda: problem(2, 3, 16),
    "a run and one row": lambda: problem(2, 257, 16),
    "several blocks": lambda: problem(3, 9001, 5),
    "blocks that are full": lambda: problem(2, 8192, 3),
    "more blocks than a GPU's block has threads": lambda: problem(1, 264_000, 1),
    "many members": lambda: problem(40, 50, 2),
    "shares that leave a part of a group": lambda: problem(2, 100, 9),
    "a full group of shares": lambda: problem(2, 100, 8),
    "many shares": lambda: problem(2, 300, 33),
    "zeros at shares": lambda: whole(3, 700, 17),
    "the blend itself": lambda: (problem(1, 70, 1)[0], problem(1, 70, 1)[0].repeat(2, 1), problem(2, 1, 4)[2]),
    "all zero": lambda: (torch.zeros(50).double(), torch.zeros(2, 50).double(), problem(2, 1, 4)[2]),
    "huge": lambda: scaled(problem(2, 700, 4), 1e30),
    "tiny": lambda: scaled(problem(2, 700, 4), 1e-30),
    "far from the blend": lambda: (problem(2, 500, 9)[0], problem(2, 500, 9)[1] * 1e4, problem(2, 500, 9)[2]),
}


def of(name, dtype):
    blend, members, shares = CASES[name]()
    return blend.to(dtype), members.to(dtype), shares


def agree(found, blend, members, shares):
    """Whether values and slopes are those of float64 sums, as far as rounding in the data's dtype can move them."""
    epsilon = torch.finfo(blend.dtype).eps
    e, toward = blend.double(), (members.double() - blend.double())[:, None]
    way = shares.to(blend.dtype).double()[..., None] * toward
    x = e + way
    size = e.abs() + way.abs() + e.abs() * shares[..., None].abs()
    # A sum of 16 terms, five levels of a tree, and the roundings of a term.
    assert ((found[0] - x.abs().sum(-1)).abs() <= 25 * epsilon * size.sum(-1)).all()
    # Where x is zero as far as can be told, its sign is anyone's.
    level = x.abs() <= 3 * epsilon * size
    slack = (2 * toward.abs() * level).sum(-1) + 25 * epsilon * (toward.abs() + e.abs()).sum(-1)
    assert ((found[1] - (x.sign() * toward).sum(-1)).abs() <= slack).all()
    assert found[0].dtype == found[1].dtype == torch.float64


@DTYPES
@pytest.mark.parametrize("name", CASES)
def test_sums_are_those_of_every_row_in_float64(name, dtype, isa):
    case = of(name, dtype)
    agree(absolute_slopes(*case), *case)
    agree(reference(*case), *case)


@DTYPES
def test_sums_are_exact_where_nothing_is_rounded(dtype, isa):
    blend, members, shares = of("zeros at shares", dtype)
    values, slopes = absolute_slopes(blend, members, shares)
    expected = reference(blend, members, shares)
    assert torch.equal(values, expected[0])
    assert torch.equal(slopes, expected[1])


@CUDA
@DTYPES
@pytest.mark.parametrize("name", CASES)
def test_a_gpu_finds_the_same(name, dtype):
    case = of(name, dtype)
    on_device = [each.cuda() for each in case]
    found = absolute_slopes(*on_device)
    assert all(torch.equal(one, two) for one, two in zip(found, absolute_slopes(*on_device), strict=True))
    agree([each.cpu() for each in found], *case)


@pytest.fixture(scope="module")
def emulation(emulate):
    library = emulate("slopes")

    def run(blend, members, shares):
        found = torch.full_like(shares, -1), torch.full_like(shares, -1)
        function = library.absolute_slopes_float if blend.dtype == torch.float32 else library.absolute_slopes_double
        tensors = [ctypes.c_void_p(each.data_ptr()) for each in (blend, members, shares)]
        sizes = [ctypes.c_int64(size) for size in (*members.shape, shares.shape[1])]
        function(*tensors, *sizes, *(ctypes.c_void_p(each.data_ptr()) for each in found))
        return found

    return run


@DTYPES
@pytest.mark.parametrize("name", CASES)
def test_the_gpu_kernels_find_the_same_where_a_processor_runs_them(name, dtype, emulation):
    case = of(name, dtype)
    agree(emulation(*case), *case)


@pytest.fixture(params=["cpu", "gpu emulation", pytest.param("cuda", marks=CUDA), "plain torch"])
def way(request):
    """Every way to the sums: kernels on each device, and the reference."""
    if request.param == "gpu emulation":
        return request.getfixturevalue("emulation")
    if request.param == "plain torch":
        return reference
    return lambda *case: [each.cpu() for each in absolute_slopes(*(each.to(request.param) for each in case))]


@DTYPES
@pytest.mark.parametrize("row", [0, 5, 299])
def test_nan_gives_nan_where_it_is_read(way, dtype, row):
    blend, members, shares = (each.clone() for each in problem(3, 300, 9))
    blend, members = blend.to(dtype), members.to(dtype)
    members[1, row] = torch.nan
    for found in way(blend, members, shares):
        assert found[1].isnan().all()
        assert found[[0, 2]].isfinite().all()
    blend[row] = -torch.nan
    assert all(found.isnan().all() for found in way(blend, members, shares))


@pytest.mark.parametrize("bad", [torch.nan, -torch.nan, torch.inf, 1e300])
def test_a_share_that_is_not_finite_in_the_datas_dtype_gives_nan(way, bad):
    blend, members, shares = problem(2, 50, 3)
    shares[1, 1] = bad
    for found in way(blend.float(), members.float(), shares):
        assert found.isnan().nonzero().tolist() == [[1, 1]]


def test_infinite_errors_have_infinite_sums_and_none_at_a_share_of_zero(way):
    blend, members, _ = (each.float() for each in problem(1, 50, 0))
    members[0, 7] = torch.inf
    values, slopes = way(blend, members, torch.tensor([[0.0, 0.25, 1.0]]).double())
    for found in values, slopes:
        assert found[0, 0].isnan()
        assert (found[0, 1:] == torch.inf).all()


@st.composite
def slow_ascents(draw):
    """Shares that are close together, next to the places where rows change their sign."""
    torch.manual_seed(draw(st.integers(0, 10_000)))
    rows, members = draw(st.integers(1, 600)), draw(st.integers(1, 3))
    scale = 10.0 ** draw(st.integers(-40, 20))
    blend, others = torch.randn(rows) * scale, torch.randn(members, rows) * scale
    kinks = (blend / (blend - others))[:, draw(st.integers(0, rows - 1))].nan_to_num(0, 0, 0).double()
    steps = (torch.arange(11) - 5) * 2.0 ** -draw(st.integers(10, 24))
    return blend, others, kinks[:, None] * (1 + steps)


@settings(deadline=None, max_examples=40)
@given(case=slow_ascents())
def test_slopes_never_fall_along_ascending_shares(case):
    blend, members, shares = case
    shares = shares.sort(1).values
    slopes = absolute_slopes(blend, members, shares)[1]
    assert (slopes.diff(dim=1) >= 0).all()


@settings(deadline=None, max_examples=10)
@given(case=slow_ascents())
def test_nor_do_those_of_the_gpu_kernels(case, emulation):
    blend, members, shares = case
    shares = shares.sort(1).values
    slopes = emulation(blend, members, shares)[1]
    assert (slopes.diff(dim=1) >= 0).all()


@DTYPES
def test_no_number_of_threads_changes_a_bit(dtype):
    blend, members, shares = problem(3, 30_000, 7)
    case = blend.to(dtype), members.to(dtype), shares
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = absolute_slopes(*case)
    finally:
        torch.set_num_threads(threads)
    for found in (absolute_slopes(*case), absolute_slopes(*case)):
        assert all(torch.equal(one, other) for one, other in zip(alone, found, strict=True))


def strided(blend, members, shares):
    spread = torch.zeros(2 * len(members), len(blend) + 5, dtype=members.dtype)
    spread[::2, 2:-3] = members
    return blend.repeat_interleave(2)[::2], spread[::2, 2:-3], shares.t().contiguous().t()


def transposed(blend, members, shares):
    return blend, members.t().contiguous().t(), shares.flip(1).contiguous().flip(1)


def one_member_for_all(blend, members, shares):
    return blend, members[:1].expand(len(members), -1), shares


LAYOUTS = {"strided": strided, "transposed": transposed, "one member for all": one_member_for_all}


@DTYPES
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=CUDA)])
def test_any_layout_is_read_as_it_is(layout, dtype, device):
    case = LAYOUTS[layout](*of("several blocks", dtype))
    found = absolute_slopes(*(each.to(device) for each in case))
    agree([each.cpu() for each in found], *case)


def test_the_reference_takes_as_few_rows_at_a_time_as_it_must(monkeypatch):
    case = problem(3, 700, 3)
    at_once = reference(*case)
    monkeypatch.setattr("ctk.ops.reference.slopes.HELD", 1000)
    assert all(torch.allclose(one, two) for one, two in zip(reference(*case), at_once, strict=True))


@DTYPES
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=CUDA)])
@pytest.mark.parametrize("name", CASES)
def test_opcheck(name, dtype, device):
    case = tuple(each.to(device) for each in of(name, dtype))
    if not native.serves(case[0]):
        pytest.skip("no kernel was built")
    torch.library.opcheck(torch.ops.ctk.absolute_slopes.default, case)


def test_it_compiles_as_a_whole_graph():
    case = problem(2, 40, 3)
    compiled = torch.compile(absolute_slopes, fullgraph=True, backend="eager")
    assert all(torch.equal(one, other) for one, other in zip(compiled(*case), absolute_slopes(*case), strict=True))


@pytest.mark.parametrize(
    ("place", "other", "message"),
    [
        (0, torch.ones(5, 1).double(), "blend"),
        (0, torch.ones(4).double(), "members"),
        (1, torch.ones(5).double(), "members"),
        (2, torch.ones(3, 4).double(), "shares"),
        (2, torch.ones(2).double(), "shares"),
        (2, torch.ones(2, 4), "shares are torch.float32"),
        (0, torch.ones(5), "one dtype"),
        (1, torch.ones(2, 5).half(), "float16"),
        (1, torch.ones(2, 5, device="meta").double(), "members are on meta"),
        (2, torch.ones(2, 4, device="meta").double(), "shares are on meta"),
    ],
)
def test_what_does_not_fit_is_an_error_that_names_it(place, other, message):
    case = list(problem(2, 5, 4))
    case[place] = other
    with pytest.raises(ValueError, match=message):
        absolute_slopes(*case)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64])
def test_other_dtypes_are_refused(dtype):
    blend, members, shares = problem(2, 5, 4)
    with pytest.raises(ValueError, match="float32 or float64"):
        absolute_slopes(blend.to(dtype), members.to(dtype), shares)


@pytest.mark.skipif(native.problem("cpu") is not None, reason="no kernel was built")
@pytest.mark.parametrize("place", range(3))
def test_the_op_itself_refuses_what_does_not_fit(place):
    case = list(problem(2, 5, 4))
    for bad in (case[place][..., :-1, :] if place else case[place][:-1], case[place].int()):
        with pytest.raises(RuntimeError, match="absolute_slopes"):
            torch.ops.ctk.absolute_slopes(*case[:place], bad, *case[place + 1 :])
