"""Graphs of fitted models, one at a time: columns of several networks, several features, what cannot be traced."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from ctk.components.views import Crops, Flips
from ctk.contract import Model
from ctk.errors import CtkError
from ctk.samples import Samples
from ctk.training import NetworkModel, Ridge, as_model
from ctk_export.check import TOLERANCE, compare, spread
from ctk_export.fitted import portable
from ctk_export.formats import Job, format_of

FORMATS = ("onnx", "torchscript", "safetensors")


class Two(nn.Module):
    """Reads two features, of different types; predicts in other units than it is trained in."""

    features = ("numbers", "counts")

    def __init__(self, width: int, columns: int) -> None:
        super().__init__()
        self.map = nn.Linear(width, columns)
        self.register_buffer("mean", torch.linspace(0, 1000, columns, dtype=torch.float64))

    @classmethod
    def for_samples(cls, samples, **options):
        return cls(samples.features["numbers"].shape[1] + 2, samples.target_width, **options)

    def forward(self, numbers, counts):
        return self.map(torch.cat([numbers, counts.float()], dim=1))

    def scale(self, target):
        return (target - self.mean).float()

    def unscale(self, output):
        return output.double() + self.mean


class Len(Two):
    """Asks for a tensor's len, which tracing takes for a constant."""

    def forward(self, numbers, counts):
        return super().forward(numbers.reshape(len(numbers), -1), counts)


class Branching(Two):
    """Goes one way or the other by what it reads."""

    def forward(self, numbers, counts):
        return super().forward(-numbers if numbers.sum() > 0 else numbers, counts)


@pytest.fixture
def samples():
    random = np.random.default_rng(0)
    features = {
        "numbers": random.standard_normal((80, 3)).astype(np.float32),
        "counts": random.integers(0, 9, (80, 2)),
        "unread": random.standard_normal((80, 1)),
    }
    return Samples(np.arange(80), features, target=random.standard_normal((80, 6)))


@pytest.fixture
def model(samples):
    """Makes an untrained model of a network."""

    def make(network: type[nn.Module]) -> NetworkModel:
        torch.manual_seed(1)
        made = as_model(network)()
        assert isinstance(made, NetworkModel)
        made.network = network.for_samples(samples)
        return made

    return make


def job_of(model, samples, blank=None):
    fitted = portable(model, samples)
    example = fitted.inputs(samples.take(np.arange(3)))
    return Job(fitted, example, {"run": "test"}, lambda tensors: fitted.restore(blank(), samples, tensors), 20)


def written(name, job, folder):
    form = format_of(name)
    form.write(job, folder / f"model.{form.SUFFIX}")
    return form.reader(job, folder / f"model.{form.SUFFIX}")


@pytest.mark.parametrize("name", FORMATS)
def test_a_network_of_two_features_predicts_in_the_samples_units(name, model, samples, tmp_path):
    job = job_of(model(Two), samples, as_model(Two))
    predict = written(name, job, tmp_path)
    agreement = compare(job.fitted, predict, samples, spread(samples))
    assert agreement.good
    assert predict(job.fitted.inputs(samples))[:, -1].mean() > 900  # the mean is added back
    assert predict(job.fitted.inputs(samples)).dtype == np.float32


@pytest.mark.parametrize("name", FORMATS)
def test_columns_come_from_the_last_copy_that_has_them_and_the_rest_from_the_network(name, model, samples, tmp_path):
    fitted = model(Two)
    for columns in ([4, 1, 2], [2, 5]):
        weights = {name: value + 1 + len(columns) for name, value in fitted.network.state_dict().items()}
        fitted.copies.append((np.array(columns), weights))
    job = job_of(fitted, samples, as_model(Two))
    found = written(name, job, tmp_path)(job.fitted.inputs(samples))
    assert np.allclose(found, fitted.predict(samples), rtol=1e-5)
    alone = model(Two).predict(samples)
    assert np.allclose(found[:, [0, 3]], alone[:, [0, 3]], rtol=1e-5)
    assert (found[:, [1, 2, 4, 5]] > alone[:, [1, 2, 4, 5]]).all()


