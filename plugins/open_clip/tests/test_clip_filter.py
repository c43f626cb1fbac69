"""What the filter promises: cosines of captions with their pictures, from a checkpoint file, offline."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

from ctk.contract import FilterContext
from ctk.contract.schema import validate_config
from ctk.errors import CtkError, DataError, UsageError
from ctk.plugins.component_options import options_schema
from ctk.samples import Gallery, Samples
from ctk_open_clip.clip_filter import ClipFilter
from ctk_open_clip.loading import common_preprocessing, load

NAMES = ("red.png", "green.jpg", "blue.png", "grey.png")
CAPTIONS = ("a red square", "red", "all green", "blue", "a square", "blue")
TARGET = np.array([0, 0, 1, 2, 1, 2])
SIGLIP = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "resize_mode": "squash"}


def architecture(size: int, width: int, layers: int, text_layers: int, patch: int) -> dict:
    heads = width // 32
    return {
        "embed_dim": width,
        "vision_cfg": {
            "image_size": size,
            "layers": layers,
            "width": width,
            "head_width": 32,
            "patch_size": patch,
        },
        "text_cfg": {
            "context_length": 16,
            "vocab_size": 49408,
            "width": width,
            "heads": heads,
            "layers": text_layers,
        },
    }


def fresh(path: Path, **shape: int) -> torch.nn.Module:
    """A model with random weights; its architecture is written to ``path``."""
    path.write_text(json.dumps(architecture(**shape)))
    open_clip.add_model_config(path)
    return open_clip.create_model(path.stem)


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    """No test may find weights on the hub or in somebody's cache of it."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> dict[str, str]:
    """Options of a tiny model with random weights: a checkpoint file and a config."""
    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    model = fresh(folder / "tiny-random.json", size=32, width=32, layers=1, text_layers=1, patch=8)
    torch.save(model.state_dict(), folder / "tiny.pt")
    return {"pretrained": str(folder / "tiny.pt"), "config": str(folder / "tiny-random.json")}


@pytest.fixture
def pictures(tmp_path) -> Path:
    folder = tmp_path / "Images"
    folder.mkdir()
    random = np.random.default_rng(0)
    for name in NAMES:
        pixels = np.clip(random.normal(128, 60, size=(40, 56, 3)), 0, 255).astype(np.uint8)
        pixels[:, :, NAMES.index(name) % 3] //= 4
        Image.fromarray(pixels).save(folder / name)
    return folder


@pytest.fixture
def samples() -> Samples:
    return Samples(
        ids=np.arange(6) + 100,
        features={},
        target=TARGET,
        groups={"image": TARGET},
        notes={"caption": np.array(CAPTIONS)},
        gallery=Gallery(np.zeros((4, 3), np.float32), np.array(NAMES)),
    )


@pytest.fixture
def context(tmp_path, pictures) -> FilterContext:
    def no_fit(*_):
        raise AssertionError("this filter needs no baseline")

    return FilterContext(folder=tmp_path / "filter", files=pictures, seed=0, device="cpu", fit=no_fit)


def cosines_one_by_one(tiny, samples, pictures, **preprocessing):
    """Each caption with its picture alone through open_clip's own loading and preprocessing."""
    model = open_clip.create_model(Path(tiny["config"]).stem, pretrained=tiny["pretrained"]).eval()
    settings = PreprocessCfg(**{**model.visual.preprocess_cfg, **preprocessing})
    preprocess = image_transform_v2(settings, is_train=False)
    tokenize = open_clip.get_tokenizer(Path(tiny["config"]).stem)
    cosines = []
    with torch.inference_mode():
        for caption, target in zip(samples.notes["caption"], samples.target, strict=True):
            picture = preprocess(Image.open(pictures / NAMES[target]).convert("RGB"))
            image, text = model.encode_image(picture[None])[0], model.encode_text(tokenize([str(caption)]))[0]
            cosines.append(float(image @ text / image.norm() / text.norm()))
    return cosines


