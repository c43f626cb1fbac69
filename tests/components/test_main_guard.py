"""A script that calls ctk without the ``__main__`` guard is told so at once, before a folder is made."""

import os
import subprocess
import sys

import pytest

CHECK = "from ctk.components.main_guard import check_main_guard\n"
SCRIPTS = {
    "plain": f"{CHECK}check_main_guard()\n",
    "in a function": f"{CHECK}def main():\n    check_main_guard()\nmain()\n",
    "through an import": "import helper\n",
    "under another if": f"{CHECK}if True:\n    check_main_guard()\n",
}
RUN = """
import ctk
import sys
from pathlib import Path
from ctk.testing.distributions import lay, on_path
folder = Path(sys.argv[1])
lay(folder, "ctk-toy", "ctk.testing.toy")
with on_path(folder):
    ctk.run("toy-regression", overrides=["executor.workers=1"])
"""


def run(folder, text, *arguments):
    (folder / "script.py").write_text(text)
    (folder / "helper.py").write_text(SCRIPTS["plain"])
    environment = {**os.environ, "CTK_RUNS": str(folder / "runs")}
    command = [sys.executable, *(arguments or ("script.py",))]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("how", SCRIPTS)
def test_a_script_without_the_guard_is_told_its_line(tmp_path, how):
    text = SCRIPTS[how]
    done = run(tmp_path, text, *(("-m", "script") if how == "plain" else ()))
    told = f'script.py, line {len(text.splitlines())}: calls ctk outside of `if __name__ == "__main__":`'
    assert told in done.stderr


@pytest.mark.parametrize("guard", ["if __name__ == '__main__':", "if '__main__' == __name__:"])
def test_with_the_guard_it_runs(tmp_path, guard):
    text = f"{CHECK}def main():\n    check_main_guard()\n{guard}\n    main()\n    print('done')"
    assert run(tmp_path, text).stdout == "done\n"
    assert run(tmp_path, "", "-c", SCRIPTS["plain"]).returncode == 0  # no worker would import it


def test_no_folder_of_a_run_is_made(tmp_path):
    done = run(tmp_path, RUN, "script.py", tmp_path / "site")
    assert "script.py, line 9: calls ctk outside" in done.stderr
    assert not (tmp_path / "runs").exists()
