"""What all tests share: the command line in this process or in one of its own, and what is made once for a whole run.

ctk          ``ctk("run", "aml-retrieval", code=0)`` in this process: what a test takes unless a process is its point
ctk_process  the same in a process of its own: where imports, signals, kills or exits are the point; what
             ``ctk.start(...)`` returns while it runs is one too
ctk_in       ``ctk_in(folder)``: ``ctk`` for fixtures that live longer than a test
one_thread   torch computes with one thread
once         ``once("wheel", make)``: a folder that ``make(folder)`` filled, one for all workers of this run of pytest

Workers compute with one thread each, and what is prepared is kept out of the user's cache, in one that they share.
"""

from __future__ import annotations

import fcntl
import importlib.util
import io
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent

os.fsync = lambda descriptor: None  # no test cuts the power, and a disk takes some milliseconds for each file

if "PYTEST_XDIST_WORKER" in os.environ:
    for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[_variable] = "1"
else:
    os.environ["CTK_CACHE"] = os.environ.get("CTK_TEST_CACHE") or tempfile.mkdtemp(prefix="ctk-test-cache-")


@pytest.fixture(scope="session", autouse=True)
def patient() -> None:
    """No test fails because an import takes long on this machine: the line that says so comes after ten minutes."""
    from ctk.plugins import tracing

    tracing.PATIENCE = 600.0


@pytest.fixture(scope="session")
def ctk_in() -> type[CommandLine]:
    """``ctk_in(folder)("run", ...)``: the command line in this process, with ``folder`` as its current folder."""
    return CommandLine


@pytest.fixture
def ctk(request: pytest.FixtureRequest, tmp_path: Path) -> CommandLine:
    """The command line in this process. It works in ``tmp_path``, or where the test has one in its ``ctk_home``."""
    return CommandLine(*_home(request, tmp_path))


