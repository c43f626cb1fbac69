"""Views: a prediction is the mean over looks, rows are read once, and validations within a fit have the plain look."""

from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import nn

from ctk.config.training_keys import Training
from ctk.contract import FitContext, Metric, View
from ctk.errors import PluginError, UsageError
from ctk.plugins import Component, Plugin, Plugins
from ctk.samples import Samples
from ctk.training.datasets import FeaturesDataset
from ctk.training.forward import output
from ctk.training.network import as_model

SEEN = []
"""What the network below was called with while it did not train."""


class Net(nn.Module):
    features = ("image", "x")

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4 * 6 * 3 + 2, 2)
        nn.init.normal_(self.head.weight)

    @classmethod
    def for_samples(cls, samples):
        return cls()

    def forward(self, image, x):
        if not self.training:
            SEEN.append(image.clone())
        return self.head(torch.cat([image.flatten(1) / 255, x], dim=1))

    def unscale(self, made):
        return made**2  # so that it matters in which units the mean is taken


class Lanes(Net):
    features = ("image", "x", "mask")

    def forward(self, image, x, mask):
        return self.head(torch.cat([image.flatten(2) / 255, x], dim=2)).cumsum(1)


class Shift(View):
    """Adds a number to x, and takes it from the prediction."""

    def __init__(self, *, by: float = 1.0) -> None:
        self.by = by

    def count(self):
        return 2

    def look(self, features, number):
        return {**features, "x": features["x"] + self.by * (number + 1)}

    def undo(self, prediction, number):
        return prediction - self.by


class OfSamples(Shift):
    @classmethod
    def for_samples(cls, samples, **options):
        return cls(by=float(samples.constants["by"]))


class Odd(View):
    looks, seen, undone = 1, None, None

    def count(self):
        return self.looks

    def look(self, features, number):
        return type(self).seen(features) if self.seen else features

    def undo(self, prediction, number):
        return type(self).undone(prediction) if self.undone else prediction


METRIC = Metric("mae", "min", lambda prediction, samples: float(np.abs(prediction - samples.target).mean()))


@pytest.fixture(autouse=True)
def views():
    """A registry that knows this module's views and the core's."""
    SEEN.clear()
    own = {"shift": Shift, "of-samples": OfSamples, "odd": Odd}
    core = {"flips": "ctk.components.views:Flips", "crops": "ctk.components.views:Crops"}
    offers = [Component("views", name, thing, "", "tests", "tests") for name, thing in (own | core).items()]
    offers.append(Component("losses", "smooth-l1", "ctk.components.smooth_l1:SmoothL1", "", "tests", "tests"))
    known = Plugins([Plugin("tests", "tests", "1", "tests", offers=offers, loaded=True)])
    with patch("ctk.plugins.guard.guards.plugins", lambda: known), patch("ctk.training.network.plugins", lambda: known):
        yield known


