"""Networks: inputs and targets are where their names say, statistics travel with weights, sizes are the sources'."""

import numpy as np
import pytest
import torch

from ctk.errors import UsageError
from ctk.samples import Samples, Targets
from ctk.training import as_model
from ctk_leap_climsim.columns import GROUPS, INPUTS, LEVELS, SCALARS, SERIES, SURFACE, TARGETS, TENDENCIES, ZERO
from ctk_leap_climsim.networks.base import BOUND, CHANNELS, OUTPUTS, ColumnNetwork
from ctk_leap_climsim.networks.conv_bilstm_transformer import ConvBiLSTMTransformer
from ctk_leap_climsim.networks.lstm_attention import LSTMAttention
from ctk_leap_climsim.networks.mlp import ColumnMLP
from ctk_leap_climsim.networks.res_bilstm import ResBiLSTM

STILL = TARGETS.index("ptend_t_3")


def make_samples(rows=200, seed=0):
    """Targets of very different sizes, one that never varies, and the columns that count as zero."""
    random = np.random.default_rng(seed)
    columns = random.normal(size=(rows, len(INPUTS))).astype(np.float32)
    size = 10.0 ** random.uniform(-22, 3, len(TARGETS))
    target = (np.tanh(columns @ random.normal(size=(len(INPUTS), len(TARGETS))) / 30) + 2) * size
    target[:, ZERO] = 1e-30 * random.normal(size=(rows, ZERO.sum()))
    target[:, STILL] = 7.25
    constants = {
        "feature_mean": columns.mean(0, dtype=np.float64),
        "feature_std": columns.std(0, dtype=np.float64),
        "target_mean": target.mean(0),
        "target_std": target.std(0),
        "weights": np.where(ZERO, 0.0, 1.0),
    }
    return Samples(
        np.arange(rows),
        {"columns": columns},
        target,
        constants=constants,
        targets=Targets(np.array(TARGETS), GROUPS),
    )


def plain_constants():
    """Statistics with which inputs and targets stay as they are."""
    ones, zeros = np.ones(len(INPUTS)), np.zeros(len(INPUTS))
    wide = len(TARGETS)
    return {
        "feature_mean": zeros,
        "feature_std": ones,
        "target_mean": zeros[:wide],
        "target_std": ones[:wide],
        "weights": ones[:wide],
    }


SMALL = [
    (ColumnMLP, {"hidden": 16}),
    (ResBiLSTM, {"hidden": 6, "layers": 3}),
    (LSTMAttention, {"wide": 8, "hidden": 6, "layers": 1}),
    (ConvBiLSTMTransformer, {"hidden": 4, "layers": 1, "feedforward": 8, "head": (8,)}),
    (ConvBiLSTMTransformer, {"hidden": 4, "layers": 2, "multiples": (1, 1, 2), "inputs": False, "head": (9, 8)}),
]


@pytest.mark.parametrize(("network", "options"), SMALL)
def test_networks_map_556_inputs_to_368_scaled_targets(network, options):
    samples = make_samples(7)
    made = network.for_samples(samples, **options)
    output = made(torch.from_numpy(samples.features["columns"]))
    assert output.shape == (7, 368)
    assert output.dtype == torch.float32
    output.square().mean().backward()
    assert all(parameter.grad is not None for parameter in made.parameters())


