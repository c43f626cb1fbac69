"""What ``ctk build`` and the encoders promise: pictures and captions become a data set, or a sentence says why not."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image

from ctk.data import Npz
from ctk.errors import CtkError, DataError, UsageError
from ctk_aml_retrieval import layout
from ctk_aml_retrieval.build import Build
from ctk_aml_retrieval.captions import read_captions
from ctk_aml_retrieval.encoders import image_encoder, text_encoder
from ctk_aml_retrieval.encoders.images import letterboxed, open_picture

COLOURS = {"red.png": "red", "green.jpg": "green", "blue.png": "blue"}
CAPTIONS = """image,caption
red.png,a red square
green.jpg,"a green square, all green"
red.png,red all over
blue.png,a blue square
"""


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    pytest.importorskip("huggingface_hub")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (40, 30), colour).save(folder / name)
    return folder


@pytest.fixture(scope="session")
def dinov2(tmp_path_factory) -> Path:
    """A DINOv2 of 16 numbers with random weights, in a folder as the hub has it."""
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("dinov2")
    config = transformers.Dinov2Config(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14
    )
    transformers.Dinov2Model(config).save_pretrained(folder)
    size = {"height": 28, "width": 28}
    transformers.BitImageProcessor(size={"shortest_edge": 28}, crop_size=size).save_pretrained(folder)
    return folder


def build(
    tmp_path: Path, images: Path | None, captions: str = CAPTIONS, **options
) -> tuple[Path, list[tuple[str, int, int]]]:
    table = tmp_path / "captions.csv"
    table.write_text(captions, encoding="utf-8")
    steps: list[tuple[str, int, int]] = []
    options = {"image_encoder": "efficientnet-lite0", "text_encoder": "minilm-l6", "batch": 2, **options}
    out = tmp_path / "out"
    Build(images=images, captions=table, out=out, **options).run(lambda *step: steps.append(step))
    return out, steps


@pytest.mark.parametrize("with_images", [False, True])
def test_a_test_set_of_captions_alone_needs_no_pictures(tmp_path, images, with_images):
    captions = "id,caption\n7,a red square\n3,red all over\n"
    out, _ = build(tmp_path, images if with_images else None, captions, test=True)
    assert [path.name for path in (out / "test").iterdir()] == ["test.clean.npz"]
    with Npz(out / "test" / "test.clean.npz") as file:
        assert file.read("captions/ids", kind="i", shape=(2,)).tolist() == [7, 3]
        text = file.read("captions/embeddings", kind="f", shape=(2, 384))
    assert_allclose(text[1], text_encoder("minilm-l6").encode(["red all over"])[0], atol=1e-5)
    with pytest.raises(UsageError, match="--images DIR"):
        build(tmp_path, None)


def test_pictures_and_captions_become_a_data_set(tmp_path, images):
    out, steps = build(tmp_path, images)
    train = layout.read_labelled(out / "train/train.npz")
    assert train.ids.tolist() == [0, 1, 2, 3]
    assert train.notes["caption"].tolist()[1] == "a green square, all green"
    assert train.gallery.names[train.target].tolist() == ["red.png", "green.jpg", "red.png", "blue.png"]
    assert train.features["text"].shape == (4, 384)
    assert train.gallery.vectors.shape == (3, 1280)
    assert_allclose(train.features["text"][3], text_encoder("minilm-l6").encode(["a blue square"])[0], atol=1e-5)
    paths = [images / name for name in train.gallery.names]
    assert_allclose(train.gallery.vectors, image_encoder("efficientnet-lite0").encode(paths), atol=1e-4)
    assert ("pictures", 0, 3) in steps
    assert steps[-1] == ("captions", 4, 4)


def test_a_test_set_keeps_its_answers_apart(tmp_path, images, dinov2):
    numbered = "image,caption,id\nred.png,a red square,8\nblue.png,a blue square,5\n"
    build(tmp_path, images, image_encoder=f"transformers:{dinov2}")
    out, _ = build(tmp_path, images, numbered, test=True, image_encoder=f"transformers:{dinov2}")
    data = layout.read(out)
    assert data.test.ids.tolist() == [8, 5]
    assert data.test.target is None
    assert data.truth.gallery.names[data.truth.target].tolist() == ["red.png", "blue.png"]
    with np.load(out / "test/test.clean.npz") as arrays:
        assert not [key for key in arrays if key.startswith("images/") or key == "captions/label"]


def test_concepts_of_the_table_become_groups(tmp_path, images):
    table = "image,caption,concept\nred.png,a,warm\nblue.png,b,cold\ngreen.jpg,c,cold\nred.png,d,warm\n"
    out, _ = build(tmp_path, images, table)
    concept = layout.read_labelled(out / "train/train.npz").group("concept")
    assert concept[0] == concept[3] != concept[1] == concept[2]


def test_the_competitions_image_encoder_is_the_mean_over_all_tokens(images, dinov2):
    import torch
    from transformers import AutoImageProcessor, AutoModel

    encoder = image_encoder(f"transformers:{dinov2}", "cpu")
    paths = [images / name for name in COLOURS]
    encoded = encoder.encode(paths)
    assert (encoder.dim, encoded.shape, encoded.dtype) == (16, (3, 16), np.float32)
    model, processor = AutoModel.from_pretrained(dinov2).eval(), AutoImageProcessor.from_pretrained(dinov2)
    with torch.inference_mode():
        for path, vector in zip(paths, encoded, strict=True):
            pixels = processor(images=Image.open(path).convert("RGB"), return_tensors="pt")
            tokens = model(**pixels).last_hidden_state[0]
            assert len(tokens) == 1 + 2 * 2  # the class token and four patches
            assert_allclose(vector, tokens.mean(0).numpy(), atol=1e-5)


def test_a_timm_model_takes_its_weights_from_a_checkpoint_file(tmp_path, images):
    timm = pytest.importorskip("timm")
    import torch

    model = timm.create_model("test_resnet", pretrained=False)
    torch.save(model.state_dict(), tmp_path / "weights.pth")
    encoder = image_encoder(f"timm:test_resnet@{tmp_path / 'weights.pth'}", "cpu")
    path = images / "red.png"
    with torch.inference_mode():
        pixels = encoder.transform(Image.open(path)).unsqueeze(0)
        pooled = model.eval().forward_head(model.forward_features(pixels), pre_logits=True)
    assert encoder.encode([path]).shape == (1, encoder.dim)
    assert_allclose(encoder.encode([path]), pooled.numpy(), atol=1e-5)


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    pytest.importorskip("timm")
    import torch

    torch.save({"some.weight": torch.zeros(2)}, tmp_path / "weights.pth")
    with pytest.raises(CtkError, match=r"weights\.pth: lacks \d+ tensors"):
        image_encoder(f"timm:test_resnet@{tmp_path / 'weights.pth'}", "cpu")


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    pytest.importorskip("timm")
    import torch

    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    torch.save({"weight": Bomb()}, tmp_path / "weights.pth")
    with pytest.raises(CtkError, match="cannot be loaded"):
        image_encoder(f"timm:test_resnet@{tmp_path / 'weights.pth'}", "cpu")
    assert not (tmp_path / "exploded").exists()


def test_what_is_transparent_is_laid_on_white_and_nothing_is_cut_off(tmp_path):
    path = tmp_path / "dot.png"
    picture = Image.new("RGBA", (10, 20), (0, 0, 0, 0))
    picture.paste((255, 0, 0, 255), (0, 10, 10, 20))
    picture.save(path)
    square = np.asarray(letterboxed(open_picture(path), 40))
    assert square.shape == (40, 40, 3)
    assert (square[10, 20] == 255).all()  # transparent
    assert (square[20, 2] == 255).all()  # beside the picture
    assert square[30, 20].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("image,text\nred.png,a\n", r"captions\.csv: has no column 'caption' \(it has image, text\)"),
        ("image,caption\n", r"captions\.csv: holds no captions"),
        ("image,caption\nred.png,a\nred.png,  \n", r"captions\.csv, line 3: the caption is empty"),
        ("image,caption\nred.png,a\n\n,b\n", r"captions\.csv, line 4: the image is empty"),
        ("image,caption,id\nred.png,a,1\nred.png,b\n", r"line 3: the id is empty"),
        ("image,caption,id\nred.png,a,1\nred.png,b,one\n", "line 3: the id is not a whole number"),
        ("image,caption,id\nred.png,a,7\nred.png,b,1\nblue.png,c,7\n", "line 4: id 7 was already given in line 2"),
        ("image,caption,concept\nred.png,a,x\nred.png,b,y\n", "line 3: the picture already has another concept"),
        ("image,caption\nred.png,a\nwhite.png,b\n", r"line 3: there is no picture .*white\.png \(1 of 2 pictures"),
        ("image,caption\nred.png,a dog, running\n", r"captions\.csv, line 2: has more cells than the first line"),
        ("image,caption\nred.png,a dog\nred.png,a dog, running\n", "cannot be read as CSV .*line 3"),
        (f"image,caption,id\nred.png,a,1\nred.png,b,{2**63}\n", "line 3: the id is not a whole number within int64"),
        ("image,caption,id\nred.png,a,1\nred.png,b,10_023\n", "line 3: the id is not a whole number"),
        ('image,caption\nred.png,"a\n', "cannot be read as CSV"),
    ],
)
def test_a_fault_of_the_table_is_named_with_its_line(tmp_path, images, table, said):
    with pytest.raises(DataError, match=said):
        build(tmp_path, images, table)
    assert not (tmp_path / "out").exists()


def test_a_table_of_a_spreadsheet_is_read(tmp_path):
    path = tmp_path / "captions.csv"
    path.write_bytes(b"\xef\xbb\xbfimage,caption\r\nred.png, NA \r\n\r\nblue.png,null\r\n\r\n")
    table = read_captions(path)
    assert table["image"].tolist() == ["red.png", "blue.png"]
    assert table["caption"].tolist() == ["NA", "null"]
    assert table.index.tolist() == [2, 4]


@pytest.mark.parametrize("body", [b"no picture", b""])
def test_a_picture_that_does_not_decode_is_named_and_nothing_is_written(tmp_path, images, body):
    (images / "blue.png").write_bytes(body)
    with pytest.raises(DataError, match=r"blue\.png: cannot be decoded as a picture"):
        build(tmp_path, images)
    assert not (tmp_path / "out").exists()


def test_a_truncated_picture_is_named(images):
    path = images / "noise.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(DataError, match=r"noise\.png: cannot be decoded"):
        open_picture(path)


def test_an_unknown_encoder_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="no image encoder 'efficientnet-lite'") as caught:
        image_encoder("efficientnet-lite")
    assert "Did you mean 'efficientnet-lite0'?" in caught.value.help
    with pytest.raises(UsageError, match="no text encoder 'sentence-transformer:x'") as caught:
        text_encoder("sentence-transformer:x")
    assert "Did you mean 'sentence-transformers'?" in caught.value.help
    for name in ("transformers:", "timm", "minilm-l6"):
        with pytest.raises(UsageError, match="There is no image encoder"):
            image_encoder(name)


def test_a_hub_out_of_reach_asks_for_a_path(tmp_path):
    for load in (
        lambda: image_encoder("transformers:nobody/nothing-at-all", "cpu"),
        lambda: text_encoder("sentence-transformers:nobody/nothing-at-all", "cpu"),
    ):
        with pytest.raises(CtkError, match="weights of nobody/nothing-at-all cannot be loaded") as caught:
            load()
        assert "path of a downloaded copy" in caught.value.help


def test_a_missing_library_names_the_extra(monkeypatch):
    def absent(name, *_):
        raise ModuleNotFoundError(f"No module named '{name}'")

    monkeypatch.setattr(importlib, "import_module", absent)
    for name, extra in (("timm:resnet18", "encoders"), ("efficientnet-lite0", "offline-encoders")):
        with pytest.raises(CtkError) as caught:
            image_encoder(name)
        assert caught.value.help == f"pip install 'ctk-aml-retrieval[{extra}]'"


def test_a_device_that_is_not_there_is_a_usage_error():
    with pytest.raises(UsageError, match="There is no device 'tpu9'"):
        text_encoder("minilm-l6", "tpu9")
