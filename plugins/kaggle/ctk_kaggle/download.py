"""A competition's files in a folder: what is whole stays, the rest is fetched, archives are unpacked."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import requests
from kagglesdk.competitions.types.competition_api_service import (
    ApiDownloadDataFileRequest,
    ApiDownloadDataFilesRequest,
    ApiListDataFilesRequest,
)

from ctk.contract import Progress
from ctk.errors import CtkError, DamagedError
from ctk.files import atomic, check_room, explaining, lock, read_json, write_json
from ctk_kaggle import unzip
from ctk_kaggle.transfer import fetch

if TYPE_CHECKING:
    from ctk_kaggle.client import Client

STATE = ".kaggle"
"""Folder for what is not whole yet, inside the data's; gone when all is done, unless archives were unpacked."""
MANY = 50
"""More files than this are fetched as Kaggle's one archive of all: each alone costs two requests."""


@dataclass(frozen=True)
class RemoteFile:
    """A file as Kaggle lists it; ``size`` is 0 where it does not say."""

    path: PurePosixPath
    size: int

    @property
    def packed(self) -> bool:
        """Whether the file itself is an archive to be unpacked."""
        return self.path.suffix.lower() == ".zip"


class Source:
    """A competition's files at Kaggle, asked for through the official client."""

    def __init__(self, client: Client, slug: str) -> None:
        self.client = client
        self.slug = slug

    def files(self) -> list[RemoteFile]:
        """Every file. Raises DataError for one that would lie elsewhere."""
        found = []
        for each in self.client.pages(self.slug, "list_data_files", ApiListDataFilesRequest(), "files"):
            path = unzip.inside(each.name or "", f"Kaggle's list of {self.slug}")
            if path.parts[0] == STATE:
                raise CtkError(f"Kaggle's list of {self.slug} has a file {path}, which is a name of ours.")
            found.append(RemoteFile(path, each.total_bytes))
        return found

    def one(self, path: PurePosixPath) -> requests.Response:
        """One file's body, streamed; a large text comes zipped."""
        request = ApiDownloadDataFileRequest()
        request.file_name = str(path)
        response: requests.Response = self.client.ask(self.slug, "download_data_file", request)
        return response

    def everything(self) -> requests.Response:
        """One zip archive of all files, streamed."""
        request = ApiDownloadDataFilesRequest()
        response: requests.Response = self.client.ask(self.slug, "download_data_files", request)
        return response

    def try_first(self) -> None:
        """Ask for a file and hang up: the list may be seen by all, a file by those who accepted the rules."""
        for listed in self.files()[:1]:
            self.one(listed.path).close()


def bring(source: Source, folder: Path, progress: Progress) -> list[Path]:
    """Make every listed file lie whole in a folder, archives unpacked beside; returns the files that were fetched.

    A file counts as whole if it has the size that Kaggle lists. ``x.zip`` is unpacked into ``x`` and removed.
    Raises CtkError; what came until then is kept, and the next call goes on.
    """
    listed = source.files()
    if not listed:
        raise CtkError(f"{source.slug} has no files to download.", "See its data page at Kaggle.")
    with _alone(folder) as state:
        unpacked = Unpacked(folder, state / "unpacked.json")
        missing = [each for each in listed if not unpacked.whole(each)]
        here = [each for each in missing if each.packed and _size(folder / each.path) == each.size > 0]
        todo = [each for each in missing if each not in here]
        begun = sum(part.stat().st_size for part in state.glob("*.part"))
        needed = sum(each.size for each in todo) - begun
        check_room(
            folder, needed, f"Downloading {source.slug}", "Free some space, or choose another folder with --data."
        )
        work = Work(source, folder, state, unpacked, Bar(progress, sum(each.size for each in todo)))
        for each in work.from_archive(todo) if len(todo) > MANY else todo:
            work.fetch(each)
        for each in missing:
            if each.packed:
                work.unpack(each)
        _tidy(state)
    return [folder / each.path.with_suffix("") if each.packed else folder / each.path for each in missing]


class Unpacked:
    """What was unpacked and so does not lie there under the name and size that Kaggle lists."""

    def __init__(self, folder: Path, path: Path) -> None:
        self.folder = folder
        self.path = path
        try:
            self.known: dict[str, Any] = read_json(path, dict[str, dict[str, Any]])
        except DamagedError:
            self.known = {}

    def whole(self, listed: RemoteFile) -> bool:
        """Whether a file, or all that came out of it, is there in its size."""
        if (known := self.known.get(str(listed.path))) and known["listed"] == listed.size:
            return all(_size(self.folder / name) == size for name, size in known["files"].items())
        size = _size(self.folder / listed.path)
        return not listed.packed and size is not None and (size == listed.size or not listed.size)

    def remember(self, listed: RemoteFile, files: dict[PurePosixPath, int]) -> None:
        """Say what came out of a file."""
        self.known[str(listed.path)] = {
            "listed": listed.size,
            "files": {str(path): size for path, size in files.items()},
        }
        write_json(self.path, self.known)


