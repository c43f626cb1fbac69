"""Free text as a few numbers: its n-grams hashed, weighed, and projected on what varies most."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from ctk.contract import Columns, Count, Done, Extractor
from ctk.errors import DamagedError, UsageError, nearest
from ctk.files import atomic, reading
from ctk.samples import Array, Samples
from ctk_tables.encoders.text_columns import text_columns

STATE = "hashed-ngrams.npz"


class HashedNgrams(Extractor):
    """Words and their pairs, and parts of words, hashed, weighed by how rare they are, as their first singular vectors.

    Latent semantic analysis (Deerwester et al. 1990) of scikit-learn's HashingVectorizer, with inverse document
    frequencies and vectors of training rows alone. Beside the numbers of a text are its length and its count of words.

    columns  features that are text, (N,); none: every one
    size     numbers of a text
    bits     of a hash: there are 2 ** bits places for n-grams of words, and as many for those of letters
    words    longest n-gram of words
    letters  shortest and longest n-gram of letters within words; none leaves them out
    """

    learns = True

    def __init__(
        self,
        *,
        columns: Annotated[list[str], Field(min_length=1)] | None = None,
        size: Count = 32,
        bits: Annotated[int, Field(ge=6, le=20)] = 15,
        words: Count = 2,
        letters: tuple[Count, Count] | None = (3, 4),
    ) -> None:
        self.columns = columns
        self.size = size
        self.bits = bits
        self.words = words
        self.letters = letters

    def fit(self, train: Samples) -> None:
        """Learn the weights of n-grams and the vectors of each column."""
        names = text_columns(train, "hashed-ngrams") if self.columns is None else self.columns
        self.maps = {name: self._fit(_texts(train, name)) for name in names}

    def extract(self, samples: Samples, progress: Done) -> Columns:
        """For each of ``columns``: ``COLUMN`` (N, size), ``COLUMN/length`` and ``COLUMN/words`` (N,), float32."""
        made: dict[str, Array] = {}
        for number, (name, (weights, vectors)) in enumerate(self.maps.items(), start=1):
            texts = _texts(samples, name)
            made[name] = np.asarray(self._weighed(self._counts(texts), weights) @ vectors, np.float32)
            made[f"{name}/length"] = np.char.str_len(texts).astype(np.float32)
            made[f"{name}/words"] = np.array([len(text.split()) for text in texts.tolist()], np.float32)
            progress(number, len(self.maps))
        return made

    def save(self, folder: Path) -> None:
        """Write ``hashed-ngrams.npz``."""
        arrays: dict[str, Any] = {"names": np.array(list(self.maps))}
        for number, (weights, vectors) in enumerate(self.maps.values()):
            arrays |= {f"{number}-weights": weights, f"{number}-vectors": vectors}
        with atomic(folder / STATE) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)

    def load(self, folder: Path) -> None:
        """Read ``hashed-ngrams.npz``. Raises DamagedError."""
        with reading(folder / STATE) as file, np.load(file, allow_pickle=False) as arrays:
            self.maps = {
                name: (arrays[f"{number}-weights"], arrays[f"{number}-vectors"])
                for number, name in enumerate(arrays["names"].tolist())
            }
        for weights, vectors in self.maps.values():
            if vectors.ndim != 2 or weights.shape != vectors.shape[:1]:
                raise DamagedError(f"{folder / STATE}: weights and vectors do not go together.", "Fit the member anew.")

    def _fit(self, texts: Array) -> tuple[Array, Array]:
        """(P,) weights of places and (P, size) vectors, 0 beyond the rank; float32."""
        from sklearn.utils.extmath import randomized_svd

        counts = self._counts(texts)
        rows = counts.shape[0]
        documents = np.bincount(counts.indices, minlength=counts.shape[1])
        weights = (np.log((1 + rows) / (1 + documents)) + 1).astype(np.float32)
        size = min(self.size, *counts.shape)
        _, _, found = randomized_svd(self._weighed(counts, weights), size, random_state=0)
        vectors = np.zeros((counts.shape[1], self.size), np.float32)
        vectors[:, :size] = found.T
        return weights, vectors

    def _counts(self, texts: Array) -> Any:
        """(N, P) sparse counts of n-grams by place."""
        from scipy import sparse
        from sklearn.feature_extraction.text import HashingVectorizer

        common = {"n_features": 2**self.bits, "alternate_sign": False, "norm": None, "dtype": np.float32}
        kinds: list[dict[str, Any]] = [{"ngram_range": (1, self.words), "token_pattern": r"(?u)\b\w+\b"}]
        if self.letters is not None:
            kinds.append({"analyzer": "char_wb", "ngram_range": self.letters})
        listed = texts.tolist()
        return sparse.hstack([HashingVectorizer(**common, **kind).transform(listed) for kind in kinds], format="csr")

    def _weighed(self, counts: Any, weights: Array) -> Any:
        """Logarithms of counts times weights, each row of length 1."""
        from sklearn.preprocessing import normalize

        made = counts.copy()
        made.data = (1 + np.log(made.data)) * weights[made.indices]
        return normalize(made, copy=False)


def _texts(samples: Samples, name: str) -> Array:
    """(N,) str. Raises UsageError where there is no such feature, or it is no text."""
    if name not in samples.features:
        raise UsageError(
            f"hashed-ngrams reads the feature '{name}', which the samples have not.",
            nearest(name, samples.features, "features"),
        )
    values = samples.features[name]
    if values.dtype.kind != "U" or values.ndim != 1:
        raise UsageError(f"hashed-ngrams reads texts, and '{name}' is {values.dtype} {values.shape}.")
    return np.asarray(values)
