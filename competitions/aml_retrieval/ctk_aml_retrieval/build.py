"""``ctk data --build``: pictures and a table of captions become a data set in the competition's layout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from ctk.errors import DataError, UsageError
from ctk.samples import Array, Gallery, Samples
from ctk_aml_retrieval import layout
from ctk_aml_retrieval.captions import read_captions
from ctk_aml_retrieval.encoders import image_encoder, text_encoder

Progress = Callable[[str, int, int], None]


class Build(BaseModel):
    """Embed pictures and captions and write them as train.npz, or as a test set with its answers apart.

    The captions are a CSV file with the columns ``image`` (file name below the pictures' folder) and ``caption``;
    ``id`` (unique whole numbers; else they are counted from 0) and ``concept`` (pictures with the same concept stay on
    one side of a split) may follow. Rows of one picture need not be together. A test set whose pictures are not known
    has the columns ``id`` and ``caption`` alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: Path | None = Field(None, description="Folder of the pictures; none for a test set of captions alone.")
    captions: Path = Field(description="CSV file with the columns image, caption and, if wanted, id and concept.")
    out: Path = Field(description="Folder to write into: train/train.npz, or test/test.clean.npz and test.truth.npz.")
    image_encoder: str = Field(
        "transformers:facebook/dinov2-giant",
        description="What embeds the pictures: transformers:ID, timm:NAME[@FILE] or efficientnet-lite0 (offline).",
    )
    text_encoder: str = Field(
        "sentence-transformers:sentence-transformers/roberta-large-nli-stsb-mean-tokens",
        description="What embeds the captions: sentence-transformers:ID or minilm-l6 (offline).",
    )
    test: bool = Field(False, description="Make a test set: the captions alone, and their pictures in test.truth.npz.")
    batch: int = Field(64, ge=1, description="Pictures or captions embedded at a time.")
    device: str = Field("auto", description="Where to embed: auto, cpu, gpu.")

    def run(self, progress: Progress) -> None:
        """Build the data set; ``progress(what, done, total)`` is called after every batch.

        Everything that can be wrong with the table and the pictures' names is found before an encoder is loaded, and
        nothing is written before everything is embedded. Raises DataError naming file and line, CtkError where an
        encoder is missing.
        """
        table = read_captions(self.captions, ("caption",) if self.test else ("image", "caption"))
        if self.images is None or "image" not in table:
            self._build_captions(table, progress)
            return
        names, target = np.unique(table["image"].to_numpy(str), return_inverse=True)
        self._check_pictures(names, target, table.index.to_numpy())
        # A caption that many pictures share is embedded once.
        texts, text_of = np.unique(table["caption"].to_numpy(str), return_inverse=True)
        pictures = image_encoder(self.image_encoder, self.device)
        paths = [self.images / name for name in names]
        vectors = _embedded("pictures", pictures.encode, paths, pictures.dim, self.batch, progress)
        captions = text_encoder(self.text_encoder, self.device)
        features = _embedded("captions", captions.encode, texts.tolist(), captions.dim, self.batch, progress)
        target = target.astype(np.int64)
        samples = Samples(
            ids=table["id"].to_numpy(np.int64),
            features={"text": features[text_of]},
            target=target,
            groups={"image": target, "concept": _concepts(table, target)},
            notes={"caption": table["caption"].to_numpy(str)},
            gallery=Gallery(vectors, names),
        )
        if self.test:
            # The truth first: a test set without its truth would look like one whose answers are secret.
            layout.write(self.out / "test" / "test.truth.npz", samples, labelled=True)
            layout.write(self.out, samples, labelled=False)
        else:
            layout.write(self.out, samples, labelled=True)
            self._link_pictures()

    def _build_captions(self, table: pd.DataFrame, progress: Progress) -> None:
        """Write a test set of captions whose pictures nobody tells. Raises UsageError where there have to be some."""
        if not self.test:
            raise UsageError("Captions to train on need their pictures.", "Give their folder: --images DIR.")
        encoder = text_encoder(self.text_encoder, self.device)
        captions = table["caption"].to_numpy(str)
        text = _embedded("captions", encoder.encode, captions.tolist(), encoder.dim, self.batch, progress)
        samples = Samples(table["id"].to_numpy(np.int64), {"text": text}, notes={"caption": captions})
        layout.write(self.out, samples, labelled=False)

    def _link_pictures(self) -> None:
        """The report and filters look for pictures beside train.npz; a link spares a copy."""
        assert self.images is not None
        place = self.out / "train" / "Images"
        if not place.exists():
            with suppress(OSError):  # a file system without links; only pictures are then not shown
                place.symlink_to(self.images.resolve(), target_is_directory=True)

    def _check_pictures(self, names: Array, target: Array, lines: Array) -> None:
        assert self.images is not None
        if not self.images.is_dir():
            raise DataError(f"{self.images}: there is no such folder of pictures.", "Give the pictures' folder.")
        missing = np.array([not (self.images / name).is_file() for name in names])
        if missing.any():
            row = int(np.flatnonzero(missing[target])[0])
            raise DataError(
                f"{self.captions.name}, line {lines[row]:,}: there is no picture {self.images / names[target[row]]}"
                f" ({missing.sum():,} of {len(names):,} pictures are missing).",
                "Add the pictures or remove their captions.",
            )


def _concepts(table: pd.DataFrame, target: Array) -> Array:
    """Concept number of every caption, (N,) int64: the picture itself where no concepts are given."""
    if "concept" not in table:
        return target
    return np.unique(table["concept"].to_numpy(str), return_inverse=True)[1].astype(np.int64)


def _embedded(
    what: str, encode: Callable[[Any], Array], items: Sequence[Any], dim: int, batch: int, progress: Progress
) -> Array:
    """(N, dim) float32; DataError naming an item whose vector is not finite."""
    vectors = np.empty((len(items), dim), np.float32)
    progress(what, 0, len(items))
    for start in range(0, len(items), batch):
        part = items[start : start + batch]
        vectors[start : start + len(part)] = block = encode(part)
        if not np.isfinite(block).all():
            bad = part[int(np.flatnonzero(~np.isfinite(block).all(axis=1))[0])]
            raise DataError(f"{bad}: the encoder gave a vector that is not finite.", "Use another encoder or device.")
        progress(what, start + len(part), len(items))
    return vectors
