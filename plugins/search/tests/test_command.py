"""ctk search on the command line, and its page."""

import json
import re

import pytest
import yaml
from click.testing import CliRunner

from ctk.cli.main import cli

SPACE = """
base:
  members: [{model: toy-network, loss: toy-squared-error, batch: {size: 16}, epochs: 3}]
members.0.optimizer.lr: {low: 1e-4, high: 1e-1, log: true}
members.0.model.hidden: [4, 8, 16]
"""


@pytest.fixture
def ctk(toy, ctk_home):
    (ctk_home.work / "space.yaml").write_text(SPACE)

    def call(*arguments, code=0):
        result = CliRunner().invoke(cli, [str(each) for each in arguments])
        assert result.exit_code == code, result.output
        return result

    return call


ONE = ("-oexecutor={name: serial, workers: 1, threads: 1}", "-otrackers=[]")


def test_a_search_shows_its_trials_the_best_and_where_they_lie(ctk, ctk_home):
    shown = ctk("search", "toy-regression", "--space", "space.yaml", "--trials", 3, *ONE).output
    (folder,) = ctk_home.runs.glob("toy-regression/*-search")
    assert re.search(r"trial 0 +finished +0\.\d{4} .* best 0\.\d{4} \(trial 0\)", shown)
    assert "3 trials: 3 finished." in shown
    assert re.search(r"trial +toy-mse +lr +hidden +time", shown)
    for name in ("best", "submission.csv", "hpsearch_results.csv", "search.html"):
        assert f"{folder / name}\n" in shown
        assert (folder / name).exists()
    command = f"ctk run toy-regression --config {folder / 'best-config.yaml'}"
    assert command in shown
    again = ctk(*command.split()[1:], "--json")
    best = json.loads(ctk("search", "toy-regression", "--resume", "search", "--json").stdout)["best"]
    assert json.loads(again.stdout)["scores"]["blend"]["toy-mse"] == best["score"]


def test_a_finished_search_is_made_longer(ctk):
    ctk("search", "toy-regression", "--space", "space.yaml", "--trials", 1, *ONE)
    shown = ctk("search", "toy-regression", "--resume", "search", "--trials", 2).output
    assert "1 of 2 trials are done already" in shown
    assert "2 trials: 2 finished." in shown


def test_the_page_needs_nothing_else_and_links_to_each_trials_report(ctk, ctk_home):
    ctk("search", "toy-regression", "--space", "space.yaml", "--pruner", "none", "--trials", 9, *ONE)
    (folder,) = ctk_home.runs.glob("toy-regression/*-search")
    page = (folder / "search.html").read_text()
    links = re.findall(r'href="([^#"]+)"', page)
    assert "trials/0000/report.html" in links
    assert all((folder / link).exists() for link in links)
    assert not re.search(r"<script|src=|https?://(?!www.w3.org)", page)
    for part in ("History", "Importance", "Parallel coordinates", "PED-ANOVA", "best so far"):
        assert part in page


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "What to choose from is missing: --space"),
        (("--resume", "search", "--sampler", "tpe"), "--resume goes on with a search as it was begun"),
        (("--resume", "nothing"), "There is no search 'nothing'"),
        (("--space", "space.yaml", "--timeout", "soon"), "--timeout soon: is no time"),
        (("--space", "space.yaml", "--seeds", "a"), "--seeds a: whole numbers"),
        (("--space", "space.yaml", "--sampler", "tpee"), "Did you mean 'tpe'?"),
        (("--space", "space.yaml", "--pruner", "medain"), "median"),
        (("--space", "space.yaml", "--executor", "nowhere"), "nowhere"),
        (("--space", "space.yaml", "--executor", ""), "--executor: the name is empty"),
        (("--space", "space.yaml", "--executor", "serial", "--workers", "2"), "--workers 2: serial takes one task"),
    ],
    ids=str,
)
def test_a_wrong_line_is_told_and_nothing_is_made(ctk, ctk_home, arguments, told):
    assert told in ctk("search", "toy-regression", *arguments, code=2).output
    assert not list(ctk_home.runs.glob("*/*"))


def test_a_search_whose_trials_all_failed_ends_with_code_1(ctk, ctk_home):
    member = {"model": "toy-network", "loss": "toy-squared-error", "optimizer": {"lr": 1e30}, "epochs": 1}
    space = {"base": {"members": [member]}, "members.0.model.hidden": [4, 8]}
    (ctk_home.work / "space.yaml").write_text(yaml.safe_dump(space))
    shown = ctk("search", "toy-regression", "--space", "space.yaml", "--trials", 2, *ONE, code=1).output
    assert "All 2 trials failed; the first: " in shown
    (page,) = ctk_home.runs.glob("*/*/search.html")
    assert "No trial has a score." in page.read_text()


def test_what_stands_in_brackets_in_a_problem_or_a_value_is_shown(ctk, toy, ctk_home):
    toy(
        "import torch\nclass Bad(torch.nn.Module):\n"
        "    def __init__(self, *, names: tuple[str, ...] = ()):\n"
        "        super().__init__()\n"
        "        self.names = names\n"
        "    def forward(self, prediction, batch):\n"
        "        if 'crash' in self.names: raise RuntimeError('no [/bold] in [red, blue]')\n"
        "        return ((prediction - batch.target) ** 2).mean()\n"
    )
    member = {"model": "toy-network", "loss": {"name": "bad"}, "epochs": 1}
    space = {"base": {"members": [member]}, "members.0.loss.names": [["crash"], ["red", "blue"]]}
    (ctk_home.work / "space.yaml").write_text(yaml.safe_dump(space))
    arguments = ("--space", "space.yaml", "--sampler", "grid", "--trials", 2, *ONE)
    shown = ctk("search", "toy-regression", *arguments).output
    assert "RuntimeError: no [/bold] in [red, blue]" in shown
    assert "[red, blue]" in shown.rpartition("2 trials: ")[2]


def test_a_competitions_spaces_are_listed(ctk):
    assert json.loads(ctk("info", "aml-retrieval", "--json").stdout)["spaces"] == [
        "quick",
        "reference-grid",
        "reference",
    ]