def test_scores_are_the_cosines_of_each_pair(tiny, samples, pictures, context):
    scores = ClipFilter(**tiny).score(samples, context)
    assert scores.dtype == np.float32
    assert np.ptp(scores) > 1e-3  # random weights tell pairs apart, so a mixed-up order would show
    assert_allclose(scores, cosines_one_by_one(tiny, samples, pictures), atol=1e-5)


def test_batches_change_nothing(tiny, samples, context):
    one = ClipFilter(**tiny, image_batch=1, text_batch=1).score(samples, context)
    assert_allclose(one, ClipFilter(**tiny, image_batch=2, text_batch=4).score(samples, context), atol=1e-6)


def test_each_picture_and_each_caption_is_embedded_once(tiny, samples, context):
    told = []
    watched = replace(context, progress=lambda *where: told.append(where))
    ClipFilter(**tiny, image_batch=2, text_batch=4).score(samples, watched)
    assert told == [(2, 8), (3, 8), (7, 8), (8, 8)]  # 3 of the 4 pictures are in use; 5 captions differ


def test_scores_go_to_a_file_too(tiny, samples, context, tmp_path):
    scores = ClipFilter(**tiny, scores=str(tmp_path / "out" / "clip.npy")).score(samples, context)
    written = np.load(tmp_path / "out" / "clip.npy", allow_pickle=False)
    assert written.dtype == np.float32
    assert_array_equal(written, scores)


def test_the_lowest_fraction_is_dropped():
    keep = ClipFilter(drop_fraction=0.25).keep(np.array([0.3, 0.1, 0.2, 0.4], np.float32))
    assert_array_equal(keep, [True, False, True, True])


def test_transparent_pictures_are_seen_on_white(tiny, samples, pictures, context):
    picture = Image.open(pictures / "red.png").convert("RGBA")
    alpha = Image.new("L", picture.size, 255)
    alpha.paste(0, (0, 0, 30, 20))
    picture.putalpha(alpha)
    white = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    scores = {}
    for name, version in (("transparent", picture), ("white", white), ("black", picture.convert("RGB"))):
        version.save(pictures / "red.png")
        scores[name] = ClipFilter(**tiny).score(samples, context)
    assert_array_equal(scores["transparent"], scores["white"])
    assert not np.array_equal(scores["transparent"], scores["black"])


# Preprocessing --------------------------------------------------------------------------------------------------------


def test_a_config_says_its_preprocessing(tiny, samples, pictures, context, tmp_path):
    config = tmp_path / "config.json"
    model = json.loads(Path(tiny["config"]).read_text())
    config.write_text(json.dumps({"model_cfg": model, "preprocess_cfg": SIGLIP}))
    scores = ClipFilter(pretrained=tiny["pretrained"], config=str(config)).score(samples, context)
    assert_allclose(scores, cosines_one_by_one(tiny, samples, pictures, **SIGLIP), atol=1e-5)
    assert np.abs(scores - ClipFilter(**tiny).score(samples, context)).max() > 1e-4


def test_a_config_published_beside_the_weights_is_found(tiny, samples, pictures, context, tmp_path):
    hub = tmp_path / "snapshot"
    hub.mkdir()
    (hub / "weights.pt").write_bytes(Path(tiny["pretrained"]).read_bytes())
    model = json.loads(Path(tiny["config"]).read_text())
    (hub / "open_clip_config.json").write_text(json.dumps({"model_cfg": model, "preprocess_cfg": SIGLIP}))
    scores = ClipFilter(pretrained=str(hub / "weights.pt")).score(samples, context)
    assert_allclose(scores, cosines_one_by_one(tiny, samples, pictures, **SIGLIP), atol=1e-5)


