"""What a URL carries beside its place is shown to nobody."""

import pytest

from ctk.errors import CtkError, hide_secrets
from ctk.runs import Run


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("https://me:secret@host/path", "https://me:***@host/path"),
        ("https://token@host:5000", "https://***@host:5000"),
        ("http://host/?key=secret&timeout=3&SECRET", "http://host/?key=***&timeout=3&***"),
        ("http://host/#secret", "http://host/#***"),
        ("a: sqlite:///x.db?mode=ro\nb: 'ftp://u:p@h/'", "a: sqlite:///x.db?mode=ro\nb: 'ftp://u:***@h/'"),
        ("http://h/?a=longsecret cannot be: no /?a=longsecret/api", "http://h/?a=*** cannot be: no /?a=***/api"),
        ("redis://:longsecret@h: longsecret is wrong", "redis://:***@h: *** is wrong"),
        ("lr: 3e-4 # of a//b?c=d", "lr: 3e-4 # of a//b?c=d"),
    ],
)
def test_secrets_of_urls_are_hidden_and_all_else_is_as_it_was(given, shown):
    assert hide_secrets(given) == shown


def test_no_error_tells_them_whoever_raises_it():
    assert CtkError("No cluster is reached at ray://me:secret@host?token=secret.").problem == (
        "No cluster is reached at ray://me:***@host?token=***"
    )


def test_a_runs_config_is_shown_without_them(ctk, tmp_path):
    run = Run.create(tmp_path / "runs", "comp", "name")
    tracker = {"name": "mlflow", "tracking_uri": "https://me:secret@host/?key=secret"}
    run.write_config({"competition": "comp", "preset": "p", "trackers": [tracker]}, [f"trackers={tracker}"], {})
    for line in (["show", "name"], ["runs"], ["show", "name", "--json"], ["runs", "--json"]):
        said = ctk(*line, code=0).stdout
        assert "https://me:***@host/" in said
        assert "secret" not in said
