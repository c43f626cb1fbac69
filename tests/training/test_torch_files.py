"""Files of tensors are whole, or what is wrong is said as of any other file."""

from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from ctk.errors import CtkError
from ctk.files import atomic
from ctk.training import torch_files


def test_what_is_saved_is_read_again(tmp_path):
    torch_files.save_tensors({"weights": torch.arange(5)}, tmp_path / "sub" / "weights.pt")
    assert torch.load(tmp_path / "sub" / "weights.pt")["weights"].tolist() == [0, 1, 2, 3, 4]
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["weights.pt"]


def test_a_full_disk_is_told_as_one(tmp_path, monkeypatch):
    @contextmanager
    def full(path):
        with atomic(path):
            yield Path("/dev/full")

    monkeypatch.setattr(torch_files, "atomic", full)
    with pytest.raises(CtkError, match="no space left on the disk"):
        torch_files.save_tensors(torch.zeros(100_000), tmp_path / "weights.pt")
    assert not list(tmp_path.iterdir())
