"""The sections stand in one page that fetches nothing, with every name in them as text."""

import re
from dataclasses import replace

import numpy as np
import pytest

from ctk.report import write_report
from ctk_tables.description import Finding
from ctk_tables.looks import Warning
from ctk_tables.report import sections
from ctk_tables.report.cells import plain
from ctk_tables.report.missing import lacking


def made(run, dice):
    train = {"<i>age": dice.normal(size=400), "city": dice.choice(["<b>Bern", "Basel", ""], 400)}
    train["<i>age"][:100] = np.nan
    test = {"<i>age": dice.normal(1, 1, 300), "city": dice.choice(["<b>Bern", "Basel"], 300)}
    return run(train, test, dice.normal(size=(400, 1)), dice.normal(size=(400, 1)))


def test_four_sections_in_a_page_that_fetches_nothing(run, dice, tmp_path):
    given = made(run, dice)
    warnings = [Warning(name="target-leak", sentence="`<script>` alone gives <y> away.")]
    parts = sections(given.results, given.description, warnings)
    titles = ["What was found", "Missing values", "Drift by column", "Errors by segment"]
    assert [part.title for part in parts] == titles
    write_report(given.results, parts, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert not re.search(r"<script|<link|<iframe|@import|url\((?!#)", page)
    assert not re.search(r'(src|href)="(?!#|data:)', page)
    assert "<code>&lt;script&gt;</code> alone gives &lt;y&gt; away." in page
    assert "<i>age" not in page
    assert "<b>Bern" not in page


def test_what_was_found_is_told_from_findings_else_from_the_description(run, dice):
    given = made(run, dice)
    told = sections(given.results, given.description)[0].html
    assert "The files give no warning" in told
    assert "y: numbers" in told
    finding = Finding("metric", "rmse", "the `usual` one", False, "--metric NAME")
    html = sections(given.results, given.description, (), [finding])[0].html
    assert "the <code>usual</code> one" in html


def test_missing_values_are_counted_on_both_sides(run, dice):
    given = made(run, dice)
    shares = lacking(given.sides)
    assert shares["<i>age"] == (0.25, 0.0)
    assert shares["city"] == (np.mean(given.results.valid.features["city"] == ""), 0.0)
    html = sections(given.results, given.description)[1].html
    assert html.count(">unlike<") == 2


def test_columns_that_the_reader_put_together_are_apart_again(run, dice):
    given = made(run, dice)
    wide = {"numbers": dice.normal(size=(400, 2)).astype(np.float32)}
    names = {"numbers": np.array(["p", "q"])}
    results = replace(
        given.results,
        valid=replace(given.results.valid, features=wide, constants=names),
        test=replace(given.results.test, features={"numbers": wide["numbers"][:300] + 3}, constants=names),
    )
    columns = dict.fromkeys(("p", "q"), given.description.columns["<i>age"])
    html = sections(results, given.description.model_copy(update={"columns": columns}))[2].html
    assert "2 of 2 columns moved" in html


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (2019, "2019"), (18262, "18,262"), (5.5, "5.5"), (0.00012345, "0.0001234"), (-3.14159, "\u22123.142"),
     (1e-9, "1e\u221209"), (99999.6, "100,000"), (float("nan"), "nan")],
)  # fmt: skip
def test_numbers_are_short(value, text):
    assert plain(value) == text
