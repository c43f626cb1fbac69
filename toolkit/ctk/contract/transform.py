"""What a transform is: it changes the rows of a training batch, and never those that are validated or predicted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class Transform(ABC):
    """Changes features and target of a training batch together, as augmentation does.

    Options are keyword-only parameters of ``__init__``. One that depends on the samples (on the names of the target's
    columns, say) has a class method ``for_samples(samples, **options)`` that makes it.
    """

    @abstractmethod
    def apply(self, features: dict[str, Tensor], target: Tensor, units: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Return the features and the target of the rows as the network is to get them; called once a step.

        features  by name, (B, ...): those that the network reads, before they are padded to sequences. They may be
                  written to, and come back under the same names with the same shapes and dtypes
        target    (B, D), in the samples' units
        units     (B,) int64, below B: rows of one number belong together and have to share what is drawn: a sequence,
                  or else each row by itself. ``torch.rand(len(units), device=units.device)[units]`` is such a draw

        Draws come from torch's global generator, which is seeded anew each step: so a resumed fit stays the same fit.
        """
