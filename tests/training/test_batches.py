"""Batches depend on seed and epoch alone, hold whole groups, and lose nobody."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from ctk.training.batches import Batches

groups = st.lists(st.integers(0, 8), min_size=1, max_size=60).map(np.array)


@given(groups=groups, size=st.integers(1, 40), seed=st.integers(0, 5), epoch=st.integers(0, 5))
def test_every_row_is_in_one_batch_with_its_whole_group(groups, size, seed, epoch):
    batches = Batches(len(groups), size, seed, groups)
    batches.set_epoch(epoch)
    found = [set(batch.tolist()) for batch in batches]
    assert len(found) == len(batches)
    assert sorted(row for batch in found for row in batch) == list(range(len(groups)))
    for batch in found:
        inside = set(groups[list(batch)])
        assert all((row in batch) == (group in inside) for row, group in enumerate(groups))


def test_as_many_groups_a_batch_as_the_rule_says():
    # 4096 rows a batch and 5 captions a picture: 819 pictures.
    groups = np.repeat(np.arange(2000), 5)
    first = next(iter(Batches(len(groups), 4096, 0, groups)))
    assert len(first) == 819 * 5


def test_an_epoch_has_its_own_order_and_the_seed_gives_it_back():
    def order(seed, epoch):
        batches = Batches(50, 7, seed)
        batches.set_epoch(epoch)
        return torch.cat(list(batches)).tolist()

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert sorted(order(1, 1)) == list(range(50))


@given(rows=st.integers(1, 90), size=st.integers(1, 40), parts=st.integers(1, 5), epoch=st.integers(0, 3))
def test_the_parts_of_an_epoch_are_the_epoch_in_batches_of_the_size(rows, size, parts, epoch):
    whole = Batches(rows, size, 1)
    whole.set_epoch(epoch)
    batches = Batches(rows, size, 1, parts=parts)
    assert 1 <= batches.parts <= parts
    found = []
    for part in range(batches.parts):
        batches.set_epoch(epoch * batches.parts + part)
        mine = list(batches)
        assert len(mine) == len(batches)
        assert all(0 < len(batch) <= size + 1 for batch in mine)
        found += mine
    assert torch.cat(found).tolist() == torch.cat(list(whole)).tolist()


@given(
    within=groups,
    size=st.integers(1, 40),
    parts=st.integers(1, 5),
    seed=st.integers(0, 5),
    epoch=st.integers(0, 3),
)
def test_batches_within_a_group_hold_rows_of_one_number_and_every_row_once(within, size, parts, seed, epoch):
    batches = Batches(len(within), size, seed, parts=parts, within=within)
    found = []
    for part in range(batches.parts):
        batches.set_epoch(epoch * batches.parts + part)
        found.append([batch.tolist() for batch in batches])
        assert len(found[-1]) == len(batches)
    every = [batch for part in found for batch in part]
    assert sorted(row for batch in every for row in batch) == list(range(len(within)))
    assert all(0 < len(batch) <= size and len(set(within[batch])) == 1 for batch in every)


def test_batches_within_a_group_are_even_and_mixed_anew_each_epoch():
    within = np.repeat([3, 8], [9, 4])
    batches = Batches(13, 4, 0, within=within)

    def epoch(number):
        batches.set_epoch(number)
        return [batch.tolist() for batch in batches]

    assert sorted(map(len, epoch(0))) == [3, 3, 3, 4]
    assert epoch(0) == epoch(0)
    assert epoch(0) != epoch(1)
    assert len({tuple(within[batch[0]] for batch in epoch(number)) for number in range(8)}) > 1
