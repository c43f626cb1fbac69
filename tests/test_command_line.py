"""What holds for every command: help with examples, and the nearest name where one is not there."""

import re

import click
import pytest
from click.testing import CliRunner

from ctk.cli import executor_options
from ctk.cli.main import StandIn, cli
from ctk.config.overrides import override


def commands(group=cli, path=("ctk",)):
    """Every command with its path, those inside of groups and of installed plugins too."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        command = command.load(None) if isinstance(command, StandIn) else command
        yield " ".join((*path, name)), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize(
    ("path", "command"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_the_help_of_every_command_has_an_example(path, command):
    text = command.get_help(click.Context(command, info_name=path))
    assert re.search(
        rf"^ +(eval \"\$\()?{path}(?= |\)|$)", text.partition("Options:")[0].partition("\n\n")[2], re.MULTILINE
    )
    for option in command.params:
        assert isinstance(option, click.Argument) or option.help, f"{path} {option.opts} says nothing"


@pytest.mark.parametrize(
    ("line", "near"),
    [
        ("rnu", "run"),
        ("new plugn", "plugin"),
        ("run --presett x", "--preset"),
        ("run aml-retrival", "aml-retrieval"),
        ("runs aml-retrival", "aml-retrieval"),
        ("info aml-retrieval --preset quik", "quick"),
        ("run aml-retrieval --preset quik", "quick"),
        ("run aml-retrieval -o executr.workers=1", "executor"),
        ("run aml-retrieval -o split.fold=3", "folds"),
        ("run aml-retrieval -o members.ridg.blend=true", "ridge"),
        ("run aml-retrieval -o members.ridge.model.alfa=1", "alpha"),
        ("run aml-retrieval -o members.ridge.uses=[residual-mpl]", "residual-mlp"),
        ("run aml-retrieval -o members.ridge.model=rigde", "ridge"),
        ("run aml-retrieval -o members.residual-mlp.loss=infonce", "info-nce"),
        ("run aml-retrieval -o members.residual-mlp.epoch=3", "epochs"),
        ("run aml-retrieval -o blend=hilclimb", "hill-climb"),
        ("run aml-retrieval -o executor.name=lokal", "local"),
        ("run aml-retrieval -o trackers=tensorbord", "tensorboard"),
        ("run aml-retrieval -o filters=[rigde]", "ridge"),
        ("run aml-retrieval -o submission=cvs", "csv"),
        ("run aml-retrieval --resume quik", "quick"),
        ("cv aml-retrieval --scheme gruop", "group"),
        ("cv aml-retrieval --resume quik", "quick"),
        ("ablate aml-retrieval --set a:members.residual-mlp.epoch=3", "epochs"),
        ("run aml-retrieval --stage predict --checkpoints quik", "quick"),
        ("data aml-retrieval --filter rigde --out new", "ridge"),
        ("show quik", "quick"),
        ("show 1122-080001-quick", "1122-080000-quick"),
        ("blend quik", "quick"),
        ("blend quick --blender meen", "mean"),
        ("plugins aml-retreival", "aml-retrieval"),
        ("uninstall -y ctk-aml-retreival", "ctk-aml-retrieval"),
    ],
)
def test_a_name_that_is_not_there_is_answered_with_the_nearest(ctk, tmp_path, line, near):
    run = tmp_path / "runs" / "aml-retrieval" / "1122-080000-quick"
    run.mkdir(parents=True)
    (run / "config.yaml").write_text("{competition: aml-retrieval, preset: quick, members: [], blend: {name: mean}}")
    (run / "state.json").write_text('{"state": "finished"}')
    answer = ctk(*line.split(" "))
    assert answer.returncode == 2, answer.stdout + answer.stderr
    assert re.search(rf"Did you mean (one of: )?'{re.escape(near)}'", answer.stderr), answer.stderr


def test_a_group_that_is_not_there_is_answered_with_the_nearest():
    import numpy as np

    from ctk.errors import UsageError
    from ctk.samples import Samples

    samples = Samples(np.arange(2), {"x": np.zeros((2, 1))}, groups={"concept": np.arange(2)})
    with pytest.raises(UsageError) as caught:
        samples.group("concpt")
    assert caught.value.help == "Did you mean 'concept'?"


@pytest.mark.parametrize("address", ["[::1]:6379", "ray://head:10001", "local"])
def test_an_address_comes_through_as_it_was_given(address):
    @click.command()
    @executor_options
    def command(execution):
        config = {"executor": {"name": "ray"}}
        for each in execution:
            override(config, each)
        click.echo(config["executor"]["address"])

    assert CliRunner().invoke(command, ["--address", address]).output == f"{address}\n"


@pytest.mark.parametrize("seeds", ["1,1", "1_0", "1,,2", "one"])
def test_seeds_that_would_train_less_than_was_typed_are_refused(ctk, seeds):
    assert ctk("run", "aml-retrieval", "--seeds", seeds, code=2).stderr.startswith(("--seeds", "Config key 'seeds'"))
