"""Two plugins with a competition of one id: each is run, resumed and predicted with as ``distribution:id``."""

import shutil

import pytest
from click.testing import CliRunner

from ctk.cli.main import cli
from ctk.testing.distributions import find_anew

TOY = "from ctk.testing.toy import *"


@pytest.fixture
def two(ctk_home, tmp_plugin):
    """The toy competition of two distributions; returns their metadata's folders by name."""
    return {name: tmp_plugin(name, TOY) / f"{name}-1.0.dist-info" for name in ("one", "other")}


def ctk(*arguments):
    answer = CliRunner().invoke(cli, [str(each) for each in arguments])
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exc_info
    return answer


def ran(name, home):
    answer = ctk("run", name, "--dry-run")
    assert answer.exit_code == 0, answer.output
    (folder,) = home.runs.glob("*/*-dry-run")
    return folder


def test_the_name_that_the_refusal_tells_can_be_run_and_resumed(two, ctk_home):
    refused = ctk("run", "toy-regression", "--dry-run")
    assert refused.exit_code == 2
    assert "Say which: one:toy-regression or other:toy-regression." in refused.output
    run = ran("other:toy-regression", ctk_home)
    assert ctk("run", "other:toy-regression", "--resume", run).exit_code == 0
    wrong = ctk("run", "one:toy-regression", "--resume", run)
    assert "is a run of other:toy-regression, not of one:toy-regression." in wrong.output


@pytest.mark.parametrize("name", ["toy-regression", "other:toy-regression"])
def test_a_run_predicts_after_the_other_plugin_is_gone(two, ctk_home, name):
    run = ran("other:toy-regression", ctk_home)
    shutil.rmtree(two["one"])
    find_anew()
    answer = ctk("run", name, "--stage", "predict", "--checkpoints", run)
    assert answer.exit_code == 0, answer.output


def test_a_run_predicts_after_another_plugin_has_come(two, ctk_home):
    kept = shutil.move(two["other"], two["other"].with_suffix(".away"))
    find_anew()
    run = ran("toy-regression", ctk_home)
    shutil.move(kept, two["other"])
    find_anew()
    answer = ctk("run", "one:toy-regression", "--stage", "predict", "--checkpoints", run)
    assert answer.exit_code == 0, answer.output
