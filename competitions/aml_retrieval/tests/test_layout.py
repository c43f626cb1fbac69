"""What the competition's layout promises: its files are found, read exactly, and every fault has a place."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ctk.data import Npz
from ctk.errors import DataError
from ctk_aml_retrieval import layout
from ctk_aml_retrieval.competition import AMLRetrieval

N, G, M = 12, 5, 4


def train_arrays(captions=N, pictures=G, text_dim=8, image_dim=6, **changes):
    random = np.random.default_rng(0)
    label = np.zeros((captions, pictures), bool)
    label[np.arange(captions), np.arange(captions) % pictures] = True
    arrays = {
        "metadata/num_captions": np.array([captions]),
        "metadata/num_images": np.array([pictures]),
        "metadata/embedding_dim_text": np.array([text_dim]),
        "metadata/embedding_dim_image": np.array([image_dim]),
        "captions/ids": np.arange(captions),
        "captions/text": np.array([f"caption {row}" for row in range(captions)]),
        "captions/embeddings": random.random((captions, text_dim), np.float32),
        "captions/label": label,
        "images/names": np.array([f"{row}.jpg" for row in range(pictures)]),
        "images/embeddings": random.random((pictures, image_dim), np.float32),
    }
    return changed(arrays, changes)


def query_arrays(captions=M, text_dim=8, image_dim=6, **changes):
    arrays = {
        "metadata/num_captions": np.array([captions]),
        "metadata/embedding_dim_text": np.array([text_dim]),
        "metadata/embedding_dim_image": np.array([image_dim]),
        "captions/ids": np.arange(1, captions + 1),
        "captions/text": np.array([f"question {row}" for row in range(captions)]),
        "captions/embeddings": np.random.default_rng(1).random((captions, text_dim), np.float32),
    }
    return changed(arrays, changes)


def changed(arrays, changes):
    """Arrays with some replaced, or removed where None; label__x stands for the key captions/label."""
    for name, value in changes.items():
        key = next(key for key in (f"captions/{name}", f"images/{name}", f"metadata/{name}") if key in arrays)
        arrays.pop(key) if value is None else arrays.update({key: value})
    return arrays


def save(path: Path, arrays) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)
    return path


def a_folder(tmp_path: Path, train=None, test=None, truth=None) -> Path:
    save(tmp_path / "train/train.npz", train or train_arrays())
    save(tmp_path / "test/test.clean.npz", test or query_arrays())
    if truth:
        save(tmp_path / "test/test.truth.npz", truth)
    return tmp_path


def label_with(row: int, *pictures: int):
    label = train_arrays()["captions/label"]
    label[row] = False
    label[row, list(pictures)] = True
    return label


def test_samples_are_what_the_file_says(tmp_path):
    arrays = train_arrays()
    data = layout.read(a_folder(tmp_path, arrays))
    train = data.train
    assert_array_equal(train.ids, arrays["captions/ids"])
    assert_array_equal(train.features["text"], arrays["captions/embeddings"])
    assert_array_equal(train.target, arrays["captions/label"].argmax(1))
    assert_array_equal(train.notes["caption"], arrays["captions/text"])
    assert_array_equal(train.gallery.vectors, arrays["images/embeddings"])
    assert_array_equal(train.gallery.names, arrays["images/names"])
    assert_array_equal(train.groups["image"], train.target)
    assert_array_equal(train.groups["concept"], train.target)
    assert (train.features["text"].dtype, train.target.dtype) == (np.float32, np.int64)
    assert data.test.ids.tolist() == [1, 2, 3, 4]
    assert data.test.target is None
    assert data.truth is None
    assert data.about.startswith("12 captions of 5 pictures")


def test_captions_that_the_archives_lack_come_from_captions_txt(tmp_path):
    train, test = train_arrays(), query_arrays()
    del train["captions/text"], test["captions/text"]
    folder = a_folder(tmp_path, train, test)
    with pytest.raises(DataError, match=r"train\.npz, captions/text: .* no captions\.txt beside"):
        layout.read(folder)
    rows = [f"a.jpg,words of {key}" for key in train["captions/ids"]]
    (folder / "train/captions.txt").write_text("\n".join(["image,caption", *rows]))
    (folder / "test/captions.txt").write_text("id,caption\n" + "\n".join(f"{key},asked {key}" for key in (4, 3, 2, 1)))
    data = layout.read(folder)
    assert data.train.notes["caption"].tolist() == [f"words of {key}" for key in train["captions/ids"]]
    assert data.test.notes["caption"].tolist() == ["asked 1", "asked 2", "asked 3", "asked 4"]


@pytest.mark.parametrize(
    "places", [("train", "test"), ("train/train", "test/test"), (".", "."), ("data/train", "data/test")]
)
def test_files_are_found_where_people_unpack_them(tmp_path, places):
    train = save(tmp_path / places[0] / "train.npz", train_arrays())
    test = save(tmp_path / places[1] / "test.clean.npz", query_arrays())
    (tmp_path / places[0] / "Images").mkdir()
    (tmp_path / places[0] / "captions.txt").write_text("image,caption\n")
    files = layout.locate(tmp_path)
    assert (files.train.resolve(), files.test.resolve()) == (train.resolve(), test.resolve())
    assert files.images.resolve() == train.parent.resolve() / "Images"
    assert files.captions.resolve() == train.parent.resolve() / "captions.txt"
    assert layout.read(tmp_path).files == files.images


def test_a_missing_file_lists_where_it_was_looked_for(tmp_path):
    save(tmp_path / "train/train.npz", train_arrays())
    with pytest.raises(DataError, match=r"test\.clean\.npz was not found") as caught:
        layout.read(tmp_path)
    assert str(tmp_path / "test/test") in caught.value.problem
    assert "ctk data aml-retrieval --download" in caught.value.help


def test_a_missing_folder_says_so(tmp_path):
    with pytest.raises(DataError, match="there is no such folder"):
        layout.read(tmp_path / "nowhere")


def test_another_training_file_can_take_the_place(tmp_path):
    folder = a_folder(tmp_path)
    filtered = save(tmp_path / "filtered/top50.npz", train_arrays(captions=7))
    assert len(layout.read(folder, train=filtered).train) == 7
    with pytest.raises(DataError, match="there is no such file"):
        layout.read(folder, train=tmp_path / "none.npz")


@pytest.mark.parametrize(("text", "image"), [(384, 768), (1024, 1536), (384, 1280)])
def test_other_encoders_dimensions_are_fine(tmp_path, text, image):
    data = layout.read(
        a_folder(tmp_path, train_arrays(text_dim=text, image_dim=image), query_arrays(text_dim=text, image_dim=image))
    )
    assert data.train.features["text"].shape == (N, text)
    assert data.train.gallery.vectors.shape == (G, image)


def test_ids_that_are_no_numbers_are_refused(tmp_path):
    test = query_arrays() | {"captions/ids": np.array(["q1", "q2", "q3", "q4"])}
    with pytest.raises(DataError, match=r"test\.clean\.npz, captions/ids: is <U2; integer was expected"):
        layout.read(a_folder(tmp_path, test=test))


@pytest.mark.parametrize("concepts", [np.array(["b", "a", "b", "c", "a"]), np.array([7, 3, 7, 9, 3])])
def test_concepts_are_groups_of_their_own(tmp_path, concepts):
    train = layout.read(a_folder(tmp_path, {**train_arrays(), "images/concept": concepts})).train
    concept = train.group("concept")
    assert concept.dtype == np.int64
    assert_array_equal(concept[:, None] == concept, (concepts[train.target][:, None] == concepts[train.target]))


def test_metadata_may_be_missing(tmp_path):
    arrays = {key: value for key, value in train_arrays().items() if not key.startswith("metadata/")}
    assert len(layout.read(a_folder(tmp_path, arrays)).train) == N


def test_a_stale_larger_count_of_captions_is_accepted(tmp_path):
    train = layout.read(a_folder(tmp_path, train_arrays(num_captions=np.array([125_000])))).train
    assert len(train) == N


@pytest.mark.parametrize(
    ("name", "value"), [("num_captions", 11), ("num_images", 6), ("embedding_dim_text", 9), ("embedding_dim_image", 5)]
)
def test_metadata_that_is_not_true_is_refused(tmp_path, name, value):
    with pytest.raises(DataError, match=f"train.npz, metadata/{name}: says {value}; the arrays have"):
        layout.read(a_folder(tmp_path, train_arrays(**{name: np.array([value])})))


def test_a_label_row_with_two_images_is_named(tmp_path):
    with pytest.raises(DataError) as caught:
        layout.read(a_folder(tmp_path, train_arrays(label=label_with(7, 1, 4))))
    assert caught.value.problem == (
        "train.npz, captions/label, row 7: marks 2 images; a caption belongs to exactly one."
    )
    assert caught.value.help == "Drop such rows with -o data.bad_rows=drop, or mend the file."


def test_a_label_row_without_an_image_is_named(tmp_path):
    with pytest.raises(DataError, match="captions/label, row 3: marks no image; a caption belongs to exactly one"):
        layout.read(a_folder(tmp_path, train_arrays(label=label_with(3))))


def test_a_bad_label_row_is_named_in_any_block(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "BLOCK", 3 * G)
    good = layout.read(a_folder(tmp_path)).train
    assert_array_equal(good.target, np.arange(N) % G)
    with pytest.raises(DataError, match="row 11: marks 5 images"):
        layout.read(a_folder(tmp_path, train_arrays(label=label_with(11, *range(5)))))


def test_bad_rows_can_be_dropped(tmp_path):
    label = label_with(7, 1, 4)
    label[2] = False
    text = train_arrays()["captions/embeddings"]
    text[9, 0] = np.inf
    data = layout.read(a_folder(tmp_path, train_arrays(label=label, embeddings=text)), bad_rows="drop")
    assert data.train.ids.tolist() == [0, 1, 3, 4, 5, 6, 8, 10, 11]
    assert_array_equal(data.train.target, data.train.ids % G)
    assert np.isfinite(data.train.features["text"]).all()
    assert "3 bad rows dropped" in data.about


def test_a_picture_without_a_usable_vector_is_dropped_with_its_captions(tmp_path):
    arrays = train_arrays()
    arrays["images/embeddings"][1, 2] = np.nan
    train = layout.read(a_folder(tmp_path, arrays), bad_rows="drop").train
    assert_array_equal(train.gallery.names, np.delete(arrays["images/names"], 1))
    assert_array_equal(train.gallery.names[train.target], arrays["images/names"][train.ids % G])
    assert (train.ids % G != 1).all()
    assert_array_equal(train.groups["concept"], train.target)


@pytest.mark.parametrize("key", ["captions/embeddings", "images/embeddings"])
def test_a_row_that_is_not_finite_is_named(tmp_path, key):
    arrays = train_arrays()
    arrays[key][4, 1] = np.nan
    with pytest.raises(DataError, match=f"train.npz, {key}, row 4: "):
        layout.read(a_folder(tmp_path, arrays))


def test_a_test_row_is_never_dropped(tmp_path):
    arrays = query_arrays()
    arrays["captions/embeddings"][2] = np.nan
    with pytest.raises(DataError, match=r"test\.clean\.npz, captions/embeddings, row 2"):
        layout.read(a_folder(tmp_path, test=arrays), bad_rows="drop")


@pytest.mark.parametrize("part", ["train", "test"])
def test_repeated_ids_are_named_with_their_rows(tmp_path, part):
    ids = np.array([5, 9, 7, 9])
    folder = a_folder(tmp_path, train_arrays(captions=4, ids=ids) if part == "train" else None,
                      query_arrays(ids=ids) if part == "test" else None)  # fmt: skip
    with pytest.raises(DataError, match="captions/ids: id 9 is in rows 1 and 3"):
        layout.read(folder)


@pytest.mark.parametrize("key", ["ids", "text", "embeddings", "label", "names"])
def test_a_missing_key_is_named(tmp_path, key):
    with pytest.raises(DataError, match=f"train.npz, (captions|images)/{key}: there is no such key"):
        layout.read(a_folder(tmp_path, train_arrays(**{key: None})))


@pytest.mark.parametrize(
    "wrong",
    [
        {"label": np.zeros((N, G + 1), bool)},
        {"label": np.zeros((N, G), np.float32)},
        {"text": np.array(["one"])},
        {"embeddings": np.zeros((N - 1, 8), np.float32)},
        {"embeddings": np.zeros(N, np.float32)},
        {"names": np.array(["a"])},
    ],
)
def test_a_wrong_shape_or_dtype_is_refused(tmp_path, wrong):
    with pytest.raises(DataError, match=r"train\.npz, .* was expected"):
        layout.read(a_folder(tmp_path, train_arrays(**wrong)))


def test_pickled_captions_are_refused(tmp_path):
    text = np.array(["caption"] * N, dtype=object)
    with pytest.raises(DataError, match=r"train\.npz, captions/text: holds pickled Python objects"):
        layout.read(a_folder(tmp_path, train_arrays(text=None) | {"captions/text": text}))


def test_a_truncated_file_is_refused(tmp_path):
    folder = a_folder(tmp_path)
    path = folder / "train/train.npz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"train\.npz: is cut short"):
        layout.read(folder)


def test_a_test_set_of_another_encoder_is_refused(tmp_path):
    with pytest.raises(
        DataError, match=r"test\.clean\.npz, captions/embeddings: vectors have 16 numbers.*train\.npz 8"
    ):
        layout.read(a_folder(tmp_path, test=query_arrays(text_dim=16)))


def test_truth_is_put_in_the_order_of_the_test(tmp_path):
    order = np.array([3, 0, 2, 1])
    truth = train_arrays(captions=M, ids=np.arange(1, M + 1)[order])
    data = layout.read(a_folder(tmp_path, truth=truth))
    assert_array_equal(data.truth.ids, data.test.ids)
    assert_array_equal(data.truth.target[order], np.arange(M) % G)
    assert data.truth.features is data.test.features


def test_truth_of_another_test_set_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"test\.truth\.npz, captions/ids: lacks id 4 of the test set"):
        layout.read(a_folder(tmp_path, truth=train_arrays(captions=M, ids=np.arange(M))))


def test_what_is_written_reads_back_the_same(tmp_path):
    concepts = np.array(["b", "a", "b", "c", "a"])
    data = layout.read(a_folder(tmp_path / "a", {**train_arrays(), "images/concept": concepts}))
    copy = tmp_path / "b"
    assert layout.write(copy, data.train, labelled=True) == copy / "train/train.npz"
    assert layout.write(copy, data.test, labelled=False) == copy / "test/test.clean.npz"
    again = layout.read(copy)
    for one, other in ((data.train, again.train), (data.test, again.test)):
        for (name, array), (_, written) in zip(one._arrays(), other._arrays(), strict=True):
            assert_array_equal(array, written, err_msg=name)
            assert array.dtype == written.dtype, name
    with np.load(copy / "train/train.npz", allow_pickle=False) as numpy_reads:
        assert set(train_arrays()) | {"images/concept"} == set(numpy_reads)
        assert_array_equal(numpy_reads["captions/label"], train_arrays()["captions/label"])
        assert numpy_reads["metadata/num_captions"].tolist() == [N]


def test_an_exported_subset_keeps_true_metadata_and_all_pictures(tmp_path):
    train = layout.read(a_folder(tmp_path)).train
    path = layout.write(tmp_path / "filtered.npz", train.take(np.array([1, 4, 6])), labelled=True)
    subset = layout.read_labelled(path)
    assert subset.ids.tolist() == [1, 4, 6]
    assert_array_equal(subset.gallery.names[subset.target], train.gallery.names[train.target[[1, 4, 6]]])
    with Npz(path) as file:
        assert file.read("metadata/num_captions", kind="i", shape=(1,)).tolist() == [3]
        assert file.read("metadata/num_images", kind="i", shape=(1,)).tolist() == [G]


def test_the_label_matrix_is_written_block_by_block(tmp_path, monkeypatch):
    train = layout.read(a_folder(tmp_path)).train
    whole = layout.write(tmp_path / "whole.npz", train, labelled=True)
    monkeypatch.setattr(layout, "BLOCK", 2 * G)
    assert layout.write(tmp_path / "blocks.npz", train, labelled=True).read_bytes() == whole.read_bytes()


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    train = layout.read(a_folder(tmp_path)).train
    place = tmp_path / "new"
    with pytest.raises(ValueError, match="need a target"):
        layout.write(place, layout.read(tmp_path).test, labelled=True)
    assert not list(place.rglob("*.*"))
    old = layout.write(place, train, labelled=True).read_bytes()
    with pytest.raises(KeyError):
        layout.write(place, type(train)(train.ids, train.features, train.target, gallery=train.gallery), labelled=True)
    assert (place / "train/train.npz").read_bytes() == old


def test_describe_says_what_is_there_and_how_to_get_the_rest(tmp_path):
    save(tmp_path / "train/train.npz", train_arrays())
    (tmp_path / "test").mkdir()
    (tmp_path / "test/test.clean.npz").write_bytes(b"PK\x03\x04half")
    rows = {row.item: row for row in layout.describe(tmp_path)}
    assert rows["train.npz"].detail == "12 captions, text 8; 5 pictures, image 6"
    assert rows["test.clean.npz"].detail.startswith("damaged: ")
    assert rows["Images"].path is None
    assert rows["Images"].how
    assert [row.path for row in layout.describe(tmp_path / "nowhere")] == [None] * 6


def write_full_size(folder: Path) -> None:
    """125,000 captions of 25,000 pictures; embeddings stored, the 3.1 GB of label deflated at its fastest."""
    save(folder / "test/test.clean.npz", query_arrays(captions=1500, text_dim=1024, image_dim=1536))
    (folder / "train").mkdir()
    captions, pictures = 125_000, 25_000
    random = np.random.default_rng(0)
    caption = "A man in a blue shirt is standing on a ladder cleaning a window . " * 3
    with zipfile.ZipFile(folder / "train/train.npz", "w", zipfile.ZIP_STORED) as archive:

        def put(key, dtype, shape, blocks):
            with archive.open(f"{key}.npy", "w", force_zip64=True) as stream:
                header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(stream, header)
                for block in blocks:
                    stream.write(block.tobytes())

        put("captions/ids", "i8", (captions,), [np.arange(captions)])
        put("captions/text", "U200", (captions,), [np.full(captions, caption, "U200")])
        ones = random.random((1000, 1536), np.float32)
        put("captions/embeddings", "f4", (captions, 1024), (ones[:, :1024] for _ in range(125)))
        put("images/names", "U14", (pictures,), [np.array([f"{row:010}.jpg" for row in range(pictures)])])
        put("images/embeddings", "f4", (pictures, 1536), (ones for _ in range(25)))
        archive.compression, archive.compresslevel = zipfile.ZIP_DEFLATED, 1

        def label():
            for start in range(0, captions, 1000):
                block = np.zeros((1000, pictures), bool)
                block[np.arange(1000), (start + np.arange(1000)) // 5] = True
                yield block

        put("captions/label", "?", (captions, pictures), label())


@pytest.mark.slow
@pytest.mark.parametrize("bad_rows", ["error", "drop"])
def test_the_full_size_file_is_read_in_its_embeddings_and_1500_mb(once, bad_rows):
    folder = once("aml-full-size", write_full_size)
    script = """
