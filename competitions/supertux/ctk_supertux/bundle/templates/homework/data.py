"""The graded questions and choices, and the share of questions that a model answers right."""

import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA_DIR = Path(__file__).parent.parent / "data"


def _rows(files: Iterable[Path]) -> list[dict[str, Any]]:
    return [row for file in files for row in json.loads(file.read_text())]


class _Rows:
    """Records of some JSON files, each with its picture's path."""

    def __init__(self, pattern: str, data_dir: Path | None, max_samples: int | None) -> None:
        self.data_dir = Path(data_dir or DATA_DIR)
        self.rows = _rows(sorted(self.data_dir.glob(pattern)))[:max_samples]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        row = dict(self.rows[index])
        return {"image_path": str(self.data_dir / row.pop("image_file")), **row}


class VQADataset(_Rows):
    """Questions of a split: ``image_path``, ``question``, ``answer``."""

    def __init__(self, split: str, data_dir: Path | None = None, max_samples: int | None = None) -> None:
        super().__init__(f"{split}/*_qa_pairs.json", data_dir, max_samples)


class MultiChoiceQADataset(_Rows):
    """Choices of a split: ``image_path``, ``candidates``, ``correct_index``."""

    def __init__(self, split: str, data_dir: Path | None = None, max_samples: int | None = None) -> None:
        super().__init__(f"{split}/all_mc_qas.json", data_dir, max_samples)


@dataclass
class BenchmarkResult:
    """The share of right answers, and (question, answer, truth) of each."""

    accuracy: float
    samples: list[tuple[str, str, str]]


def is_right(answer: str, truth: str) -> bool:
    """Whether an answer begins with the true one, whatever their case: what the course counts."""
    truth = truth.strip().lower()
    return answer.strip().lower()[: len(truth)] == truth


def benchmark(model: Any, dataset: VQADataset, max_samples: int | None = None) -> BenchmarkResult:
    """Have a model answer a random choice of questions, 32 at a time. Raises ValueError where there are none."""
    count = len(dataset) if max_samples is None else min(len(dataset), max_samples)
    if not count:
        raise ValueError("there are no questions")
    asked = [dataset[index] for index in random.sample(range(len(dataset)), count)]
    answers: list[str] = []
    for start in range(0, count, 32):
        some = asked[start : start + 32]
        answers += model.answer([each["image_path"] for each in some], [each["question"] for each in some])
    samples = [(each["question"], answer, each["answer"]) for each, answer in zip(asked, answers, strict=True)]
    return BenchmarkResult(sum(is_right(answer, truth) for _, answer, truth in samples) / count, samples)
