"""The competition's files: where they lie, what is in them, reading and writing them.

train.npz holds captions/{ids, text, embeddings, label} and images/{names, embeddings}; test.clean.npz the captions
without labels. Two additions of ours, which other readers pass over: an optional key images/concept (pictures that
are variants of one thing and must stay on one side of a split), and a file test.truth.npz beside test.clean.npz where
the answers are public.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ctk.contract import DataItem
from ctk.data import Npz, rows_not_finite
from ctk.errors import CtkError, DataError
from ctk.files import atomic
from ctk.samples import Array, Data, Gallery, Samples
from ctk_aml_retrieval.captions import read_captions
from ctk_aml_retrieval.sample_submission import as_asked

SLUG = "aml-competition"
GET = (
    "Fetch it with 'ctk data aml-retrieval --download --data DIR' (plugin ctk-kaggle), or give no folder to use the "
    "embedded pictures."
)
DROP = "Drop such rows with -o data.bad_rows=drop, or mend the file."
LABEL, TEXT, VECTORS, IDS = "captions/label", "captions/text", "captions/embeddings", "captions/ids"
NAMES, PICTURES, CONCEPT = "images/names", "images/embeddings", "images/concept"
SAMPLE = "sample_submission.csv"
BLOCK = 16 << 20  # bytes of an array held while streaming; the label matrix of the real file is 3.1 GB
BadRows = Literal["error", "drop"]


@dataclass(frozen=True)
class Files:
    """Where the files of one data set lie; what is None is not there and not needed."""

    train: Path
    test: Path
    truth: Path | None
    captions: Path | None
    images: Path | None
    sample: Path | None


def locate(folder: Path, train: Path | None = None) -> Files:
    """Find the files in ``folder``: in train/ and test/, in Kaggle's doubled train/train/, or in the folder itself.

    train   another file to train on, such as an exported filtered set; only the rest is then looked for
    Raises DataError naming every place that was looked in.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder.", GET)
    if train is not None and not train.is_file():
        raise DataError(f"{train}: there is no such file.", "Check the path.")
    test = _needed(folder, "test", "test.clean.npz")
    truth = test.with_name("test.truth.npz")
    return Files(
        train=train or _needed(folder, "train", "train.npz"),
        test=test,
        truth=truth if truth.is_file() else None,
        captions=next((path for path in _places(folder, "train", "captions.txt") if path.is_file()), None),
        images=next((path for path in _places(folder, "train", "Images") if path.is_dir()), None),
        sample=next((path for path in _places(folder, "test", SAMPLE) if path.is_file()), None),
    )


def read(folder: Path, *, bad_rows: BadRows = "error", train: Path | None = None) -> Data:
    """Read a data set in the competition's layout.

    train   ids (N,); features {"text": (N, Dt) float32}; target (N,) int64 rows of the gallery; groups {"image",
            "concept"} (N,) int64, the same where the file has no concepts; notes {"caption"}; gallery (G, Di) float32
    test    ids (M,), the text features and captions, in the order of the file or of sample_submission.csv;
            ``truth`` the same with a target
    bad_rows  what to do with training rows whose label marks no picture or several, or whose numbers are not finite
    memory  the embeddings and captions, plus some 100 MB; the label matrix is streamed
    Raises DataError naming file, key and row.
    """
    files = locate(folder, train)
    samples, dropped = _read_labelled(files.train, bad_rows)
    test = _read_test(files.test, samples, files.train.name)
    test = test if files.sample is None else as_asked(test, files.sample)
    truth = None if files.truth is None else _read_truth(files.truth, test)
    assert samples.gallery is not None
    about = f"{len(samples):,} captions of {len(samples.gallery):,} pictures, {len(test):,} captions to predict"
    if dropped:
        about += f" ({dropped:,} bad rows dropped)"
    return Data(train=samples, test=test, folder=Path(folder), about=about, truth=truth, files=files.images)


def read_labelled(path: Path) -> Samples:
    """The samples of one labelled file, train.npz or test.truth.npz, as ``read`` gives them for training."""
    return _read_labelled(path, "error")[0]


