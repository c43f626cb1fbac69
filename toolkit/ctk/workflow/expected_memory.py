"""What memory a run's fits take, told before the first of them and compared with what the machine has."""

from __future__ import annotations

from collections.abc import Callable, Collection

from ctk.contract import RunConfig
from ctk.machine import free_memory, gigabytes
from ctk.runs import RUNNING, Part
from ctk.samples import Samples
from ctk.workflow.fit import guarded_model
from ctk.workflow.plan_run import RunPlan

HERE = ("local", "serial")
"""Executors whose workers share this machine's memory."""


def tell_memory(plan: RunPlan, train: Samples, missing: Collection[Part], say: Callable[[str], None]) -> None:
    """Say what the hungriest member of the ``missing`` parts takes, as far as models know, and note it in the state.

    ``train`` are all the training samples, in a dry run too: what full batches would take is told.
    """
    config, names = plan.config, {part.member for part in missing}
    # What other members' predictions add to the features is not there yet.
    asked = [each for each in config.members if each.name in names and not each.uses]
    known = {each.name: guarded_model(each).memory(train, config.device) for each in asked}
    needs = {name: size for name, size in known.items() if size is not None}
    if not needs:
        return
    name = max(needs, key=needs.__getitem__)
    at_once, free = min(config.executor.workers, len(missing)), _free(config)
    several = f", and {at_once} are fitted at a time" if at_once > 1 else ""
    have = "" if free is None else f"; {gigabytes(free)} are free"
    say(f"memory: full batches of {name} take up to {gigabytes(needs[name])}{several}{have}")
    if plan.steps is None:
        plan.run.set_state(RUNNING, memory=needs[name] * at_once, free=free)
    if free is not None and needs[name] * at_once > free:
        say(
            f"That may be more than there is: make its batches smaller, -o members.{name}.batch.size=ROWS,"
            " or fit fewer members at a time, -o executor.workers=1."
        )


def _free(config: RunConfig) -> int | None:
    """Bytes that are free for all fits together, where they are fitted on this machine: of its GPUs if it has some."""
    import torch

    if config.executor.name.rpartition(":")[2] not in HERE:
        return None
    if config.device == "cpu" or not torch.cuda.is_available():
        return free_memory()
    return sum(torch.cuda.get_device_properties(number).total_memory for number in range(torch.cuda.device_count()))
