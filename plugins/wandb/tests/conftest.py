"""What wandb wrote, read back: its transaction logs, and what a server would get of it."""

from __future__ import annotations

import gzip
import json
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from wandb.proto.wandb_internal_pb2 import Record

BLOCK, HEAD = 32768, 7


@dataclass
class Logged:
    """A transaction log's run, its rows by step, its config, summary and exit code (None without an end)."""

    run: Any = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None


def read_log(folder: Path) -> Logged:
    """The transaction log of an offline run's folder."""
    (path,) = folder.glob("*.wandb")
    logged = Logged()
    for data in _records(path.read_bytes()):
        record = Record.FromString(data)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            logged.run = record.run
            logged.config |= _items(record.run.config.update)
        elif kind == "config":
            logged.config |= _items(record.config.update)
        elif kind == "history":
            logged.rows.append(_items(record.history.item))
        elif kind == "summary":
            logged.summary |= _items(record.summary.update)
        elif kind == "exit":
            logged.exit_code = record.exit.exit_code
    return logged


def _items(items: Any) -> dict[str, Any]:
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}


def _records(content: bytes) -> Iterator[bytes]:
    """Records of LevelDB's log format (its doc/log_format.md), after seven bytes that say that it is wandb's."""
    assert content[:4] == b":W&B"
    place, whole = HEAD, b""
    while place + HEAD <= len(content):
        if BLOCK - place % BLOCK < HEAD:
            place += BLOCK - place % BLOCK
            continue
        _, length, kind = struct.unpack_from("<IHB", content, place)
        if kind == 0:
            return
        whole += content[place + HEAD : place + HEAD + length]
        place += HEAD + length
        if kind in (1, 4):  # the whole of a record, or its last part
            yield whole
            whole = b""


@pytest.fixture
def logs():
    """A function that reads the offline runs below a folder, oldest first."""
    return lambda folder: [read_log(path) for path in sorted(Path(folder).glob("wandb/offline-run-*"))]


class WandbServer(ThreadingHTTPServer):
    """Enough of wandb's API for runs to be logged and resumed.

    names    of the runs, by id
    rows     of each run's history, as uploaded, by id
    ends     exit codes, by id
    refuses  an error that is answered to whoever wants to log a run
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.names: dict[str, str] = {}
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.ends: dict[str, int] = {}
        self.refuses = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WandbServer

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        self._answer({})

    def do_PUT(self) -> None:
        self._body()
        self._answer({})

    def do_POST(self) -> None:
        body = self._body()
        if self.path.endswith("/file_stream"):
            self._stream(self.path.split("/")[-2], body)
            self._answer({})
        elif "operationName" in body:
            self._answer(
                getattr(self, body["operationName"], lambda **_: {"data": {}})(**(body.get("variables") or {}))
            )
        else:
            self._answer({})

    def Viewer(self, **_: Any) -> dict[str, Any]:
        viewer = {"id": "1", "username": "me", "entity": "me", "flags": "{}", "teams": {"edges": []}}
        return {"data": {"viewer": viewer}}

    def RunResumeStatus(self, name: str, **_: Any) -> dict[str, Any]:
        rows, bucket = self.server.rows.get(name), None
        if rows is not None:
            bucket = {
                "id": name,
                "name": name,
                "displayName": self.server.names[name],
                "historyLineCount": len(rows),
                "historyTail": json.dumps([json.dumps(row) for row in rows[-1:]]),
                "summaryMetrics": json.dumps(rows[-1] if rows else {}),
                "logLineCount": 0,
                "eventsLineCount": 0,
                "eventsTail": "[]",
                "config": "{}",
                "wandbConfig": '{"t": 1}',
                "tags": [],
            }
        return {"data": {"model": {"id": "1", "name": "toy", "entity": {"id": "1", "name": "me"}, "bucket": bucket}}}

    def UpsertBucket(
        self, name: str, displayName: str | None = None, project: str | None = None, **_: Any
    ) -> dict[str, Any]:
        if self.server.refuses:
            return {"data": {"upsertBucket": None}, "errors": [{"message": self.server.refuses}]}
        new = name not in self.server.rows
        self.server.rows.setdefault(name, [])
        self.server.names[name] = displayName or self.server.names[name]
        place = {"id": "1", "name": project, "entity": {"id": "1", "name": "me"}}
        bucket = {"id": name, "name": name, "displayName": self.server.names[name], "config": "{}", "project": place}
        bucket["historyLineCount"] = len(self.server.rows[name])
        return {"data": {"upsertBucket": {"bucket": bucket, "inserted": new}}}

    def CreateRunFiles(self, files: list[str], **_: Any) -> dict[str, Any]:
        made = [{"name": name, "uploadUrl": f"{self.server.url}/files/{name}"} for name in files]
        return {"data": {"createRunFiles": {"runID": "1", "uploadHeaders": [], "files": made}}}

    def _stream(self, name: str, body: dict[str, Any]) -> None:
        for file, part in (body.get("files") or {}).items():
            if file == "wandb-history.jsonl":
                rows = self.server.rows[name]
                rows[part["offset"] :] = [json.loads(line) for line in part["content"]]
        if body.get("complete"):
            self.server.ends[name] = body["exitcode"]

    def _body(self) -> dict[str, Any]:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            raw = gzip.decompress(raw)
        try:
            return json.loads(raw)
        except ValueError:
            return {}

    def _answer(self, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def server() -> Iterator[WandbServer]:
    server = WandbServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