@pytest.mark.parametrize(("network", "options"), SMALL)
def test_networks_learn(network, options):
    torch.manual_seed(0)
    samples = make_samples()
    made = network.for_samples(samples, **options)
    columns, target = torch.from_numpy(samples.features["columns"]), made.scale(torch.from_numpy(samples.target))
    optimizer = torch.optim.Adam(made.parameters(), 0.01)
    losses = []
    for _ in range(40):
        loss = (made(columns) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.95 * losses[0]


class Copies(ColumnNetwork):
    """Gives each state as its tendency, and the first scalars as surface fluxes."""

    def forward(self, columns):
        levels = self.levels(columns)
        series = [len(SCALARS) + SERIES.index(name.replace("ptend", "state")) for name in TENDENCIES]
        return self.targets_of_mean(torch.cat([levels[..., series], levels[..., : len(SURFACE)]], dim=2))


def test_what_a_network_copies_from_an_input_is_found_at_the_target_of_that_name():
    columns = np.random.default_rng(0).normal(size=(5, len(INPUTS))).astype(np.float32)
    output = Copies(plain_constants())(torch.from_numpy(columns)).numpy()
    for name in TENDENCIES:
        for level in range(LEVELS):
            state = columns[:, INPUTS.index(f"{name.replace('ptend', 'state')}_{level}")]
            assert np.array_equal(output[:, TARGETS.index(f"{name}_{level}")], state)
    for scalar, flux in zip(SCALARS, SURFACE, strict=False):
        assert output[:, TARGETS.index(flux)] == pytest.approx(columns[:, INPUTS.index(scalar)], rel=1e-5)


def test_levels_are_the_scalars_at_each_level_and_the_series():
    columns = np.random.default_rng(0).normal(size=(3, len(INPUTS))).astype(np.float32)
    levels = Copies(plain_constants()).levels(torch.from_numpy(columns)).numpy()
    assert levels.shape == (3, LEVELS, CHANNELS)
    for channel, name in enumerate(SCALARS):
        assert (levels[:, :, channel] == columns[:, [INPUTS.index(name)]]).all()
    for channel, name in enumerate(SERIES, start=len(SCALARS)):
        first = INPUTS.index(f"{name}_0")
        assert np.array_equal(levels[:, :, channel], columns[:, first : first + LEVELS])


def test_lstm_attention_reads_surface_fluxes_at_the_lowest_level():
    made = LSTMAttention(plain_constants(), wide=4, hidden=4, layers=1)
    by_level = []
    made.head.register_forward_hook(lambda *call: by_level.append(call[-1]))
    output = made(torch.randn(2, len(INPUTS)))
    assert by_level[0].shape == (2, LEVELS, OUTPUTS)
    assert torch.equal(output[:, -8:], by_level[0][:, -1, 6:])
    assert torch.equal(output[:, 60:120], by_level[0][:, :, 1])


def test_scaled_targets_have_mean_0_and_deviation_1_at_any_size():
    samples = make_samples()
    made = ColumnMLP.for_samples(samples, hidden=4)
    scaled = made.scale(torch.from_numpy(samples.target)).double().numpy()
    varying = ~ZERO & (np.arange(len(TARGETS)) != STILL)
    assert samples.constants["target_std"][varying].min() < 1e-20
    assert scaled[:, varying].mean(0) == pytest.approx(0, abs=1e-6)
    assert scaled[:, varying].std(0) == pytest.approx(1, abs=1e-6)
    assert (scaled[:, ~varying] == 0).all()


def test_scaling_is_weighting_and_standardising_with_both_floors():
    std = np.array([1e-30, 1e-23, 1e-20, 1e-15, 1e-3, 10.0])
    constants = plain_constants()
    constants["target_std"] = np.resize(std, len(TARGETS))
    constants["target_mean"] = np.resize(np.arange(6) * std, len(TARGETS))
    target = np.resize(std * 2.5, (3, len(TARGETS)))
    weight = 1 / np.maximum(constants["target_std"], 1e-15)
    weighted = (target - constants["target_mean"]) * weight
    wanted = weighted / np.maximum(constants["target_std"] * weight, 1e-8)
    found = Copies(constants).scale(torch.from_numpy(target)).numpy()
    assert found == pytest.approx(wanted, rel=1e-6)


def test_unscaling_brings_the_targets_back():
    samples = make_samples()
    made = ColumnMLP.for_samples(samples, hidden=4)
    back = made.unscale(made.scale(torch.from_numpy(samples.target)))
    assert back.dtype == torch.float32
    assert np.abs(back.numpy() - samples.target).max(0) == pytest.approx(0, abs=1e-5 * samples.target.max())
    varying = samples.constants["target_std"] > 1e-25
    assert (np.abs(back.numpy() - samples.target)[:, varying] / samples.constants["target_std"][varying]).max() < 1e-5


def test_columns_that_do_not_vary_or_count_as_zero_are_predicted_as_their_mean_exactly():
    samples = make_samples()
    made = ColumnMLP.for_samples(samples, hidden=4)
    predicted = made.unscale(100 * torch.randn(9, len(TARGETS)))
    assert (predicted[:, STILL] == 7.25).all()
    mean = torch.from_numpy(samples.constants["target_mean"][ZERO]).float()
    assert (predicted[:, torch.from_numpy(ZERO)] == mean).all()


def test_inputs_that_never_varied_in_training_do_not_explode():
    samples = make_samples()
    samples.constants["feature_std"][:10] = 0.0
    made = ColumnMLP.for_samples(samples, hidden=4)
    columns = samples.features["columns"].copy()
    columns[:, :10] += 1e6
    assert float(made.standardise(torch.from_numpy(columns)).abs().max()) == BOUND


def test_statistics_are_saved_with_the_weights(tmp_path):
    samples, other = make_samples(), make_samples(seed=1)
    model = as_model(ColumnMLP)(hidden=8)
    model.network = ColumnMLP.for_samples(samples, hidden=8)
    model.save(tmp_path)
    loaded = as_model(ColumnMLP)(hidden=8)
    loaded.load(tmp_path, other)
    assert not np.array_equal(samples.constants["target_mean"], other.constants["target_mean"])
    assert np.array_equal(loaded.predict(samples), model.predict(samples))


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def bilstm_parameters(inputs, hidden):
    """Two directions, four gates: input weights, recurrent weights, torch's two biases."""
    return 2 * 4 * hidden * (inputs + hidden + 2)


@pytest.mark.parametrize(("hidden", "layers"), [(256, 8), (300, 8), (256, 10)], ids=["014 and 015", "021", "022"])
def test_res_bilstm_has_the_parameters_of_its_lstms_norms_and_head(hidden, layers):
    lstms = bilstm_parameters(25, hidden) + (layers - 1) * bilstm_parameters(2 * hidden, hidden)
    norms = layers * 2 * 60 * 2 * hidden
    head = 2 * hidden * 14 + 14
    made = ResBiLSTM(plain_constants(), hidden=hidden, layers=layers)
    assert parameters(made) == lstms + norms + head


def test_the_other_networks_have_the_parameters_of_their_parts():
    stacks = bilstm_parameters(25, 400) + 2 * bilstm_parameters(800, 400)
    stacks += bilstm_parameters(800, 256) + 2 * bilstm_parameters(512, 256)
    assert parameters(LSTMAttention(plain_constants())) == stacks + 4 * (512 * 512 + 512) + 512 * 14 + 14

    convolutions = sum(25 * multiple * (25 * span + 1) for span, multiple in ((2, 2), (4, 3), (6, 2)))
    lstms = bilstm_parameters(200, 256) + 4 * bilstm_parameters(512, 256)
    transformer = 4 * (512 * 512 + 512) + 512 * 1024 + 1024 + 1024 * 512 + 512 + 2 * 2 * 512
    head = (512 + 512 + 200) * 256 + 256 + 256 * 14 + 14
    made = parameters(ConvBiLSTMTransformer(plain_constants()))
    assert made == convolutions + 2 * 200 + lstms + transformer + head


def by_hand(network, columns, activated, residual_from, stream_of):
    """The forward pass as the sources word it, every layer's output kept."""
    gelu, outputs, x = torch.nn.functional.gelu, {}, network.levels(columns)
    for layer in range(1, len(network.lstms) + 1):
        x = network.norms[layer - 1][0](network.lstms[layer - 1](x)[0])
        if layer in activated:
            x = gelu(x)
        if layer == residual_from:
            x = gelu(0.7 * x + 0.3 * outputs[stream_of])
        elif layer > residual_from:
            x = gelu(0.7 * x + 0.3 * outputs[layer - 1])
        outputs[layer] = x
    by_level = network.head(x)
    return torch.cat([by_level[:, :, :6].transpose(1, 2).flatten(1), by_level[:, :, 6:].mean(1)], dim=1)


@pytest.mark.parametrize(
    ("activated", "residual_from", "stream"),
    [((1, 3, 5), 3, 1), ((1, 2, 3), 4, 3), ((1,), 2, 1)],
    ids=["014", "015", "021"],
)
def test_the_residual_stream_begins_and_goes_on_as_in_the_presets(activated, residual_from, stream):
    torch.manual_seed(0)
    made = ResBiLSTM(
        plain_constants(), hidden=5, layers=6, activated=activated, residual_from=residual_from, stream=stream
    )
    columns = torch.randn(3, len(INPUTS))
    assert torch.allclose(made(columns), by_hand(made, columns, activated, residual_from, stream), atol=1e-6)


def test_a_keras_start_has_orthogonal_recurrences_and_an_open_forget_gate():
    made = ResBiLSTM(plain_constants(), hidden=8, layers=2, start="keras")
    for lstm in made.lstms:
        recurrent = lstm.weight_hh_l0_reverse
        assert torch.allclose(recurrent.T @ recurrent, torch.eye(8), atol=1e-5)
        assert lstm.bias_ih_l0.tolist() == [0.0] * 8 + [1.0] * 8 + [0.0] * 16
        assert not lstm.bias_hh_l0.any()
    assert not made.head.bias.any()


def test_a_stream_that_begins_too_late_is_an_error():
    with pytest.raises(UsageError, match="begins with layer 3, but is added from 3 on"):
        ResBiLSTM(plain_constants(), residual_from=3, stream=3)
