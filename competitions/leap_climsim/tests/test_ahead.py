"""Reading ahead changes nothing but the time it takes."""

import threading

import pytest

from ctk_leap_climsim.reading.ahead import ahead


def test_items_come_in_their_order_from_another_thread():
    makers = []

    def made():
        for number in range(5):
            makers.append(threading.get_ident())
            yield number

    assert list(ahead(made())) == [0, 1, 2, 3, 4]
    assert threading.get_ident() not in makers


def test_the_next_item_is_made_while_one_is_worked_on():
    second = threading.Event()

    def made():
        yield 1
        second.set()
        yield 2

    for number in ahead(made()):
        assert number == 2 or second.wait(timeout=60)


def test_an_error_comes_after_the_items_before_it():
    def made():
        yield 1
        raise OSError("gone")

    items = ahead(made())
    assert next(items) == 1
    with pytest.raises(OSError, match="gone"):
        next(items)


def test_whoever_stops_early_leaves_no_thread_behind():
    items = ahead(iter(range(10)))
    assert next(items) == 0
    threads = threading.active_count()
    items.close()
    assert threading.active_count() == threads - 1
