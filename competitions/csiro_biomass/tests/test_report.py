"""The page has pictures with grams and errors by state; raw and repaired scores stand side by side."""

import json
import re

import numpy as np

from ctk_csiro_biomass.report import pictures


def test_a_dozen_rows_from_the_best_to_the_worst():
    error = np.random.default_rng(0).random(100)
    rows = pictures.chosen(error)
    assert len(set(rows)) == 12
    assert error[rows].tolist() == sorted(error[rows])
    assert (error[rows[0]], error[rows[-1]]) == (error.min(), error.max())
    assert len(pictures.chosen(error[:3])) == 3


def test_the_page_has_pictures_and_errors(finished):
    page = (finished / "report.html").read_text()
    assert page.count('<img src="data:image/jpeg') == 12
    section = page[page.index("Errors by target and state</h2>") :]
    assert re.findall(r'<tr><th scope="row">([^<]*)</th><td class="number">(\d+)</td>', section)[:5] == [
        ("all", "24"), ("NSW", "6"), ("Tas", "6"), ("Vic", "6"), ("WA", "6")
    ]  # fmt: skip
    assert ">raw weighted-r2</th>" in page
    assert "Postprocessing " in page


def test_errors_are_those_of_the_scores(finished):
    scores = json.loads((finished / "scores.json").read_text())
    page = (finished / "report.html").read_text()
    row = page[page.index('<tr><th scope="row">all</th>') :]
    shown = re.findall(r'<td class="number">([0-9.]+) \(([0-9.]+)\)<br>', row)[0]
    told = [scores["members"][key]["mae_Dry_Green_g"] for key in ("blend", "weak/seed-1")]
    assert [float(each) for each in shown] == [round(each, 2) for each in told]
    assert scores["raw"]["test"].keys() == {"ridge/seed-1", "weak/seed-1", "blend"}
