"""input_normalization.json: what networks tell of means and scales, by exported file."""

import json
import shutil

from ctk.testing import toy

NETWORK = """
from ctk import hookimpl
from ctk.testing.toy.toy_network import ToyNetwork

class Telling(ToyNetwork):
    def input_normalization(self): return {"x": {"mean": [1.5], "std": [2.0]}}

@hookimpl
def ctk_register_models(register):
    register("telling", Telling)
    register("silent", ToyNetwork)
"""


def test_what_networks_tell_lies_beside_their_exports_by_file(ctk_home, ctk_in):
    plugins = ctk_home.work / "ctk_plugins"
    plugins.mkdir()
    shutil.copy(toy.__file__, plugins / "toy.py")
    (plugins / "telling.py").write_text(NETWORK)
    ctk = ctk_in(ctk_home.work, ctk_home.runs)
    members = (
        "members=[" + ", ".join(f"{{model: {name}, loss: mse, epochs: 1}}" for name in ("telling", "silent")) + "]"
    )
    more = ("executor.name=serial", "trackers=[]", "seeds=[1, 2]")
    ctk("run", "toy-regression", "-o", members, *(each for one in more for each in ("-o", one)))
    (run,) = ctk_home.runs.glob("*/*")
    told = ctk_home.work / "out" / "input_normalization.json"
    export = ("export", run, "--format", "safetensors", "--out", told.parent, "--member")
    ctk(*export, "silent")
    assert not told.exists()
    for seed in (1, 2, 1):
        ctk(*export, "telling", "--seed", seed)
    own = {"x": {"mean": [1.5], "std": [2.0]}}
    files = [f"telling-seed-{seed}-fold-0.safetensors" for seed in (1, 2)]
    assert json.loads(told.read_text()) == dict.fromkeys(files, own)