@pytest.fixture
def ctk_process(request: pytest.FixtureRequest, tmp_path: Path) -> ProcessLine:
    """As ``ctk``, in a process of its own."""
    return ProcessLine(*_home(request, tmp_path))


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch on one thread: several wait for each other longer than a tiny model computes."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Make a folder once for all workers: the first that asks has ``make`` fill it, the others wait.

    Nobody writes there afterwards.
    """
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "once"

    def make_once(name: str, make: Callable[[Path], object]) -> Path:
        folder, done = shared / name, shared / f"{name}.done"
        shared.mkdir(exist_ok=True)
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)  # of one that failed
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    return make_once


def _home(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    if "ctk_home" in request.fixturenames:
        home = request.getfixturevalue("ctk_home")
        return home.work, home.runs
    return tmp_path, tmp_path / "runs"


class CommandLine:
    """Calls ``ctk`` in this process and leaves the process as it was."""

    def __init__(self, folder: Path, runs: Path | None = None) -> None:
        self.folder = folder
        self.runs = runs or folder / "runs"

    def __call__(
        self, *arguments: object, cwd: Path | None = None, input: str = "", code: int | None = None, **variables: Any
    ) -> CompletedProcess[str]:
        """Call it with arguments; ``variables`` are of the environment, None takes one away.

        input  what is typed
        code   the exit code that it has to end with, if the test does not look at it
        """
        words = [str(each) for each in arguments]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error, ExitStack() as stack:
            for enter in (
                _as_started(cwd or self.folder, self._environment(variables), words),
                _streams(out.fileno(), error.fileno(), input),
                _warning_on_stderr(),
                _logging_to_stderr(),
                _plugins_found_anew(),
            ):
                stack.enter_context(enter)
            returned = _main()
            sys.stdout.flush()
            sys.stderr.flush()
            printed = [_text(file) for file in (out, error)]
        return _checked(CompletedProcess(words, returned, *printed), code)

    def start(self, *arguments: object, cwd: Path | None = None, **variables: Any) -> subprocess.Popen[str]:
        """The running process of its own, which leads a process group; stdout has stderr in it."""
        return subprocess.Popen(
            [sys.executable, "-m", "ctk", *map(str, arguments)],
            cwd=cwd or self.folder,
            env=self._environment(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # Tests that run in the background ignore Ctrl-C, and so would what they start.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def _environment(self, variables: dict[str, Any]) -> dict[str, str]:
        environment = {**os.environ, "CTK_RUNS": str(self.runs), "COLUMNS": "200", **variables}
        return {name: str(value) for name, value in environment.items() if value is not None}


class ProcessLine(CommandLine):
    """Calls ``ctk`` in a process of its own."""

    def __call__(
        self, *arguments: object, cwd: Path | None = None, input: str = "", code: int | None = None, **variables: Any
    ) -> CompletedProcess[str]:
        """As CommandLine's."""
        done = subprocess.run(
            [sys.executable, "-m", "ctk", *map(str, arguments)],
            cwd=cwd or self.folder,
            env=self._environment(variables),
            input=input,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        return _checked(done, code)


def _checked(done: CompletedProcess[str], code: int | None) -> CompletedProcess[str]:
    assert code is None or done.returncode == code, done.stdout + done.stderr
    return done


def _main() -> int:
    """The console script's exit code."""
    from ctk.cli.main import main

    try:
        main()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:  # which would end a process
        traceback.print_exc()
        return 1
    return 0


@contextmanager
def _as_started(folder: Path, environment: dict[str, str], words: list[str]) -> Iterator[None]:
    """As in a process of ``python -m ctk``: its folder, variables, path and arguments; this process's afterwards."""
    place, variables, path, argv, main = Path.cwd(), dict(os.environ), list(sys.path), sys.argv, sys.modules["__main__"]
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    modules, seed, threads = set(sys.modules), random.getstate(), _torch_state()
    module = ModuleType("__main__")  # workers that are spawned import what it names, and click's usage tells its name
    module.__spec__ = importlib.util.find_spec("ctk.__main__")
    module.__package__ = "ctk"
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    named = [each for each in environment.get("PYTHONPATH", "").split(os.pathsep) if each]
    sys.path[:0] = [str(folder), *(each for each in named if each not in path)]
    sys.argv, sys.modules["__main__"] = [str(module.__spec__ and module.__spec__.origin), *words], module
    try:
        yield
    finally:
        os.chdir(place)
        os.environ.clear()
        os.environ.update(variables)
        sys.path[:], sys.argv, sys.modules["__main__"] = path, argv, main
        for number, handler in handlers.items():
            signal.signal(number, handler)
        random.setstate(seed)
        _restore_torch(threads)
        for name in set(sys.modules) - modules:  # another call may find another module of this name
            file = Path(getattr(sys.modules[name], "__file__", None) or ROOT)
            if any(file.is_relative_to(each) for each in (folder, *named)) and not file.is_relative_to(ROOT):
                del sys.modules[name]


def _torch_state() -> tuple[int, Any] | None:
    torch = sys.modules.get("torch")
    return torch and (torch.get_num_threads(), torch.get_rng_state())


def _restore_torch(state: tuple[int, Any] | None) -> None:
    if state is not None:
        torch = sys.modules["torch"]
        torch.set_num_threads(state[0])
        torch.set_rng_state(state[1])


@contextmanager
def _streams(out: int, error: int, typed: str) -> Iterator[None]:
    """Python's and the descriptors that compiled libraries and worker processes write to go to two files."""
    from ctk.cli import console

    before, width = (sys.stdin, sys.stdout, sys.stderr), console.width
    sys.stdout.flush()
    sys.stderr.flush()
    descriptors = os.dup(1), os.dup(2)
    os.dup2(out, 1)
    os.dup2(error, 2)
    sys.stdin, sys.stdout, sys.stderr = io.StringIO(typed), *_outputs
    console.width = int(os.environ.get("COLUMNS", 160))  # as ctk.cli.printing says for what is no terminal
    try:
        yield
    finally:
        console.width = width
        sys.stdin, sys.stdout, sys.stderr = before
        for number, descriptor in enumerate(descriptors, start=1):
            os.dup2(descriptor, number)
            os.close(descriptor)


_outputs = [open(number, "w", encoding="utf-8", buffering=1, closefd=False) for number in (1, 2)]  # noqa: SIM115
"""Never closed: a library that is imported in a call may keep them."""


def _text(file: Any) -> str:
    file.seek(0)
    return str(file.read().decode("utf-8", "replace")).replace("\r\n", "\n")


@contextmanager
def _warning_on_stderr() -> Iterator[None]:
    """Warnings are shown as Python does by itself; a deprecation that ctk itself runs into stays an error."""

    def show(message: Warning | str, category: type[Warning], file: str, line: int, *rest: Any) -> None:
        sys.stderr.write(warnings.formatwarning(message, category, file, line))

    with warnings.catch_warnings():
        warnings.resetwarnings()
        for ignored in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", ignored)
        warnings.filterwarnings("error", category=DeprecationWarning, module=r"ctk\.")
        warnings.showwarning = show  # type: ignore[assignment]
        yield


@contextmanager
def _logging_to_stderr() -> Iterator[None]:
    """Handlers that libraries made at their import, with the stderr of then, write to that of now; pytest's rest."""
    pytests = [each for each in logging.root.handlers if type(each).__module__ == "_pytest.logging"]
    loggers = (logging.root, *logging.root.manager.loggerDict.values())
    handlers = {each for logger in loggers for each in getattr(logger, "handlers", ())} - {*pytests}
    streams = {each: each.stream for each in handlers if type(each) is logging.StreamHandler}
    for handler in streams:
        handler.stream = sys.stderr  # not by setStream, which flushes: the stream of then may be closed by now
    for handler in pytests:
        logging.root.removeHandler(handler)
    try:
        yield
    finally:
        for handler in pytests:
            logging.root.addHandler(handler)
        for handler, stream in streams.items():
            handler.stream = stream


@contextmanager
def _plugins_found_anew() -> Iterator[None]:
    """Of this folder, path and environment alone; those before are found again afterwards."""
    from ctk.plugins import onefile, tracing
    from ctk.testing.distributions import find_anew

    tracing.PATIENCE = 600  # a machine that is slow says nothing of its own
    package = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == onefile.PACKAGE}
    onefile.mount()
    find_anew()
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == onefile.PACKAGE]:
            del sys.modules[name]
        sys.modules.update(package)
        find_anew()
