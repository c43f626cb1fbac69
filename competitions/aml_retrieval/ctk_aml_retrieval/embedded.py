"""The data set that comes with the package, unpacked on first use into the competition's own layout.

1,911 pictures of emoji (Twemoji) and what people call them; default_data/NOTICE.md says whose work they are and
tools/make_default_data.py how they came here.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from pathlib import Path

import numpy as np

from ctk.data import Npz
from ctk.files import cache_folder, made_over_time
from ctk.samples import Gallery, Samples
from ctk_aml_retrieval import layout

PACKED = Path(__file__).parent / "default_data"
ARRAYS, PICTURES = "emoji.npz", "pictures.zip"
MADE = ("train/train.npz", "test/test.clean.npz", "test/test.truth.npz")


def folder() -> Path:
    """The folder of the unpacked data set; made in the cache if it is not there yet, in a few seconds.

    The folder is named after the packed data, so another version never finds an old cache. Who calls this while another
    process unpacks waits for it. Raises CtkError where the cache cannot be written.
    """
    digest = hashlib.sha256((PACKED / ARRAYS).read_bytes()).hexdigest()[:12]
    place = cache_folder() / "aml-retrieval" / f"default-{digest}"
    if not _complete(place):
        if place.is_dir():  # somebody tidied in the cache
            shutil.rmtree(place, ignore_errors=True)
        with made_over_time(place) as making:
            if making is not None:
                _unpack(making)
    return place


def _complete(place: Path) -> bool:
    return all((place / name).is_file() for name in MADE)


def _unpack(place: Path) -> None:
    with Npz(PACKED / ARRAYS) as file:
        texts = file.read("texts", kind="U", shape=(None,))
        vectors = file.read("text_vectors", kind="f", shape=(len(texts), None))
        for part in ("train", "test"):
            samples = _samples(file, part, texts, vectors)
            if part == "train":
                layout.write(place, samples, labelled=True)
            else:
                layout.write(place, samples, labelled=False)
                layout.write(place / "test" / "test.truth.npz", samples, labelled=True)
            _write_captions(place / part / "captions.txt", samples, with_image=part == "train")
    with zipfile.ZipFile(PACKED / PICTURES) as archive:
        archive.extractall(place)  # zipfile itself strips what would lead out of the folder


def _samples(file: Npz, part: str, texts: np.ndarray, vectors: np.ndarray) -> Samples:
    ids = file.read(f"{part}_ids", kind="i", shape=(None,))
    text, target, concept = (
        file.read(f"{part}_{name}", kind="i", shape=(len(ids),)).astype(np.int64)
        for name in ("text", "target", "concept")
    )
    return Samples(
        ids=ids,
        features={"text": vectors[text]},
        target=target,
        groups={"image": target, "concept": concept},
        notes={"caption": texts[text]},
        gallery=Gallery(
            vectors=file.read(f"{part}_vectors", kind="f", shape=(None, None)),
            names=file.read(f"{part}_names", kind="U", shape=(None,)),
        ),
    )


def _write_captions(path: Path, samples: Samples, *, with_image: bool) -> None:
    """captions.txt as the competition has it: image,caption for training; id,caption for the test."""
    assert samples.gallery is not None
    first = ("image", samples.gallery.names[samples.target]) if with_image else ("id", samples.ids)
    import pandas as pd  # late: once in the life of a machine

    pd.DataFrame({first[0]: first[1], "caption": samples.notes["caption"]}).to_csv(path, index=False)
