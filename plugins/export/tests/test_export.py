"""ctk export of real runs: what is written predicts what the run predicted, and says where it came from."""

import hashlib
import json
import shutil
import subprocess
import sys
from importlib import import_module

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors import safe_open

from ctk.api import FittedRun, competition_of
from ctk.files import read_json, write_json
from ctk.runs import INTERRUPTED, Part, Run
from ctk_export.choices import HIGHEST, LOWEST

pytestmark = pytest.mark.slow

NETWORKS = {
    "aml": ["residual-mlp"],
    "leap": ["column-mlp", "res-bilstm", "lstm-attention", "conv-bilstm-transformer"],
}
MEMBERS = [(name, member) for name, members in NETWORKS.items() for member in ["ridge", *members]]


@pytest.fixture
def run(request, aml, leap):
    """The run of a competition, by the name of its fixture."""
    return {"aml": aml, "leap": leap}[request.param]


def data_of(run):
    return FittedRun(run).data()


def seed_of(member):
    return 0 if member == "ridge" else 1


def submitted(run, member, prediction):
    """What the run keeps of a member's prediction of the test: mended by what is known of the competition."""
    facts = run.facts(Part(member, seed_of(member), 0))["postprocess"]
    return competition_of(run.competition).postprocess(prediction, data_of(run).test, facts)


def assert_as_the_run_predicted(run, member, prediction):
    kept = run.predictions(Part(member, seed_of(member), 0), "test").values.astype(np.float64)
    ours = submitted(run, member, prediction)
    scale = np.abs(kept).max(axis=0) + 1e-300
    assert (np.abs(ours - kept) / scale).max() < 1e-4


