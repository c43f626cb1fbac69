"""The sampler: what the study knows becomes a tree, the tree a proposal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial
from pydantic import Field

from ctk_mcts import history, probes
from ctk_mcts.decisions import decisions_of
from ctk_mcts.leaves import PROMOTES, PROPOSED, SHARE, Leaf, leaves_of, rewards_of
from ctk_mcts.points import draw, path_of
from ctk_mcts.tree import Backup, Tree


class MCTSSampler(BaseSampler):
    """Monte-Carlo tree search (Kocsis and Szepesvári 2006, doi:10.1007/11871842_29) over decisions in their order.

    Nothing is kept between proposals: the tree is made from the study's trials, so that the same study, seed and number
    of a trial give the same proposal. In a finite space no point is proposed twice. README.md tells the algorithm.

    space        parameters in the order in which they are decided, with their distributions
    seed         of everything random; None draws one
    exploration  c of UCT: more tries what is little known, less stays with what is good. Rewards are in [0, 1]
    rave         visits of a node that weigh as much as what other nodes know of the same branch; 0 is plain UCT
    backup       what a node is worth: the "max" of the rewards below it, or their "mean"
    bins         into which a range of more values is cut
    probe        share of the epochs that a point is first run for; 1 runs all in full. The objective has to read
                 the trial's user attribute ctk:share, as ctk search does
    promote      after so many probes have ended the best is run in full
    """

    def __init__(
        self,
        space: Mapping[str, BaseDistribution],
        seed: int | None = None,
        *,
        exploration: Annotated[float, Field(ge=0)] = 0.8,
        rave: Annotated[float, Field(ge=0)] = 30.0,
        backup: Backup = "max",
        bins: Annotated[int, Field(ge=2)] = 8,
        probe: Annotated[float, Field(gt=0, le=1)] = 1.0,
        promote: Annotated[int, Field(ge=2)] = 4,
    ) -> None:
        self.space = dict(space)
        self.decisions = decisions_of(space, bins)
        self.seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
        self.exploration = exploration
        self.rave = rave
        self.backup: Backup = backup
        self.probe = probe
        self.promote = promote

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The whole space: it is decided at once."""
        return self.space

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The next point. Where every point was tried, any; ``exhausted`` tells."""
        if "fixed_params" in trial.system_attrs:  # of an enqueued trial: somebody has decided
            return {}
        leaves = leaves_of(study, self.space)
        tree = self.grown(leaves)
        if (probe := self._promoted(leaves, tree)) is not None:
            self._note(study, trial, {SHARE: 1.0, PROMOTES: probe.trials[self.probe]})
            return dict(probe.parameters)
        if tree.closed:
            return {}
        random = np.random.default_rng([self.seed, trial.number])
        path = tree.descend(random)
        there = [leaf.parameters for leaf in leaves if path_of(self.decisions, leaf.parameters) == path]
        parameters = draw(self.decisions, path, there, random)
        if self.probe < 1:
            self._note(study, trial, {SHARE: self.probe})
        study._storage.set_trial_system_attr(trial._trial_id, PROPOSED, parameters)
        return parameters

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """At random: parameters outside the space, and those of trials that the tree proposes nothing for."""
        random = RandomSampler(int(np.random.default_rng([self.seed, trial.number, len(trial.params)]).integers(2**32)))
        return random.sample_independent(study, trial, param_name, param_distribution)

    def exhausted(self, study: Study) -> bool:
        """Whether every point of a finite space was tried, and no probe is left to be run in full."""
        leaves = leaves_of(study, self.space)
        tree = self.grown(leaves)
        return tree.closed and self._promoted(leaves, tree) is None

    def history(self, study: Study) -> dict[str, Any]:
        """The decisions, the tree and each trial's path: what ``search_history.json`` holds."""
        leaves = leaves_of(study, self.space)
        return history.search_history(self.decisions, self.grown(leaves), leaves, rewards_of(leaves), study)

    def grown(self, leaves: Sequence[Leaf]) -> Tree:
        """The tree of what was tried."""
        tree = Tree(self.decisions, self.exploration, self.rave, self.backup)
        paths = [path_of(self.decisions, leaf.parameters) for leaf in leaves]
        tree.fill(zip(paths, rewards_of(leaves), strict=True))
        return tree

    def _promoted(self, leaves: Sequence[Leaf], tree: Tree) -> Leaf | None:
        """The probe that is to be run in full next, if one is: at the end of a finite space one after another."""
        if self.probe < 1 and (tree.closed or probes.due(leaves, self.probe, self.promote)):
            return probes.best(leaves, self.probe)
        return None

    def _note(self, study: Study, trial: FrozenTrial, attributes: Mapping[str, Any]) -> None:
        """Set user attributes: in the storage, and in the copy of the trial that its objective has already."""
        for key, value in attributes.items():
            study._storage.set_trial_user_attr(trial._trial_id, key, value)
        trial.user_attrs.update(attributes)
