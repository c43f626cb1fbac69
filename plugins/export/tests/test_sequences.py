"""ctk export of networks that read whole sequences, which no graph of single rows can be given."""

import shutil

from ctk.testing import toy

NETWORK = '''
import torch
from torch import nn
from ctk import hookimpl

class Whole(nn.Module):
    """Says the running sum of what it reads."""
    features = ("x", "mask")
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)
    @classmethod
    def for_samples(cls, samples): return cls()
    def forward(self, x, mask): return self.layer(x).cumsum(1)

@hookimpl
def ctk_register_models(register): register("whole", Whole)
'''


def test_a_network_of_sequences_is_passed_over_with_the_reason(ctk_home, ctk_in):
    plugins = ctk_home.work / "ctk_plugins"
    plugins.mkdir()
    shutil.copy(toy.__file__, plugins / "toy.py")
    (plugins / "whole.py").write_text(NETWORK)
    ctk = ctk_in(ctk_home.work, ctk_home.runs)
    whole = "{model: whole, loss: smooth-l1, epochs: 1, batch: {size: 16, by: block, as: sequences}}"
    members = f"members=[{{model: ridge}}, {whole}]"
    ctk("run", "toy-regression", "-o", members, "-o", "executor.name=serial", "-o", "trackers=[]", "-o", "seeds=[1]")
    (run,) = ctk_home.runs.glob("*/*")
    done = ctk("export", run, "--format", "safetensors", "--out", ctk_home.work / "out")
    told = "whole/seed-1, fold 0: not exported, for it reads whole sequences, and a graph is given rows by themselves."
    assert told in done.stderr
    assert len(list((ctk_home.work / "out").glob("*.safetensors"))) == 1
    alone = ctk("export", run, "--format", "onnx", "--member", "whole", code=2)
    assert "whole/seed-1 cannot be exported: for it reads whole sequences" in alone.stderr
