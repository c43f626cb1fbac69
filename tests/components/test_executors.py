"""Workers get their threads and GPUs, one that dies costs its own task alone, and nobody outlives the driver."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from ctk.components import executors
from ctk.components.executors import Serial, local
from ctk.contract import WorkerLost
from ctk.machine import cores, share, visible_gpus


def facts_of_worker():
    import torch

    return os.getpid(), torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]


def gpu_of_worker(busy: Path):
    """The GPU that this worker sees. Waits for the others, so that one worker does not take all tasks."""
    (busy / str(os.getpid())).touch()
    while len(list(busy.iterdir())) < int((busy.parent / "workers").read_text()):
        time.sleep(0.01)
    return os.environ.get("CUDA_VISIBLE_DEVICES")


def die_once(marks: Path, how: int):
    """Die the first time; the second time say how often it was tried."""
    (marks / str(os.getpid())).touch()
    if len(list(marks.iterdir())) == 1:
        os.kill(os.getpid(), how) if how else os._exit(7)
    return len(list(marks.iterdir()))


def test_local_workers_are_processes_with_their_threads():
    with local(2, 1) as pool:
        futures = [pool.submit(facts_of_worker) for _ in range(4)]
        wait(futures)
    for future in futures:
        pid, threads, limit = future.result()
        assert pid != os.getpid()
        assert (threads, limit) == (1, "1")


def test_serial_runs_here_and_hands_on_what_was_raised():
    import torch

    before = torch.get_num_threads()
    with Serial(1, before) as pool:
        assert pool.submit(os.getpid).result() == os.getpid()
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 1, 0).result()


@pytest.mark.parametrize(
    ("variable", "threads"), [(None, cores()), ("1", 1), ("1,2", 1), ("999", cores()), ("0", cores()), ("x", cores())]
)
def test_serial_has_one_worker_with_all_cores_or_as_many_as_openmp_may_take(monkeypatch, variable, threads):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if variable is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", variable)
    assert Serial.share(4, 0, 0) == (1, threads)
    assert Serial.share(4, 1, 3) == (1, 3)
    assert share(1, 0, 0) == (1, threads)


def test_all_threads_that_wait_for_a_process_learn_how_it_ended():
    """The system tells one of them; a pool's own thread waits beside those that ask."""
    with ThreadPoolExecutor(8) as threads:
        for _ in range(5):
            process = multiprocessing.get_context("spawn").Process(target=os._exit, args=(7,))
            process.start()
            told = list(threads.map(executors.describe_exit, [process] * 8))
            assert told == ["ended itself with exit code 7"] * 8


@pytest.mark.parametrize("tasks", [1, 2, 3, 50])
def test_threads_are_shared_out_and_never_more_than_cores(tasks):
    workers, threads = share(tasks, 0, 0)
    assert workers <= tasks
    assert workers * threads <= max(cores(), workers)
    assert share(tasks, 3, 0)[0] == 3
    assert share(tasks, 0, 5)[1] == 5


@pytest.mark.parametrize(
    ("variable", "count", "names"),
    [
        (None, 3, ["0", "1", "2"]),
        ("0,1", 2, ["0", "1"]),
        (" 2 , 0 ", 2, ["2", "0"]),
        ("GPU-5a1b,MIG-77c2", 2, ["GPU-5a1b", "MIG-77c2"]),
        ("1,-1,0", 1, ["1"]),  # CUDA stops at what is no GPU
        ("nonsense", 0, []),
        ("", 0, []),
        ("-1", 0, []),
        (None, 0, []),
    ],
)
def test_visible_gpus_are_those_that_cuda_counts_by_the_names_they_were_given(monkeypatch, variable, count, names):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    if variable is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    assert visible_gpus() == names
    assert share(8, 0, 0)[0] == (count or min(8, cores()))


@pytest.mark.parametrize(
    ("gpus", "workers", "seen"),
    [
        (["2", "GPU-5a1b"], 2, ["2", "GPU-5a1b"]),
        (["0", "1", "2"], 2, ["0", "1"]),
        (["0", "1"], 3, ["0", "0", "1"]),  # shared as evenly as can be
    ],
)
def test_every_worker_sees_one_gpu(tmp_path, monkeypatch, gpus, workers, seen):
    monkeypatch.setattr(executors, "visible_gpus", lambda: gpus)
    (tmp_path / "workers").write_text(str(workers))
    (tmp_path / "busy").mkdir()
    with local(workers, 1) as pool:
        futures = [pool.submit(gpu_of_worker, tmp_path / "busy") for _ in range(workers)]
        assert sorted(future.result() for future in futures) == sorted(seen)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (signal.SIGKILL, r"was killed \(SIGKILL\), .* memory"),
        (signal.SIGSEGV, r"crashed \(SIGSEGV\)"),
        (0, "ended itself with exit code 7"),
    ],
)
def test_a_worker_that_dies_costs_its_own_task_alone_and_is_told(tmp_path, how, told):
    with local(2, 1) as pool:
        lost, others = pool.submit(die_once, tmp_path, int(how)), [pool.submit(divmod, 7, 2) for _ in range(4)]
        with pytest.raises(WorkerLost, match=told):
            lost.result()
        assert [other.result() for other in others] == [(3, 1)] * 4
        assert pool.submit(divmod, 9, 2).result() == (4, 1)


def test_a_task_whose_worker_died_is_given_to_another_as_often_as_was_asked(tmp_path):
    with local(1, 1, retries=1) as pool:
        assert pool.submit(die_once, tmp_path, int(signal.SIGKILL)).result() == 2


def test_what_a_task_raises_is_no_lost_worker_and_is_not_tried_again():
    with local(1, 1, retries=3) as pool, pytest.raises(ZeroDivisionError):
        pool.submit(divmod, 1, 0).result()


def test_stop_ends_what_runs_and_drops_what_waits(tmp_path):
    pool = local(1, 1, retries=5)
    (tmp_path / "workers").write_text("2")  # one comes: it waits for ever
    (tmp_path / "busy").mkdir()
    running, waiting = (pool.submit(gpu_of_worker, tmp_path / "busy") for _ in range(2))
    while not list((tmp_path / "busy").iterdir()):
        assert not running.done(), running.exception()
        time.sleep(0.01)
    pool.stop()
    (pid,) = (int(path.name) for path in (tmp_path / "busy").iterdir())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert waiting.cancelled()
    assert isinstance(running.exception(timeout=0), WorkerLost)
    with pytest.raises(RuntimeError):
        pool.submit(divmod, 1, 1)


INTERRUPTED_AT_ITS_START = """
import os, signal
from ctk.components.executors import local

if __name__ == "__mp_main__":  # in the worker, which is still importing
    os.kill(os.getpid(), signal.SIGINT)
if __name__ == "__main__":
    with local(1, 1) as pool:
        print(pool.submit(signal.pthread_sigmask, signal.SIG_BLOCK, []).result())
"""


def test_ctrl_c_does_not_reach_a_worker_that_is_only_starting(tmp_path):
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED_AT_ITS_START)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "set()\n", "")
