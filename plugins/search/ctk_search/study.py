"""The Optuna study of a search in its storage, and the sentences for what a database can do to it."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import DuplicatedStudyError, StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from ctk.contract import Direction
from ctk.errors import CtkError, UsageError, hide_secrets
from ctk_search.book import Book

PATIENCE = 10
"""Seconds that another program may hold an SQLite database before that is told."""
FINGERPRINT = "ctk:fingerprint"
FOLDER = "ctk:folder"

optuna.logging.set_verbosity(optuna.logging.WARNING)


def _begin(
    storage: RDBStorage, name: str, direction: Direction, fingerprint: str, folder: Path, load_if_exists: bool = False
) -> optuna.Study:
    """Make a study that says what it is of; ``load_if_exists`` as for Optuna."""
    study = optuna.create_study(
        storage=storage,
        study_name=name,
        direction="maximize" if direction == "max" else "minimize",
        load_if_exists=load_if_exists,
    )
    study.set_user_attr(FOLDER, str(folder.resolve()))
    study.set_user_attr(FINGERPRINT, fingerprint)  # last: with it the study is whole
    return study


def seed_of(seed: int, trial: int) -> int:
    """The seed of a trial's sampler, below 2**32, from the search's and the trial's number."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{trial}".encode()).digest()[:4], "big")


def url_of(text: str) -> URL:
    """A database's URL; files by absolute paths, so that a search can be gone on with from anywhere."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # the latter for a port that is none
        raise UsageError("--storage: this is no URL of a database.", "For example sqlite:///search.db.") from None
    if url.get_backend_name() == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise UsageError(
                "--storage: a database in memory ends with the process.", "Give it a file: sqlite:///search.db."
            )
        url = url.set(database=str(Path(url.database).absolute()))
    return url


def own_url(folder: Path) -> URL:
    """That of study.db in a search's folder."""
    return URL.create("sqlite", database=str((folder / "study.db").absolute()))


def plain_url(url: URL) -> str:
    """A URL without user, password and options."""
    return f"{url.drivername}://{url.host or ''}/{url.database or ''}"


def masked_url(url: URL) -> str:
    """A URL as it may be written down."""
    return hide_secrets(url.render_as_string(hide_password=False))


def create(url: URL, name: str, direction: Direction, fingerprint: str, folder: Path) -> Book:
    """A new study. Raises UsageError where the storage has one of that name."""
    with storage_errors(url):
        storage = _storage(url)
        try:
            study = _begin(storage, name, direction, fingerprint, folder)
        except DuplicatedStudyError:
            raise _taken(url, storage, name, fingerprint) from None
        return Book(study, storage, lambda: storage_errors(url))


def load(url: URL, name: str, direction: Direction, fingerprint: str, folder: Path) -> Book:
    """The study of a search that is gone on with. Raises UsageError where it is not there, or another.

    What was killed before its first trial may have no study yet, or one that says nothing of itself: it is made whole.
    """
    with storage_errors(url):
        storage = _storage(url)
        try:
            study = optuna.load_study(storage=storage, study_name=name)
            if study.user_attrs.keys() <= {FOLDER} and not study.trials:
                study = _begin(storage, name, direction, fingerprint, folder, load_if_exists=True)
        except KeyError:
            if not (folder / "trials").exists():
                return create(url, name, direction, fingerprint, folder)
            raise UsageError(
                f"{plain_url(url)} has no study '{name}'.", "Was it removed? Begin a new search."
            ) from None
        if study.user_attrs.get(FINGERPRINT) != fingerprint:
            raise UsageError(
                f"{plain_url(url)}: its study '{name}' is of another competition, config, space or sampler.",
                "Begin a new search.",
            )
        return Book(study, storage, lambda: storage_errors(url))


@contextmanager
def storage_errors(url: URL) -> Iterator[None]:
    """What goes wrong with the database as a sentence."""
    try:
        yield
    except (StorageInternalError, SQLAlchemyError) as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, DBAPIError):
            cause = cause.__cause__
        reason = str(getattr(cause, "orig", "") or "").strip().partition("\n")[0].rstrip(".") or type(error).__name__
        if "locked" in reason:
            raise CtkError(
                f"{plain_url(url)}: another program has kept it locked for {PATIENCE} s.",
                "End that program, and go on.",
            ) from error
        raise CtkError(
            f"{plain_url(url)}: cannot be used ({hide_secrets(reason)}).", "Is it there, and a database?"
        ) from error


def _storage(url: URL) -> RDBStorage:
    """The database, made if it is a file that is not there."""
    arguments = {"connect_args": {"timeout": PATIENCE}} if url.get_backend_name() == "sqlite" else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            storage = RDBStorage(url.render_as_string(hide_password=False), engine_kwargs=arguments)
    except NoSuchModuleError:
        raise UsageError(
            f"{plain_url(url)}: there is no database '{url.drivername}'.", "For example sqlite:///search.db."
        ) from None
    except ImportError as error:
        missing = f"the Python package {error.name}" if error.name else "a driver"
        raise UsageError(
            f"{plain_url(url)}: needs {missing}, which is not installed.",
            "Install it with pip, or take another database.",
        ) from None
    if url.get_backend_name() == "sqlite":
        event.listen(storage.engine, "connect", _write_ahead)
        storage.engine.dispose()
    return storage


def _write_ahead(connection: Any, record: Any) -> None:
    """A transaction in a millisecond instead of a disk's ten, and as safe (https://sqlite.org/wal.html)."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _taken(url: URL, storage: RDBStorage, name: str, fingerprint: str) -> UsageError:
    study = optuna.load_study(storage=storage, study_name=name)
    if study.user_attrs.get(FINGERPRINT) == fingerprint:
        return UsageError(
            f"{plain_url(url)} has this search already.", f"Go on with it: --resume {study.user_attrs.get(FOLDER)}"
        )
    return UsageError(
        f"{plain_url(url)} has a study '{name}' of another competition, config, space or sampler.",
        "Give this search another --name, or another storage.",
    )