def make_samples(rows=30):
    random = np.random.default_rng(0)
    features = {
        "image": random.integers(0, 256, (rows, 4, 6, 3)).astype(np.uint8),
        "x": random.normal(size=(rows, 2)).astype(np.float32),
    }
    target = random.normal(size=(rows, 2)).astype(np.float32)
    groups = {"scene": np.arange(rows) // 4}
    return Samples(np.arange(rows), features, target, groups, constants={"by": np.array(3.0)})


def fit(folder, *tta, network=Net, **training):
    samples, model = make_samples(), as_model(network)()
    model.training = Training(**{"loss": "smooth-l1", "epochs": 2, "batch": {"size": 8}, "tta": tta} | training)
    train, valid = samples.take(np.arange(20)), samples.take(np.arange(20, 30))
    model.fit(train, valid, FitContext(folder, 5, METRIC, "cpu"))
    return model


def plain(model, image=lambda pictures: pictures, x=0.0):
    """What the network alone predicts of changed features."""
    features = {name: torch.from_numpy(values.copy()) for name, values in make_samples().features.items()}
    with torch.no_grad():
        return output(model.network.eval(), {"image": image(features["image"]), "x": features["x"] + x}, "cpu").numpy()


def test_the_prediction_is_the_mean_of_the_plain_look_and_of_all_views(tmp_path):
    model = fit(tmp_path, {"name": "flips", "vertical": True}, {"name": "shift", "by": 0.5})
    looks = [plain(model, lambda pictures, axes=axes: pictures.flip(axes)) for axes in ([], [2], [1], [1, 2])]
    looks += [plain(model, x=0.5) - 0.5, plain(model, x=1.0) - 0.5]
    np.testing.assert_allclose(model.predict(make_samples()), np.mean(looks, 0), rtol=1e-5)


def test_a_fit_is_the_same_with_views_and_its_validations_have_the_plain_look(tmp_path):
    with_views, without = fit(tmp_path / "1", "flips"), fit(tmp_path / "2")
    assert with_views.curve == without.curve
    known = {row.tobytes() for row in make_samples().features["image"]}
    assert {row.numpy().tobytes() for rows in SEEN for row in rows} <= known
    assert not np.array_equal(with_views.predict(make_samples()), without.predict(make_samples()))


def test_each_block_of_rows_is_read_once_whatever_the_looks(tmp_path):
    model, read, original = fit(tmp_path, "flips", "crops"), [], FeaturesDataset.__getitem__
    model.at_once = 8
    with patch.object(FeaturesDataset, "__getitem__", lambda self, rows: read.append(rows) or original(self, rows)):
        SEEN.clear()
        model.predict(make_samples())
    assert sum(rows.stop - rows.start for rows in read) == 30
    assert len(SEEN) == len(read) * 7


def test_what_was_saved_predicts_by_the_same_views(tmp_path):
    model = fit(tmp_path / "fit", "flips", "of-samples")
    model.save(tmp_path)
    loaded = as_model(Net)()
    loaded.training = model.training
    loaded.load(tmp_path, make_samples())
    np.testing.assert_array_equal(loaded.predict(make_samples()), model.predict(make_samples()))


def test_sequences_are_looked_at_row_by_row_and_stay_sequences(tmp_path):
    model = fit(tmp_path, "flips", network=Lanes, batch={"size": 8, "by": "scene", "as": "sequences"})
    predicted, model.views = model.predict(make_samples()), []
    samples = make_samples()
    mirrored = Samples(samples.ids, {**samples.features, "image": samples.features["image"][:, :, ::-1].copy()},
                       samples.target, samples.groups)  # fmt: skip
    np.testing.assert_allclose(predicted, (model.predict(samples) + model.predict(mirrored)) / 2, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("shape", [(2, 8, 16, 3), (2, 3, 8, 16, 1)])
def test_a_crop_is_a_part_of_the_picture_at_the_size_of_the_whole(views, dtype, shape):
    crops = views.get("views", "crops").load()(pictures="p", share=0.5, positions=("center", "bottom-right"))
    column = torch.arange(shape[-2], dtype=torch.float32)
    pictures = (column[:, None] * 10).expand(shape).to(dtype).contiguous()
    seen = crops.look({"p": pictures, "x": column}, 1)
    assert seen["x"] is column
    assert seen["p"].dtype == dtype
    assert seen["p"].shape == shape
    inside = 80 + torch.arange(1, 15) * 5 - 2.5  # from column 8 on, at twice the size
    np.testing.assert_allclose(seen["p"][0, ..., 1:-1, 0].reshape(-1, 14)[0].float(), inside, atol=0.5)
    assert crops.count() == 2
    assert float(crops.look({"p": pictures}, 0)["p"].float().mean()) == pytest.approx(75, abs=1)


def test_views_that_do_not_fit_the_network_are_refused_before_the_fit(tmp_path):
    for options, told in (
        ({"pictures": "imag"}, r"looks at the feature 'imag', which the network does not read"),
        ({"pictures": "x"}, r"is of pictures .*, and the feature 'x' is float32 \(N, 2\)"),
        ({"horizontal": False}, r"mirrors nothing"),
    ):
        with pytest.raises(UsageError, match=told):
            fit(tmp_path, {"name": "flips", **options})
    assert not (tmp_path / "stage-1").exists()


@pytest.mark.parametrize(
    ("attribute", "value", "told"),
    [
        ("looks", 0, "counts 0 looks, and a whole number of at least 1 is needed"),
        ("seen", lambda features: 3, "gave a int, and features by name are needed"),
        ("seen", lambda features: {"x": features["x"]}, "took away the feature 'image'"),
        ("seen", lambda features: {**features, "x": features["x"].double()},
         "made the feature 'x', float32 (1, 2) on cpu, float64 (1, 2) on cpu"),
        ("undone", lambda made: made[:, :1], "brought a prediction, float32 (30, 2) on cpu, back as float32 (30, 1)"),
        ("undone", lambda made: 1 / 0, "failed while bringing a look's prediction back: ZeroDivisionError"),
    ],
    ids=["none", "no mapping", "less", "other dtype", "narrower", "raises"],
)  # fmt: skip
def test_what_is_wrong_with_a_view_is_said_of_its_plugin(tmp_path, attribute, value, told):
    wrong = staticmethod(value) if callable(value) else value
    with patch.object(Odd, attribute, wrong), pytest.raises(PluginError) as caught:
        fit(tmp_path, "odd").predict(make_samples())
    assert str(caught.value).startswith("The view 'odd' of plugin 'tests' (tests 1) ")
    assert told in str(caught.value)


def test_unknown_views_and_views_of_a_stage_are_refused_when_the_config_is_read(views):
    def resolved(*tta, **keys):
        return Training(loss="smooth-l1", tta=tta, **keys).with_components("members.0", views)

    assert resolved({"name": "flips"}).tta[0].options == {"pictures": "image", "horizontal": True, "vertical": False}
    with pytest.raises(UsageError, match=r"There is no view 'flip'\.\nDid you mean 'flips'"):
        resolved("flip")
    with pytest.raises(UsageError, match=r"Config members\.0\.tta\.0: unknown key 'horizonal'"):
        resolved({"name": "flips", "horizonal": False})
    with pytest.raises(UsageError, match=r"Config members\.0\.stages\.1: tta stands in a stage"):
        resolved(stages=({}, {"tta": ["flips"]}))
