"""What a view is: further looks at rows that are predicted, of whose predictions the mean is taken."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class View(ABC):
    """Shows a network the rows that it predicts in other ways too, as test-time augmentation does.

    A member's prediction is the mean over the plain look and all looks of its views, in the samples' units. Options
    are keyword-only parameters of ``__init__``. One that depends on the samples (on the names of the target's columns,
    say) has a class method ``for_samples(samples, **options)`` that makes it. Nothing is drawn at random: a look's
    number says all that it is.
    """

    @abstractmethod
    def count(self) -> int:
        """Return how many looks there are beside the plain one, at least 1."""

    @abstractmethod
    def look(self, features: dict[str, Tensor], number: int) -> dict[str, Tensor]:
        """Return the features of some rows as the network is to see them in look ``number``, from 0.

        features  by name, (B, ...): those that the network reads, on its device, before they are padded to sequences.
                  They are those of every look: not to be written to. They come back under the same names with the same
                  shapes and dtypes
        """

    def undo(self, prediction: Tensor, number: int) -> Tensor:
        """Return what was predicted in look ``number``, (B, D) in the samples' units, as it is of the plain rows."""
        return prediction
