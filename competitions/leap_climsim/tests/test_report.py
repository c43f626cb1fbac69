"""The report's sections show R2 as the metric counts it, say what is not scored, and read no more than they show."""

from __future__ import annotations

import re
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ctk.contract import Blend, Results
from ctk.report import write_report
from ctk.samples import Array, Samples, Targets
from ctk_leap_climsim.columns import EXACT_TARGETS, GROUPS, INPUTS, LEVELS, TARGETS, TENDENCIES, ZERO
from ctk_leap_climsim.metric import METRIC, evaluate
from ctk_leap_climsim.report import levels, sections
from ctk_leap_climsim.report.choice import chosen
from ctk_leap_climsim.report.columns import columns_of
from ctk_leap_climsim.report.panel import runs
from ctk_leap_climsim.report.profiles import in_units

ROWS = 240
CONSTANT = np.zeros(len(TARGETS), bool)
CONSTANT[TARGETS.index("ptend_q0003_40") : TARGETS.index("ptend_q0003_59") + 1] = True
CONSTANT[TARGETS.index("cam_out_SOLS")] = True


def made(rows: int = ROWS, columns: bool = True) -> Results:
    """A blend that is better than ridge, less so at some levels, on smooth profiles of about the right size."""
    rng = np.random.default_rng(0)
    size = {"ptend_t": 4e-5, "ptend_u": 2e-5, "ptend_v": 2e-5}
    target = np.empty((rows, len(TARGETS)))
    error = np.empty((2, len(TARGETS)))
    height = np.arange(LEVELS)
    for at, name in enumerate(TENDENCIES):
        waves = np.stack([np.sin((height + 5 * at + 1) / width) for width in (4, 7, 13, 29)])
        smooth = rng.normal(size=(rows, 4)) @ waves * (0.2 + np.exp(-(((height - 40) / 12) ** 2)))
        target[:, at * LEVELS : (at + 1) * LEVELS] = size.get(name, 2e-8) * smooth
        error[0, at * LEVELS : (at + 1) * LEVELS] = 0.45 + 0.2 * np.sin(height / 9 + at)
        error[1, at * LEVELS : (at + 1) * LEVELS] = 0.75 + 0.35 * np.cos(height / 6 + at)
    target[:, 360:] = np.array([200, 60, 1e-9, 2e-8, 100, 100, 50, 30]) * (2 + rng.normal(size=(rows, 8)))
    error[:, 360:] = rng.uniform(0.1, 0.6, (2, 8)) + np.array([[0], [0.3]])
    target[:, CONSTANT] = 0.0
    features = {"columns": np.abs(rng.normal(size=(rows, len(INPUTS)))).astype(np.float32)}
    features["columns"][:, INPUTS.index("state_q0001_0") : INPUTS.index("state_q0003_59") + 1] = 1.0
    std = target.std(axis=0)
    valid = Samples(
        ids=np.arange(rows) + 100,
        features=features if columns else {},
        target=target,
        groups={"time": np.arange(rows) // 8},
        constants={
            "weights": np.where(ZERO, 0.0, 1.0),
            "target_mean": target.mean(axis=0),
            "target_std": np.where(CONSTANT, 0.0, std),
        },
        targets=Targets(np.array(TARGETS), GROUPS),
    )
    noise = rng.normal(size=(2, rows, len(TARGETS))) * rng.gamma(3, 1 / 3, (rows, 1))
    blended, ridge = (target + std * each * some for each, some in zip(error, noise, strict=True))
    for each in (blended, ridge):
        each[:, EXACT_TARGETS] = target[:, EXACT_TARGETS]
        each[:, ZERO | CONSTANT] = 0.0
        each[:, 360:] = np.maximum(each[:, 360:], 0)
    return Results(
        title="LEAP",
        folder=Path("runs/quick"),
        config={},
        environment={},
        about="39,936 columns of air; the columns are synthetic, the schemes real",
        metric=METRIC,
        headline=("r2", "r2_varying"),
        valid=valid,
        oof={"mlp/seed-1": blended, "ridge/seed-1": ridge},
        blended=blended,
        blend=Blend({"mlp/seed-1": 1.0}),
        scores={
            "mlp/seed-1": evaluate(blended, valid),
            "ridge/seed-1": evaluate(ridge, valid),
            "blend": evaluate(blended, valid),
        },
        curves={},
        seconds={},
        baselines=frozenset({"ridge/seed-1"}),
        test=Samples(np.arange(3), {}),
        submitted=np.zeros((3, len(TARGETS))),
        submission=Path("runs/quick/submission.parquet"),
    )


@pytest.fixture
def results() -> Results:
    return made()


def arrays(results: Results) -> tuple[Array, Array]:
    """The truth and the blend."""
    assert results.valid.target is not None
    assert results.blended is not None
    return results.valid.target, results.blended


def sentence(results: Results) -> str:
    return re.sub(r"<[^>]*>", "", levels.sentence(results, columns_of(results)).split("</p>")[0])


def test_both_sections_stand_on_the_page_and_nothing_is_fetched(results: Results, tmp_path: Path) -> None:
    drawn = sections(results)
    assert [section.title for section in drawn] == ["R2 by level and variable", "Predicted and true profiles"]
    write_report(results, drawn, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count('aria-label="R2 of ptend_') == len(TENDENCIES)
    assert page.count(": truth, blend, ridge") == 3 * len(TENDENCIES)
    assert not re.search(r"<script|\bsrc=|https?:", page)


def test_every_colour_follows_the_reader_s_light_or_dark_mode(results: Results) -> None:
    for section in sections(results):
        assert not re.findall(r"(?:fill|stroke): *#[0-9a-fA-F]{3,6}", section.html)


def test_r2_by_column_is_what_the_metric_takes_the_mean_of(results: Results) -> None:
    columns = columns_of(results)
    for key, values in zip(("blend", "ridge/seed-1"), columns.r2.values(), strict=True):
        assert values[columns.scored].mean() == pytest.approx(results.scores[key]["r2_varying"], abs=1e-12)


def test_zero_exact_and_constant_columns_are_told_apart(results: Results) -> None:
    kinds = columns_of(results).kinds
    np.testing.assert_array_equal(kinds["zero"], ZERO)
    np.testing.assert_array_equal(np.flatnonzero(kinds["exact"]), EXACT_TARGETS)
    np.testing.assert_array_equal(kinds["constant"], CONSTANT)
    html = sections(results)[0].html
    for said in ("counts as zero", "known exactly", "constant in these data", ">exact<", ">zero<", ">constant<"):
        assert said in html


def test_weight_zero_goes_before_known_exactly(results: Results) -> None:
    weights = np.where(ZERO, 0.0, 1.0)
    weights[EXACT_TARGETS[:3]] = 0.0  # as the competition's first rule has it
    constants = {**results.valid.constants, "weights": weights}
    kinds = columns_of(replace(results, valid=replace(results.valid, constants=constants))).kinds
    np.testing.assert_array_equal(kinds["zero"], weights == 0)
    np.testing.assert_array_equal(np.flatnonzero(kinds["exact"]), EXACT_TARGETS[3:])


def test_a_column_that_rests_in_validation_alone_is_constant_too(results: Results) -> None:
    column = TARGETS.index("ptend_u_50")
    target = arrays(results)[0].copy()
    target[:, column] = 3e-6
    kinds = columns_of(replace(results, valid=replace(results.valid, target=target))).kinds
    assert np.flatnonzero(kinds["constant"] & ~CONSTANT).tolist() == [column]


def test_the_sentence_compares_the_blend_with_every_baseline(results: Results) -> None:
    scores = {"blend": {"r2_varying": 0.7061}, "ridge/seed-1": {"r2_varying": 0.4}, "tree/seed-1": {"r2_varying": 0.75}}
    two = replace(
        results,
        scores=scores,
        oof={**results.oof, "tree/seed-1": results.oof["ridge/seed-1"]},
        baselines=frozenset({"ridge/seed-1", "tree/seed-1"}),
    )
    said = sentence(two)
    assert "Over the 271 of 368 columns that vary" in said
    assert "blend's mean R2 is 0.706, 0.306 above ridge's 0.400 and 0.044 below tree's 0.750." in said
    assert "It is ahead of tree in" in said


def test_synthetic_columns_are_called_so_and_others_are_not(results: Results) -> None:
    columns = columns_of(results)
    assert "synthetic, the schemes that move them real" in levels.sentence(results, columns)
    assert "synthetic" not in levels.sentence(replace(results, about="10,091,520 columns of air"), columns)


def test_a_loss_against_the_baseline_has_a_colour_of_its_own(results: Results) -> None:
    perfect = replace(results, blended=results.valid.target)
    assert "--s2" in levels.plot("ptend_t", columns_of(results))
    assert "--s2" not in levels.plot("ptend_t", columns_of(perfect))


def test_surface_targets_have_bars_and_numbers_or_a_reason(results: Results) -> None:
    html = levels.surface(columns_of(results))
    rows = {re.sub("<.*", "", row): row for row in html.split('<tr><th scope="row">')[1:]}
    r2 = columns_of(results).r2
    for name, row in rows.items():
        if name == "SOLS":
            assert "constant in these data" in row
            assert "bar" not in row
        else:
            at = TARGETS.index(f"cam_out_{name}")
            assert row.count('<i class="bar') == 2
            assert re.findall(r'number">([^<]*)', row) == [f"{values[at]:.3f}" for values in r2.values()]
    assert len(rows) == 8


def test_a_good_a_middling_and_a_bad_column_come_from_three_thirds_of_the_time(results: Results) -> None:
    scored = columns_of(results).scored
    found = chosen(results, scored)
    assert [each.kind for each in found] == ["Good", "Middling", "Bad"]
    assert found[0].r2 > found[1].r2 > found[2].r2
    times = results.valid.groups["time"][[each.row for each in found]]
    assert times[0] < times[1] < times[2]
    assert chosen(results, scored) == found


def test_the_r2_of_a_column_of_air_is_over_its_own_levels(results: Results) -> None:
    scored = columns_of(results).scored
    judged = np.flatnonzero(scored & np.isin(GROUPS, ["ptend_t", "ptend_q0001"]))
    mean, std = (results.valid.constants[name][judged] for name in ("target_mean", "target_std"))
    for each in chosen(results, scored):
        truth, blended = ((values[each.row, judged] - mean) / std for values in arrays(results))
        assert each.r2 == pytest.approx(1 - ((truth - blended) ** 2).sum() / (truth**2).sum(), rel=1e-12)


def test_columns_of_air_at_rest_are_not_shown(results: Results) -> None:
    target, blended = (values.copy() for values in arrays(results))
    rest = np.arange(ROWS) % 5 < 2
    mean, std = (results.valid.constants[name] for name in ("target_mean", "target_std"))
    target[rest] = blended[rest] = mean + 0.01 * std  # perfectly predicted, the best of all
    still = replace(results, blended=blended, valid=replace(results.valid, target=target))
    assert not any(rest[each.row] for each in chosen(still, columns_of(still).scored))


def test_profiles_are_in_units_that_people_read() -> None:
    assert in_units("ptend_t", np.array(1 / 86_400)) == pytest.approx(1)  # 1 K/day
    assert in_units("ptend_q0001", np.array(1e-3 / 86_400)) == pytest.approx(1)  # 1 g/kg/day
    assert in_units("ptend_v", np.array(1 / 86_400)) == pytest.approx(1)  # 1 m/s/day


def test_tendencies_of_which_no_level_varies_have_no_profiles(results: Results) -> None:
    std = results.valid.constants["target_std"].copy()
    std[GROUPS == "ptend_v"] = 0
    still = replace(results, valid=replace(results.valid, constants={**results.valid.constants, "target_std": std}))
    first, second = sections(still)
    assert "no level to predict" in first.html
    assert "ptend_v" not in second.html
    assert "ptend_u" in second.html


def test_tables_larger_than_memory_are_read_in_blocks(tmp_path: Path) -> None:
    results = made(8_000)
    mapped = {}
    for name, values in zip(
        ("target", "blended", "ridge"), (*arrays(results), results.oof["ridge/seed-1"]), strict=True
    ):
        np.save(tmp_path / f"{name}.npy", values)
        mapped[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
    on_disk = replace(
        results,
        valid=replace(results.valid, target=mapped["target"]),
        blended=mapped["blended"],
        oof={"ridge/seed-1": mapped["ridge"]},
    )
    sections(made(50))  # what is imported on the way is not counted
    tracemalloc.start()
    sections(on_disk)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < mapped["target"].nbytes / 2


def test_hostile_names_are_escaped(results: Results) -> None:
    hostile = "<script>alert(1)</script>"
    named = replace(
        results,
        oof={f"{hostile}/seed-1": results.oof["ridge/seed-1"]},
        baselines=frozenset({f"{hostile}/seed-1"}),
        scores={**results.scores, f"{hostile}/seed-1": results.scores["ridge/seed-1"]},
    )
    for section in sections(named):
        assert "<script" not in section.html
        assert "&lt;script&gt;" in section.html


def test_without_a_baseline_the_blend_stands_alone(results: Results) -> None:
    for section in sections(replace(results, baselines=frozenset())):
        assert "ridge" not in section.html
    assert "against" not in sentence(replace(results, baselines=frozenset()))


def test_a_blend_that_is_not_finite_is_said_and_not_shown(results: Results) -> None:
    broken = replace(results, blended=np.full_like(results.blended, np.nan), scores={"blend": {"r2_varying": np.nan}})
    assert "blend's mean R2 is nan, not to be compared with ridge's nan" in sentence(broken)
    assert len(sections(broken)) == 1


def test_there_is_nothing_to_show_without_truth_or_blend(results: Results) -> None:
    assert sections(replace(results, blended=None)) == []
    assert sections(replace(results, valid=replace(results.valid, target=None))) == []


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_few_rows_are_enough(rows: int) -> None:
    assert sections(made(rows, columns=False))


def test_runs_of_levels_are_found_at_both_ends() -> None:
    assert runs(np.array([1, 1, 0, 1, 0, 0, 1], bool)) == [(0, 1), (3, 3), (6, 6)]
    assert runs(np.zeros(3, bool)) == []
