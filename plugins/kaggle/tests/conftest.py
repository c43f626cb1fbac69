"""A server that speaks Kaggle's API, to which the official client is led by its own settings.

KAGGLE_API_ENVIRONMENT=LOCALHOST makes the client ask http://localhost, and HTTP_PROXY brings that here, whatever port
this server has. So nothing of the client is replaced, in this process or another. Files are sent as Kaggle does it:
the API redirects to a signed address of another host.
"""

from __future__ import annotations

import base64
import io
import json
import os
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import numpy as np
import pytest

SLUG = "aml-competition"
KEY, TOKEN = "key-4f1c", "KGAT-9a77"


@dataclass
class Fault:
    """What the server does once: answer with a status, break off after so many bytes, or as ever; ``begin`` first."""

    where: str
    status: int = 0
    words: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    after: int | None = None
    begin: Callable[[], None] = lambda: None


@dataclass
class Asked:
    """A request that came in."""

    method: str
    host: str
    name: str
    headers: dict[str, str]
    body: bytes


class Kaggle:
    """One competition as the server holds it. Change the fields, then ask."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.listed: dict[str, int] = {}
        self.zipped: set[str] = set()
        self.tags = True
        self.ranges = True
        self.joined = True
        self.facts: dict[str, Any] = {}
        self.limits = {"numToday": 1, "numTotal": 7, "numAllowedNow": 4, "limitedByTotal": False}
        self.teams: list[tuple[str, str | None]] = []
        self.submissions: list[dict[str, Any]] = []
        self.page = 20
        self.faults: list[Fault] = []
        self.asked: list[Asked] = []
        self.uploaded = b""
        self.archive: bytes | None = None
        self.keys = {("player", KEY)}
        self.tokens = {TOKEN}

    def fail(self, where: str, times: int = 1, **how: Any) -> None:
        """Do something else instead the next times that this is asked for; see ``Fault``."""
        self.faults += [Fault(where, **how) for _ in range(times)]

    def names(self) -> list[str]:
        """The methods that were called and the files that were sent, in order."""
        return [each.name for each in self.asked]

    def everything(self) -> bytes:
        """The archive of all files."""
        return zip_of(self.files) if self.archive is None else self.archive


def zip_of(files: dict[str, bytes]) -> bytes:
    """A zip archive; the same files give the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 2, 3, 4, 6)), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


