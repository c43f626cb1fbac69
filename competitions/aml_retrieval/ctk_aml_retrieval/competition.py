"""The competition as the toolkit knows it. What needs torch or pandas is imported where it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctk.contract import Competition, Progress, Submission, presets_in, spaces_in
from ctk.samples import Array, Samples
from ctk_aml_retrieval import submission

if TYPE_CHECKING:
    from ctk.contract import Results, Section
    from ctk_aml_retrieval.build import Build


class AMLRetrieval(Competition):
    """Kaggle's aml-competition (Sapienza, 2025/26): from caption embeddings to image embeddings."""

    id = "aml-retrieval"
    title = "AML image-text retrieval"
    url = "https://www.kaggle.com/competitions/aml-competition"
    platform = "kaggle"
    slug = "aml-competition"
    metric = "mrr_gallery"
    board = "mrr_100"
    headline = ("mrr_gallery", "mrr_100", "recall@10_gallery", "recall@10_100")
    reader = "aml-npz"
    embedded = "quick"
    default = "baseline"

    def presets(self) -> Mapping[str, Mapping[str, Any]]:
        """The files in ``presets/``, by name."""
        return presets_in("ctk_aml_retrieval")

    def spaces(self) -> Mapping[str, Mapping[str, Any]]:
        """The files in ``spaces/``, by name."""
        return spaces_in("ctk_aml_retrieval")

    def default_data(self, progress: Progress = lambda what, done, total: None) -> Path:
        """Twemoji pictures with emojibase captions, embedded by small encoders; see ``default_data/NOTICE.md``."""
        from ctk_aml_retrieval import embedded

        return embedded.folder()

    def evaluate(self, prediction: Array, samples: Samples) -> dict[str, float]:
        """Both protocols; rows are mixed before they are cut into chunks."""
        from ctk_aml_retrieval import evaluation

        return evaluation.evaluate(prediction, samples, shuffle=True)

    def score(self, prediction: Array, truth: Samples) -> dict[str, float]:
        """Both protocols, chunks in file order as the organisers cut them."""
        from ctk_aml_retrieval import evaluation

        return evaluation.evaluate(prediction, truth, shuffle=False)

    def write_submission(self, path: Path, test: Samples, prediction: Array) -> None:
        """``id,embedding`` or as the sample submission calls them, raw and not normalised."""
        submission.write(path, test.ids, prediction, _columns(test))

    def read_submission(self, path: Path, test: Samples, width: int | None = None) -> Submission:
        """Checked against the test's ids and, if given, the images' width."""
        return submission.read(path, test.ids, width, _columns(test))

    def read_truth(self, path: Path) -> Samples:
        """Captions with labels and their pictures, as in train.npz."""
        from ctk_aml_retrieval import layout

        return layout.read_labelled(path)

    def write_data(self, folder: Path, train: Samples, test: Samples) -> None:
        """train/train.npz and test/test.clean.npz under a folder."""
        from ctk_aml_retrieval import layout

        layout.write(folder, train, labelled=True)
        layout.write(folder, test, labelled=False)

    def build(self) -> type[Build]:
        """Pictures and captions to npz, with encoders by name."""
        from ctk_aml_retrieval.build import Build

        return Build

    def report(self, results: Results) -> Sequence[Section]:
        """Rank histogram and a gallery of queries."""
        from ctk_aml_retrieval import report

        return report.sections(results)


def _columns(test: Samples) -> Sequence[str]:
    header = test.constants.get("header")
    return submission.COLUMNS if header is None else header.tolist()
