"""Loading the plugin imports no heavy library: every command would wait for it. Looked at in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from ctk.testing.case import Case
from ctk.testing.heavy import HEAVY


def look(case: Case) -> None:
    """The plugin's module and its register hooks."""
    plugin = case.subject.plugin
    code = "from ctk.testing.heavy import main; main()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    answer = subprocess.run(
        [sys.executable, "-c", code, plugin.module], env=environment, capture_output=True, text=True, check=False
    )
    case.saw(f"{plugin.module}, of {len(HEAVY)} heavy libraries")
    if answer.returncode != 0:
        reason = (answer.stderr.strip() or "without a word").splitlines()[-1]
        case.wrong(f"in a fresh process it cannot be imported: {reason}", "Did it rely on what others had imported?")
        return
    for library, where in json.loads(answer.stdout.splitlines()[-1]).items():
        case.wrong(
            f"loading it imports {library} ({where})",
            'Register "module:attribute" and import heavy libraries there, or inside functions.',
        )