import json, resource, sys, time
from ctk_aml_retrieval import layout
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
train = layout.read(sys.argv[1], bad_rows=sys.argv[2]).train
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert (train.target == train.ids // 5).all()
embeddings = train.features["text"].nbytes + train.gallery.vectors.nbytes
print(json.dumps([len(train), embeddings, (peak - before) * 1024, time.perf_counter() - start]))
"""
    # Linux counts in a process's peak what its parent held when it was started, and this one holds whatever pytest
    # does; a small process between the two keeps that out.
    between = "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]], check=True)"
    command = [sys.executable, "-c", between, "-c", script, str(folder), bad_rows]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    captions, embeddings, used, seconds = json.loads(done.stdout)
    print(f"{bad_rows}: {used / 1e6:,.0f} MB for {embeddings / 1e6:,.0f} MB of embeddings in {seconds:.1f} s")
    assert captions == 125_000
    assert embeddings < used < embeddings + 1.5e9


def test_the_sample_submission_decides_header_and_order_of_what_is_written(tmp_path):
    save(tmp_path / "train.npz", train_arrays())
    save(tmp_path / "test.clean.npz", query_arrays())
    sample = tmp_path / "sample_submission.csv"
    sample.write_text("Id,vector\n3,[0]\n1,[0]\n4,[0]\n2,[0]\n")
    test = layout.read(tmp_path).test
    assert test.ids.tolist() == [3, 1, 4, 2]
    assert test.notes["caption"].tolist() == ["question 2", "question 0", "question 3", "question 1"]
    written = tmp_path / "submission.csv"
    competition = AMLRetrieval()
    competition.write_submission(written, test, np.zeros((4, 1), np.float32))
    assert written.read_text() == sample.read_text().replace("[0]", "[0.0]")
    assert competition.read_submission(sample, test, 1).ids.tolist() == [3, 1, 4, 2]
    sample.write_text("Id,vector\n1,[0]\n2,[0]\n3,[0]\n9,[0]\n")
    with pytest.raises(DataError, match=r"sample_submission.csv, column Id: 9 is no id of the test set"):
        layout.read(tmp_path)


def test_ids_beyond_int64_are_refused_by_their_row(tmp_path):
    arrays = query_arrays(ids=np.array([1, 2, 2**64 - 1, 4], np.uint64))
    save(tmp_path / "train.npz", train_arrays())
    save(tmp_path / "test.clean.npz", arrays)
    with pytest.raises(DataError, match=r"row 2.*18446744073709551615 is beyond int64"):
        layout.read(tmp_path)