class Handler(BaseHTTPRequestHandler):
    """Answers for the host ``localhost`` (the API) and ``storage.test`` (the files)."""

    protocol_version = "HTTP/1.1"
    kaggle: Kaggle

    def do_POST(self) -> None:
        """A call of the API."""
        asked = self._heard()
        name = asked.name
        if (fault := self._fault(name)) is not None:
            self._refuse(fault)
        elif name == "IntrospectToken":
            token = json.loads(asked.body)["token"]
            active = token in self.kaggle.tokens
            self._say({"active": active, **({"username": "player"} if active else {})})
        elif not self._may():
            self._say({"code": 401, "message": "Unauthenticated"}, 401)
        else:
            request = json.loads(asked.body or b"{}")
            if request.get("competitionName", SLUG) != SLUG:
                self._say({"code": 404, "message": "Not found"}, 404)
            else:
                getattr(self, f"_{name}")(request)

    def do_GET(self) -> None:
        """A file."""
        asked = self._heard()
        name = unquote(urlsplit(self.path).path.removeprefix("/files/"))
        if "Authorization" in self.headers:
            self._say({"message": "the token was sent to the storage"}, 400)
            return
        if name == "all.zip":
            content = self.kaggle.everything()
        elif name.removesuffix(".zip") in self.kaggle.zipped:
            bare = name.removesuffix(".zip")
            content = zip_of({bare.rsplit("/", 1)[-1]: self.kaggle.files[bare]})
        else:
            content = self.kaggle.files[name]
        asked.name = name
        tag = f'"{md5(content).hexdigest()}"'
        start, status = 0, 200
        wanted = self.headers.get("Range")
        if wanted and self.kaggle.ranges and self.headers.get("If-Range") in (None, tag):
            start, status = int(wanted.removeprefix("bytes=").removesuffix("-")), 206
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(len(content) - start)}
        if self.kaggle.tags:
            headers["ETag"] = tag
        if status == 206:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        fault = self._fault(f"rest of {name}" if status == 206 else name)
        if fault is not None and fault.after is None:
            self._refuse(fault)
            return
        self.send_response(status)
        for header, value in headers.items():
            self.send_header(header, value)
        self.end_headers()
        if fault is None:
            self.wfile.write(content[start:])
        else:
            self.wfile.write(content[start:][: fault.after])
            self.wfile.flush()
            self.close_connection = True

    def do_PUT(self) -> None:
        """The body of a submission."""
        asked = self._heard()
        if (fault := self._fault("upload")) is not None:
            self._refuse(fault)
        else:
            self.kaggle.uploaded = asked.body
            self._say({})

    # The methods of the API ----------------------------------------------------------------------------------------

    def _GetCompetition(self, request: dict[str, Any]) -> None:
        self._say({"ref": SLUG, "userHasEntered": self.kaggle.joined, **self.kaggle.facts})

    def _ListDataFiles(self, request: dict[str, Any]) -> None:
        kaggle = self.kaggle
        rows = [{"name": name, "totalBytes": kaggle.listed.get(name, len(kaggle.files[name]))} for name in kaggle.files]
        self._paged("files", rows, request)

    def _DownloadDataFile(self, request: dict[str, Any]) -> None:
        name = request["fileName"]
        self._redirect(f"{name}.zip" if name in self.kaggle.zipped else name)

    def _DownloadDataFiles(self, request: dict[str, Any]) -> None:
        self._redirect("all.zip")

    def _GetLeaderboard(self, request: dict[str, Any]) -> None:
        rows = [
            {"teamId": number, "teamName": team, "submissionDate": "2026-01-02T03:04:05Z", "score": score}
            for number, (team, score) in enumerate(self.kaggle.teams)
        ]
        self._paged("submissions", rows, request)

    def _ListSubmissions(self, request: dict[str, Any]) -> None:
        self._paged("submissions", self.kaggle.submissions, request)

    def _GetSubmissionLimits(self, request: dict[str, Any]) -> None:
        self._say(self.kaggle.limits)

    def _StartSubmissionUpload(self, request: dict[str, Any]) -> None:
        self._say({"token": "blob-1", "createUrl": "http://storage.test/upload?signature=secret-signature"})

    def _CreateSubmission(self, request: dict[str, Any]) -> None:
        self._say({"message": f"Successfully submitted to {SLUG}", "ref": 12})

    # How it answers ------------------------------------------------------------------------------------------------

    def _heard(self) -> Asked:
        at = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = Asked(self.command, at.netloc, at.path.rsplit("/", 1)[-1], dict(self.headers), body)
        self.kaggle.asked.append(asked)
        return asked

    def _may(self) -> bool:
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if kind == "Bearer":
            return value in self.kaggle.tokens
        user, _, key = base64.b64decode(value).decode().partition(":")
        return kind == "Basic" and (user, key) in self.kaggle.keys

    def _fault(self, where: str) -> Fault | None:
        fault = next((each for each in self.kaggle.faults if each.where == where), None)
        if fault is not None:
            self.kaggle.faults.remove(fault)
            fault.begin()
        return fault if fault and (fault.status or fault.after is not None) else None

    def _refuse(self, fault: Fault) -> None:
        body, kind = b"<html>oops</html>", "text/html"
        if fault.words is not None:
            body, kind = json.dumps({"code": fault.status, "message": fault.words}).encode(), "application/json"
        self.send_response(fault.status)
        for name, value in {**fault.headers, "Content-Type": kind, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _redirect(self, name: str) -> None:
        self.send_response(302)
        self.send_header("Location", f"http://storage.test/files/{quote(name)}?signature=secret-signature")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _paged(self, key: str, rows: list[dict[str, Any]], request: dict[str, Any]) -> None:
        start = int(request.get("pageToken") or 0)
        end = start + self.kaggle.page
        self._say({key: rows[start:end], "nextPageToken": str(end) if end < len(rows) else ""})

    def _say(self, value: Any, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home without credentials, and the client imported anew: it looks for its folder when imported."""
    from ctk.plugins import plugins

    home = tmp_path / "home"
    home.mkdir()
    for name in [name for name in os.environ if name.startswith("KAGGLE_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)

    def forget() -> None:
        for name in [name for name in sys.modules if name.split(".")[0] in ("kaggle", "kagglesdk", "ctk_kaggle")]:
            del sys.modules[name]
        plugins.cache_clear()

    forget()
    yield home
    forget()


@pytest.fixture
def nobody(alone: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kaggle]:
    """The server, to which the user has no credentials."""
    kaggle = Kaggle()
    handler = type("ThisHandler", (Handler,), {"kaggle": kaggle})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    yield kaggle
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def kaggle(nobody: Kaggle, monkeypatch: pytest.MonkeyPatch) -> Kaggle:
    """The server, and a key that it knows."""
    monkeypatch.setenv("KAGGLE_USERNAME", "player")
    monkeypatch.setenv("KAGGLE_KEY", KEY)
    return nobody


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits between tries take no time here; how long they would have been."""
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    return waits


@pytest.fixture
def aml(tmp_path: Path) -> Path:
    """The AML competition's two files, tiny, in its layout."""
    from ctk.samples import Gallery, Samples
    from ctk_aml_retrieval import layout

    captions = np.array(["a cat", "the cat", "a dog", "the dog"])
    samples = Samples(
        ids=np.arange(4),
        features={"text": np.eye(4, 3, dtype=np.float32)},
        target=np.array([0, 0, 1, 1]),
        notes={"caption": captions},
        gallery=Gallery(np.eye(2, 5, dtype=np.float32), np.array(["cat.png", "dog.png"])),
    )
    folder = tmp_path / "aml"
    layout.write(folder, samples, labelled=True)
    layout.write(folder, samples, labelled=False)
    return folder
