"""Credentials: the official client's, found where it finds them, told apart when they do not work, and never shown."""

from __future__ import annotations

import base64
import json
import logging
import socket
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ctk.cli.main import cli

SLUG, KEY, TOKEN = "aml-competition", "key-4f1c", "KGAT-9a77"


def ask(*arguments: str) -> Result:
    """ctk in this process."""
    return CliRunner().invoke(cli, [*arguments] or ["leaderboard", "aml-retrieval", "--json"])


def test_no_token_is_said_before_anything_is_asked(nobody: Any, tmp_path: Path) -> None:
    for command in (
        ["data", "aml-retrieval", "--download", "--data", str(tmp_path / "data")],
        ["submit", "aml-retrieval", str(tmp_path / "none.csv"), "-m", "first"],
        ["leaderboard", "aml-retrieval"],
    ):
        result = ask(*command)
        assert result.exit_code == 1
        assert result.stderr.startswith("There is no Kaggle token.\nMake a token at https://www.kaggle.com/settings")
        assert result.stdout == ""
    assert nobody.asked == []


def test_a_key_in_the_environment_is_taken(kaggle: Any) -> None:
    assert ask().exit_code == 0


@pytest.mark.parametrize("place", ["KAGGLE_CONFIG_DIR", ".kaggle", "XDG_CONFIG_HOME", ".config/kaggle"])
def test_a_key_file_is_found_where_the_official_client_looks(
    nobody: Any, alone: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    folder = alone / (place if place.startswith(".") else "elsewhere/kaggle")
    folder.mkdir(parents=True)
    if place == "KAGGLE_CONFIG_DIR":
        monkeypatch.setenv(place, str(folder))
    if place == "XDG_CONFIG_HOME":
        monkeypatch.setenv(place, str(folder.parent))
    file = folder / "kaggle.json"
    file.write_text(json.dumps({"username": "player", "key": KEY}))
    file.chmod(stat.S_IRUSR | stat.S_IWUSR)
    result = ask()
    assert (result.exit_code, result.stderr) == (0, "")


def test_an_access_token_is_found_in_its_variable_and_in_its_file(
    nobody: Any, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (alone / ".kaggle").mkdir()
    (alone / ".kaggle" / "access_token").write_text(TOKEN)
    assert ask().exit_code == 0
    (alone / ".kaggle" / "access_token").unlink()
    assert "There is no Kaggle token." in ask().stderr
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    assert ask().exit_code == 0


def test_a_key_file_that_others_can_read_is_warned_of_on_stderr_and_json_stays_json(nobody: Any, alone: Path) -> None:
    (alone / ".kaggle").mkdir()
    file = alone / ".kaggle" / "kaggle.json"
    file.write_text(json.dumps({"username": "player", "key": KEY}))
    file.chmod(0o644)
    result = ask()
    assert "readable by other users" in result.stderr
    assert json.loads(result.stdout)["slug"] == SLUG


def test_a_wrong_key_and_a_wrong_access_token_are_named_by_their_place(
    nobody: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", "player")
    monkeypatch.setenv("KAGGLE_KEY", "stale-key")
    result = ask()
    assert result.exit_code == 1
    assert "Kaggle does not accept the token (KAGGLE_USERNAME and KAGGLE_KEY, kaggle.json or a log-in)" in result.stderr
    monkeypatch.delenv("KAGGLE_USERNAME")
    monkeypatch.setenv("KAGGLE_API_TOKEN", "stale-token")
    result = ask()
    assert "Kaggle does not accept the token in KAGGLE_API_TOKEN; it may have expired." in result.stderr
    assert "stale" not in result.output


def test_importing_signs_nobody_in_and_leaves_the_official_package_to_others(
    nobody: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    import ctk_kaggle.client  # noqa: F401

    assert nobody.asked == []
    assert capsys.readouterr() == ("", "")
    assert "kaggle" not in sys.modules
    import kaggle

    assert kaggle.api._authenticated


def test_neither_token_nor_signature_is_shown_whatever_goes_wrong(
    kaggle: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    patience: list[float],
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("VERBOSE", "1")  # makes the client print requests with their headers
    kaggle.files = {"a.csv": b"1,2\n" * 1000}
    kaggle.fail("a.csv", times=9, status=403)
    result = ask("data", "aml-retrieval", "--download", "--data", str(tmp_path / "data"))
    assert result.exit_code == 1
    assert "storage of files answers 403" in result.stderr
    for secret in (KEY, base64.b64encode(f"player:{KEY}".encode()).decode(), "secret-signature"):
        assert secret not in result.output
        assert secret not in caplog.text


@pytest.mark.parametrize(
    ("status", "words", "said"),
    [
        (401, "Unauthenticated", "Kaggle does not accept the token"),
        (403, "You must accept this competition's rules", "The rules of aml-competition are not accepted yet."),
        (403, "Permission 'competitions.participate' was denied", "The rules of aml-competition are not accepted"),
        (403, "Permission 'competitions.get' was denied", "Kaggle has no competition 'aml-competition' that you may"),
        (403, "Verify your phone first.", "Kaggle refuses (403): Verify your phone first."),
        (404, "Not found", "Kaggle has no competition 'aml-competition' that you may see."),
        (429, "Slow down", "Kaggle was asked too often. It asks to wait 90 s."),
        (500, None, "Kaggle has a problem of its own (500)."),
        (503, "Down for repair", "Kaggle has a problem of its own (503): Down for repair."),
    ],
)
def test_what_kaggle_refuses_is_told_apart(kaggle: Any, status: int, words: str | None, said: str) -> None:
    kaggle.fail("GetLeaderboard", status=status, words=words, headers={"Retry-After": "90"})
    result = ask()
    assert result.exit_code == 1
    assert result.stderr.startswith(said)
    assert "Traceback" not in result.output


def test_an_answer_that_is_no_json_is_a_sentence(kaggle: Any) -> None:
    kaggle.fail("GetLeaderboard", status=200)
    assert ask().stderr.startswith("Kaggle's answer about aml-competition is not understood")


def test_no_network_is_a_sentence(kaggle: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    result = ask()
    assert result.exit_code == 1
    assert result.stderr.splitlines()[0] in (
        "The proxy does not let through to Kaggle.",
        "There is no connection to Kaggle.",
    )


def test_a_server_that_never_answers_is_given_up_on(kaggle: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{silent.getsockname()[1]}")
        import ctk_kaggle.sessions

        monkeypatch.setattr(ctk_kaggle.sessions, "READ", 0.1)
        result = ask()
    assert result.stderr.startswith("Kaggle does not answer in time.")


def test_a_client_that_cannot_make_its_folder_is_a_sentence(
    nobody: Any, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (alone / "file").write_text("")
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(alone / "file" / "kaggle"))
    result = ask()
    assert result.exit_code == 1
    assert result.stderr == (
        f"{alone}/file/kaggle: Kaggle's client cannot make its folder (Not a directory).\n"
        "Name one in KAGGLE_CONFIG_DIR.\n"
    )


WHOLE = json.dumps({"username": "player", "key": KEY})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "is no file, and Kaggle's token belongs into one."),
        (WHOLE.encode("utf-16"), "is not plain UTF-8"),
        (WHOLE.encode("utf-16-le"), "is not plain UTF-8"),
        (WHOLE.encode("utf-8-sig"), "is not plain UTF-8"),
        (WHOLE[:-4].encode(), "is no whole JSON file."),
        (b"", "is no whole JSON file."),
        (b'{"username": "player"}', "has no 'username' and 'key'"),
        (b"\xf0\x28", "is no text."),
    ],
)
def test_a_key_file_that_cannot_be_used_is_named_and_why(nobody: Any, alone: Path, content: Any, said: str) -> None:
    path = alone / ".kaggle" / "kaggle.json"
    (path if content is None else path.parent).mkdir(parents=True)
    if content is not None:
        path.write_bytes(content)
        path.chmod(0o600)
    result = ask()
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{path}: {said}")
    assert KEY not in result.output
    assert nobody.asked == []


@pytest.mark.parametrize("name", ["access_token", "access_token.txt"])
def test_a_token_that_is_a_folder_is_named(nobody: Any, alone: Path, name: str) -> None:
    (alone / ".kaggle" / name).mkdir(parents=True)
    assert ask().stderr.startswith(f"{alone / '.kaggle' / name}: is no file")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("HTTPS_PROXY", "socks5://user:hush@localhost:1080", "HTTPS_PROXY names a SOCKS proxy, which needs a library"),
        ("http_proxy", "http://user:hush@localhost:port", "http_proxy names no proxy: its host or its port is wrong."),
        ("ALL_PROXY", "http://localhost:99999", "ALL_PROXY names no proxy"),
        ("HTTPS_PROXY", "http://", "HTTPS_PROXY names no proxy"),
        ("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem", "REQUESTS_CA_BUNDLE: there is no /nowhere/ca.pem."),
        ("CURL_CA_BUNDLE", "/nowhere/ca.pem", "CURL_CA_BUNDLE: there is no /nowhere/ca.pem."),
    ],
)
def test_what_the_environment_says_wrongly_is_not_told_to_be_kaggles_answer(
    kaggle: Any, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    result = ask()
    assert (result.exit_code, result.stderr.startswith(said)) == (1, True), result.stderr
    assert "hush" not in result.output
