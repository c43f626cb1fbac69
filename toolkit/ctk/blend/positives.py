"""Which gallery entries are right for a query: one by its row, or several by their ids."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ctk.ops.arguments import require_rows


@dataclass(frozen=True)
class Positives:
    """Query q has the gallery rows order[first[q] : first[q] + count[q]], at least one."""

    order: Tensor
    first: Tensor
    count: Tensor

    @classmethod
    def of(cls, target: Tensor | None, query_ids: Tensor | None, gallery_ids: Tensor | None, gallery: int) -> Positives:
        """From target (Q,), or from query_ids (Q,) and gallery_ids (G,), int64 on one device.

        Raises ValueError where both or none are given, and for the first query without a positive.
        """
        if target is not None:
            if query_ids is not None or gallery_ids is not None:
                raise ValueError("target and ids both say what is right: give one of them")
            inside = (target >= 0) & (target < gallery)
            require_rows(inside, f"query row {{}} has a target outside the gallery of {gallery}")
            return cls(target, torch.arange(len(target), device=target.device), torch.ones_like(target))
        if query_ids is None or gallery_ids is None:
            raise ValueError("nothing says what is right: give target, or query_ids and gallery_ids")
        known, order = gallery_ids.sort(stable=True)
        first = torch.searchsorted(known, query_ids)
        count = torch.searchsorted(known, query_ids, right=True) - first
        require_rows(count > 0, "query row {} has no positive in the gallery")
        return cls(order, first, count)

    def rows(self, queries: slice) -> Tensor:
        """(n, P) int64 gallery rows of a part of the queries; a query with fewer than P positives repeats its last."""
        first, count = self.first[queries, None], self.count[queries, None]
        place = torch.arange(int(count.max()), device=count.device)
        return self.order[first + place.minimum(count - 1)]