def onnx(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def test_every_network_of_both_competitions_is_exported_here():
    """A network that is added to a competition without a member here fails this."""
    for name, package in (("aml", "ctk_aml_retrieval"), ("leap", "ctk_leap_climsim")):
        own = []
        import_module(f"{package}.plugin").ctk_register_models(lambda model, *about, own=own: own.append(model))
        assert set(own) == set(NETWORKS[name])


@pytest.mark.parametrize(("run", "member"), MEMBERS, indirect=["run"])
def test_onnxruntime_predicts_what_the_run_predicted_from_raw_features(run, member, ctk, tmp_path):
    ctk("export", run.folder, "--format", "onnx", "--member", member, "--fold", 0, "--out", tmp_path)
    (path,) = tmp_path.glob("*.onnx")
    session, test = onnx(path), data_of(run).test
    feeds = {each.name: test.features[each.name] for each in session.get_inputs()}
    assert_as_the_run_predicted(run, member, session.run(None, feeds)[0])
    one_by_one = [
        session.run(None, {name: values[row : row + 1] for name, values in feeds.items()})[0] for row in (0, 7)
    ]
    assert np.concatenate(one_by_one).shape == (2, *session.get_outputs()[0].shape[1:])
    assert {each.shape[0] for each in [*session.get_inputs(), *session.get_outputs()]} == {"batch"}


@pytest.mark.parametrize(("run", "member"), MEMBERS, indirect=["run"])
def test_torchscript_predicts_what_the_run_predicted(run, member, ctk, tmp_path):
    ctk("export", run.folder, "--format", "torchscript", "--member", member, "--fold", 0, "--out", tmp_path)
    (path,) = tmp_path.glob("*.pt")
    facts, test = read_json(path.with_name(f"{path.name}.json")), data_of(run).test
    with torch.inference_mode():
        prediction = torch.jit.load(path)(*(torch.tensor(test.features[each["name"]]) for each in facts["inputs"]))
    assert_as_the_run_predicted(run, member, prediction.numpy())


@pytest.mark.parametrize(("run", "member"), MEMBERS, indirect=["run"])
def test_safetensors_have_every_weight_by_name(run, member, ctk, tmp_path):
    ctk("export", run.folder, "--format", "safetensors", "--member", member, "--fold", 0, "--out", tmp_path)
    (path,) = tmp_path.glob("*.safetensors")
    with safe_open(path, "pt") as file:
        found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        assert file.metadata()["member"] == member
    checkpoints = run.part_folder(Part(member, seed_of(member), 0)) / "checkpoints"
    if member == "ridge":
        saved = {name: torch.from_numpy(value) for name, value in np.load(checkpoints / "ridge.npz").items()}
    else:
        read = torch.load(checkpoints / "weights.pt", weights_only=True)
        saved = {f"network.{name}": value for name, value in read["network"].items()}
        for number, copy in enumerate(read["copies"]):
            saved[f"copies.{number}.columns"] = copy["columns"]
            saved |= {f"copies.{number}.{name}": value for name, value in copy["weights"].items()}
    assert found.keys() == saved.keys()
    assert all(torch.equal(found[name], saved[name]) for name in saved)


def test_what_a_killed_export_left_goes_with_the_next(aml, ctk, tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    (tmp_path / f".workshop-{ended.pid}").mkdir()
    ctk("export", aml.folder, "--format", "safetensors", "--member", "ridge", "--fold", 0, "--out", tmp_path)
    assert not list(tmp_path.glob(".*"))


def test_copies_for_groups_of_columns_are_one_graph_of_all_columns(leap, ctk, tmp_path):
    part = Part("column-mlp", 1, 0)
    saved = torch.load(leap.part_folder(part) / "checkpoints" / "weights.pt", weights_only=True)
    assert saved["copies"], "the run has no copies to be exported"
    ctk("export", leap.folder, "--format", "onnx", "--member", "column-mlp", "--out", tmp_path)
    (path,) = tmp_path.glob("*.onnx")
    assert onnx(path).get_outputs()[0].shape == ["batch", 368]


def test_all_that_can_be_exported_is_by_default_and_what_cannot_is_told(aml, ctk, tmp_path):
    result = ctk("export", aml.folder, "--format", "safetensors", "--out", tmp_path, "--json")
    sheets = json.loads(result.stdout)
    assert {(each["member"], each["fold"]) for each in sheets} == {
        (member, fold) for member in ("ridge", "residual-mlp") for fold in (0, 1)
    }
    assert "stacked/seed-0, fold 1: not exported, for it reads predictions of ridge" in result.stderr
    assert (
        "reads predictions of ridge"
        in ctk("export", aml.folder, "--format", "onnx", "--member", "stacked", code=2).stderr
    )


def test_the_sheet_says_what_goes_in_what_comes_out_and_where_it_came_from(leap, ctk, tmp_path):
    ctk("export", leap.folder, "--format", "onnx", "--member", "res-bilstm", "--opset", 21, "--out", tmp_path)
    facts, data = read_json(tmp_path / "res-bilstm-seed-1-fold-0.onnx.json"), data_of(leap)
    assert facts["inputs"] == [{"name": "columns", "shape": ["batch", 556], "dtype": "float32"}]
    assert facts["outputs"][0]["shape"] == ["batch", 368]
    assert facts["outputs"][0]["columns"] == data.train.targets.names.tolist()
    statistics = facts["normalisation"]["statistics"]
    assert np.allclose(statistics["input_mean"], data.train.constants["feature_mean"], rtol=1e-6)
    assert np.allclose(statistics["target_mean"], data.train.constants["target_mean"])
    fitted = leap.facts(Part("res-bilstm", 1, 0))
    assert (facts["scores"], facts["postprocess"]) == (fitted["scores"], fitted["postprocess"])
    assert (facts["competition"], facts["run"]) == ("leap-climsim", leap.folder.name)
    assert facts["model"]["name"] == "res-bilstm"
    assert facts["model"]["hidden"] == 4
    assert facts["opset"] == 21
    assert facts["libraries"]["torch"] == torch.__version__.partition("+")[0]
    assert facts["checked"]["samples"] == 70
    assert facts["checked"]["batches"] == [1, 2, 61, 6]
    assert facts["checked"]["largest_difference"] <= facts["checked"]["tolerance"]
    (file,), (checkpoint,) = facts["files"], facts["checkpoint"]
    assert file["sha256"] == hashlib.sha256((tmp_path / file["name"]).read_bytes()).hexdigest()
    weights = leap.part_folder(Part("res-bilstm", 1, 0)) / "checkpoints" / "weights.pt"
    assert checkpoint["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()


def test_a_network_that_reads_features_as_they_are_has_no_statistics(aml, ctk, tmp_path):
    ctk("export", aml.folder, "--format", "onnx", "--member", "residual-mlp", "--fold", 1, "--out", tmp_path)
    facts = read_json(tmp_path / "residual-mlp-seed-1-fold-1.onnx.json")
    assert facts["normalisation"]["statistics"] == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "residual-mlp-seed-1-fold-1.onnx",
        "residual-mlp-seed-1-fold-1.onnx.json",
    ]


@pytest.mark.parametrize("opset", [LOWEST, HIGHEST])
def test_the_lowest_and_the_highest_opset_are_written_and_run(leap, ctk, tmp_path, opset):
    ctk(
        "export",
        leap.folder,
        "--format",
        "onnx",
        "--member",
        "conv-bilstm-transformer",
        "--opset",
        opset,
        "--out",
        tmp_path,
    )
    assert read_json(tmp_path / "conv-bilstm-transformer-seed-1-fold-0.onnx.json")["opset"] == opset


def test_weights_too_large_for_one_file_lie_beside_it(aml, ctk, tmp_path, monkeypatch):
    monkeypatch.setattr("ctk_export.formats.onnx.INSIDE", 0)
    ctk("export", aml.folder, "--format", "onnx", "--member", "residual-mlp", "--fold", 0, "--out", tmp_path)
    facts = read_json(tmp_path / "residual-mlp-seed-1-fold-0.onnx.json")
    names = ["residual-mlp-seed-1-fold-0.onnx", "residual-mlp-seed-1-fold-0.onnx.data"]
    assert [each["name"] for each in facts["files"]] == names
    assert (tmp_path / names[0]).stat().st_size < (tmp_path / names[1]).stat().st_size
    assert onnx(tmp_path / names[0]).get_outputs()[0].name == "prediction"


def test_an_export_of_the_same_run_is_replaced_and_anothers_is_not(aml, ctk, tmp_path):
    again = ("export", aml.folder, "--format", "safetensors", "--member", "ridge", "--fold", 0, "--out", tmp_path)
    ctk(*again)
    ctk(*again)
    sheet = tmp_path / "ridge-seed-0-fold-0.safetensors.json"
    write_json(sheet, {**read_json(sheet), "run": "another"})
    assert "is no export of this run" in ctk(*again, code=2).stderr
    sheet.unlink()
    assert "is no export of this run" in ctk(*again, code=2).stderr
    assert [path.name for path in tmp_path.iterdir()] == ["ridge-seed-0-fold-0.safetensors"]


def test_an_export_lies_in_the_run_s_folder_by_default(aml, ctk):
    ctk("export", aml.folder.name, "--format", "safetensors", "--member", "ridge", "--fold", 1)
    assert (aml.folder / "export" / "ridge-seed-0-fold-1.safetensors.json").is_file()


def test_what_predicts_otherwise_than_the_model_is_told_and_not_kept(aml, ctk, tmp_path, monkeypatch):
    monkeypatch.setattr("ctk_export.check.TOLERANCE", 1e-12)  # no float32 sum is that near
    told = ctk("export", aml.folder, "--format", "onnx", "--member", "residual-mlp", "--out", tmp_path, code=1).stderr
    assert "residual-mlp/seed-1, fold 0: what was written predicts otherwise than the model, by up to" in told
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--format", "onxn"], "'onxn' is not one of 'onnx', 'torchscript', 'safetensors'. Did you mean 'onnx'?"),
        (["--format", "onnx", "--member", "residual"], "no member 'residual'.\nDid you mean 'residual-mlp'?"),
        (["--format", "onnx", "--seed", "5"], "no seed '5'.\nKnown seeds: 0, 1."),
        (["--format", "onnx", "--member", "ridge", "--seed", "1"], "no seed '1' of ridge.\nKnown seeds of ridge: 0."),
        (["--format", "onnx", "--fold", "2"], "no fold '2'.\nKnown folds: 0, 1."),
        (["--format", "onnx", "--opset", "7"], f"7 is not in the range {LOWEST}<=x<={HIGHEST}"),
        (["--format", "torchscript", "--opset", "20"], "torchscript has none"),
    ],
)
def test_what_a_run_has_not_is_told_before_anything_is_loaded(aml, ctk, arguments, sentence):
    assert sentence in ctk("export", aml.folder, *arguments, code=2).stderr


