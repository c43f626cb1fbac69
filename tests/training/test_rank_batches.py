"""Batches dealt to ranks are the batches of one process: nobody lost, nobody twice, groups whole, means weighted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctk.training.batches import Batches
from ctk.training.datasets import SequentialSlices
from ctk.training.rank_batches import RankBatches

groups = st.lists(st.integers(0, 8), min_size=1, max_size=60).map(np.array)


@given(groups=groups, size=st.integers(1, 40), ranks=st.integers(1, 5), by_group=st.booleans())
def test_the_ranks_shares_of_a_batch_are_the_batch_of_one_process(groups, size, ranks, by_group):
    def batches():
        return Batches(len(groups), size, 3, groups if by_group else None)

    dealt = [list(RankBatches(batches(), rank, ranks)) for rank in range(ranks)]
    for whole, parts in zip(batches(), zip(*dealt, strict=True), strict=True):
        own = [part.rows.tolist() for part in parts if part.share]
        assert sorted(row for rows in own for row in rows) == sorted(whole.tolist())
        assert all(len(part.rows) == 1 for part in parts if not part.share)
        if by_group:
            of_group = [{groups[row] for row in rows} for rows in own]
            assert sum(map(len, of_group)) == len(set.union(*of_group))
        value = np.arange(len(groups)) ** 2.0
        mean = np.mean([part.share * value[part.rows].mean() for part in parts])
        assert mean == pytest.approx(value[whole].mean())


def test_groups_go_to_the_rank_with_the_fewest_rows():
    groups = np.repeat(np.arange(5), [8, 5, 4, 3, 2])
    dealt = [next(iter(RankBatches(Batches(22, 22, 0, groups), rank, 2))) for rank in range(2)]
    assert sorted(len(part.rows) for part in dealt) == [11, 11]


@given(rows=st.integers(0, 40_000), ranks=st.integers(1, 7))
def test_validated_rows_are_parted_in_order_and_into_as_many_slices_on_every_rank(rows, ranks):
    parts = [SequentialSlices(rows, rank, ranks) for rank in range(ranks)]
    slices = [list(part) for part in parts]
    assert {len(each) for each in slices} == {len(part) for part in parts} == {len(parts[0])}
    assert all(1 <= each.stop - each.start <= 4096 for own in slices for each in own)
    seen = [each for part, own in zip(parts, slices, strict=True) if part.own for each in own]
    assert [row for each in seen for row in range(each.start, each.stop)] == list(range(rows))
