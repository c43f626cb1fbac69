"""In IPython a run shows how far it is, results are tables, and an error of the user's is its sentence."""

import time

import numpy as np
import pytest

from ctk import api, blend
from ctk.errors import CtkError
from ctk.runs import Part, Run
from ctk.testing.distributions import find_anew, lay
from ctk.workflow.fit_bars import FitBars
from ctk.workflow.shell import CellBars, shell_observer

HOW = {"overrides": ("executor.name=serial", "executor.threads=1", "trackers=[]")}
IPython = pytest.importorskip("IPython")


@pytest.fixture
def toy(ctk_home, tmp_plugin):
    lay(tmp_plugin("empty", ""), "ctk-toy", "ctk.testing.toy")
    find_anew()


@pytest.fixture
def cell(monkeypatch, tmp_path):
    """A cell of a notebook: ``cell("code")`` is what it printed, what it displayed by MIME type, and its value."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    shell = InteractiveShell.instance(colors="nocolor")
    shell.kernel = object()  # as ipykernel's shell has one

    def run(code):
        with capture_output() as captured:
            value = shell.run_cell(code).result
        return captured.stdout + captured.stderr, [output.data for output in captured.outputs], value

    yield run
    InteractiveShell.clear_instance()


def test_a_run_in_a_cell_draws_one_bar_anew_and_ends_with_a_table(toy, cell):
    printed, bars, results = cell(f"import ctk; ctk.run('toy-regression', **{HOW})")
    assert "samples" in printed
    assert len(bars) > 1
    assert "all fits" in bars[-1]["text/html"]
    assert repr(results) in printed
    assert "array(" not in printed


def test_a_wrong_option_shows_its_sentence_and_no_traceback(toy, cell):
    printed, *_ = cell("import ctk; ctk.run('toy-regression', overrides=['members.0.lerning=1'])")
    assert printed.splitlines()[0].startswith("UsageError: Config members.0: unknown key 'lerning'.")
    assert "Traceback" not in printed
    assert len(printed.splitlines()) <= 2


def test_results_runs_and_blends_are_tables_of_members_and_scores_and_a_script_is_told_nothing(toy, capsys):
    overrides = (*HOW["overrides"], "blends={even: mean}")
    results = api.cross_validate("toy-regression", folds=3, overrides=overrides)
    assert "<th>blend even</th>" in results._repr_html_()
    assert "<th>blend even</th>" in Run(results.folder)._repr_html_()
    assert capsys.readouterr().out == ""
    metric = results.metric.name
    run, html = Run(results.folder), results._repr_html_()
    assert f"{results.scores['blend'][metric]:.4f}" in html
    assert all(each in html for each in ("<table", "blend", metric, "weight", "submission.csv"))
    for key, weight in results.blend.weights.items():
        assert f"<th>{key}</th>" in html
        assert f"<td>{weight:.4f}</td>" in results.blend._repr_html_()
    assert f"{results.scores['blend'][metric]:.4f}" in run._repr_html_()
    assert "finished" in run._repr_html_()
    assert repr(run) == f"Run('{run.folder}')"
    assert f"{results.folds.mean('blend'):.4f}" in results.folds._repr_html_()
    assert results.folds.table()["std"]["blend"] == pytest.approx(results.folds.deviation("blend"))
    assert len(repr(results).splitlines()) == len(results.table()) + 2


def test_weights_by_group_have_a_column_a_group():
    rng = np.random.default_rng(0)
    target = rng.normal(size=(60, 1))
    members = [target + rng.normal(size=target.shape) for _ in range(3)]
    groups = np.repeat(["a", "b"], 30)
    climbed = blend.hill_climb(members, target, "rmse", groups=groups)
    assert list(climbed.table()) == ["rows a", "rows b"]
    assert climbed.table().to_numpy() == pytest.approx(climbed.weights.T)
    named = blend.hill_climb(dict(zip("xyz", members, strict=True)), target, "rmse").table()
    assert (list(named), list(named.index)) == (["weight"], ["x", "y", "z"])


def test_what_is_not_ours_is_escaped(tmp_path):
    run = Run(tmp_path / "<script>")
    run.folder.mkdir()
    assert "<script>" not in run._repr_html_()


def test_nobody_is_told_outside_of_ipython_and_a_terminal_of_its_own_is_drawn_on(monkeypatch):
    assert not isinstance(shell_observer(), FitBars)
    monkeypatch.setattr(IPython, "get_ipython", object)
    assert isinstance(shell_observer(), FitBars)
    assert shell_observer().drawn is not CellBars


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when the test says so."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return lambda seconds: now.__setitem__(0, now[0] + seconds)


PARTS = [Part("mlp", seed, 0) for seed in range(4)]


def told(monkeypatch, clock, steps):
    """The estimates of a run of four fits, after (seconds, part, done, total) each."""
    from rich.console import Console

    bars = FitBars("mse", Console(force_terminal=False))
    bars.begin(PARTS, [])
    found = []
    for seconds, part, done, total in steps:
        clock(seconds)
        bars.progress(PARTS[part], done, total, {})
        found.append(bars._estimate())
    return found


def test_the_first_estimate_leaves_out_what_it_took_to_begin(monkeypatch, clock):
    assert told(monkeypatch, clock, [(40, 0, 1, 100), (2, 0, 2, 100)]) == ["", "13:16 left"]  # not 2:12:00


def test_what_a_resumed_fit_had_behind_it_is_no_pace(monkeypatch, clock):
    steps = [(5, 0, 80, 100), (2, 0, 81, 100), (1, 1, 80, 100), (1, 1, 81, 100)]
    assert told(monkeypatch, clock, steps)[-1] == "2:58 left"  # 200 and 100 s a fit, two at a time


def test_a_quick_first_member_is_not_the_pace_of_long_ones(monkeypatch, clock):
    steps = [(1, 0, 1, 1), (20, 1, 1, 100), (2, 1, 2, 100)]
    assert told(monkeypatch, clock, steps) == ["", "", "9:56 left"]


def test_errors_render_themselves_for_ipython():
    assert CtkError("Fact.", "Help.")._render_traceback_() == ["CtkError: Fact.\nHelp."]