def test_an_unknown_run_is_told(aml, ctk):
    assert "There is no run 'nothing'." in ctk("export", "nothing", "--format", "onnx", code=2).stderr


@pytest.fixture
def copy(aml, tmp_path):
    """A run that may be damaged."""
    return Run(shutil.copytree(aml.folder, tmp_path / "copy"))


def test_an_unfinished_run_is_told_with_how_to_go_on(copy, ctk):
    copy.set_state(INTERRUPTED)
    told = ctk("export", copy.folder, "--format", "onnx", code=2).stderr
    assert "is not finished, but interrupted" in told
    assert "ctk run aml-retrieval --resume" in told


def test_a_blend_of_runs_is_told(aml, ctk):
    blended = json.loads(ctk("blend", aml.folder, "--blender", "mean", "--json").stdout)["run"]
    assert "is a blend of other runs" in ctk("export", blended, "--format", "onnx", code=2).stderr


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"PK\x03\x04 none")])
def test_weights_that_are_gone_or_damaged_are_told_with_their_folder(copy, ctk, damage):
    folder = copy.part_folder(Part("residual-mlp", 1, 0)) / "checkpoints"
    damage(folder / "weights.pt")
    told = ctk("export", copy.folder, "--format", "onnx", "--member", "residual-mlp", code=1).stderr
    assert str(folder) in told
    assert "Fit the member anew." in told


def test_a_place_that_cannot_be_written_is_told(aml, ctk, tmp_path):
    (tmp_path / "file").write_text("")
    told = ctk("export", aml.folder, "--format", "onnx", "--member", "ridge", "--out", tmp_path / "file", code=1).stderr
    assert "cannot be written" in told


def test_a_run_that_predicted_with_another_s_members_exports_those(aml, ctk, tmp_path):
    again = ctk("run", "aml-retrieval", "--stage", "predict", "--checkpoints", aml.folder, "--json").stdout
    ctk(
        "export",
        json.loads(again)["run"],
        "--format",
        "safetensors",
        "--member",
        "ridge",
        "--fold",
        0,
        "--out",
        tmp_path,
    )
    assert (tmp_path / "ridge-seed-0-fold-0.safetensors").is_file()


def test_help_and_wrong_names_import_no_heavy_library():
    code = (
        "import sys; from click.testing import CliRunner; from ctk.cli.main import cli;"
        "result = CliRunner().invoke(cli, ['export', '--help']);"
        "assert 'ctk export RUN --format onnx' in result.output, result.output;"
        "print([name for name in ('torch', 'onnx', 'onnxruntime', 'pandas', 'lightning') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
