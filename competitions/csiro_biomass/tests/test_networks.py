"""PastureNet: what it reads and gives, its pieces, fusions, heads and auxiliary targets; saved, trained, exported."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from ctk.contract import Batch, FitContext, Metric
from ctk.errors import UsageError
from ctk.samples import Samples, Targets
from ctk.training import as_model, text_codes
from ctk_csiro_biomass.columns import TARGETS
from ctk_csiro_biomass.networks.metadata import season
from ctk_csiro_biomass.networks.options import Pieces
from ctk_csiro_biomass.networks.pasture_net import PastureNet
from ctk_csiro_biomass.networks.pieces import boxes_of, cut

ALL = ["ndvi", "height", "state", "species", "date"]
TINY: dict[str, Any] = {"backbone": "test_resnet", "hidden": 8}
PERCEIVER = {"name": "perceiver", "metadata": ALL, "width": 16, "latents": 3, "layers": 1, "heads": 2}
KINDS: dict[str, dict[str, Any]] = {
    "whole": {},
    "halves": {"view": "halves", "head": "parts", "positive": True},
    "crops": {"view": {"name": "crops", "grid": [2, 3], "overlap": 0.2, "join": "mean"}, "auxiliary": {"ndvi": 0.5}},
    "mlp": {"fusion": {"name": "mlp", "metadata": ALL, "width": 8}, "scaling": "shared"},
    "perceiver": {"fusion": PERCEIVER, "view": "halves", "auxiliary": {"ndvi": 0.1, "height": 0.2}},
}


def pastures(count: int = 10, size: tuple[int, int] = (32, 64), *, known: bool = True) -> Samples:
    """Random pictures that are the greener the more grows there; as the test, without metadata, if not ``known``."""
    random = np.random.default_rng(count)
    grown = random.uniform(1, 60, (count, 3))
    picture = random.integers(0, 60, (count, *size, 3))
    picture += (3 * grown[:, None, None, [1, 0, 2]]).astype(int)
    target = np.column_stack([grown, grown[:, 0] + grown[:, 2], grown.sum(axis=1)])
    days = [f"2015-{1 + number % 12:02}-{1 + number % 28:02}" for number in range(count)]
    states = [["NSW", "Vic", "Tas", "WA"][number % 4] for number in range(count)]
    return Samples(
        ids=np.array([f"ID{number}" for number in range(count)]),
        features={
            "image": picture.clip(0, 255).astype(np.uint8),
            "ndvi": (grown[:, 0] / 60 if known else np.full(count, np.nan)).astype(np.float32),
            "height": (grown.sum(axis=1) / 3 if known else np.full(count, np.nan)).astype(np.float32),
            "state": np.array(states if known else [""] * count),
            "species": np.array(["Ryegrass_Clover" if known else ""] * count),
            "date": np.array(days if known else [""] * count),
        },
        target=target.astype(np.float32),
        targets=Targets(np.array(TARGETS), np.array(TARGETS)),
    )


def tensors(network: PastureNet, samples: Samples) -> list[torch.Tensor]:
    values = (samples.features[name] for name in network.features)
    return [text_codes(each) if each.dtype.kind == "U" else torch.from_numpy(each) for each in values]


def batch_of(samples: Samples) -> Batch:
    features = {name: torch.from_numpy(samples.features[name]) for name in ("image", "ndvi", "height")}
    return Batch(features, torch.from_numpy(samples.target), None)


@pytest.mark.parametrize("kind", KINDS)
def test_it_gives_a_row_of_targets_a_picture_with_and_without_metadata(kind):
    samples = pastures()
    network = PastureNet.for_samples(samples, **TINY, **KINDS[kind]).eval()
    for given in (samples, pastures(3, known=False)):
        output = network(*tensors(network, given))
        assert output.shape == (len(given), 5)
        assert torch.isfinite(output).all()


def test_options_that_are_no_network_are_told_in_a_sentence():
    for options, told in (
        ({"view": "halves"}, r"Halves are for wide pictures, and these are 32 x 32"),
        ({"view": {"name": "crops", "crop": [40, 8]}}, r"A crop of 40 x 8 is larger than the picture, 32 x 32"),
        ({"backbone": "resnet19"}, r"timm has no model 'resnet19'"),
    ):
        with pytest.raises(UsageError, match=told):
            PastureNet.for_samples(pastures(4, (32, 32)), **{**TINY, **options})
    bare = Samples(np.arange(2), {}, np.zeros((2, 5), np.float32))
    with pytest.raises(UsageError, match="no feature 'image'"):
        PastureNet.for_samples(bare, **TINY)


def test_pieces_cover_the_picture_and_overlap_as_asked():
    assert boxes_of(Pieces(name="halves"), (10, 21)) == [(0, 0, 10, 10), (0, 11, 10, 10)]
    assert boxes_of(Pieces(name="crops", grid=(1, 3), overlap=0.5), (10, 40)) == [
        (0, 0, 10, 20), (0, 10, 10, 20), (0, 20, 10, 20)
    ]  # fmt: skip
    assert boxes_of(Pieces(name="crops", grid=(2, 2), crop=(3, 4)), (10, 10))[-1] == (7, 6, 3, 4)
    pictures = torch.arange(2 * 4 * 8 * 3).reshape(2, 4, 8, 3)
    left, right = cut(pictures, boxes_of(Pieces(name="halves"), (4, 8))).unbind(1)
    assert torch.equal(torch.cat([left, right], dim=2), pictures)


def test_sums_of_parts_hold_and_nothing_is_below_zero():
    samples = pastures()
    network = PastureNet.for_samples(samples, **TINY, head="parts", positive=True, scaling="shared").eval()
    with torch.no_grad():
        network.head.layers[-1].bias -= 5
    green, dead, clover, living, total = network.unscale(network(*tensors(network, samples))).unbind(1)
    assert_close(living, green + clover)
    assert_close(total, living + dead)
    assert all((each >= -1e-4).all() for each in (green, dead, clover))


@pytest.mark.parametrize("scaling", ["column", "shared"])
def test_targets_are_scaled_by_the_training_rows_and_back(scaling):
    samples = pastures()
    network = PastureNet.for_samples(samples, **TINY, scaling=scaling)
    target = torch.from_numpy(samples.target)
    scaled = network.scale(target)
    assert_close(network.unscale(scaled), target, atol=1e-4, rtol=0)
    flat = scaled.mean(0) if scaling == "column" else scaled.mean()
    assert_close(flat, torch.zeros_like(flat), atol=1e-5, rtol=0)


def test_unknown_metadata_is_the_mean_of_the_training_rows():
    samples, few = pastures(), pastures(4)
    network = PastureNet.for_samples(samples, **TINY, fusion={"name": "mlp", "metadata": ["ndvi", "height"]}).eval()
    image, ndvi, height = tensors(network, few)
    means = [torch.full((4,), float(samples.features[name].mean())) for name in ("ndvi", "height")]
    unknown = network(image, torch.full_like(ndvi, torch.nan), torch.full_like(height, torch.nan))
    assert_close(unknown, network(image, *means), atol=1e-5, rtol=1e-4)


def test_a_category_that_training_lacks_is_as_unknown_and_others_differ():
    samples = pastures()
    network = PastureNet.for_samples(samples, **TINY, fusion={"name": "mlp", "metadata": ["state"]}).eval()
    image = torch.from_numpy(samples.features["image"][:1])
    of = {state: network(image, text_codes(np.array([state]))) for state in ("", "QLD", "NSW", "WA")}
    assert torch.equal(of[""], of["QLD"])
    assert not torch.equal(of["NSW"], of["WA"])
    assert network.input_normalization()["metadata"]["state"]["categories"] == ["NSW", "Vic", "Tas", "WA"]


def test_a_date_is_its_day_of_the_year():
    found = season(text_codes(np.array(["2015-01-01", "2016-07-01", ""])))
    days = 2 * np.pi * np.array([1, 182]) / 365.25
    assert_close(found[:2].double(), torch.from_numpy(np.column_stack([np.sin(days), np.cos(days)])), atol=1e-5, rtol=0)
    assert torch.isnan(found[2]).all()


def test_the_auxiliary_loss_is_of_what_is_known_alone():
    samples = pastures()
    network = PastureNet.for_samples(samples, **TINY, auxiliary={"ndvi": 2.0, "height": 0.5}).train()
    samples.features["ndvi"][3:] = np.nan
    network(torch.from_numpy(samples.features["image"]))
    embedded = network._embedded
    loss = network.auxiliary_loss(batch_of(samples))
    head = network.auxiliary
    predicted = head.layer(embedded).detach().numpy().astype(np.float64)
    expected = 0.0
    for column, (name, weight) in enumerate({"ndvi": 2.0, "height": 0.5}.items()):
        mean, std = float(head.standardised.mean[column]), float(head.standardised.std[column])
        apart = np.abs((samples.features[name] - mean) / std - predicted[:, column])
        each = np.where(apart < 1, apart**2 / 2, apart - 0.5)
        expected += weight * np.where(np.isnan(each), 0, each).sum() / len(samples)
    assert loss.item() == pytest.approx(expected, rel=1e-4)
    loss.backward()
    assert all(parameter.grad is not None for parameter in network.backbone.parameters())


def test_hidden_rows_are_given_no_metadata_in_training_alone():
    samples = pastures()
    options = {"name": "mlp", "metadata": ALL, "hide": 0.999999}
    network = PastureNet.for_samples(samples, **TINY, fusion=options)
    lacking = pastures(known=False)
    torch.manual_seed(0)
    trained = network.train()(*tensors(network, samples))
    assert torch.equal(trained, network(*tensors(network, lacking)))
    network.eval()
    assert not torch.equal(network(*tensors(network, samples)), network(*tensors(network, lacking)))


def test_a_saved_network_is_made_again_where_no_training_rows_are():
    options = {**TINY, "fusion": {"name": "mlp", "metadata": ALL}, "auxiliary": {"ndvi": 1.0}, "positive": True}
    first = PastureNet.for_samples(pastures(), **options).eval()
    second = PastureNet.for_samples(pastures().take(np.arange(0)), **options).eval()
    second.load_state_dict(first.state_dict())
    given = pastures(4)
    assert_close(second.unscale(second(*tensors(second, given))), first.unscale(first(*tensors(first, given))))


@pytest.mark.parametrize("kind", KINDS)
def test_it_can_be_exported_for_any_number_of_pictures(kind):
    samples = pastures(7)
    network = PastureNet.for_samples(samples, **TINY, **KINDS[kind]).eval()
    given, others = tensors(network, samples.take(np.arange(3))), tensors(network, samples)
    count = torch.export.Dim("count")
    further = (({0: count},) * (len(given) - 1),) if len(given) > 1 else ()
    exported = torch.export.export(network, tuple(given), dynamic_shapes=({0: count}, *further))
    assert_close(exported.module()(*others), network(*others), atol=1e-5, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "form"), [("perceiver", "onnx"), ("perceiver", "torchscript"), ("crops", "torchscript")]
)
def test_what_is_exported_predicts_what_the_network_does(tmp_path, kind, form):
    pytest.importorskip("ctk_export")
    from ctk_export.check import compare, spread
    from ctk_export.fitted import portable
    from ctk_export.formats import Job, format_of

    samples, test = pastures(20), pastures(30, known=False)
    model = as_model(PastureNet)(**TINY, **KINDS[kind])
    model.network = PastureNet.for_samples(samples, **TINY, **KINDS[kind]).eval()
    fitted = portable(model, samples)
    job = Job(fitted, fitted.inputs(test.take(np.arange(3))), {}, lambda tensors: fitted, 20)
    format_of(form).write(job, tmp_path / "file")
    read = format_of(form).reader(job, tmp_path / "file")
    for given in (samples, test):
        assert compare(fitted, read, given, spread(samples)).good


def fitted(folder, samples: Samples, valid: Samples, epochs: int = 1, **options: Any):
    metric = Metric("rmse", "min", lambda made, known: float(((made - known.target) ** 2).mean() ** 0.5))
    model = as_model(PastureNet)(**TINY, **options)
    model.training = model.schema.model_validate(
        {"loss": "smooth-l1", "epochs": epochs, "batch": {"size": 4}, "optimizer": {"name": "adamw", "lr": 0.003}}
    )
    model.fit(samples, valid, FitContext(folder, 1, metric, "cpu"))
    return model


def test_a_fit_with_auxiliary_targets_predicts_without_metadata_and_is_saved_whole(tmp_path):
    samples, test = pastures(12), pastures(5, known=False)
    model = fitted(tmp_path / "fit", samples, pastures(4), auxiliary={"ndvi": 1.0, "height": 1.0})
    predicted = model.predict(test)
    assert model.network.features == ("image",)
    (tmp_path / "saved").mkdir()
    model.save(tmp_path / "saved")
    again = as_model(PastureNet)(**TINY, auxiliary={"ndvi": 1.0, "height": 1.0})
    again.load(tmp_path / "saved", pastures(9), "cpu")
    assert np.array_equal(again.predict(test), predicted)


def test_auxiliary_targets_are_part_of_what_is_trained(tmp_path):
    samples, valid = pastures(12), pastures(4)
    with_them = fitted(tmp_path / "with", samples, valid, auxiliary={"ndvi": 5.0})
    blind = pastures(12)
    blind.features["ndvi"][:] = np.nan
    without = fitted(tmp_path / "without", blind, valid, auxiliary={"ndvi": 5.0})
    assert with_them.curve[0]["loss"] > without.curve[0]["loss"]
    assert not np.array_equal(with_them.predict(valid), without.predict(valid))