@pytest.fixture
def small_siglip(monkeypatch):
    """A published model whose weights all have other means than open_clip's default, made small for here."""
    shape = architecture(size=32, width=32, layers=1, text_layers=1, patch=8)
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "ViT-L-16-SigLIP-256", shape)
    monkeypatch.setattr("open_clip.factory.SigLipTokenizer", lambda *_, **__: open_clip.get_tokenizer("ViT-B-32"))
    return "ViT-L-16-SigLIP-256"


def test_a_file_of_a_published_model_gets_the_preprocessing_of_its_tags(small_siglip, tmp_path):
    """open_clip alone would give the file its default, made for other models (its issue 1068)."""
    file = tmp_path / "siglip.pt"
    torch.save(open_clip.create_model(small_siglip).state_dict(), file)
    clip = load(small_siglip, str(file), None, torch.device("cpu"), tmp_path)
    grey = clip.preprocess(Image.new("RGB", (50, 20), (127, 127, 127)))
    assert grey.shape == (3, 32, 32)
    assert_allclose(grey, np.full((3, 32, 32), (127 / 255 - 0.5) / 0.5), atol=1e-6)


def test_a_file_of_a_model_published_with_several_preprocessings_is_refused(tiny, tmp_path):
    with pytest.raises(UsageError, match=r"2 different preprocessings.*\n.*open_clip_config.json"):
        load("ViT-L-14", tiny["pretrained"], None, torch.device("cpu"), tmp_path)


def test_weights_that_belong_to_the_quickgelu_twin_do_not_make_a_model_ambiguous():
    """ViT-H-14 lists weights of its twin with other preprocessing; they could not be loaded as ViT-H-14 anyway."""
    published = [open_clip.get_pretrained_cfg("ViT-H-14", tag) for tag in ("laion2b_s32b_b79k", "dfn5b")]
    assert published[0]["resize_mode"] != published[1]["resize_mode"]
    assert common_preprocessing("ViT-H-14", Path("some.pt"))["resize_mode"] == published[0]["resize_mode"]


def test_weights_of_another_activation_are_refused_with_the_fitting_model(tmp_path):
    with pytest.raises(UsageError, match=r"QuickGELU(.|\n)*ViT-B-32-quickgelu"):
        load("ViT-B-32", "openai", None, torch.device("cpu"), tmp_path)


# Checkpoints ----------------------------------------------------------------------------------------------------------


def refused(samples, context, error, match, **options):
    with pytest.raises(error, match=match):
        ClipFilter(**options).score(samples, context)


def test_a_folder_is_refused_with_the_file_in_it(tiny, samples, context):
    folder = Path(tiny["pretrained"]).parent
    refused(samples, context, UsageError, r"a folder.*\n.*tiny\.pt", pretrained=str(folder), config=tiny["config"])


def test_a_file_that_is_not_there_is_refused(samples, context):
    refused(samples, context, UsageError, "no such checkpoint file", pretrained="weights/gone.pt")


def test_an_unknown_tag_is_refused_with_the_nearest(samples, context):
    refused(samples, context, UsageError, "Did you mean 'laion2b_s34b_b79k'", pretrained="laion2b_s34b_b97k")


def test_an_unknown_model_is_refused_with_the_nearest(tiny, samples, context):
    for pretrained in ("openai", tiny["pretrained"]):
        refused(samples, context, UsageError, "Did you mean 'ViT-B-32'", model="ViTB-32", pretrained=pretrained)


def test_a_hub_out_of_reach_is_told_with_the_way_round(samples, context):
    refused(samples, context, CtkError, r"'laion2b_s34b_b79k' of ViT-B-32 cannot be fetched(.|\n)*checkpoint file")


def test_a_checkpoint_of_another_model_is_refused_with_its_name(tiny, samples, context, tmp_path):
    config = tmp_path / "wider.json"
    config.write_text(json.dumps(architecture(size=32, width=64, layers=1, text_layers=1, patch=8)))
    options = {"pretrained": tiny["pretrained"], "config": str(config)}
    refused(samples, context, CtkError, r"tiny\.pt: does not load as .*wider\.json", **options)


