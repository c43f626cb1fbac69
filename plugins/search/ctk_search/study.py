"""The Optuna study of a search in its storage, and the sentences for what a database can do to it."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
from optuna.exceptions import DuplicatedStudyError, StorageInternalError
from optuna.storages import RDBStorage
from optuna.study import Study
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError

from ctk.contract import Direction
from ctk.errors import CtkError, UsageError

PATIENCE = 10
"""Seconds that another program may hold an SQLite database before that is told."""
FINGERPRINT = "ctk:fingerprint"
FOLDER = "ctk:folder"


optuna.logging.set_verbosity(optuna.logging.WARNING)


def seed_of(seed: int, trial: int) -> int:
    """The seed of a trial's sampler, below 2**32, from the search's and the trial's number."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{trial}".encode()).digest()[:4], "big")


def url_in(folder: Path, url: str | None) -> str:
    """The storage's URL: the one given, or that of a file in the search's folder."""
    return url or f"sqlite:///{(folder / 'study.db').resolve()}"


def shown(url: str) -> str:
    """A URL without user, password and options."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return "--storage"
    return f"{parsed.drivername}://{parsed.host or ''}/{parsed.database or ''}"


def kept(url: str | None) -> str | None:
    """A URL as it may be written down: its password as three stars."""
    return None if url is None else make_url(url).render_as_string(hide_password=True)


def storage_at(url: str) -> RDBStorage:
    """The database behind a URL, made if it is a file that is not there. Raises UsageError, CtkError."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UsageError("--storage: this is no URL of a database.", "For example sqlite:///search.db.") from None
    arguments = {"connect_args": {"timeout": PATIENCE}} if parsed.get_backend_name() == "sqlite" else {}
    try:
        with told(url), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return RDBStorage(url, engine_kwargs=arguments, skip_compatibility_check=False)
    except (ImportError, ModuleNotFoundError) as error:
        missing = getattr(error, "name", None) or parsed.get_driver_name()
        raise UsageError(
            f"{shown(url)}: needs the Python package {missing}, which is not installed.", "Install it with pip."
        ) from None


def create(url: str, name: str, direction: Direction, fingerprint: str, folder: Path) -> tuple[Study, RDBStorage]:
    """A new study and its storage. Raises UsageError where the storage has one of that name."""
    storage = storage_at(url)
    with told(url):
        try:
            study = optuna.create_study(
                storage=storage, study_name=name, direction="maximize" if direction == "max" else "minimize"
            )
        except DuplicatedStudyError:
            raise _taken(url, storage, name, fingerprint) from None
        study.set_user_attr(FINGERPRINT, fingerprint)
        study.set_user_attr(FOLDER, str(folder.resolve()))
    return study, storage


def load(url: str, name: str, fingerprint: str) -> tuple[Study, RDBStorage]:
    """The study of a search that is gone on with. Raises UsageError where it is not there, or another."""
    storage = storage_at(url)
    with told(url):
        try:
            study = optuna.load_study(storage=storage, study_name=name)
        except KeyError:
            raise UsageError(f"{shown(url)} has no study '{name}'.", "Was it removed? Begin a new search.") from None
        if study.user_attrs.get(FINGERPRINT) != fingerprint:
            raise UsageError(
                f"{shown(url)}: its study '{name}' is of another competition, config, space or sampler.",
                "Begin a new search.",
            )
    return study, storage


@contextmanager
def told(url: str) -> Iterator[None]:
    """What goes wrong with the database as a sentence."""
    try:
        yield
    except (StorageInternalError, SQLAlchemyError) as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, OperationalError):
            cause = cause.__cause__
        reason = str(getattr(cause, "orig", "") or "").partition("\n")[0].rstrip(".") or type(error).__name__
        if "locked" in reason:
            raise CtkError(
                f"{shown(url)}: is locked by another program, for {PATIENCE} s.", "End that program, and go on."
            ) from error
        raise CtkError(f"{shown(url)}: cannot be used ({reason}).", "Is it there, and a database?") from error


def _taken(url: str, storage: RDBStorage, name: str, fingerprint: str) -> UsageError:
    study = optuna.load_study(storage=storage, study_name=name)
    folder = study.user_attrs.get(FOLDER, "")
    if study.user_attrs.get(FINGERPRINT) == fingerprint:
        return UsageError(f"{shown(url)} has this search already.", f"Go on with it: --resume {folder}")
    return UsageError(
        f"{shown(url)} has a study '{name}' of another competition, config, space or sampler.",
        "Give this search another --name, or another storage.",
    )