def write(path: Path, samples: Samples, *, labelled: bool) -> Path:
    """Write samples as a compressed .npz in the competition's layout; returns where.

    path      a .npz file, or a folder in which the file gets its usual place (train/train.npz, test/test.clean.npz)
    labelled  with the label matrix and the gallery (which the samples must then have), or captions alone
    memory    some 100 MB beyond the samples: the label matrix is made and packed block by block, never whole
    The same samples give the same bytes. A reader never sees half a file.
    """
    path = Path(path)
    if path.suffix != ".npz":
        path = path / ("train/train.npz" if labelled else "test/test.clean.npz")
    text, gallery = samples.features["text"], samples.gallery
    counts = {"num_captions": len(samples), "embedding_dim_text": text.shape[1]}
    if gallery is not None:
        counts["embedding_dim_image"] = gallery.vectors.shape[1]
    if labelled and gallery is not None:
        counts["num_images"] = len(gallery)
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, count in counts.items():
            _put(archive, f"metadata/{name}", np.array([count], np.int64))
        _put(archive, IDS, samples.ids)
        _put(archive, TEXT, samples.notes["caption"])
        _put(archive, VECTORS, text.astype(np.float32, copy=False))
        if labelled:
            if gallery is None or samples.target is None:
                raise ValueError("labelled samples need a target and a gallery")
            shape = (len(samples), len(gallery))
            _put_blocks(archive, LABEL, np.dtype(bool), shape, _label_blocks(samples.target, len(gallery)))
            _put(archive, NAMES, gallery.names)
            _put(archive, PICTURES, gallery.vectors.astype(np.float32, copy=False))
            concept = samples.groups.get("concept")
            if concept is not None and not np.array_equal(concept, samples.target):
                _put(archive, CONCEPT, _concept_of_pictures(concept, samples.target, len(gallery)))
    return path


def describe(folder: Path) -> list[DataItem]:
    """What there is of the data set in a folder and how to get the rest; what is missing or damaged never raises."""
    folder = Path(folder)
    return [
        _found(folder, "train", "train.npz", GET),
        _found(folder, "test", "test.clean.npz", GET),
        _found(
            folder,
            "test",
            "test.truth.npz",
            "Only data of your own has it: `ctk data aml-retrieval --build --test` makes it with a test set.",
        ),
        _found(folder, "test", SAMPLE, "Where there is one, it says how a submission's columns and rows are ordered."),
        _found(folder, "train", "captions.txt", "Comes with the download; only people read it."),
        _found(folder, "train", "Images", "Comes with the download; filters that look at pictures need it."),
    ]


def _places(folder: Path, part: str, name: str) -> Iterator[Path]:
    for root in (folder, folder / "data", folder / SLUG):
        yield root / part / name
        yield root / part / part / name
        yield root / name


def _needed(folder: Path, part: str, name: str) -> Path:
    for path in _places(folder, part, name):
        if path.is_file():
            return path
    looked = ", ".join(str(path.parent) for path in _places(folder, part, name))
    raise DataError(f"{name} was not found; looked in {looked}.", GET)


def _found(folder: Path, part: str, name: str, how: str) -> DataItem:
    path = next((path for path in _places(folder, part, name) if path.exists()), None)
    if path is None:
        return DataItem(name, None, "", how)
    if path.suffix != ".npz":
        return DataItem(name, path, "", "")
    try:
        with Npz(path) as file:
            detail = "{:,} captions, text {:,}".format(*file.shape(VECTORS))
            if PICTURES in file:
                detail += "; {:,} pictures, image {:,}".format(*file.shape(PICTURES))
        return DataItem(name, path, detail, "")
    except (CtkError, IndexError) as error:  # IndexError: vectors without a width
        return DataItem(name, path, f"damaged: {str(error).splitlines()[0]}", how)


