"""Training the small model on frames with labels, in two parts: the vision tower by karts, then all by questions."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ctk.errors import UsageError
from ctk.files import atomic
from ctk.samples import Array
from ctk_supertux.labels import Statements, Views, ask, caption
from ctk_supertux.small.architecture import PATCH, SIZE, new_model, new_processor
from ctk_supertux.small.frames import Frames, box_places, draw_windows
from ctk_supertux.small.learner import KartTargets, SmallLearner
from ctk_supertux.small.packing import PackedQuestions, QuestionPacker
from ctk_supertux.small.tokenizer import train_tokenizer

MOST_QUESTIONS = 10
"""Of a view at a time."""


@dataclass(frozen=True)
class TrainingPlan:
    """How long and how the model is trained.

    seeing     steps in which the vision tower alone is trained, by karts
    steps      of all
    batch      views a step
    lr         at most; it rises over ``warmup`` steps, and falls as half a cosine, in each part by itself
    detection  weight of karts beside the answers in the second part
    save_every  steps between checkpoints and validations
    """

    seeing: int = 3000
    steps: int = 12000
    batch: int = 32
    lr: float = 1e-3
    warmup: int = 200
    weight_decay: float = 0.05
    detection: float = 0.2
    save_every: int = 500
    seed: int = 1

    def rate(self, step: int) -> float:
        """Learning rate of a step, as a share of ``lr``."""
        start, end = (0, self.seeing) if step < self.seeing else (self.seeing, self.steps)
        done = step - start
        fall = 0.5 * (1 + math.cos(math.pi * min(1.0, done / max(1, end - start))))
        return min(1.0, (done + 1) / self.warmup) * max(fall, 0.01)


class SmallTraining:
    """A training that can be interrupted at any time: from its last checkpoint it goes on to the same weights.

    What a step sees depends on the seed and its number alone. Matrices are multiplied in bfloat16.
    """

    def __init__(self, train: Frames, valid: Frames | None, folder: Path, plan: TrainingPlan) -> None:
        self.train, self.valid, self.folder, self.plan = train, valid, folder, plan
        plain = train.label()
        texts = _texts(plain)
        self.processor = new_processor(train_tokenizer(texts))
        self.packer = QuestionPacker.of(self.processor)
        self.names = plain.names
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(plan.seed)
            self.learner = SmallLearner(new_model(self.processor.tokenizer, plan.seed), len(self.names))
        decayed = [each for each in self.learner.parameters() if each.ndim > 1]
        rest = [each for each in self.learner.parameters() if each.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": plan.weight_decay}, {"params": rest, "weight_decay": 0.0}],
            lr=plan.lr,
            betas=(0.9, 0.98),
        )
        self.step = 0
        self.per_epoch = max(1, len(plain) // plan.batch)
        self.epoch = -1

    @property
    def checkpoint(self) -> Path:
        """Where a training goes on from."""
        return self.folder / "last.pt"

    def run(self, tell: Callable[[str], None], until: int | None = None) -> None:
        """Train to the plan's end, or ``until`` a step; goes on from a checkpoint where there is one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.exists():
            self._load()
            tell(f"goes on from step {self.step:,}")
        began, first, costs = time.monotonic(), self.step, []
        while self.step < min(self.plan.steps, until or self.plan.steps):
            costs.append(self._train_step())
            self.step += 1
            if self.step % self.plan.save_every == 0 or self.step == self.plan.steps:
                self._save()
                seconds = (time.monotonic() - began) / (self.step - first)
                means = np.mean(costs, axis=0)
                tell(f"step {self.step:,}  karts {means[0]:.3f}  answers {means[1]:.3f}  {seconds:.2f} s a step")
                costs = []
                if self.valid is not None and self.step > self.plan.seeing:
                    shares = self.validate()
                    tell("  valid  " + "  ".join(f"{family} {share:.3f}" for family, share in shares.items()))

    def write(self, folder: Path) -> None:
        """Write the model in half precision with its processor, as ``save_pretrained`` does."""
        self.learner.model.half().save_pretrained(folder)
        self.learner.model.float()
        self.processor.save_pretrained(folder)

    @torch.no_grad()
    def validate(self, views: int = 512) -> dict[str, float]:
        """Share of whole answers that are given greedily, by family, of views spread over the validation frames."""
        assert self.valid is not None
        labels = self.valid.label()
        asked = _Asked.of(ask(labels), self.packer)
        rows = np.unique(np.linspace(0, len(labels) - 1, views).astype(np.int64))
        right: dict[str, list[bool]] = {}
        self.learner.eval()
        for start in range(0, len(rows), self.plan.batch):
            some = rows[start : start + self.plan.batch]
            packed, chosen = asked.pack(self.packer, some, None)
            if not len(chosen):
                continue
            with torch.autocast("cpu", torch.bfloat16):
                patches = self.learner.see(self.valid.show(some, None, SIZE, None))
                _, good = self.learner.answer_costs(patches, packed, len(chosen))
            for family, each in zip(asked.statements.family[chosen], good.tolist(), strict=True):
                right.setdefault(asked.statements.families[family], []).append(each)
        self.learner.train()
        shares = {family: float(np.mean(right[family])) for family in asked.statements.families if family in right}
        return {**shares, "mean": float(np.mean(list(shares.values())))}

    def _train_step(self) -> tuple[float, float]:
        plan, place = self.plan, self.step % self.per_epoch
        if self.step // self.per_epoch != self.epoch:
            self._begin_epoch(self.step // self.per_epoch)
        rows = self.order[place * plan.batch : (place + 1) * plan.batch]
        generator = np.random.default_rng([plan.seed, 1, self.step])
        for group in self.optimizer.param_groups:
            group["lr"] = plan.lr * plan.rate(self.step)
        answers = self.step >= plan.seeing
        with torch.autocast("cpu", torch.bfloat16):
            patches = self.learner.see(self.train.show(rows, self.windows, SIZE, generator))
            karts = self.learner.detection_loss(patches, _targets(self.views, rows))
            loss, cost = karts, None
            if answers:
                packed, chosen = self.asked.pack(self.packer, rows, generator)
                costs, _ = self.learner.answer_costs(patches, packed, len(chosen))
                weights = torch.from_numpy(self.weights[self.asked.statements.family[chosen]])
                cost = (costs * weights).sum() / weights.sum()
                loss = cost + plan.detection * karts
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.learner.parameters(), 1.0)
        self.optimizer.step()
        return karts.item(), 0.0 if cost is None else cost.item()

    def _begin_epoch(self, epoch: int) -> None:
        """Draw how views are shown, label what is then seen, and order them: those with several karts more often."""
        generator = np.random.default_rng([self.plan.seed, 0, epoch])
        self.windows = draw_windows(len(self.train.pictures), generator)
        self.views = self.train.label(self.windows)
        self.asked = _Asked.of(ask(self.views), self.packer)
        counts = np.bincount(self.asked.statements.family, minlength=len(self.asked.statements.families))
        self.weights = (counts.sum() / np.maximum(counts, 1)).astype(np.float32)
        often = np.minimum(self.views.counts, 3)
        self.order = generator.choice(len(often), self.per_epoch * self.plan.batch, p=often / often.sum())
        self.epoch = epoch

    def _save(self) -> None:
        state = {
            "step": self.step,
            "learner": self.learner.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "plan": asdict(self.plan),
            "names": list(self.names),
        }
        with atomic(self.checkpoint) as temporary:
            torch.save(state, temporary)

    def _load(self) -> None:
        state = torch.load(self.checkpoint, weights_only=True)
        if state["names"] != list(self.names) or _but_length(state["plan"]) != _but_length(asdict(self.plan)):
            raise UsageError(
                f"{self.checkpoint}: is of another plan or of other frames.",
                "Remove it, or name another folder; only --steps and --save-every may change on the way.",
            )
        self.learner.load_state_dict(state["learner"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]


def _but_length(plan: dict[str, Any]) -> dict[str, Any]:
    """A plan but for what may change on the way: how long it is, and how often it is saved."""
    return {key: value for key, value in plan.items() if key not in ("steps", "save_every")}


@dataclass(frozen=True)
class _Asked:
    """Questions with the tokens of their texts and answers; ``start`` (V + 1,) are the rows of each view."""

    statements: Statements
    texts: list[list[int]]
    answers: list[list[int]]
    start: Array

    @classmethod
    def of(cls, statements: Statements, packer: QuestionPacker) -> _Asked:
        last = int(statements.view[-1]) + 1 if len(statements) else 0
        start = np.searchsorted(statements.view, np.arange(last + 1))
        return cls(statements, packer.tokens(statements.texts), packer.tokens(statements.answers), start)

    def pack(
        self, packer: QuestionPacker, views: Array, generator: np.random.Generator | None
    ) -> tuple[PackedQuestions, Array]:
        """Pack the questions of some views, of many some drawn; returns too which questions they are."""
        chosen, pairs = [], []
        for view in views:
            rows = np.arange(self.start[view], self.start[view + 1]) if view + 1 < len(self.start) else np.arange(0)
            if generator is not None:
                rows = generator.permutation(rows)[:MOST_QUESTIONS]
            text, answer = self.statements.text[rows], self.statements.answer[rows]
            pairs.append([(self.texts[t], self.answers[a]) for t, a in zip(text, answer, strict=True)])
            chosen.append(rows)
        return packer.pack(pairs), np.concatenate(chosen)


def _targets(views: Views, rows: Array) -> KartTargets:
    """The karts of some views as the heads are told them; a view may be there twice."""
    patch, boxes = box_places(views, SIZE // PATCH)
    start = np.searchsorted(views.view, np.arange(len(views) + 1))
    karts = [np.arange(start[row], start[row + 1]) for row in rows]
    picture = np.repeat(np.arange(len(rows)), [len(each) for each in karts])
    of = np.concatenate(karts) if len(karts) else np.arange(0)
    ego = views.egos[rows][picture] == of
    found: list[Any] = [picture, patch[of], views.kart[of], boxes[of], ego, views.tracks[rows]]
    return KartTargets(*map(torch.from_numpy, found))


def _texts(views: Views) -> list[str]:
    """What a tokenizer is made of: every question, answer and caption that there is about views, once."""
    questions, captions = ask(views, zeros=True), caption(views)
    return [*questions.texts, *questions.answers, *captions.texts]
