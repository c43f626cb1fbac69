"""A filter that asks a CLIP model how well each caption fits its own picture."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL.Image import Image

from ctk.contract import Count, DropFraction, Filter, FilterContext, keep_best
from ctk.data import open_picture
from ctk.errors import CtkError, DataError, UsageError
from ctk.files import atomic
from ctk.samples import Array, Samples
from ctk.training import torch_device
from ctk_open_clip.loading import Clip, load

READERS = 8  # threads that decode pictures; decoding and resizing let go of Python's lock


class ClipFilter(Filter):
    """Drop the captions whose cosine with their own picture is lowest, by a CLIP model of open_clip.

    model          an architecture that open_clip knows
    pretrained     a tag of its published weights, or a checkpoint file (which needs no connection)
    config         a JSON file with the architecture, for a model of your own; see the plugin's README
    image_batch    pictures embedded at a time
    text_batch     captions embedded at a time
    drop_fraction  share of captions dropped
    scores         a .npy file to write the scores to as well, float32 in sample order; relative to where ctk is run

    With its defaults this is the filter the AML challenge's published set was made with. Radford et al. 2021, "Learning
    transferable visual models from natural language supervision".
    """

    def __init__(
        self,
        *,
        model: str = "ViT-B-32",
        pretrained: str = "laion2b_s34b_b79k",
        config: str | None = None,
        image_batch: Count = 64,
        text_batch: Count = 256,
        drop_fraction: DropFraction = 0.10,
        scores: str | None = None,
    ) -> None:
        self.model = model
        self.pretrained = pretrained
        self.config = config
        self.image_batch = image_batch
        self.text_batch = text_batch
        self.drop_fraction = drop_fraction
        self.scores = scores

    def score(self, samples: Samples, context: FilterContext) -> Array:
        """(N,) float32, cosine of ``notes["caption"]`` with the picture that the target names.

        Every picture and every distinct caption is embedded once; pictures are decoded ahead while the model works.
        memory  the embeddings of the pictures and distinct captions, and two batches of pictures
        Raises DataError for a picture that is missing or does not decode, with the first caption that needs it, before
        anything is embedded where it is missing; UsageError and CtkError as ``loading.load`` does.
        """
        paths, picture_of, first = _pictures(samples, context.files)
        texts, text_of = np.unique(np.asarray(samples.notes["caption"], dtype=str), return_inverse=True)
        device = torch_device(context.device)
        clip = load(self.model, self.pretrained, self.config, device, context.folder)
        total, done = len(paths) + len(texts), 0
        parts: dict[str, list[Array]] = {"picture": [], "text": []}
        with torch.inference_mode():
            for batch in self._pixels(paths, clip, samples, first):
                parts["picture"].append(_unit(clip.model.encode_image(batch.to(device))))  # type: ignore[operator]
                context.progress(done := done + len(batch), total)
            for start in range(0, len(texts), self.text_batch):
                tokens = clip.tokenize(texts[start : start + self.text_batch].tolist())
                parts["text"].append(_unit(clip.model.encode_text(tokens.to(device))))  # type: ignore[operator]
                context.progress(done := done + len(tokens), total)
        pictures, captions = np.concatenate(parts["picture"]), np.concatenate(parts["text"])
        scores = np.empty(len(samples), dtype=np.float32)
        for start in range(0, len(samples), 1 << 14):
            rows = slice(start, start + (1 << 14))
            scores[rows] = np.einsum("nd,nd->n", pictures[picture_of[rows]], captions[text_of[rows]])
        if (bad := np.flatnonzero(~np.isfinite(scores))).size:
            raise CtkError(
                f"{self.pretrained}: the model gives {scores[bad[0]]} for caption row {bad[0]:,}.",
                "Its weights are damaged or not those of this model; use another checkpoint.",
            )
        if self.scores is not None:
            with atomic(Path(self.scores)) as temporary, temporary.open("wb") as file:
                np.save(file, scores)
        return scores

    def keep(self, scores: Array) -> Array:
        """(N,) bool: all but the lowest ``drop_fraction``."""
        return keep_best(scores, self.drop_fraction)

    def _pixels(self, paths: list[Path], clip: Clip, samples: Samples, first: Array) -> Iterator[torch.Tensor]:
        """Batches (B, 3, H, W) of preprocessed pictures, the next one being read while one is used."""

        def read(number: int) -> torch.Tensor:
            return clip.preprocess(_open(paths[number], samples, int(first[number])))

        def batch(start: int) -> list[Any]:
            return [pool.submit(read, number) for number in range(start, min(start + self.image_batch, len(paths)))]

        pool = ThreadPoolExecutor(READERS)
        try:
            reading = batch(0)
            for start in range(self.image_batch, len(paths) + self.image_batch, self.image_batch):
                ready, reading = reading, batch(start)
                yield torch.stack([each.result() for each in ready])
        finally:
            pool.shutdown(cancel_futures=True)


def _pictures(samples: Samples, folder: Path | None) -> tuple[list[Path], Array, Array]:
    """The P pictures in use: their files, (N,) which one is each sample's, and (P,) the first sample of each."""
    if samples.gallery is None or samples.target is None or "caption" not in samples.notes:
        raise UsageError("Filter 'clip' needs samples with captions whose target is one of a gallery of pictures.")
    if not len(samples):
        raise UsageError("Filter 'clip' was given no samples.")
    if folder is None or not folder.is_dir():
        place = "This data set has no folder of pictures" if folder is None else f"{folder}: there is no such folder"
        raise DataError(
            f"{place}; filter 'clip' looks at pictures.",
            "Put the competition's pictures into train/Images beside train.npz (`ctk data` shows where they are looked"
            " for), or use a filter that needs none: ridge or topk.",
        )
    used, first, own = np.unique(samples.target, return_index=True, return_inverse=True)
    paths = [folder / str(name) for name in samples.gallery.names[used]]
    absent = [number for number, path in enumerate(paths) if not path.is_file()]
    if absent:
        number = min(absent, key=lambda number: int(first[number]))
        others = f" {len(absent) - 1:,} more pictures are missing." if len(absent) > 1 else ""
        raise DataError(
            f"{paths[number]}: there is no such picture; caption row {first[number]:,}"
            f" (id {samples.ids[first[number]]}) needs it.{others}",
            "Unpack all pictures into that folder.",
        )
    return paths, own, first


def _open(path: Path, samples: Samples, row: int) -> Image:
    """A picture; where it does not decode the error names the first caption that needs it."""
    try:
        return open_picture(path)
    except DataError as error:
        raise DataError(f"{error.problem} Caption row {row:,} (id {samples.ids[row]}) needs it.", error.help) from error


def _unit(embeddings: torch.Tensor) -> Array:
    """Rows scaled to length 1, float32 on the CPU."""
    return torch.nn.functional.normalize(embeddings.float(), dim=-1).cpu().numpy()
