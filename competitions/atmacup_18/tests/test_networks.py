"""NN1 and NN2: what they read and give, that padding never matters, that they are saved whole and exported."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from ctk.errors import UsageError
from ctk.samples import Samples
from ctk_atmacup_18.networks.base import SCALARS
from ctk_atmacup_18.networks.nn1 import NN1
from ctk_atmacup_18.networks.nn2 import NN2
from ctk_atmacup_18.networks.recurrent import MaskedBiLSTM

TINY = {"backbone": "test_resnet"}


def drives(count: int = 12, height: int = 64, width: int = 128) -> Samples:
    random = np.random.default_rng(0)
    scalars = {name: random.normal(3, 2, count).astype(np.float32) for name in SCALARS}
    frames = random.integers(0, 256, (count, 3, height, width, 3), dtype=np.uint8)
    return Samples(
        ids=np.arange(count),
        features={"frames": frames, **scalars},
        target=random.normal(5, 3, (count, 18)).astype(np.float32),
    )


def tensors(samples: Samples, rows: slice | list[int] = slice(None)) -> list[torch.Tensor]:
    return [torch.from_numpy(samples.features[name])[rows] for name in ("frames", *SCALARS)]


def scenes(samples: Samples, lengths: list[int]) -> list[torch.Tensor]:
    """The samples as padded scenes; padding holds what must not matter."""
    longest, mask = max(lengths), torch.zeros(len(lengths), max(lengths), dtype=torch.bool)
    for scene, length in enumerate(lengths):
        mask[scene, :length] = True
    padded = []
    for values in tensors(samples):
        whole = torch.full((len(lengths), longest, *values.shape[1:]), 77, dtype=values.dtype)
        whole[mask] = values
        padded.append(whole)
    return [*padded, mask]


@pytest.mark.parametrize(("height", "width"), [(64, 128), (32, 64)])
def test_nn1_gives_a_row_of_scaled_targets_a_sample(height, width):
    samples = drives(height=height, width=width)
    assert NN1.for_samples(samples, **TINY)(*tensors(samples)).shape == (12, 18)


def test_frames_are_brought_to_a_size():
    samples = drives(count=2)
    for size in (96, (48, 96)):
        assert NN1.for_samples(samples, backbone="test_vit", size=size)(*tensors(samples)).shape == (2, 18)


def test_targets_are_scaled_by_the_training_rows_and_back():
    samples = drives()
    network = NN1.for_samples(samples, **TINY)
    target = torch.from_numpy(samples.target)
    scaled = network.scale(target)
    assert_close(scaled.mean(0), torch.zeros(18), atol=1e-5, rtol=0)
    assert_close(scaled.std(0, correction=0), torch.ones(18), atol=1e-4, rtol=0)
    assert_close(network.unscale(scaled), target, atol=1e-4, rtol=0)


def test_what_does_not_vary_or_is_missing_gives_numbers():
    samples = drives()
    samples.features["gas"][:] = np.nan
    samples.features["vEgo"][3] = np.nan
    samples.features["leftBlinker"][:] = 0
    samples.target[:, 2] = 0
    network = NN1.for_samples(samples, **TINY).eval()
    output = network(*tensors(samples))
    assert torch.isfinite(output).all()
    assert torch.isfinite(network.scale(torch.from_numpy(samples.target))).all()
    samples.features["vEgo"][3] = float(np.nanmean(samples.features["vEgo"].astype(np.float64)))
    assert_close(network(*tensors(samples))[3], output[3], atol=1e-5, rtol=1e-4)


def test_a_saved_network_brings_its_own_statistics():
    samples, others = drives(), drives(count=5)
    first = NN1.for_samples(samples, **TINY).eval()
    second = NN1.for_samples(others, **TINY).eval()
    second.load_state_dict(first.state_dict())
    assert_close(second.unscale(second(*tensors(samples))), first.unscale(first(*tensors(samples))))


def test_samples_without_frames_are_refused():
    with pytest.raises(UsageError, match="no feature 'frames'"):
        NN2.for_samples(Samples(ids=np.arange(2), features={}, target=np.zeros((2, 18), np.float32)))


def test_padding_changes_no_row_of_nn2():
    """Neither its numbers nor how many of it there are; in training the backbone's batch norms do not see it."""
    samples = drives()
    network = NN2.for_samples(samples, **TINY).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    *inputs, mask = scenes(samples, [3, 1, 6, 2])
    outputs = network(*inputs, mask)[mask]
    seen = {name: value.clone() for name, value in network.state_dict().items() if "running" in name}
    network.load_state_dict(before)
    for values in inputs:
        values[~mask] = 0
    longer = [torch.cat([values, values.flip(0)[:, :2]], dim=1) for values in inputs]
    wide = torch.cat([mask, torch.zeros(4, 2, dtype=torch.bool)], dim=1)
    assert_close(network(*longer, wide)[wide], outputs)
    assert_close({name: value for name, value in network.state_dict().items() if "running" in name}, seen)


def test_each_scene_of_nn2_is_as_if_it_were_alone():
    samples, lengths = drives(), [3, 1, 6, 2]
    network = NN2.for_samples(samples, **TINY).eval()
    *inputs, mask = scenes(samples, lengths)
    together = network(*inputs, mask)[mask]
    ends = np.cumsum(lengths)
    for start, end in zip(ends - lengths, ends, strict=True):
        own = [values[None] for values in tensors(samples, slice(int(start), int(end)))]
        alone = network(*own, torch.ones(1, int(end - start), dtype=torch.bool))[0]
        assert_close(alone, together[start:end], atol=1e-5, rtol=1e-4)


def test_the_lstm_equals_packed_sequences():
    lengths = torch.tensor([3, 1, 6, 2])
    own = MaskedBiLSTM(5, 4, 2)
    packed = nn.LSTM(5, 4, 2, bidirectional=True, batch_first=True)
    for layer in range(2):
        for suffix, part in (("", own.onward[layer]), ("_reverse", own.back[layer])):
            for name, value in part.named_parameters():
                packed.get_parameter(f"{name[:-1]}{layer}{suffix}").data.copy_(value)
    x = torch.randn(4, 6, 5)
    mask = torch.arange(6) < lengths[:, None]
    expected, _ = nn.utils.rnn.pad_packed_sequence(
        packed(nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))[0],
        batch_first=True,
    )
    assert_close(own(x, mask)[mask], expected[mask])


def test_the_head_alone_can_be_named_for_training():
    network = NN2.for_samples(drives(count=3), **TINY)
    parts = {name.split(".")[0] for name, _ in network.named_parameters()}
    assert parts == {"backbone", "scalars", "lstm", "head"}


@pytest.mark.parametrize("kind", [NN1, NN2])
def test_it_can_be_exported_for_any_number_of_rows_or_scenes(kind):
    samples = drives(count=15)
    network = kind.for_samples(samples, **TINY).eval()
    given, others = (tensors(samples, [0, 1, 2]), tensors(samples))
    if kind is NN2:
        few = samples.take(np.arange(12))
        given, others = scenes(few, [3, 6, 1, 2]), scenes(samples, [6, 1, 6, 1, 1])
    count = torch.export.Dim("count")
    exported = torch.export.export(network, tuple(given), dynamic_shapes=({0: count}, ({0: count},) * (len(given) - 1)))
    there = others[-1] if kind is NN2 else slice(None)
    assert_close(exported.module()(*others)[there], network(*others)[there], atol=1e-5, rtol=1e-4)
