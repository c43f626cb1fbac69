"""Bringing one file over HTTP, however often the connection breaks or the process is killed.

The official client keeps what came and asks for the rest by a Range request, with If-Range so that two versions of a
file are never mixed. But it writes under the final name, takes an error page for the file, and asks the same signed
address again after it has expired. So the request is the client's, made anew for each try, and the rest is here.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import requests

from ctk.errors import CtkError
from ctk.files import check_room, explain
from ctk_kaggle.problems import Passing, kaggle_errors
from ctk_kaggle.sessions import patient

CHUNK = 1 << 16
"""Bytes at a time; what came of the last piece is lost when the connection breaks."""
TRIES = 5
"""How often it is tried again without a byte more than before."""
LONGEST_WAIT = 60.0


@dataclass(frozen=True)
class Arrived:
    """A file that is whole: where it lies for now, and the name under which it was sent."""

    path: Path
    name: str


def fetch(
    ask: Callable[[], requests.Response], place: Path, slug: str, progress: Callable[[int, int], None]
) -> Arrived:
    """Bring what a request answers to a file ``<place>-<hash>.part``, going on where an earlier call stopped.

    ask       makes the request anew; its answer is streamed
    place     the file's path without its end, which tells versions of it apart
    progress  told bytes done, of how many
    Raises CtkError; a Passing one only after several tries that brought nothing.
    """
    failures, furthest = 0, -1
    while True:
        try:
            return _try(ask, place, slug, progress)
        except Passing as problem:
            reached = max((part.stat().st_size for part in place.parent.glob(f"{place.name}-*.part")), default=0)
            failures = 0 if reached > furthest >= 0 else failures + 1
            furthest = max(reached, furthest)
            if failures >= TRIES or (problem.wait or 0.0) > LONGEST_WAIT:
                raise
            time.sleep(problem.wait if problem.wait is not None else min(2.0**failures, LONGEST_WAIT))


def _try(ask: Callable[[], requests.Response], place: Path, slug: str, progress: Callable[[int, int], None]) -> Arrived:
    with ask() as response:
        size, version = _length(response), _version(response)
        name = unquote(urlsplit(response.url).path.rsplit("/", 1)[-1])
        tag = hashlib.sha256(f"{size} {version}".encode()).hexdigest()[:16]
        part = place.with_name(f"{place.name}-{tag}.part")
        for older in place.parent.glob(f"{place.name}-*.part"):
            if older != part:
                older.unlink()
        have = part.stat().st_size if part.exists() else 0
        if size is not None and have == size:
            return Arrived(part, name)
        check_room(place.parent, (size or 0) - have, name, "Free some space, or choose another folder with --data.")
        if have and version and size is not None and have < size:
            response.close()
            with _rest(response.request, have, version) as rest:
                if rest.status_code == 206 and _starts_at(rest, have, size):
                    return Arrived(_write(rest, part, have, size, slug, progress), name)
                if rest.status_code not in (200, 206, 416):
                    with kaggle_errors(slug):
                        rest.raise_for_status()
            part.unlink()  # ranges are not served, or another version is there now
            raise Passing(f"{name} cannot be gone on with.", "Repeat to fetch it from its beginning.", wait=0.0)
        return Arrived(_write(response, part, 0, size, slug, progress), name)


def _rest(request: requests.PreparedRequest, start: int, version: str) -> requests.Response:
    """Ask the address at which the first request ended for what is missing, unless the file has changed."""
    again = request.copy()
    again.headers.update({"Range": f"bytes={start}-", "If-Range": version})
    with patient(requests.Session()) as session, kaggle_errors("the file"):
        settings = session.merge_environment_settings(again.url or "", {}, True, None, None)
        return session.send(again, **settings)


def _write(
    response: requests.Response,
    part: Path,
    start: int,
    size: int | None,
    slug: str,
    progress: Callable[[int, int], None],
) -> Path:
    """Append a body to what is there. Raises Passing where it ends early, CtkError where the disk is full."""
    done = start
    try:
        with part.open("ab" if start else "wb") as file:
            chunks = response.iter_content(CHUNK)
            while True:
                with kaggle_errors(slug):
                    chunk = next(chunks, b"")
                if not chunk:
                    break
                file.write(chunk)
                done += len(chunk)
                progress(done, size or 0)
    except OSError as error:
        raise explain(error, part) from error
    if size is not None and done < size:
        raise Passing("The connection to Kaggle broke off.", "Repeat to go on from there.")
    if size is not None and done > size:
        part.unlink()
        raise CtkError(f"Kaggle announced {size:,} bytes and sent more.", "Try again later.")
    return part


def _length(response: requests.Response) -> int | None:
    """Bytes of the file, where they are told and not those of a packed body."""
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdigit() and "Content-Encoding" not in response.headers else None


def _version(response: requests.Response) -> str:
    """What tells this version of a file from others: a strong ETag, or its date (RFC 9110, 13.1.5)."""
    tag = response.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")


def _starts_at(response: requests.Response, start: int, size: int) -> bool:
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
    return match is not None and (int(match[1]), int(match[2])) == (start, size)
