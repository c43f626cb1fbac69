"""defaults < preset < file < overrides; unknown keys and wrong types are refused with the nearest valid key."""

import re

import pytest
import yaml
from pydantic import ValidationError

from ctk.config.overrides import override, read_yaml
from ctk.config.resolve import resolve
from ctk.contract.schema import merge_configs
from ctk.errors import UsageError
from ctk.files import dump_yaml, parse_yaml
from ctk.hookspecs import hookimpl
from ctk.plugins import Plugins
from ctk.plugins.component_options import options_schema


class Reader:
    def __init__(self, *, strict: bool = True) -> None: ...


class Network:
    def __init__(self, *, width: int = 8) -> None: ...


@pytest.fixture
def plugins():
    known = Plugins()
    import torch

    class Net(torch.nn.Module):
        def __init__(self, *, width: int = 8, dropout: float = 0.1) -> None: ...

    class Offers:
        @hookimpl
        def ctk_register_data(self, register):
            register("files", Reader)

        @hookimpl
        def ctk_register_models(self, register):
            register("net", Net)

    from ctk.plugins import Plugin

    known.plugins.append(Plugin("test", "test", "0", "test"))
    known._adopt(known.plugins[-1], Offers())
    return known


def raw(**more):
    members = [{"model": "net", "epochs": 3}, {"model": "ridge", "blend": False}]
    return {"competition": "c", "preset": "p", "data": "files", "members": members, **more}


def test_every_default_is_filled_in(plugins):
    plain = resolve(raw(), plugins).plain()
    assert plain["data"] == {"name": "files", "strict": True}
    network, ridge = plain["members"]
    assert network["model"] == {"name": "net", "width": 8, "dropout": 0.1}
    assert network["epochs"] == 3
    assert network["loss"]["temperature"] == 0.01
    assert ridge["model"] == {
        "name": "ridge",
        "alpha": 1.0,
        "normalise_target": False,
        "standardise": False,
        "features": None,
    }
    assert plain["blend"] == {
        "name": "mean",
        "members": [],
        "by": None,
        "bins": [],
        "normalise": False,
        "weights": None,
    }


def test_a_resolved_config_resolves_to_itself(plugins):
    plain = resolve(raw(), plugins).plain()
    assert resolve(yaml.safe_load(yaml.safe_dump(plain)), plugins).plain() == plain


@pytest.mark.parametrize(
    ("assignment", "problem", "help"),
    [
        ("sedes=[1]", "unknown key 'sedes'", "'seeds'"),
        ("members.0.epoch=3", "unknown key 'epoch'", "'epochs'"),
        ("members.net.model.widht=3", "unknown key 'widht'", "'width'"),
        ("members.0.loss.temprature=1", "unknown key 'temprature'", "'temperature'"),
        ("members.0.optimizer.learning=1", "unknown key 'learning'", "lr"),
        ("members.ridge.epochs=3", "unknown key 'epochs'", "blend"),
        ("split.fold=3", "unknown key 'fold'", "'folds'"),
        ("members.0.epochs=many", "members.0.epochs': 'many' is wrong", ""),
        ("members.0.model.width=wide", "members.0.model.width': 'wide' is wrong", ""),
        ("members.0.epochs=0", "members.0.epochs': 0 is wrong", ""),
        ("members.0.stages=[{epoch: 3}]", "unknown key 'epoch'", "'epochs'"),
        ("data.strikt=1", "unknown key 'strikt'", "'strict'"),
        ("blend=meen", "no blender 'meen'", "'mean'"),
        ("members.0.model=nett", "no model 'nett'", "'net'"),
        ("executor.name=cloud", "no executor 'cloud'", "local"),
        ("seeds=[]", "seeds", ""),
        ("members=[]", "members", ""),
        ("members=3", "members", ""),
        ("split.use=99", "split.use", ""),
        ("members.0.uses=[nobody]", "uses 'nobody'", ""),
        ("members.0.epochs=true", "epochs is true", ""),
        ("seeds=[-1]", "seeds.0", ""),
        ("seeds=[1, 2, 1]", "1 stands there twice, and would be fitted once", ""),
        ("members.ridge.seeds=[7, 7]", "7 stands there twice", ""),
        ("trackers=neptune", "no tracker 'neptune'", "csv"),
        ("members.0.name=a/b", "'a/b' is no folder name", ""),
        ("device=tpu", "device': 'tpu' is wrong", ""),
    ],
)
def test_what_is_wrong_is_named_with_the_nearest_right(plugins, assignment, problem, help):
    config = raw()
    override(config, assignment)
    with pytest.raises(UsageError) as caught:
        resolve(config, plugins)
    assert problem in caught.value.problem
    assert help in caught.value.help
    assert caught.value.exit_code == 2


def test_overrides_reach_members_by_number_name_and_star(plugins):
    config = raw()
    override(config, "members.0.epochs=5")
    override(config, "members.net.optimizer.lr=3e-4")
    override(config, "members.*.seeds=[7, 8]")
    members = resolve(config, plugins).members
    assert members[0].training.epochs == 5
    assert members[0].training.optimizer.lr == 3e-4
    assert all(member.seeds == (7, 8) for member in members)