def _read_labelled(path: Path, bad_rows: BadRows) -> tuple[Samples, int]:
    drop = bad_rows == "drop"
    with Npz(path) as file:
        ids, captions, text = _read_captions(file, finite=False)
        gallery = _read_gallery(file, finite=False)
        if not drop:
            for key, vectors in ((VECTORS, text), (PICTURES, gallery.vectors)):
                if len(bad := rows_not_finite(vectors)):
                    raise file.fault(key, "a value is not a finite float32 number.", DROP, row=int(bad[0]))
        _check_metadata(file, captions=len(ids), text=text.shape[1], images=gallery.vectors.shape)
        target = _read_label(file, len(ids), len(gallery), drop, help=DROP)
        samples = _labelled(file, Samples(ids, {"text": text}, notes={"caption": captions}), target, gallery)
    if not drop:
        return samples, 0
    keep = target >= 0
    keep[rows_not_finite(text)] = False
    blind = rows_not_finite(gallery.vectors)
    keep &= ~np.isin(target, blind)
    if not keep.any():
        raise DataError(f"{path.name}: every row is bad.", "Mend the file.")
    if len(blind):  # a picture without a usable vector can be nobody's answer, so it leaves the gallery too
        samples = _without_pictures(samples.take(keep), blind)
    elif not keep.all():
        samples = samples.take(keep)
    return samples, len(ids) - int(keep.sum())


def _read_test(path: Path, train: Samples, train_name: str) -> Samples:
    with Npz(path) as file:
        ids, captions, text = _read_captions(file, finite=True)
        images = None if train.gallery is None else (None, train.gallery.vectors.shape[1])
        _check_metadata(file, captions=len(ids), text=text.shape[1], images=images)
        width = train.features["text"].shape[1]
        if text.shape[1] != width:
            raise file.fault(
                VECTORS,
                f"vectors have {text.shape[1]:,} numbers, those of {train_name} {width:,}.",
                "Embed both with the same text encoder.",
            )
    return Samples(ids, {"text": text}, notes={"caption": captions})


def _read_truth(path: Path, test: Samples) -> Samples:
    with Npz(path) as file:
        ids = _read_ids(file)
        gallery = _read_gallery(file, finite=True)
        target = _read_label(file, len(ids), len(gallery), drop=False, help="Mend the file or remove it.")
        row_of = {key: row for row, key in enumerate(ids.tolist())}
        for key in test.ids.tolist():
            if key not in row_of:
                raise file.fault(IDS, f"lacks id {key} of the test set.", "Use the truth made with this test set.")
        rows = np.array([row_of[key] for key in test.ids.tolist()], np.int64)
        return _labelled(file, test, target[rows], gallery)


def _read_captions(file: Npz, *, finite: bool) -> tuple[Array, Array, Array]:
    ids = _read_ids(file)
    captions = file.read(TEXT, kind="U", shape=(len(ids),)) if TEXT in file else _texts_beside(file, ids)
    return ids, captions, file.read(VECTORS, kind="f", shape=(len(ids), None), finite=finite)


def _texts_beside(file: Npz, ids: Array) -> Array:
    """(N,) captions of an archive that lacks them, from the captions.txt beside it."""
    path = file.path.with_name("captions.txt")
    if not path.is_file():
        raise file.fault(TEXT, "there is no such key, and no captions.txt beside.", "Put captions.txt there.")
    text_of = read_captions(path, needed=["caption"]).set_index("id")["caption"]
    unknown = np.flatnonzero(~np.isin(ids, text_of.index.to_numpy()))
    if len(unknown):
        raise file.fault(IDS, f"id {ids[unknown[0]]} is not in {path}.", "Use the file that came with it.")
    return text_of.loc[ids].to_numpy(str)


def _read_ids(file: Npz) -> Array:
    ids = file.read(IDS, kind="iu", shape=(None,))
    if not len(ids):
        raise file.fault(IDS, "there are no captions.", "Check that the file was written to its end.")
    order = np.argsort(ids, kind="stable")
    again = np.flatnonzero(ids[order[1:]] == ids[order[:-1]])
    if len(again):
        first, second = order[again[0]], order[again[0] + 1]
        raise file.fault(
            IDS,
            f"id {ids[first]} is in rows {first:,} and {second:,}; {len(again):,} of {len(ids):,} ids repeat.",
            "Give every caption an id of its own.",
        )
    if len(large := np.flatnonzero(ids > np.iinfo(np.int64).max)):
        raise file.fault(IDS, f"{ids[large[0]]} is beyond int64.", "Number the captions.", row=int(large[0]))
    return ids.astype(np.int64, copy=False)


def _read_gallery(file: Npz, *, finite: bool) -> Gallery:
    names = file.read(NAMES, kind="U", shape=(None,))
    return Gallery(file.read(PICTURES, kind="f", shape=(len(names), None), finite=finite), names)


