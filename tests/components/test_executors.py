"""Workers get their share of threads, and nobody outlives the driver."""

import os
from concurrent.futures import wait

import pytest

from ctk.components.executors import cores, local, serial, share


def facts_of_worker():
    import torch

    return os.getpid(), torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]


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
    with serial(1, before) as pool:
        assert pool.submit(os.getpid).result() == os.getpid()
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 1, 0).result()


@pytest.mark.parametrize("tasks", [1, 2, 3, 50])
def test_threads_are_shared_out_and_never_more_than_cores(tasks):
    workers, threads = share(tasks, 0, 0)
    assert workers <= tasks
    assert workers * threads <= max(cores(), workers)
    assert share(tasks, 3, 0)[0] == 3
    assert share(tasks, 0, 5)[1] == 5
