"""Which fits of a run with a time limit are made, in which order, and how long each may take."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from statistics import fmean

from ctk.contract import RunConfig
from ctk.contract.fit_limit import seconds_of
from ctk.report.numbers import duration
from ctk.runs import Part
from ctk.workflow import fit_clock
from ctk.workflow.fit_clock import FitTime
from ctk.workflow.plan_run import asked_by_member, parts_of

ENDING, ENDING_SHARE = 3.0, 0.02
"""Seconds, and share of the limit, that scores and the page take after the blend."""
MOST = 0.25
"""Of the limit at most that is kept for what comes after the fits, until it was measured."""
STORING = 0.1
"""Of a fit's time that is kept for its predictions, until it was measured."""
BLENDING = 0.1
"""Of the limit that finding weights may take, before equal ones are taken; half of it while others are fitted."""
OVER = 0.05
"""Of the limit by which a fit may be late before it is given up."""


@dataclass
class RunClock:
    """The time of a run.

    began   in seconds since 1970
    limit   seconds that it has
    blend   seconds that blending the members so far took, and writing a submission of them
    """

    began: float
    limit: float
    blend: float = 0.0

    @property
    def ending(self) -> float:
        """Seconds that are kept for what comes after the fits."""
        guessed = ENDING + ENDING_SHARE * self.limit
        return min(MOST * self.limit, guessed) if not self.blend else min(self.limit / 2, guessed + 1.5 * self.blend)

    @property
    def end_of_fits(self) -> float:
        """When fits have to be done."""
        return self.began + self.limit - self.ending

    @property
    def end_of_blend(self) -> float | None:
        """When weights have to be found, a tenth of the limit from now at the earliest; None where none is fitted."""
        latest = self.began + self.limit * (1 - ENDING_SHARE) - ENDING
        return max(latest, fit_clock.now() + BLENDING * self.limit) if self.limit else None

    @property
    def end_of_blend_so_far(self) -> float:
        """When weights of the members so far have to be found, while others are fitted."""
        return fit_clock.now() + BLENDING / 2 * self.limit

    def left(self) -> float:
        """Seconds that are left for fits."""
        return self.end_of_fits - fit_clock.now()

    def used(self) -> float:
        """Seconds since the run began."""
        return fit_clock.now() - self.began


@dataclass
class KeyState:
    """A member with a seed: its parts that wait, that are stored, and why there will be no more of them."""

    member: str
    parts: list[Part]
    waiting: list[Part]
    fitted: list[Part]
    why: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether every fold is fitted."""
        return len(self.fitted) == len(self.parts)


@dataclass
class FitSchedule:
    """The fits of a run with a time limit, in their order: of every member the first seed, then the second ones.

    The first member that can be is fitted whatever it takes, cut short where it must be; a member after it where it is
    done in time as far as that is known: by the folds of it that are done, or else by the quickest fit so far.

    took     seconds of each member's fits that were not cut short
    storing  seconds between a fit's end and its predictions' being stored, by member
    """

    config: RunConfig
    clock: RunClock
    keys: dict[str, KeyState]
    took: dict[str, list[float]] = field(default_factory=dict)
    storing: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, config: RunConfig, began: float) -> FitSchedule:
        """Make the schedule of a config with a limit, of a run that began at a time, in seconds since 1970."""
        keys: dict[str, KeyState] = {}
        for part in parts_of(config):
            keys.setdefault(part.key, KeyState(part.member, [], [], [])).parts.append(part)
        for state in keys.values():
            state.waiting = list(state.parts)
        seeds = {member.name: config.seeds_of(member) for member in config.members}
        order = sorted(keys, key=lambda key: seeds[keys[key].member].index(keys[key].parts[0].seed))
        return cls(config, RunClock(began, seconds_of(str(config.time_limit))), {key: keys[key] for key in order})

    def whole_keys(self) -> list[str]:
        """Keys of the members of which every fold is fitted, in the config's order."""
        return [key for key, state in self.keys.items() if state.is_whole]

    def could_be_asked(self, name: str) -> bool:
        """Whether every member that this one asks is fitted whole; else it is left out."""
        lacking = [
            key
            for other in sorted(asked_by_member(self.config)[name])
            for key, state in self.keys.items()
            if state.member == other and not state.is_whole
        ]
        if lacking:
            for state in self.keys.values():
                if state.member == name and not state.is_whole:
                    self.leave_out(state, f"it asks {lacking[0]}, which is not fitted")
        return not lacking

    def next(self, names: Collection[str], workers: int, alone: bool = True) -> tuple[Part, FitTime] | None:
        """Choose the next part of some members to be fitted, and its time; None where nothing is to be begun.

        ``alone``: whether one process fits it, which may give it up by itself.
        """
        known = list(self.keys.values())
        whole = any(state.is_whole for state in known)
        for place, state in enumerate(known):
            if state.member not in names or not state.waiting or state.why:
                continue
            needed = not alone or (not whole and all(each.why for each in known[:place]))
            last = not any(each.waiting and not each.why for each in known[place + 1 :])
            if time := self._time(state, workers, needed, last):
                return state.waiting.pop(0), time
        return None

    def tell_fitted(self, part: Part, seconds: float, storing: float, cut: bool) -> bool:
        """Note a part that is stored; True where its member is whole with it."""
        state = self.keys[part.key]
        state.fitted.append(part)
        state.waiting = [each for each in state.waiting if each != part]
        self.storing.setdefault(part.member, []).append(storing)
        if not cut:
            self.took.setdefault(part.member, []).append(seconds)
        return state.is_whole

    def tell_given_up(self, part: Part, why: str) -> None:
        """Note a part that will not be: no other of its member is begun."""
        self.leave_out(self.keys[part.key], why)

    def leave_out(self, state: KeyState, why: str) -> None:
        """Begin no further part of a member."""
        state.why, state.waiting = state.why or why, []

    def _time(self, state: KeyState, workers: int, needed: bool, last: bool) -> FitTime | None:
        """How long the next part may take; None where it is not begun, and its member left out."""
        left, clock = self.clock.left(), self.clock
        rounds = math.ceil(len(state.waiting) / max(1, workers))
        has, known = left / rounds, self.took.get(state.member)
        quickest = min((min(each) for each in self.took.values()), default=0.0)
        takes = fmean(known) if known else None
        why = ""
        if left <= 0:
            why = "no time was left for it"
        elif not needed and takes is not None and takes * rounds > left:
            why = f"it takes {duration(takes * rounds)} more, and {duration(left)} were left"
        elif not needed and takes is None and has < quickest:
            why = f"{duration(left)} were left, and no member was as quick"
        if why:
            self.leave_out(state, why)
            return None
        told = self.storing.get(state.member)
        until = fit_clock.now() + has - max(STORING * has, 1.5 * max(told) if told else 0.0)
        latest = clock.end_of_fits + OVER * clock.limit
        given_up = latest if needed and last else min(latest, fit_clock.now() + 1.5 * has)
        return FitTime(until, given_up, needed)