def test_a_cut_checkpoint_is_refused_with_its_name(tiny, samples, context, tmp_path):
    cut = tmp_path / "cut.pt"
    cut.write_bytes(Path(tiny["pretrained"]).read_bytes()[:5000])
    refused(samples, context, CtkError, r"cut\.pt: does not load", pretrained=str(cut), config=tiny["config"])


def test_a_checkpoint_that_would_run_code_does_not(tiny, samples, context, tmp_path):
    class Evil:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    torch.save({"state_dict": Evil()}, tmp_path / "evil.pt")
    options = {"pretrained": str(tmp_path / "evil.pt"), "config": tiny["config"]}
    refused(samples, context, CtkError, r"evil\.pt: does not load", **options)
    assert not (tmp_path / "ran").exists()


def test_weights_that_give_no_numbers_are_told(tiny, samples, context, tmp_path):
    state = torch.load(tiny["pretrained"], weights_only=True)
    torch.save({name: torch.full_like(values, torch.nan) for name, values in state.items()}, tmp_path / "nan.pt")
    options = {"pretrained": str(tmp_path / "nan.pt"), "config": tiny["config"]}
    refused(samples, context, CtkError, "gives nan for caption row 0", **options)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "a JSON object"),
        ('{"embed_dim": 3}', "lacks 'vision_cfg'"),
        ('{"model_cfg": 1}', "lacks an object"),
    ],
)
def test_a_wrong_config_is_refused_with_its_name(tiny, samples, context, tmp_path, text, match):
    (tmp_path / "mine.json").write_text(text)
    options = {"pretrained": tiny["pretrained"], "config": str(tmp_path / "mine.json")}
    refused(samples, context, UsageError, rf"mine\.json.*{match}", **options)


def test_a_config_needs_a_file(tiny, samples, context):
    refused(samples, context, UsageError, "must be a checkpoint file", config=tiny["config"])


# Pictures -------------------------------------------------------------------------------------------------------------


def test_without_a_folder_of_pictures_it_says_where_they_belong(tiny, samples, context, tmp_path):
    for files in (None, tmp_path / "nowhere"):
        refused(samples, replace(context, files=files), DataError, r"(?s)folder.*train/Images", **tiny)


def test_a_missing_picture_is_named_with_its_first_caption_before_a_model_is_loaded(samples, pictures, context):
    (pictures / "blue.png").unlink()
    (pictures / "green.jpg").unlink()
    match = r"green\.jpg: there is no such picture; caption row 2 \(id 102\) needs it. 1 more"
    refused(samples, context, DataError, match, pretrained="gone.pt")