def test_an_override_of_one_option_keeps_the_others(plugins):
    config = raw(blend={"name": "greedy", "normalise": False})
    override(config, "blend.max_rounds=3")
    assert resolve(config, plugins).blend.options == {"normalise": False, "max_rounds": 3}
    override(config, "blend=mean")
    assert resolve(config, plugins).blend.options == {"normalise": False, "weights": None}


@pytest.mark.parametrize(
    "assignment", ["epochs", "=3", "members.nobody.epochs=3", "seeds=[1", "split={use: 1, use: 2}"]
)
def test_a_malformed_override_is_refused(assignment):
    with pytest.raises(UsageError, match="-o "):
        override(raw(), assignment)


def test_later_layers_win_key_by_key():
    preset = {"split": {"folds": 5, "seed": 1}, "blend": {"name": "greedy", "max_rounds": 9}, "seeds": [1, 2]}
    merged = merge_configs(preset, {"split": {"seed": 2}, "blend": {"name": "mean"}, "seeds": [3]})
    assert merged == {"split": {"folds": 5, "seed": 2}, "blend": {"name": "mean"}, "seeds": [3]}


def test_members_of_one_model_get_names_of_their_own(plugins):
    config = raw(members=[{"model": "net"}, {"model": "net"}, {"model": "net", "name": "net-2"}])
    assert [member.name for member in resolve(config, plugins).members] == ["net", "net-2", "net-2-2"]


def test_stages_inherit_what_they_do_not_say(plugins):
    config = raw()
    config["members"][0]["stages"] = [{"epochs": 1}, {"optimizer": {"lr": 1e-5}}]
    first, second = resolve(config, plugins).members[0].training.phases()
    assert (first.epochs, second.epochs) == (1, 3)
    assert (first.optimizer.lr, second.optimizer.lr) == (3e-4, 1e-5)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "cannot be read as YAML .line 1: "),
        ("members:\n- {lr: 0.01,\n   lr: 0.0003}", r"cannot be read as YAML .line 3: 'lr' stands there twice"),
        ("- 1", "mapping"),
        ("a:\n" + 900 * "[", "line 2: nested more than 64 deep"),
        (900 * "- ", "line 1: nested more than 64 deep"),
        ("a: &a [1, 2]\nb: &b [" + 300 * "*a," + "]\nc: [" + 200 * "*b," + "]", "line 3: more than 100,000 values"),
        ("a: &a\n- *a", "line 2: more than 100,000 values"),
        (f"seeds: [1{5000 * '0'}]", "line 1: a number of 5,001 digits"),
        (f"a: 0x{5000 * 'f'}", "line 1: a number of 5,002 digits"),
        ("a: 2024-13-45", "a value is not of its type: month must be in 1..12"),
        ("a: !!bool maybe", "a value is not of its type"),
        (None, "no such file"),
    ],
)
def test_a_config_file_that_is_none_is_refused(tmp_path, text, problem):
    path = tmp_path / "config.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=problem):
        read_yaml(path)


def test_a_config_file_cannot_run_code(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("a: !!python/object/apply:os.system ['touch /tmp/ctk-was-here']")
    with pytest.raises(UsageError, match="YAML"):
        read_yaml(path)


@pytest.mark.parametrize(("number", "base"), [("1:30", 60), ("-1:30:20.5", 60), ("010", 8), ("+0_17", 8)])
def test_a_number_that_yaml_once_read_in_another_base_is_refused_unless_quoted(number, base):
    with pytest.raises(yaml.YAMLError, match=re.escape(f"{number} would be read in base {base}; quote it")):
        parse_yaml(f"a: [{number}]")
    assert parse_yaml(f"a: ['{number}', 0, 10, -0.5, 0x1F, 1e3]")["a"] == [number, 0, 10, -0.5, 31, 1000]
    assert parse_yaml(dump_yaml({"a": number})) == {"a": number}


def test_an_option_without_an_annotation_has_the_type_of_its_default():
    def thing(*, rate=0.1, alpha=1, deep=False, name="a", more=None): ...

    schema = options_schema(thing, "thing")
    given = schema.model_validate({"rate": "1e-2", "alpha": "0.5", "deep": "true", "name": "b", "more": [1]})
    assert given.model_dump() == {"rate": 0.01, "alpha": 0.5, "deep": True, "name": "b", "more": [1]}
    for wrong in ({"rate": "fast"}, {"alpha": "x"}, {"deep": 7}, {"name": 3}):
        with pytest.raises(ValidationError):
            schema.model_validate(wrong)


@pytest.mark.parametrize("key", ["data_dir", "checkpoints", "blend", "data"])
def test_a_text_that_no_path_can_have_is_told_with_its_key(plugins, key):
    for text, what in (("a\0b", "a NUL"), ("a\ud800b", "half a character")):
        with pytest.raises(UsageError, match=f"Config key '{key}': has {what} in it"):
            resolve(raw(**{key: text}), plugins)