def _read_label(file: Npz, captions: int, pictures: int, drop: bool, help: str) -> Array:
    """The picture of every caption, (N,) int64; -1 where ``drop`` and the row does not mark exactly one."""
    target = np.full(captions, -1, np.int64)
    rows = max(1, BLOCK // max(1, pictures))
    for start, block in file.blocks(LABEL, rows, kind="b", shape=(captions, pictures)):
        # One pass over the bytes: the marks are few, so everything after finding them is free.
        row, column = np.divmod(np.flatnonzero(block), max(1, pictures))
        marks = np.bincount(row, minlength=len(block))
        target[start + row] = column
        if (bad := np.flatnonzero(marks != 1)).size:
            if not drop:
                raise file.fault(
                    LABEL,
                    f"marks {marks[bad[0]] or 'no'} image{'s' if marks[bad[0]] > 1 else ''};"
                    " a caption belongs to exactly one.",
                    help,
                    row=start + int(bad[0]),
                )
            target[start + bad] = -1
    return target


def _labelled(file: Npz, samples: Samples, target: Array, gallery: Gallery) -> Samples:
    concept = target
    if CONCEPT in file:
        named = file.read(CONCEPT, kind="iuU", shape=(len(gallery),))
        concept = np.unique(named, return_inverse=True)[1].astype(np.int64)[target]
    return replace(samples, target=target, gallery=gallery, groups={"image": target, "concept": concept})


def _without_pictures(samples: Samples, rows: Array) -> Samples:
    assert samples.gallery is not None
    assert samples.target is not None
    stays = np.ones(len(samples.gallery), bool)
    stays[rows] = False
    target = (np.cumsum(stays) - 1)[samples.target]
    concept = samples.groups["concept"]
    return replace(
        samples,
        target=target,
        groups={"image": target, "concept": target if np.array_equal(concept, samples.target) else concept},
        gallery=Gallery(samples.gallery.vectors[stays], samples.gallery.names[stays]),
    )


def _check_metadata(file: Npz, *, captions: int, text: int, images: tuple[int | None, int] | None) -> None:
    """Compare metadata/*, where there is any, with the arrays."""
    pictures, width = images or (None, None)
    for name, there in (
        ("num_captions", captions),
        ("num_images", pictures),
        ("embedding_dim_text", text),
        ("embedding_dim_image", width),
    ):
        key = f"metadata/{name}"
        if key not in file or there is None:
            continue
        values = file.read(key, kind="iu", shape=file.shape(key)).reshape(-1)
        # Published filtered sets kept the count of the set they were cut from, so a larger one is no fault.
        stale = name == "num_captions" and len(values) == 1 and int(values[0]) > there
        if len(values) != 1 or (int(values[0]) != there and not stale):
            raise file.fault(
                key,
                f"says {', '.join(map(str, values))}; the arrays have {there:,}.",
                "The file was cut or mixed: make or download it again.",
            )


def _label_blocks(target: Array, pictures: int) -> Iterator[Array]:
    step = max(1, BLOCK // max(1, pictures))
    for start in range(0, len(target), step):
        rows = target[start : start + step]
        block = np.zeros((len(rows), pictures), bool)
        block[np.arange(len(rows)), rows] = True
        yield block


def _concept_of_pictures(concept: Array, target: Array, pictures: int) -> Array:
    """Concept by picture from concept by caption; a picture without captions is a concept of its own."""
    named = int(concept.max(initial=-1)) + 1 + np.arange(pictures)
    named[target] = concept
    return named.astype(np.int64)


def _put(archive: zipfile.ZipFile, key: str, array: Array) -> None:
    step = max(1, BLOCK // max(1, array[:1].nbytes))
    blocks = (array[start : start + step] for start in range(0, len(array), step))
    _put_blocks(archive, key, array.dtype, array.shape, blocks)


def _put_blocks(
    archive: zipfile.ZipFile, key: str, dtype: np.dtype[Any], shape: tuple[int, ...], blocks: Iterable[Array]
) -> None:
    with archive.open(f"{key}.npy", "w", force_zip64=True) as stream:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)
        for block in blocks:
            stream.write(np.ascontiguousarray(block).tobytes())
