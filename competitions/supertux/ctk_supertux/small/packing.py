"""Several questions about a picture as one sequence: the picture is read once, and no question sees another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ctk_supertux.small.tokenizer import AROUND, BEGIN, END, GLOBAL, IMAGE

IGNORED = -100


class PackedQuestions(NamedTuple):
    """Sequences (B, L) of pictures' tokens, and after those of questions, each with its answer.

    ids, positions  int64; a question's positions go on from the picture's
    seen            (B, 1, L, L) bool: what each token attends to
    labels          int64 of the token after each, where that is of an answer or its end; else IGNORED
    question        int64: which of all questions a label is of, in their order
    """

    ids: Tensor
    positions: Tensor
    seen: Tensor
    labels: Tensor
    question: Tensor


@dataclass(frozen=True)
class QuestionPacker:
    """Packs questions as a processor writes them one by one: the same tokens at the same positions.

    before, after  tokens before a question and after it
    """

    tokenizer: Any
    before: list[int]
    after: list[int]

    @classmethod
    def of(cls, processor: Any) -> QuestionPacker:
        """Make one for the small model's processor."""
        tokens = processor.tokenizer
        picture = f"{BEGIN}User:{AROUND}{GLOBAL}{IMAGE * processor.image_seq_len}{AROUND}"
        before, after = (
            tokens(text, add_special_tokens=False)["input_ids"] for text in (picture, f"{END}\nAssistant:")
        )
        return cls(tokens, before, after)

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Make tokens of texts."""
        found: list[list[int]] = self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        return found

    def pack(self, asked: Sequence[Sequence[tuple[list[int], list[int]]]]) -> PackedQuestions:
        """Pack the questions and answers, as tokens, of each of B pictures."""
        end, first, number = self.tokenizer.eos_token_id, len(self.before), 0
        rows = []
        for pairs in asked:
            ids, positions, part = list(self.before), list(range(first)), [0] * first
            labels, question = [IGNORED] * first, [0] * first
            for place, (text, answer) in enumerate(pairs, start=1):
                whole = [*text, *self.after, *answer, end]
                ids += whole
                positions += range(first, first + len(whole))
                part += [place] * len(whole)
                given = len(whole) - len(answer) - 2  # the last of these is followed by the answer's first token
                labels += [IGNORED] * given + [*answer, end, IGNORED]
                question += [number] * len(whole)
                number += 1
            rows.append((ids, positions, part, labels, question))
        fills = (self.tokenizer.pad_token_id, 0, -1, IGNORED, 0)
        longest = max(len(row[0]) for row in rows)
        padded = [
            torch.tensor([row[column] + [fill] * (longest - len(row[column])) for row in rows])
            for column, fill in enumerate(fills)
        ]
        earlier = torch.ones(longest, longest, dtype=torch.bool).tril()
        of = padded[2]
        own = (of[:, :, None] == of[:, None, :]) | (of[:, None, :] == 0)
        return PackedQuestions(padded[0], padded[1], (earlier & own)[:, None], padded[3], padded[4])
