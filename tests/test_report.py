"""The report opens anywhere, shows every member, and says nothing that the numbers do not."""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ctk.contract import Blend, Direction, FoldTable, Metric, Results, Section
from ctk.report import INK, SERIES, axes, figure_svg, write_report
from ctk.report.numbers import column, comparison, duration, number
from ctk.report.page import levels
from ctk.samples import Samples, Targets

HIGHER = Metric("mrr", "max", lambda prediction, samples: 0.0)
LOWER = Metric("rmse", "min", lambda prediction, samples: 0.0)


class Page(HTMLParser):
    """What a page holds: its tags with their attributes, and its text without style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._style = tag == "style"
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self._style = self._style and tag != "style"

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.text += data


def results(
    scores: Mapping[str, float],
    *,
    metric: Metric = HIGHER,
    baselines: frozenset[str] = frozenset(),
    epochs: int = 5,
    **more: Any,
) -> Results:
    """Results of members with these scores; baselines have no curves, as a ridge has none."""
    rng = np.random.default_rng(0)
    members = [key for key in scores if key != "blend"]
    target = rng.normal(size=(8, 2)).astype(np.float32)
    learned = [key for key in members if key not in baselines]
    made = Results(
        title="A competition",
        folder=Path("1121-2301-quick"),
        config={
            "competition": "example",
            "members": [{"name": "mlp"}],
            "blend": {"name": "hill-climb"},
            "seeds": (1, 2),
        },
        environment={"python": "3.11", "hardware": {"cpu": "one", "gpu": None}},
        about="8 samples, 4 to predict",
        metric=metric,
        headline=("m",),
        valid=Samples(np.arange(8), {}, target),
        oof=dict.fromkeys(members, target),
        blended=target,
        blend=Blend({key: 1 / len(learned) for key in learned}),
        scores={key: {"other": 2.0, metric.name: score} for key, score in scores.items()},
        curves={
            key: [{"epoch": at, "loss": 1 / (at + 1), metric.name: at / 10} for at in range(epochs)] for key in learned
        },
        seconds=dict.fromkeys(members, 21.0),
        baselines=baselines,
        test=Samples(np.arange(4), {}),
        submitted=np.zeros((4, 2)),
        submission=Path("submission.csv"),
    )
    return replace(made, **more)


TWO = results({"mlp/seed-1": 0.18, "ridge/seed-1": 0.119, "blend": 0.197}, baselines=frozenset({"ridge/seed-1"}))


def written(made: Results, folder: Path, *sections: Section) -> str:
    write_report(made, sections, folder / "report.html")
    return (folder / "report.html").read_text(encoding="utf-8")


def test_the_page_fetches_nothing(tmp_path: Path) -> None:
    page = written(TWO, tmp_path)
    for tag, attributes in Page(page).tags:
        assert tag not in ("script", "link", "iframe", "object", "base")
        for name in ("src", "href", "xlink:href", "srcset", "action", "data"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:")), (tag, value)
    assert "@import" not in page
    assert all(part.startswith("#") for part in page.split("url(")[1:])


def test_every_member_seed_and_baseline_has_a_row(tmp_path: Path) -> None:
    keys = {f"member-{number}/seed-{seed}": 0.1 + number / 100 for number in range(23) for seed in (1, 2)}
    made = results({**keys, "ridge": 0.05, "blend": 0.4}, baselines=frozenset({"ridge"}))
    page = Page(written(made, tmp_path))
    names = {f"member-{number}" for number in range(23)} | {"ridge", "blend"}
    assert all(name in page.text for name in names)
    assert sum(1 for tag, attributes in page.tags if tag == "tr" and "member" in (attributes.get("class") or "")) == 46


def test_the_weight_stands_beside_the_deciding_number_where_a_phone_shows_it(tmp_path: Path) -> None:
    many = {f"another_{number}": 0.5 for number in range(12)}
    made = replace(TWO, scores={key: each | many for key, each in TWO.scores.items()}, headline=("m", *many))
    page = written(made, tmp_path)
    members = page[page.index('<table class="members">') : page.index("</table>")]
    assert re.findall(r"<th scope=\"col\"[^>]*>([^<]+)", members)[:4] == ["member", "seed", TWO.metric.name, "weight"]
    rows = re.findall(r"<tr class=\"member.*?</tr>", members, re.DOTALL)
    assert [re.findall(r"<td[^>]*>([^<]*)", row)[2] for row in rows] == ["1.000"]


def test_long_names_in_a_map_keep_the_seeds_that_tell_them_apart(tmp_path: Path) -> None:
    names = [f"a-network-with-a-very-long-name/seed-{seed}" for seed in (1, 2)]
    made = by_group(["a", "b"], [0, 1], {key: [0.5, 0.5] for key in names})
    assert {"…e seed 1", "…e seed 2"} <= set(re.findall("…[^<]*", written(made, tmp_path)))


def test_the_best_member_comes_first_whichever_way_the_metric_points(tmp_path: Path) -> None:
    scores = {"a/seed-1": 0.2, "b/seed-1": 0.5, "blend": 0.6}
    for metric, first, second in ((HIGHER, "b", "a"), (LOWER, "a", "b")):
        rows = written(results(scores, metric=metric), tmp_path).split("<tbody>")[1]
        assert rows.index(f">{first}</span>") < rows.index(f">{second}</span>")


def test_the_headline_says_the_gain_over_the_baseline(tmp_path: Path) -> None:
    page = Page(written(TWO, tmp_path))
    assert "The blend's mrr 0.197 is better than ridge's 0.119 by 66% on the same validation split." in page.text


@pytest.mark.parametrize(
    ("direction", "score", "other", "said"),
    [
        ("max", 0.197, 0.119, "m 0.197 is better than ridge's 0.119 by 66% "),
        ("max", 0.11, 0.119, "m 0.110 is worse than ridge's 0.119 by 7.6% "),
        ("min", 0.8, 1.0, "m 0.800 is better than ridge's 1.000 by 20% "),
        ("min", 1.5, 1.0, "m 1.500 is worse than ridge's 1.000 by 50% "),
        ("max", 0.119, 0.119, "m 0.119 equals ridge's "),
        ("max", 0.4, -0.1, "m 0.400 is better than ridge's −0.100 by 0.500 "),
        ("max", 0.4, 0.0, "m 0.400 is better than ridge's 0.000 by 0.400 "),
        ("max", 0.50001, 0.50002, "m 0.50001 is worse than ridge's 0.50002 by less than 0.1% "),
        ("max", math.nan, 0.1, "m is not a number, so it cannot be compared with ridge's 0.100."),
        ("max", 0.1, math.nan, "ridge's m is not a number, so the blend's 0.100 cannot be compared with it."),
    ],
)
def test_the_comparison_is_worded_as_it_is(direction: Direction, score: float, other: float, said: str) -> None:
    metric = Metric("m", direction, lambda prediction, samples: 0.0)
    assert said in comparison(metric, score, "ridge", other)


def test_names_and_values_are_escaped_and_section_html_is_not(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    made = replace(TWO, title=hostile, about=hostile, config={"a": hostile}, environment={hostile: hostile})
    made = replace(
        made, blend=Blend({"mlp/seed-1": 1.0}, trace=[{hostile: hostile}]), folder=Path(hostile.replace("/", "_"))
    )
    page = written(made, tmp_path, Section(hostile, "<em class='mine'>as it is</em>", css=".mine { color: red }"))
    assert "<script" not in page
    assert "<em class='mine'>as it is</em>" in page
    assert ".mine { color: red }" in page.split("</style>")[0]


def test_without_curves_the_page_has_no_plots(tmp_path: Path) -> None:
    made = results({"ridge/seed-1": 0.1, "blend": 0.1}, epochs=0)
    page = written(made, tmp_path)
    assert "<svg" not in page
    assert "No baseline was run" in page
    assert "4 test rows were submitted" in page


def test_there_are_at_most_two_plots_and_one_for_one_kind_of_number(tmp_path: Path) -> None:
    assert written(TWO, tmp_path).count("<svg") == 2
    losses = replace(TWO, curves={"mlp/seed-1": [{"epoch": 0, "loss": 1.0, "mrr": math.nan}]})
    assert written(losses, tmp_path).count("<svg") == 1


def test_a_climb_is_drawn_and_tabled(tmp_path: Path) -> None:
    steps = [{"add": "mlp/seed-1", "share": 1.0, "mrr": 0.21}, {"add": "mlp/seed-2", "share": 0.25, "mrr": 0.2345}]
    climbed = replace(TWO, blend=Blend({"mlp/seed-1": 0.75, "mlp/seed-2": 0.25}, trace=steps))
    page = written(climbed, tmp_path)
    assert page.count("<svg") == 1 + written(replace(climbed, blend=Blend({"mlp/seed-1": 1.0})), tmp_path).count("<svg")
    assert "mrr after each step" in page
    assert "0.2345" in page
    told_otherwise = replace(climbed, blend=Blend({"mlp/seed-1": 1.0}, trace=[{"note": "a"}, {"note": "b"}]))
    assert "after each step" not in written(told_otherwise, tmp_path)


def test_the_score_on_the_test_is_shown_where_the_truth_is_known(tmp_path: Path) -> None:
    members = {key: {"mrr": 0.1 + 0.0123 * at} for at, key in enumerate(TWO.members)}
    known = replace(TWO, truth=TWO.valid, truth_scores={"mrr": 0.2468}, test_scores=members)
    page = Page(written(known, tmp_path))
    assert "blend on the test" in page.text
    for score in ("0.247", "0.100", "0.112"):
        assert score in page.text
    assert "not known here" not in page.text


def test_scores_that_are_no_numbers_do_not_stop_the_page(tmp_path: Path) -> None:
    made = results({"mlp/seed-1": math.nan, "ridge": math.nan, "blend": math.nan}, baselines=frozenset({"ridge"}))
    assert "nan" in Page(written(made, tmp_path)).text


def test_the_blend_shows_weights_and_steps(tmp_path: Path) -> None:
    steps = [
        {"member": "mlp/seed-1", "share": 1.0, "score": 0.1},
        {"member": "mlp/seed-2", "share": 0.5, "score": 0.15},
    ]
    made = results({"mlp/seed-1": 0.1, "mlp/seed-2": 0.12, "blend": 0.15})
    made = replace(made, blend=Blend({"mlp/seed-1": 0.75, "mlp/seed-2": 0.25}, True, 0.15, steps))
    text = Page(written(made, tmp_path)).text
    assert all(part in text for part in ("mlp seed 1", "0.750", "0.250", "2 steps", "scaled to length 1", "flattered"))


def by_group(names: list[str], group_of_column: list[int], weights: dict[str, list[float]]) -> Results:
    """A blend whose columns have weights of their own."""
    made = results(dict.fromkeys(weights, 0.1) | {"blend": 0.15})
    mean = {key: float(np.mean(np.array(each)[group_of_column])) for key, each in weights.items()}
    blend = Blend(mean, column_groups=names, group_of_column=group_of_column, by_group=weights)
    return replace(made, blend=blend)


def test_weights_of_groups_are_a_map_with_numbers(tmp_path: Path) -> None:
    weights = {"mlp/seed-1": [1.2, 0.0], "a<b/seed-1": [-0.2, 1.0], "idle/seed-1": [0.0, 0.0]}
    page = written(by_group(["wind & rain", "sun"], [0, 0, 1], weights), tmp_path)
    heat = page[page.index("2 members in 2 groups") :].split("</svg>")[0]
    for part in ("wind &amp; rain", "sun", "1.20", "−0.20", "a&lt;b"):
        assert part in heat, part
    assert "idle" not in heat
    assert heat.count("fill: var(--s2); fill-opacity") == 1
    assert heat.count("fill: var(--s1); fill-opacity") == 2
    assert "groups of columns" not in written(TWO, tmp_path)


def test_weights_of_many_columns_stay_small_and_stand_under_their_groups(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    names, groups = [f"column-{number}" for number in range(300)], np.repeat(["winds", "rain", "sun"], 100)
    made = by_group(
        names, list(range(300)), {f"m{number}/seed-1": random.normal(size=300).tolist() for number in "abcd"}
    )
    made = replace(made, valid=replace(made.valid, targets=Targets(np.array(names), groups)))
    page = written(made, tmp_path)
    heat = page[page.index("4 members in 300 groups") :].split("</svg>")[0]
    assert len(heat) < 80 * 1000
    assert all(f">{name}</text>" in heat for name in ("winds", "rain", "sun"))
    assert "Weights by column" in page


def test_the_same_results_give_the_same_page(tmp_path: Path) -> None:
    assert written(TWO, tmp_path) == written(TWO, tmp_path)


def test_a_page_that_cannot_be_made_leaves_the_old_one(tmp_path: Path) -> None:
    before = written(TWO, tmp_path)
    with pytest.raises(AttributeError):
        write_report(replace(TWO, blend=None), [], tmp_path / "report.html")  # type: ignore[arg-type]
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == before
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_figure_takes_the_colours_of_the_page_and_shares_no_id_with_another() -> None:
    drawn = []
    for height in (2.0, 3.0):
        figure, plot = axes(height=height)
        plot.plot([0, 1], [0, 1], color=SERIES[0])
        plot.plot([0, 1], [1, 0], color=INK)
        drawn.append(figure_svg(figure, 'a "label" <b>'))
    assert "var(--s1)" in drawn[0]
    assert "var(--ink)" in drawn[0]
    assert SERIES[0] not in drawn[0]
    assert 'aria-label="a &quot;label&quot; &lt;b&gt;"' in drawn[0]
    assert "DejaVu" not in drawn[0]
    one, two = ({attributes["id"] for _, attributes in Page(svg).tags if "id" in attributes} for svg in drawn)
    assert one
    assert not one & two


def test_numbers_are_set_for_people() -> None:
    assert number(-0.1234) == "−0.123"
    assert number(1234.5, 0) == "1,234"
    assert number(0.00001) == "1.00e−05"
    assert column([0.12345, None, math.nan, 0.5]) == ["0.1235", "", "nan", "0.5000"]
    assert column([12.0, 3.0]) == ["12", "3"]
    assert [duration(seconds) for seconds in (0.44, 21, 59.7, 3723, math.nan)] == [
        "0.4 s",
        "0:21",
        "1:00",
        "1:02:03",
        "",
    ]


def test_a_number_that_nobody_has_takes_no_column(tmp_path):
    scores = {key: {"mrr": 0.2, "r2_ice": math.nan} for key in TWO.scores}
    assert "r2_ice" not in Page(written(replace(TWO, scores=scores), tmp_path)).text
    scores["blend"]["r2_ice"] = 0.5
    assert "r2_ice" in Page(written(replace(TWO, scores=scores), tmp_path)).text


def test_curves_of_the_first_fold_are_set_against_its_scores() -> None:
    alone = levels(TWO)
    first = {**dict.fromkeys(TWO.scores, (0.75, 0.25)), "blend": (0.875, 0.125)}
    table = FoldTable("mrr", (1, 1), (1, 1), (), first, dict.fromkeys(first, 0.5), ())
    both = levels(replace(TWO, folds=table))
    assert both["blend"] == 0.875
    assert both.keys() == alone.keys()
    assert set(both.values()) == {0.75, 0.875}


def test_importances_are_bars_of_the_mean_over_seeds_and_the_rest_is_counted(tmp_path: Path) -> None:
    keys = {"trees/seed-1": 0.18, "trees/seed-2": 0.17, "blend": 0.19}
    many = {f"column {number}": 1.0 for number in range(25)}
    told = {"trees/seed-1": {**many, "speed <km/h>": 55.0}, "trees/seed-2": {**many, "speed <km/h>": 95.0}}
    page = written(replace(results(keys), importances=told), tmp_path)
    section = page[page.index('id="importances"') : page.index('id="blend"')]
    assert section.count("<tr>") == 20
    assert re.search(r"speed &lt;km/h&gt;</th><td class=\"number\">0\.75", section)
    assert "6 further columns: 0.06" in section


def test_a_page_of_members_that_tell_no_importances_has_no_such_section(tmp_path: Path) -> None:
    assert "Importances" not in written(TWO, tmp_path)


def test_rows_are_shown_as_they_were_and_as_transforms_made_them(tmp_path):
    frames = np.zeros((2, 3, 4, 8, 3), np.uint8)
    frames[:, -1, :, 4:] = 255
    named = Targets(np.array(["x_0", "y_0"]), np.array(["x", "y"]))
    before = Samples(
        np.arange(2),
        {
            "frames": frames,
            "speed": np.array([3.5, 4.25]),
            "empty": np.array([np.nan, np.nan]),
            "gear": np.array(["d", "d"]),
        },
        np.array([[1.0, 0.5], [2.0, 0.25]]),
        targets=named,
    )
    turned = {**before.features, "frames": frames[..., ::-1, :], "speed": np.array([3.5, 9.75])}
    after = replace(before, features=turned, target=before.target * [1, -1])
    path = tmp_path / "report.html"
    write_report(
        replace(results({"mlp/seed-1": 0.4, "blend": 0.4}), transformed={"mlp, stage 1": (before, after)}), [], path
    )
    page = Page(path.read_text())
    text = re.sub(r"\s+", " ", page.text)
    assert "mlp, stage 1" in text
    assert "y_00.5000−0.5000" in text
    assert "speed4.2509.750 y_00.2500−0.2500" in text
    assert "x_0" not in text
    assert "empty" not in text
    drawn = [attrs["src"] for tag, attrs in page.tags if tag == "img"]
    assert len(drawn) == 4
    with Image.open(io.BytesIO(base64.b64decode(drawn[1].partition(",")[2]))) as picture:
        assert np.array_equal(np.asarray(picture), frames[0, -1, :, ::-1])


def test_a_page_without_transforms_has_no_sheet(tmp_path):
    write_report(results({"mlp/seed-1": 0.4, "blend": 0.4}), [], tmp_path / "report.html")
    assert "Transformed rows" not in (tmp_path / "report.html").read_text()
