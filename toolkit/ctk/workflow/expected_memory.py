"""What memory a run's fits take, told before the first of them and compared with what the machine has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress

from ctk.contract import RunConfig
from ctk.errors import UsageError
from ctk.machine import free_memory, size_text
from ctk.plugins.guard import Guard, keep_noise, submit_task
from ctk.runs import RUNNING, Part, Run
from ctk.workflow.features import add_frozen
from ctk.workflow.fit import FitTask, guarded_model
from ctk.workflow.plan_run import RunPlan

HERE = ("local", "serial")
"""Executors whose workers share this machine's memory."""


class MemoryForecast:
    """What the hungriest member takes, asked of a worker, which imports what fits need anyway, and told once known."""

    def __init__(self, plan: RunPlan, tasks: Mapping[Part, FitTask], pool: Executor, say: Callable[[str], None]):
        """Ask models of this machine's executors, as far as they know; say it at once where they answer at once."""
        self.plan, self.say, self.parts = plan, say, len(tasks)
        # A member once; what other members' predictions add to the features is not there yet.
        asked = {each.name for each in plan.config.members if not each.uses}
        firsts = {part.member: task for part, task in tasks.items() if part.member in asked}
        here = plan.config.executor.name.rpartition(":")[2] in HERE
        guard = Guard("executors", plan.config.executor.name)
        self.answer = submit_task(guard, pool, expected_bytes, tuple(firsts.values())) if here and firsts else None
        self.tell_if_known()

    def tell_if_known(self) -> None:
        """Say it where a worker has answered since, and note it in the run's state.

        Raises UsageError for a config that a member's model could not be made or fitted by: nothing else is waited for.
        """
        if self.answer is None or not self.answer.done():
            return
        known, wrong = ({}, {}) if self.answer.exception() else self.answer.result()
        self.answer = None
        for name, error in wrong.items():
            raise UsageError(f"{name}: {error.problem}", error.help)
        if known:
            self._tell(max(known, key=known.__getitem__), max(known.values()))

    def _tell(self, name: str, needs: int) -> None:
        config = self.plan.config
        at_once, free = min(config.executor.workers, self.parts), _free(config)
        several = f", and {at_once} are fitted at a time" if at_once > 1 else ""
        have = "" if free is None else f"; {size_text(free)} are free"
        self.say(f"memory: full batches of {name} take up to {size_text(needs)}{several}{have}")
        if self.plan.steps is None:
            self.plan.run.set_state(RUNNING, memory=needs * at_once, free=free)
        if free is not None and needs * at_once > free:
            self.say(
                f"That may be more than there is: make its batches smaller, -o members.{name}.batch.size=ROWS,"
                " or fit fewer members at a time, -o executor.workers=1."
            )


def expected_bytes(tasks: Sequence[FitTask]) -> tuple[dict[str, int], dict[str, UsageError]]:
    """What a fit of each task's member takes, as far as its model knows; and the members whose configs are wrong.

    What else fails here fails again where it fits. In a dry run too it is of full batches of all training samples.
    """
    known: dict[str, int] = {}
    wrong: dict[str, UsageError] = {}
    for task in tasks:
        member = next(each for each in task.config.members if each.name == task.part.member)
        with suppress(Exception):
            keep_noise(Run(task.run).part_folder(task.part))
            train, handed = task.prepared.data.train, task.config.handed_to(member)
            if task.steps is None:  # those of a dry run are of some rows alone
                train = add_frozen(task.features, handed, train, "train")
            try:
                size = guarded_model(member).memory(train, task.config.device)
                known |= {} if size is None else {member.name: size}
            except UsageError as error:
                if not any(task.features.features[name].by_fold for name in handed):  # else it may read one of those
                    wrong[member.name] = error
    return known, wrong


def _free(config: RunConfig) -> int | None:
    """Bytes that are free for all fits together: of this machine's GPUs if it has some; None if nobody says."""
    import torch

    if config.device == "cpu" or not torch.cuda.is_available():
        return free_memory()
    return sum(torch.cuda.get_device_properties(number).total_memory for number in range(torch.cuda.device_count()))