class Bar:
    """One bar over several files, in megabytes as Kaggle lists them."""

    def __init__(self, progress: Progress, total: int) -> None:
        self.progress = progress
        self.total = total
        self.before = 0
        self.told = -1

    def part(self, size: int) -> Callable[[int, int], None]:
        """Progress of one file of this listed size, which may travel packed."""

        def tell(done: int, total: int) -> None:
            self._tell(self.before + (size * done // total if total else 0))

        return tell

    def done(self, size: int) -> None:
        """A file is whole."""
        self.before += size
        self._tell(self.before)

    def _tell(self, done: int) -> None:
        whole = max(1, self.total // 10**6)
        done = whole * done // max(1, self.total)
        if done > self.told:  # a connection that broke may have to begin again
            self.told = done
            self.progress("downloading, MB", done, whole)


@dataclass(frozen=True)
class Work:
    """Fetching into one folder."""

    source: Source
    folder: Path
    state: Path
    unpacked: Unpacked
    bar: Bar

    def fetch(self, listed: RemoteFile) -> None:
        """Bring one file to its place."""
        place = self.state / hashlib.sha256(str(listed.path).encode()).hexdigest()[:16]
        came = fetch(lambda: self.source.one(listed.path), place, self.source.slug, self.bar.part(listed.size))
        sent = came.path.stat().st_size
        if came.name != f"{listed.path.name}.zip":
            self._check(listed, {sent}, came.path)
            with atomic(self.folder / listed.path) as temporary:
                shutil.move(came.path, temporary)
        else:
            inner = unzip.sizes(came.path)
            size = next(iter(inner.values()), 0)
            self._check(listed, {sent, size} if len(inner) == 1 else set(), came.path)
            unzip.unpack(came.path, {next(iter(inner)): self.folder / listed.path})
            came.path.unlink()
            if size != listed.size:
                self.unpacked.remember(listed, {listed.path: size})
        self.bar.done(listed.size)

    def from_archive(self, listed: Sequence[RemoteFile]) -> list[RemoteFile]:
        """Take files out of Kaggle's archive of all; returns those that are not in it."""
        total = sum(each.size for each in listed)
        came = fetch(self.source.everything, self.state / "all", self.source.slug, self.bar.part(total))
        inner = unzip.sizes(came.path)
        there = [each for each in listed if each.path in inner]
        for each in there:
            self._check(each, {inner[each.path]}, came.path)
        unzip.unpack(came.path, {each.path: self.folder / each.path for each in there})
        came.path.unlink()
        self.bar.done(sum(each.size for each in there))
        return [each for each in listed if each.path not in inner]

    def unpack(self, listed: RemoteFile) -> None:
        """Unpack a listed archive into a folder of its name, and remove it."""
        archive, into = self.folder / listed.path, listed.path.with_suffix("")
        files = unzip.sizes(archive)
        unzip.unpack(archive, {path: self.folder / into / path for path in files})
        self.unpacked.remember(listed, {into / path: size for path, size in files.items()})
        archive.unlink()

    def _check(self, listed: RemoteFile, sizes: set[int], came: Path) -> None:
        """Refuse what has another size than listed, and forget it."""
        if listed.size and listed.size not in sizes:
            came.unlink()
            sent = " or ".join(f"{size:,}" for size in sorted(sizes)) or "no"
            raise CtkError(
                f"{listed.path}: Kaggle lists {listed.size:,} bytes and sent {sent}.",
                f"Repeat; if it stays so, fetch it with 'kaggle competitions download -c {self.source.slug}'.",
            )


@contextmanager
def _alone(folder: Path) -> Iterator[Path]:
    """The folder for what is not whole yet, while nobody else is downloading into the same data folder."""
    state = folder / STATE
    with explaining(folder):
        state.mkdir(parents=True, exist_ok=True)
        file = (state / "lock").open("w")
    with file:
        try:
            lock(file, wait=False)
        except BlockingIOError:
            raise CtkError(f"{folder}: another process is downloading into it.", "Wait until it is done.") from None
        for left in folder.rglob(".*.part"):  # by a call that was killed
            left.unlink()
        yield state


def _tidy(state: Path) -> None:
    """Leave only what the next call has to know."""
    for path in state.iterdir():
        if path.name != "unpacked.json":
            path.unlink()
    if not any(state.iterdir()):
        shutil.rmtree(state, ignore_errors=True)


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None
