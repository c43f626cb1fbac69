"""The fits of a run with a time limit: its schedule, kept while they go on, and a submission after each member."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from ctk.errors import OutOfTime
from ctk.runs import Part
from ctk.training import torchrun
from ctk.workflow import fit_clock
from ctk.workflow.fit import was_cut
from ctk.workflow.fit_clock import FitTime
from ctk.workflow.fit_schedule import OVER, FitSchedule
from ctk.workflow.plan_run import RunPlan

GRACE = 0.02
"""Of the limit, from when fits are given up until their workers are ended with whatever goes on in them."""
AGAIN = 0.02
"""Of the limit that a submission of the members so far may take, so that one is written after the next one too."""


class TooLate(Exception):
    """Raised where fits go on after their time, so that the pool ends them."""


class FitsInTime:
    """What of a run is fitted in its time.

    blend  writes a submission of some members, by their keys; called after each that is whole
    """

    def __init__(self, plan: RunPlan, say: Callable[[str], None], blend: Callable[[Sequence[str]], None]) -> None:
        self.plan, self.say, self.blend = plan, say, blend
        self.schedule = FitSchedule.of(plan.config, plan.began)
        self.clock = self.schedule.clock
        self.began: dict[Part, float] = {}

    def begin(self, fitted: Collection[Part]) -> None:
        """Begin, with parts that were fitted before."""
        for part in fitted:
            self._note(part, self.plan.run.facts(part)["seconds"])

    def that_can_be(self, names: Sequence[str]) -> list[str]:
        """List the members of which every member that they ask is there; the others are left out."""
        return [name for name in names if self.schedule.could_be_asked(name)]

    def next(self, waiting: Collection[Part], running: Sequence[Part]) -> tuple[Part, FitTime] | None:
        """Choose what a free worker begins. Raises TooLate where what is running should have ended."""
        clock, workers = self.clock, max(1, self.plan.config.executor.workers)
        if running and fit_clock.now() > clock.end_of_fits + (OVER + GRACE) * clock.limit:
            raise TooLate
        if len(running) >= workers:
            return None
        chosen = self.schedule.next({part.member for part in waiting}, workers, alone=torchrun.current_team() is None)
        if chosen:
            self.began[chosen[0]] = fit_clock.now()
        return chosen

    def store(self, part: Part) -> None:
        """Note a part that was fitted, and write a submission where its member is whole with it."""
        clock = self.clock
        if self._note(part, fit_clock.now() - self.began[part]) and clock.blend <= AGAIN * clock.limit:
            begun = fit_clock.now()
            self.blend(self.schedule.whole_keys())
            clock.blend = fit_clock.now() - begun

    def give_up(self, part: Part, error: OutOfTime) -> None:
        """Note a part that was given up."""
        self.say(f"{part.key}, fold {part.fold}: given up, for {error.problem}")
        self.schedule.tell_given_up(part, error.problem)

    def end_all(self) -> None:
        """Note that whatever was running was ended."""
        for state in self.schedule.keys.values():
            if not state.is_whole:
                self.schedule.leave_out(state, "it did not end in time")

    def _note(self, part: Part, seconds: float) -> bool:
        facts = self.plan.run.facts(part)
        storing = (facts.get("timed") or {}).get("storing", 0.0)
        return self.schedule.tell_fitted(part, seconds, storing, was_cut(facts))
