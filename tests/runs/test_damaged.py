"""A run that a power cut or a stranger went through is told with file and key, or mended; the others live."""

import json
import os
import re
import shutil

import numpy as np
import pytest
import yaml

from ctk.errors import DamagedError
from ctk.runs.records import BlendFile, ConfigFile, DataFile, FittedFile, ScoresFile, StateFile
from ctk.samples import Data, Samples
from ctk.testing import toy

PART = "members/ridge/seed-1/fold-0"
LINE = ("run", "toy-regression", "-omembers=[{model: {name: ridge, alpha: [1, 9]}}]", "-oexecutor=serial")
RECORDS = {
    "state.json": StateFile,
    "scores.json": ScoresFile,
    "config.yaml": ConfigFile,
    "data.json": DataFile,
    f"{PART}/fitted.json": FittedFile,
}
BLENDED = ("state.json", "config.yaml", "data.json", f"{PART}/fitted.json")
"""What `ctk blend` reads of them; `ctk runs` and `ctk show` read the first three."""
NEEDED = {
    "state.json": ["state"],
    "scores.json": ["metric", "direction", "members"],
    "config.yaml": ["competition", "preset"],
    "data.json": ["fingerprint"],
    "fitted.json": ["fingerprint", "scores", "seconds", "curve", "postprocess"],
}
"""Keys that may not be missing."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory, ctk_in):
    """A folder with two finished runs, that of the first, and the command line there."""
    home = tmp_path_factory.mktemp("home")
    (home / "ctk_plugins").mkdir()
    shutil.copy(toy.__file__, home / "ctk_plugins" / "toy.py")
    call = ctk_in(home)
    for name in ("x", "y"):
        call(*LINE, "--name", name, code=0)
    (folder,) = (home / "runs").glob("*/*-x")
    return folder, call


@pytest.fixture
def x(finished, tmp_path):
    """The first run, whole again after the test, and without the runs that the test made."""
    folder, _ = finished
    before = shutil.copytree(folder, tmp_path / "before")
    names = set(os.listdir(folder.parent))
    yield folder
    shutil.rmtree(folder)
    shutil.copytree(before, folder)
    for name in set(os.listdir(folder.parent)) - names:
        shutil.rmtree(folder.parent / name)


@pytest.fixture
def call(finished):
    return finished[1]


def damages(path, record):
    """How a file is damaged: (the key that is told, None for the whole file, and its content)."""
    content = path.read_bytes()
    whole = yaml.safe_load(content)
    yield None, b""
    yield None, b"[1]"
    if path.suffix == ".json":
        yield None, content[: len(content) // 2]
        yield None, b"[" * 100_000
    for key in record.model_fields:
        yield key, json.dumps({**whole, key: [[]]}).encode()
    for key in NEEDED.get(path.name, ()):
        yield key, json.dumps({name: value for name, value in whole.items() if name != key}).encode()


def told(answer, name, key, code):
    said = answer.stdout + answer.stderr
    assert answer.returncode == code, said
    assert "Traceback" not in said
    assert (name if key is None else f"{name}, {key}") in said, (key, said)


@pytest.mark.parametrize("name", RECORDS)
def test_a_damaged_run_is_told_with_file_and_key_and_the_others_live(x, call, name):
    for key, content in damages(x / name, RECORDS[name]):
        (x / name).write_bytes(content)
        rows = {row["name"]: row for row in json.loads(call("runs", "--json", code=0).stdout)}
        states = {each.rpartition("-")[2]: row["state"] for each, row in rows.items()}
        if name in list(RECORDS)[:3]:
            assert states == {"x": "damaged", "y": "finished"}, key
            told(call("runs"), name, key, 0)
            told(call("show", x), name, key, 0)
        else:
            assert states == {"x": "finished", "y": "finished"}
        if name in BLENDED:
            told(call("blend", x, "y"), str(x / name), key, 1)


def test_overrides_that_are_no_text_are_told(x, call):
    (x / "overrides.txt").write_bytes(b"\xff\xfe")
    told(call("runs"), "damaged: overrides.txt", None, 0)


@pytest.mark.parametrize("name", ["state.json", "scores.json", "config.yaml", "overrides.txt"])
def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(x, call, name):
    (x / name).unlink()
    os.mkfifo(x / name)
    told(call("runs"), f"damaged: {name}: cannot be read (is no regular file)", None, 0)


@pytest.mark.parametrize("name", ["data.json", "environment.json", f"{PART}/fitted.json", f"{PART}/oof/values.npy"])
def test_what_a_power_cut_emptied_is_made_anew_and_said(x, call, name):
    before = (x / "submission.csv").read_bytes()
    (x / name).write_bytes(b"")
    (x / "submission.csv").unlink()
    said = call("run", "toy-regression", "--resume", x, code=0).stdout
    assert ("fitted anew" if name.startswith(PART) else f"{x / name}: cannot be read") in said
    assert (x / "submission.csv").read_bytes() == before


@pytest.mark.parametrize("name", ["state.json", "scores.json", "blend.json", "overrides.txt"])
def test_what_is_written_at_the_end_keeps_no_run_from_going_on(x, call, name):
    before = (x / "submission.csv").read_bytes()
    (x / name).write_text('{"a": ')
    call("run", "toy-regression", "--resume", x, code=0)
    assert (x / "submission.csv").read_bytes() == before


def test_facts_without_a_curve_are_fitted_anew_and_predicted_with_by_nobody(x, call):
    path = x / PART / "fitted.json"
    facts = json.loads(path.read_text())
    path.write_text(json.dumps({key: value for key, value in facts.items() if key != "curve"}))
    predict = ("run", "toy-regression", "--stage", "predict", "--checkpoints", x)
    told(call(*predict), str(path), "curve", 1)
    call("run", "toy-regression", "--resume", x, code=0)
    call(*predict, code=0)


@pytest.mark.parametrize("key", [*BlendFile.model_fields, "strange"])
def test_a_damaged_blend_predicts_nothing(x, call, key):
    known = json.loads((x / "blend.json").read_text())
    (x / "blend.json").write_text(json.dumps({**known, key: [[]]}))
    told(call("run", "toy-regression", "--stage", "predict", "--checkpoints", x), f"{x / 'blend.json'}, {key}", None, 1)


@pytest.mark.parametrize("weights", [{"nobody/seed-1": 1.0}, {"ridge/seed-1": float("nan")}, {}])
def test_weights_that_are_none_of_the_run_predict_nothing(x, call, weights):
    known = json.loads((x / "blend.json").read_text())
    (x / "blend.json").write_text(json.dumps({**known, "weights": weights}))
    told(call("run", "toy-regression", "--stage", "predict", "--checkpoints", x), str(x / "blend.json"), None, 1)


OWN = """
from pathlib import Path
import numpy as np
from ctk import hookimpl
from ctk.contract import Model
class Own(Model):
    def fit(self, train, valid, context): self.width = train.target_width
    def predict(self, samples): return np.zeros((len(samples), self.width), np.float32)
    def save(self, folder):
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / "own.txt").write_text(str(self.width))
    def load(self, folder, samples, device="auto"): self.width = int((Path(folder) / "own.txt").read_text())
