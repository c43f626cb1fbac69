"""Which gallery entries are right for a query: one by its row, or several by their ids."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Positives:
    """Query q has the gallery rows order[first[q] : first[q] + count[q]], at least one."""

    order: Tensor
    first: Tensor
    count: Tensor

    @classmethod
    def of(
        cls, target: Tensor | None, query_ids: Tensor | None, gallery_ids: Tensor | None, queries: int, gallery: int
    ) -> Positives:
        """From target (Q,), or from query_ids (Q,) and gallery_ids (G,): integers on one device.

        Raises ValueError for shapes and dtypes that do not fit, and for the first query without a positive.
        """
        if target is not None:
            if query_ids is not None or gallery_ids is not None:
                raise ValueError("target and ids both say what is right: give one of them")
            _check("target", target, queries)
            _require((target >= 0) & (target < gallery), f"has a target outside the gallery of {gallery}")
            return cls(target.long(), torch.arange(queries, device=target.device), torch.ones_like(target).long())
        if query_ids is None or gallery_ids is None:
            raise ValueError("nothing says what is right: give target, or query_ids and gallery_ids")
        _check("query_ids", query_ids, queries)
        _check("gallery_ids", gallery_ids, gallery)
        known, order = gallery_ids.sort(stable=True)
        first = torch.searchsorted(known, query_ids)
        count = torch.searchsorted(known, query_ids, right=True) - first
        _require(count > 0, "has no positive in the gallery")
        return cls(order, first, count)

    def rows(self, queries: slice) -> Tensor:
        """(n, P) int64 gallery rows of a part of the queries; a query with fewer than P positives repeats its last."""
        first, count = self.first[queries, None], self.count[queries, None]
        place = torch.arange(int(count.max()), device=count.device)
        return self.order[first + place.minimum(count - 1)]


def _check(name: str, rows: Tensor, size: int) -> None:
    if rows.shape != (size,) or rows.is_floating_point() or rows.is_complex() or rows.dtype == torch.bool:
        raise ValueError(f"{name} are {size} integers, not {rows.dtype} of shape {tuple(rows.shape)}")


def _require(good: Tensor, what: str) -> None:
    if not bool(good.all()):
        raise ValueError(f"query row {int((~good).nonzero()[0])} {what}")
