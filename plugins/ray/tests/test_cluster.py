"""Runs on a real cluster of two nodes: what they give, what a dead node and Ctrl-C leave, what cannot work is told."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from concurrent.futures import BrokenExecutor

import numpy as np
import pytest

from ctk.contract import WorkerLost
from ctk.errors import CtkError
from ctk.runs import Run
from ctk.testing import check_plugin
from ctk_ray.address import check_address
from ctk_ray.executor import RayExecutor

pytestmark = pytest.mark.slow


def assert_same_predictions(one: Run, other: Run) -> None:
    """Bit by bit, of two folds of two members."""
    assert one.parts() == other.parts()
    assert len(one.parts()) == 4
    for part in one.parts():
        for kind in ("oof", "test"):
            first, second = one.predictions(part, kind), other.predictions(part, kind)
            assert np.array_equal(first.ids, second.ids)
            assert first.values.tobytes() == second.values.tobytes()


def test_a_node_killed_in_the_middle_loses_nothing(two_nodes, stalled, serial):
    process = stalled.start("--executor", "ray", "--address", two_nodes.address, "--name", "killed")
    stalled.until_stalled(process, 2)
    two_nodes.kill_a_node()
    stalled.until_stalled(process, 3)  # the fit that was lost with it is made again elsewhere, and waits too
    stalled.go()
    printed = stalled.ended(process)
    assert "ray" not in printed.lower().replace(str(stalled.home.work.parent).lower(), "")
    assert_same_predictions(stalled.run_named("killed"), serial)


def test_nodes_that_do_not_see_the_runs_folder_get_files_and_plugins_by_rays_store(two_nodes, hidden, serial):
    ray = ("--executor", "ray", "--address", two_nodes.address)
    hidden.run(*ray, "-oexecutor.artefacts=store", "--name", "carried")
    run = hidden.run_named("carried")
    assert_same_predictions(run, serial)
    assert all((run.part_folder(part) / "checkpoints").is_dir() for part in run.parts())
    printed = hidden.run(*ray, "--name", "shared", code=1)
    assert "does not see the run's folder, or the data prepared for it" in printed
    assert "-o executor.artefacts=store" in printed


def test_whole_runs_as_tasks_give_their_folders_back_by_rays_store(two_nodes, hidden):
    changed = ("--set", "stronger:members.ridge.model.alpha=100", "--seeds", "1,2")
    changed = (*changed, "-otrackers=[]", "-omembers=[{model: ridge}]", "-oexecutor.threads=1")
    ray = ("--executor", "ray", "--address", two_nodes.address, "-oexecutor.artefacts=store")
    found = {}
    for name, how in {"carried": ray, "here": ("--executor", "serial")}.items():
        hidden.ctk("ablate", "toy-regression", "--name", name, *changed, *how, code=0)
        (folder,) = hidden.home.runs.glob(f"toy-regression/*-{name}")
        found[name] = json.loads((folder / "ablation.json").read_text())["variants"]
        for run in folder.glob("*/seed-*"):
            assert Run(run).state()["state"] == "finished"
            assert (run / "report.html").exists()
            assert Run(run).parts()
        assert len(list(folder.glob("*/seed-*"))) == 4
    assert found["carried"] == found["here"]


def test_a_search_by_rays_store_makes_the_trials_that_it_makes_here(two_nodes, hidden):
    space = hidden.home.work / "space.yaml"
    space.write_text("members.ridge.model.alpha: {low: 1.0e-3, high: 1.0e+3, log: true}\n")
    asked = ("--space", str(space), "--trials", "4", "--sampler", "tpe", "--seed", "5", "--workers", "2")
    asked = (*asked, "-otrackers=[]", "-omembers=[{model: ridge}]", "-oexecutor.threads=1")
    ray = ("--executor", "ray", "--address", two_nodes.address, "-oexecutor.artefacts=store")
    found = {}
    for name, how in {"carried": ray, "here": ()}.items():
        hidden.ctk("search", "toy-regression", "--name", name, *asked, *how, code=0)
        (folder,) = hidden.home.runs.glob(f"toy-regression/*-{name}")
        trials = sorted((folder / "trials").iterdir())
        assert [Run(trial).state()["state"] for trial in trials] == ["finished"] * 4
        assert (folder / "best" / "submission.csv").exists()
        found[name] = [((trial / "overrides.txt").read_text(), Run(trial).scores()) for trial in trials]
    assert found["carried"] == found["here"]


def test_ctrl_c_ends_all_tasks_and_leaves_a_run_that_can_be_resumed(two_nodes, stalled, serial):
    process = stalled.start("--executor", "ray", "--address", two_nodes.address, "--name", "stopped")
    stalled.until_stalled(process, 2)
    assert two_nodes.workers()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it: to all of its processes
    printed = stalled.ended(process, code=1)
    assert printed.splitlines()[-2] == "Interrupted.", printed
    run = stalled.run_named("stopped")
    assert run.state()["state"] == "interrupted"
    stalled.until(lambda: not two_nodes.workers())
    assert not list(run.folder.rglob(".seen-*"))
    stalled.go()
    stalled.ctk("run", "toy-regression", "--resume", run.folder, "--executor", "serial", code=0)
    assert_same_predictions(run, serial)


def test_what_a_task_raises_is_raised_here_and_a_lost_worker_is_told(two_nodes):
    with RayExecutor(2, 1, address=two_nodes.client, retries=0) as pool:
        assert pool.submit(divmod, 7, 2).result() == (3, 1)
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 1, 0).result()
        with pytest.raises(WorkerLost, match="ended without a word"):
            pool.submit(os._exit, 7).result()


def test_without_the_process_that_talks_to_ray_tasks_are_lost_and_no_more_are_taken(two_nodes):
    pool = RayExecutor(2, 1, address=two_nodes.address)
    try:
        running = pool.submit(time.sleep, 600)
        pool.bridge.kill()
        with pytest.raises(WorkerLost, match=r"Ray's driver ended; what it said is in \S+\.log"):
            running.result(timeout=60)
        with pytest.raises(BrokenExecutor, match="Ray's driver ended"):
            pool.submit(divmod, 7, 2)
    finally:
        pool.stop()
        pool.log.unlink()


def test_tasks_and_answers_that_fill_the_pipe_both_ways_do_not_wait_for_each_other(two_nodes):
    large = bytes(300_000)
    pool = RayExecutor(200, 1, address=two_nodes.address)
    ending = threading.Timer(120, pool.bridge.kill)  # so that waiting in vain fails
    ending.start()
    try:
        pool.submit(bytes.lower, large).result()  # a worker is up
        answers = [pool.submit(bytes.lower, large) for _ in range(200)]
        assert all(answer.result() == large for answer in answers)
    finally:
        ending.cancel()
        pool.stop()


def test_a_task_that_does_not_say_its_files_is_refused_where_they_would_have_to_travel(two_nodes):
    with (
        RayExecutor(1, 1, address=two_nodes.address, artefacts="store") as pool,
        pytest.raises(CtkError, match="carries the files of fits and trials, and this task is another"),
    ):
        pool.submit(divmod, 7, 2)


def test_a_clusters_other_port_is_told_at_once(two_nodes):
    check_address(two_nodes.address)
    check_address(two_nodes.client)
    for other in (f"ray://{two_nodes.address}", two_nodes.client.removeprefix("ray://")):
        with pytest.raises(CtkError, match="no Ray, or another of its ports") as caught:
            check_address(other)
        assert "from one of its machines HEAD:6379" in caught.value.help


def test_what_no_node_could_ever_run_is_told_at_once(two_nodes):
    with pytest.raises(CtkError, match=r"could ever run a task with 1 CPUs and 8 GPUs: the largest of 2 has 1 and 0"):
        RayExecutor(1, 1, address=two_nodes.address, num_gpus=8)


def test_the_plugin_keeps_the_contract_with_a_ray_that_is_started_for_the_run():
    check_plugin("ray", overrides={"ray": ["executor.address=local"]})