@pytest.mark.parametrize("content", [b"", b"no picture", "cut"])
def test_a_picture_that_does_not_decode_is_named_with_its_first_caption(tiny, samples, pictures, context, content):
    whole = (pictures / "blue.png").read_bytes()
    (pictures / "blue.png").write_bytes(whole[: len(whole) // 2] if content == "cut" else content)
    refused(samples, context, DataError, r"blue\.png: cannot be decoded .* Caption row 3 \(id 103\)", **tiny)


def test_a_picture_that_no_caption_needs_may_be_missing(tiny, samples, pictures, context):
    (pictures / "grey.png").unlink()
    assert len(ClipFilter(**tiny).score(samples, context)) == 6


def test_samples_without_captions_are_refused(tiny, samples, context):
    refused(replace(samples, notes={}), context, UsageError, "needs samples with captions", **tiny)


# The plugin -----------------------------------------------------------------------------------------------------------


def test_the_plugin_offers_the_filter_without_importing_open_clip():
    script = (
        "import sys, ctk_open_clip.plugin as plugin\n"
        "plugin.ctk_register_filters(register=lambda name, thing, about='': print(name, thing))\n"
        "assert not {'open_clip', 'torch', 'PIL'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("clip ctk_open_clip.clip_filter:ClipFilter\n", 0), done.stderr


@pytest.mark.parametrize("option", [{"drop_fraction": 10}, {"image_batch": 0}, {"text_batch": -1}, {"model": 3}])
def test_options_out_of_range_are_refused_with_their_key(option):
    with pytest.raises(UsageError, match=next(iter(option))):
        validate_config(options_schema(ClipFilter, "clip"), option, "filters.0")


# Does it find mismatched captions? ------------------------------------------------------------------------------------


def area_under_curve(scores, right) -> float:
    """Chance that a right pair scores above a wrong one; ties count half."""
    bad = np.sort(scores[~right])
    below = np.searchsorted(bad, scores[right], "left"), np.searchsorted(bad, scores[right], "right")
    return float(np.mean(below)) / len(bad)


def train(model: torch.nn.Module, pixels: torch.Tensor, tokens: torch.Tensor, target: torch.Tensor, steps: int) -> None:
    """Contrastive training from scratch; captions of one picture are positives of each other."""
    # The text table has 49,408 rows and these captions need a few thousand: the others would only cost time.
    used, tokens = torch.unique(tokens, return_inverse=True)
    table = model.token_embedding
    model.token_embedding = torch.nn.Embedding.from_pretrained(table.weight[used].detach().clone(), freeze=False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.98), weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, steps, pct_start=0.1)
    for _ in range(steps):
        rows = torch.randint(len(tokens), (256,))
        seen, picture = torch.unique(target[rows], return_inverse=True)
        images = torch.nn.functional.normalize(model.encode_image(pixels[seen]), dim=-1)[picture]
        texts = torch.nn.functional.normalize(model.encode_text(tokens[rows]), dim=-1)
        logits = texts @ images.T * model.logit_scale.exp().clamp(max=50)
        alike = (picture[:, None] == picture).float()
        alike /= alike.sum(1, keepdim=True)
        loss = -(alike * (logits.log_softmax(1) + logits.T.log_softmax(1))).sum(1).mean() / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        table.weight[used] = model.token_embedding.weight
    model.token_embedding = table


@pytest.mark.slow
def test_a_model_trained_from_scratch_on_the_noisy_pairs_finds_shuffled_captions(context, tmp_path):
    """A tenth of the captions of the embedded emoji are shuffled; a tiny CLIP learns from all of them, then judges."""
    pytest.importorskip("ctk_aml_retrieval")
    from ctk_aml_retrieval import embedded, layout

    data = layout.read(embedded.folder())
    clean = data.train
    rows = np.random.default_rng(5).choice(len(clean), len(clean) // 10, replace=False)
    target = clean.target.copy()
    target[rows] = clean.target[np.roll(rows, 1)]
    right = target == clean.target

    torch.manual_seed(0)
    config = tmp_path / "tiny-emoji.json"
    model = fresh(config, size=64, width=128, layers=3, text_layers=2, patch=16)
    preprocess = image_transform_v2(PreprocessCfg(**model.visual.preprocess_cfg), is_train=False)
    pixels = []
    for name in clean.gallery.names:
        picture = Image.open(data.files / name).convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        pixels.append(preprocess(Image.alpha_composite(white, picture).convert("RGB")))
    tokens = open_clip.get_tokenizer(config.stem)(clean.notes["caption"].tolist())
    train(model, torch.stack(pixels), tokens, torch.from_numpy(target), steps=80)
    torch.save({"state_dict": model.state_dict()}, tmp_path / "emoji.pt")

    clip = ClipFilter(pretrained=str(tmp_path / "emoji.pt"), config=str(config))
    scores = clip.score(replace(clean, target=target), replace(context, files=data.files))
    area, wrong = area_under_curve(scores, right), (~right)[~clip.keep(scores)].mean()
    print(f"\nclip, a tenth of {len(right):,} captions shuffled: AUC {area:.3f}; {wrong:.0%} of the dropped are wrong")
    assert area >= 0.65
    assert wrong > 1.5 * (~right).mean()
