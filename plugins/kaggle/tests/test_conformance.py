"""The plugin keeps the contract with ctk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_plugin_keeps_the_contract(alone: Path) -> None:
    from ctk.testing import check_plugin

    check_plugin("kaggle")


def test_help_and_listing_import_neither_the_client_nor_requests() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from ctk.cli.main import cli\n"
        "for line in (['--help'], ['plugins'], ['submit', '--help'], ['leaderboard', '--help']):\n"
        "    assert CliRunner().invoke(cli, line).exit_code == 0\n"
        "print([name for name in ('kaggle', 'kagglesdk', 'requests', 'torch', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