class Pictures(nn.Module):
    """Reads pictures."""

    features = ("image",)

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.map = nn.Linear(6 * 8 * 3, columns)

    @classmethod
    def for_samples(cls, samples, **options):
        return cls(samples.target_width, **options)

    def forward(self, image):
        return self.map(image.reshape(image.shape[0], -1) / 255).exp()


@pytest.mark.parametrize("name", FORMATS)
def test_a_member_with_views_is_exported_with_them(name, model, samples, tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (80, 6, 8, 3)).astype(np.uint8)
    samples = replace(samples, features={"image": image})
    fitted = as_model(Pictures)()
    fitted.network = Pictures.for_samples(samples)
    plain = fitted.predict(samples)
    fitted.views = [Flips(vertical=True), Crops(positions=("center", "top-left"))]
    job = job_of(fitted, samples, as_model(Pictures))
    assert compare(job.fitted, written(name, job, tmp_path), samples, spread(samples)).good
    assert not np.allclose(job.fitted.predict(samples), plain, rtol=1e-3)


@pytest.mark.parametrize("name", FORMATS)
def test_a_ridge_reads_every_feature_side_by_side(name, samples, tmp_path):
    ridge = Ridge(alpha=1.0)
    random = np.random.default_rng(1)
    ridge.weights, ridge.x_mean, ridge.y_mean = random.random((6, 6)), random.random(6), random.random(6)
    job = job_of(ridge, samples, Ridge)
    assert job.fitted.features == ("numbers", "counts", "unread")
    agreement = compare(job.fitted, written(name, job, tmp_path), samples, spread(samples))
    assert agreement.difference < 1e-6


@pytest.mark.parametrize("name", ["onnx", "torchscript"])
def test_a_graph_of_one_batch_size_is_never_taken_for_one_of_all(name, model, samples, tmp_path):
    job = job_of(model(Len), samples)
    with pytest.raises(CtkError, match=r"cannot (write|be run)") as error:
        compare(job.fitted, written(name, job, tmp_path), samples, spread(samples))
    assert "not len(x)" in error.value.help


def test_a_network_that_branches_on_values_is_no_onnx_graph(model, samples, tmp_path):
    with pytest.raises(CtkError, match="torch cannot write this model as ONNX") as error:
        written("onnx", job_of(model(Branching), samples), tmp_path)
    assert "branch on values" in error.value.help


def test_a_traced_branch_is_found_by_the_samples_it_is_wrong_for(model, samples, tmp_path):
    job = job_of(model(Branching), samples)
    assert not compare(job.fitted, written("torchscript", job, tmp_path), samples, spread(samples)).good


def test_a_model_of_another_kind_has_no_graph(samples):
    class Trees(Model):
        def fit(self, train, valid, context): ...

        def predict(self, samples): ...

        def save(self, folder): ...

        def load(self, folder, samples, device="auto"): ...

    assert portable(Trees(), samples) is None


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        (lambda right: right, True),
        (lambda right: right * (1 + 1e-7), True),
        (lambda right: right + 2 * TOLERANCE, False),
        (lambda right: right * 1.01, False),
        (lambda right: right[:, :-1], False),
        (lambda right: right * np.nan, False),
        (lambda right: right[:, ::-1], False),
    ],
)
def test_a_prediction_agrees_up_to_rounding_and_no_further(wrong, found, model, samples):
    fitted = portable(model(Two), samples)
    by_rows = {len(fitted.inputs(samples)[0]): None}
    assert by_rows
    right = {
        row.tobytes(): value for row, value in zip(samples.features["numbers"], fitted.predict(samples), strict=True)
    }

    def predict(inputs):
        return wrong(np.stack([right[row.numpy().tobytes()] for row in inputs[0]]))

    assert compare(fitted, predict, samples, np.ones(6)).good is found
