"""Executors are asked whether they could work, and one that fails at that is told by name."""

import pytest

from ctk.contract import Execution
from ctk.errors import CtkError, PluginError
from ctk.testing.distributions import find_anew
from ctk.workflow.pools import check_executor_address, choose_workers

PLUGIN = """
from ctk import hookimpl
from ctk.components.executors import Serial
from ctk.errors import CtkError
class Far(Serial):
    def __init__(self, workers, threads, *, address: str = "", broken: bool = False): super().__init__(workers, threads)
    @staticmethod
    def check(address="", broken=False):
        if broken or address == "broken": raise ValueError("no idea")
        if address: raise CtkError(f"{address}: nobody is there.")
@hookimpl
def ctk_register_executors(register): register("far", Far)
"""


@pytest.fixture(autouse=True)
def _far(ctk_home, tmp_plugin):
    tmp_plugin("far", PLUGIN)
    find_anew()


def test_it_is_asked_with_its_options_and_early_with_the_address_alone():
    assert choose_workers(Execution(name="far", threads=1), 3).workers == 1
    for ask in (
        lambda: choose_workers(Execution(name="far", address="x:1"), 1),
        lambda: check_executor_address("far", "x:1"),
    ):
        with pytest.raises(CtkError, match="x:1: nobody is there"):
            ask()
    check_executor_address("local", "x:1")  # which has no addresses: its config will say so


def test_a_check_that_fails_is_told_by_name():
    for ask in (
        lambda: choose_workers(Execution(name="far", broken=True), 1),
        lambda: check_executor_address("far", "broken"),
    ):
        with pytest.raises(PluginError, match=r"executor 'far' .* failed while being asked .* ValueError: no idea"):
            ask()
