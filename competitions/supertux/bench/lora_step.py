"""An epoch of LoRA steps of a vision-language model through the toolkit, beside plain peft and PyTorch.

    python competitions/supertux/bench/lora_step.py [--model FOLDER] [--rows 256] [--batch 16] [--seconds 240]

Ours is a whole fit of one epoch from samples on disk: it sets Lightning up, reads memory-mapped pictures, writes
prompts, generates answers of 4 validation rows and writes its result. The plain loop is the homework's: prompt and
answer as one text through the processor, labels masked up to the answer, the model's own loss, a step. Both take turns
in one process, in float32. The model, if none is given, is the small one with random weights.

The error is the largest difference of what the adapters add to a layer then, relative to the largest such number.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from shared import make_samples, tell, write_small
from transformers import AutoModelForImageTextToText, AutoProcessor

from ctk.bench.bench_case import BenchCase, Contestant, Run, Verdict
from ctk.bench.measure import measure
from ctk.config.training_keys import Training
from ctk.contract import FitContext, Metric
from ctk.samples import Array, Samples
from ctk.training import as_model
from ctk_supertux.columns import IMAGE, QUESTION
from ctk_transformers import VisionLanguageNetwork

SEED, LR, VALID = 1, 5e-4, 4


def main() -> None:
    """Print the table and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a folder; left out, the small model with random weights")
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seconds", type=int, default=240)
    parser.add_argument("--results", type=Path, help="folder of the CSV tables; left out, nothing is kept")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ctk-bench-") as place:
        folder = Path(place)
        samples = make_samples(given.rows + VALID)
        samples.save(folder / "samples")
        model = given.model or write_small(folder / "small", samples)
        samples = Samples.open(folder / "samples")
        rows = np.arange(len(samples))
        case = BenchCase(
            f"LoRA r 8, {given.rows} questions, batch {given.batch}",
            "cpu",
            [
                Contestant("peft + PyTorch", partial(_plain, model, samples.take(rows[:-VALID]), given.batch), "floor"),
                Contestant("ctk", partial(_fit, model, samples, given.batch, folder / "fit"), "ctk"),
            ],
            _Judge(),
            given.seconds,
        )
        measured = measure("training", case)
    tell(measured, given.results)


class _Judge:
    """How far what adapters add is from that of the first contestant."""

    def __init__(self) -> None:
        self.first: Array | None = None

    def __call__(self, added: Array) -> Verdict:
        if self.first is None:
            self.first = added
        return Verdict(error=float(np.abs(added - self.first).max() / np.abs(self.first).max()))


def _added(model: torch.nn.Module) -> Array:
    """Multiply the adapters of a layer, B times A."""
    found = {
        name: each.detach() for name, each in model.named_parameters() if "text_model.layers.0.mlp.up_proj.lora" in name
    }
    (a,), (b,) = ([each for name, each in found.items() if part in name] for part in ("lora_A", "lora_B"))
    product: Array = (b @ a).numpy()
    return product


def _plain(place: str, train: Samples, size: int) -> Run:
    """The homework's own training, without a trainer around it."""

    def run() -> Array:
        torch.manual_seed(SEED)
        model = AutoModelForImageTextToText.from_pretrained(place, dtype=torch.float32)
        config = LoraConfig(r=8, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
        model = get_peft_model(model, config).train()
        processor = AutoProcessor.from_pretrained(place)
        processor.image_processor.do_image_splitting = False
        tokenizer = processor.tokenizer
        optimizer = torch.optim.AdamW([each for each in model.parameters() if each.requires_grad], LR, weight_decay=0.0)
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(SEED)).numpy()
        pictures, questions, answers = np.array(train.features[IMAGE]), train.features[QUESTION], train.target
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            texts = []
            for row in rows:
                content = [{"type": "image"}, {"type": "text", "text": questions[row]}]
                chat = [{"role": "user", "content": content}]
                prompt = processor.apply_chat_template(chat, add_generation_prompt=True)
                texts.append(prompt + answers[row] + tokenizer.eos_token)
            inputs = processor(
                text=texts,
                images=[[pictures[row]] for row in rows],
                padding=True,
                padding_side="right",
                return_tensors="pt",
            )
            labels = torch.full_like(inputs["input_ids"], -100)
            for place_, row in enumerate(rows):
                length = len(tokenizer(answers[row], add_special_tokens=False)["input_ids"]) + 1
                last = int(inputs["attention_mask"][place_].sum())
                labels[place_, last - length : last] = inputs["input_ids"][place_, last - length : last]
            loss = model(**inputs, labels=labels).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return _added(model)

    return run


def _fit(model: str, samples: Samples, size: int, folder: Path) -> Run:
    """A member's fit."""
    keys = {
        "loss": "own",
        "optimizer": {"name": "adamw", "lr": LR},
        "batch": {"size": size},
        "precision": "32-true",
        "epochs": 1,
    }
    metric = Metric("right", "max", lambda given, rows: float(np.mean(given == rows.target_values())))
    rows = np.arange(len(samples))

    def run() -> Array:
        shutil.rmtree(folder, ignore_errors=True)
        fitted = as_model(VisionLanguageNetwork)(model=model)
        fitted.training = Training.model_validate(keys)
        fitted.fit(samples.take(rows[:-VALID]), samples.take(rows[-VALID:]), FitContext(folder, SEED, metric, "cpu"))
        return _added(fitted.network)

    return run


if __name__ == "__main__":
    main()