@hookimpl
def ctk_register_models(register): register("own", Own)
"""


@pytest.mark.parametrize("damage", [os.unlink, lambda path: path.write_text("wide")], ids=["gone", "damaged"])
def test_what_a_plugin_s_model_cannot_read_is_told_by_its_folder_and_nobody_is_blamed(x, call, damage):
    (call.folder / "ctk_plugins" / "own.py").write_text(OWN)
    call("run", "toy-regression", "-omembers=[{model: own}]", "-oexecutor=serial", "--name", "own", code=0)
    (run,) = x.parent.glob("*-own")
    folder = run / "members" / "own" / "seed-1" / "fold-0" / "checkpoints"
    predict = ("run", "toy-regression", "--stage", "predict", "--checkpoints", run)
    call(*predict, code=0)
    damage(folder / "own.txt")
    answer = call(*predict)
    told(answer, f"{folder}: what own/seed-1, fold 0 saved there cannot be read", None, 1)
    assert "author" not in answer.stderr


def pickle_it(path):
    np.savez(path, weights=np.array([{}], dtype=object), x_mean=np.zeros(1), y_mean=np.zeros(1))


def make_pipe(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "damage",
    [
        os.unlink,
        make_pipe,
        pickle_it,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:200]),
        lambda path: np.savez(path, weights=np.zeros((4, 2)), x_mean=np.zeros(3), y_mean=np.zeros(2)),
        lambda path: np.savez(path, weights=np.zeros((4, 2)), x_mean=np.zeros(4)),
    ],
    ids=["gone", "pipe", "pickle", "emptied", "cut", "other shapes", "without a key"],
)
def test_damaged_weights_are_told_by_their_file_and_nobody_is_blamed(x, call, damage):
    path = x / PART / "checkpoints" / "ridge.npz"
    damage(path)
    answer = call("run", "toy-regression", "--stage", "predict", "--checkpoints", x)
    told(answer, f"{path}: ", None, 1)
    assert "author" not in answer.stderr
    assert "Fit the member anew." in answer.stderr


def test_a_checkpoint_that_a_power_cut_emptied_is_told_where_the_run_goes_on(x, call):
    network = "{model: toy-network, loss: toy-squared-error, epochs: 2, batch: {size: 16}}"
    line = ("run", "toy-regression", f"-omembers=[{network}]", "-oexecutor=serial", "-otrackers=[]", "--name", "killed")
    call(*line, code=0)
    (run,) = x.parent.glob("*-killed")
    before = (run / "submission.csv").read_bytes()
    stage = run / "members" / "toy-network" / "seed-1" / "fold-0" / "checkpoints" / "stage-1"
    (stage / "done.pt").rename(stage / "last.ckpt")
    (stage / "last.ckpt").write_bytes(b"")
    (stage.parents[1] / "fitted.json").unlink()
    said = call("run", "toy-regression", "--resume", run, code=0).stdout
    assert re.search(r"stage-1/last\.ckpt: cannot be read \(.*\)\. The stage begins anew\.", said.replace("\n", "")), (
        said
    )
    assert "author" not in said
    assert (run / "submission.csv").read_bytes() == before


@pytest.mark.parametrize("name", ["log.txt", "members", "new", ".lock"])
def test_nothing_is_written_by_a_link_out_of_the_run(x, call, tmp_path, name):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("mine")
    if name == "members":
        shutil.copytree(x / name, outside / name)
        shutil.rmtree(x / name)
    (x / name).unlink(missing_ok=True)
    (x / name).symlink_to(outside / name if name == "members" else outside / "precious")
    answer = call("run", "toy-regression", "--resume", x)
    told(answer, f"{x / name}: is a link that leads out of {x}", None, 1)
    assert (outside / "precious").read_text() == "mine"


def test_a_link_within_the_run_is_nobody_s_harm(x, call):
    (x / "latest").symlink_to("members")
    call("run", "toy-regression", "--resume", x, code=0)


@pytest.mark.parametrize(("name", "make"), [(".lock", os.mkdir), (".lock", os.mkfifo), ("log.txt", os.mkfifo)])
def test_a_folder_or_a_pipe_where_the_run_writes_is_told(x, call, name, make):
    (x / name).unlink(missing_ok=True)
    make(x / name)
    told(call("run", "toy-regression", "--resume", x), f"{x / name}: is ", None, 1)


def test_prepared_data_that_a_power_cut_emptied_is_told_with_what_to_remove(tmp_path):
    samples = Samples(np.arange(3), {"x": np.zeros((3, 2), np.float32)})
    Data(samples, samples, tmp_path, "three").save(tmp_path)
    (tmp_path / "train" / "features" / "x.npy").write_bytes(b"")
    with pytest.raises(DamagedError, match=r"train/features/x\.npy: cannot be read") as caught:
        Data.open(tmp_path, tmp_path, None)
    assert caught.value.help == f"Remove {tmp_path}, and it is made anew."


def test_words_of_strangers_move_no_cursor(x, call):
    escape = "\x1b]0;owned\x07\x1b[31m\x9b2J\u202e"
    state = json.loads((x / "state.json").read_text())
    (x / "state.json").write_text(json.dumps({**state, "state": "failed", "problem": f"so {escape}"}))
    (x / "overrides.txt").write_text(f"a={escape}\n")
    config = yaml.safe_load((x / "config.yaml").read_text())
    (x / "config.yaml").write_text(yaml.safe_dump({**config, "preset": escape}, allow_unicode=True))
    scores = json.loads((x / "scores.json").read_text())
    scores["members"][f"ridge{escape}"] = scores["members"].pop("ridge/seed-1")
    (x / "scores.json").write_text(json.dumps(scores))
    for line in (("runs",), ("show", x), ("runs", "--json"), ("show", x, "--json")):
        said = call(*line, code=0).stdout
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & {*said}, line
        if "--json" not in line:
            assert r"\x1b]0;owned\x07" in said
    assert json.loads(said)["problem"] == f"so {escape}"
