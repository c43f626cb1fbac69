"""ctk install and ctk uninstall, in throwaway environments with tiny wheels: one with pip, one with uv alone."""

import json
import re
import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

BROKEN = {
    "raises": "raise RuntimeError('at import')",
    "exits": "import sys; sys.exit(3)",
    "ends the process": "import os; os._exit(7)",
    "is no Python": "def broken(:",
}


def good(answer, code=0):
    assert answer.returncode == code, answer.stdout + answer.stderr
    assert "Traceback" not in answer.stdout + answer.stderr
    return answer.stdout


def test_what_is_run_is_printed_first_and_what_was_gained_and_lost_last(environment, plugin):
    path = plugin("ctk-foo", competitions="foo", losses="bar")
    told = good(environment.ctk("install", path)).splitlines()
    assert told[0].startswith("$ ")
    assert str(environment.python) in told[0]
    assert told[0].endswith(str(path))
    assert len(told) == 2, "what the installer says is shown only where it fails"
    assert told[-1] == "gained ctk-foo 1.0: competition foo, loss bar; run it: ctk run foo"
    assert good(environment.ctk("install", path)).splitlines()[-1].startswith("have ctk-foo 1.0: competition foo")
    told = good(environment.ctk("uninstall", "ctk_foo", "-y"))
    assert told.splitlines()[-1] == "lost ctk-foo 1.0: competition foo, loss bar"
    assert not list(environment.site.glob("ctk_foo*"))


def test_nothing_is_taken_away_before_the_question_is_answered(environment, plugin):
    good(environment.ctk("install", plugin("ctk-asked", losses="asked")))
    refused = environment.ctk("uninstall", "ctk-asked", answer="n\n")
    assert refused.returncode == 1
    assert "ctk-asked 1.0 offers loss asked." in refused.stdout
    assert "$ " not in refused.stdout
    assert environment.ctk("uninstall", "ctk-asked", answer="").returncode == 1
    assert (environment.site / "ctk_asked.py").exists()
    assert "lost ctk-asked" in good(environment.ctk("uninstall", "ctk-asked", answer="y\n"))


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_plugin_is_told_with_its_reason_and_can_be_uninstalled(with_pip, how, plugin):
    told = good(with_pip.ctk("install", plugin("ctk-broken", BROKEN[how])), code=1)
    assert "gained ctk-broken 1.0, which is broken: " in told
    told = good(with_pip.ctk("uninstall", "ctk-broken", "-y"))
    assert "lost ctk-broken 1.0: broken: " in told or "lost ctk-broken 1.0: nothing" in told
    assert not list(with_pip.site.glob("ctk_broken*"))


NOISE, GARBAGE = bytes(range(128, 256)), b"garbage [[[ ="


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("METADATA", None), ("METADATA", NOISE), ("entry_points.txt", NOISE), ("entry_points.txt", GARBAGE),
        ("RECORD", None), ("RECORD", NOISE),
    ],
)  # fmt: skip
def test_of_a_plugin_with_damaged_metadata_it_is_said_what_to_delete_and_ctk_lives_on(with_pip, file, damage, plugin):
    good(with_pip.ctk("install", plugin("ctk-hurt", losses="hurt")))
    folder = with_pip.site / "ctk_hurt-1.0.dist-info"
    path = folder / file
    path.unlink()  # it may be a link to uv's cache
    if damage is not None:
        path.write_bytes(damage)
    good(with_pip.ctk("list"))
    if damage != GARBAGE:  # of which Python's own reader makes no entry point
        assert "ctk-hurt" in good(with_pip.ctk("plugins"))
    answer = with_pip.ctk("uninstall", "ctk-hurt", "-y")
    assert answer.returncode == 1
    assert "The metadata of ctk-hurt is damaged: neither pip nor uv could take it out." in answer.stderr
    assert f"Remove it by hand: delete {folder}, and what the package has beside it." in answer.stderr
    shutil.rmtree(folder)
    (with_pip.site / "ctk_hurt.py").unlink()
    assert "ctk-hurt" not in good(with_pip.ctk("plugins"))


def test_a_new_version_is_told_as_a_change(environment, tmp_path, plugin):
    good(environment.ctk("install", plugin("ctk-new", losses="one")))
    plugin("ctk-new", losses="two", version="1.1")
    links = {"PIP_FIND_LINKS": str(tmp_path), "UV_FIND_LINKS": str(tmp_path)}
    assert "have ctk-new 1.0: loss one" in good(environment.ctk("install", "ctk-new", **links))
    assert "changed ctk-new 1.0 to 1.1: loss two" in good(environment.ctk("install", "-U", "ctk-new>=1", **links))
    good(environment.ctk("uninstall", "ctk-new", "-y"))


def test_what_has_nothing_for_ctk_is_told_as_such(environment, wheel):
    path = wheel("plain", files={"plain.py": ""})
    assert "Nothing that ctk can use was installed" in good(environment.ctk("install", path))
    assert "Nothing that ctk used was taken away." in good(environment.ctk("uninstall", "plain", "-y"))


def test_a_plugin_that_is_turned_off_is_gained_and_said_to_be_off(with_pip, plugin):
    path = plugin("ctk-off", losses="off")
    told = good(with_pip.ctk("install", path, CTK_PLUGINS="another"))
    assert told.splitlines()[-1] == "gained ctk-off 1.0: loss off; $CTK_PLUGINS turns it off"
    good(with_pip.ctk("uninstall", "ctk-off", "-y"))


def test_no_plugin_is_imported_by_the_commands_themselves(with_pip, tmp_path, plugin):
    seen = tmp_path / "seen"
    source = f"import sys\nopen({str(seen)!r}, 'a').write(' '.join(sys.orig_argv) + chr(10))\n"
    good(with_pip.ctk("install", plugin("ctk-seen", source, losses="seen")))
    good(with_pip.ctk("uninstall", "ctk-seen", "-y"))
    assert seen.exists()
    assert "install" not in seen.read_text()


def test_a_failing_installer_gives_its_exit_code_and_a_sentence(environment):
    answer = environment.ctk("install", "ctk-that-is-nowhere")
    assert answer.returncode not in (0, 2)
    assert f"failed with exit code {answer.returncode}" in answer.stderr
    assert len(re.findall("ctk-that-is-nowhere", answer.stderr)) > 1, "the installer's own words"


@pytest.mark.parametrize(
    "name",
    [
        "-r", "--index-url=x", "foo --index-url=x", "https://user:token@127.0.0.1/x.whl", "git+https://token@127.0.0.1/x",
        "git+ssh://git:token@127.0.0.1/x", "foo @ https://u:token@127.0.0.1/x.whl", "https://127.0.0.1/x?access_token=token",
        "foo\x1b[31m", "foo\u202e", "", " ", "./nowhere.whl",
    ],
)  # fmt: skip
@pytest.mark.parametrize("verb", ["install", "uninstall"])
def test_what_is_no_package_is_refused_and_secrets_are_not_repeated(with_pip, verb, name):
    answer = with_pip.ctk(verb, "--", name)
    assert answer.returncode == 2
    assert answer.stderr.strip().endswith((".", "x")) or "install" in answer.stderr
    assert "$ " not in answer.stdout
    assert "token@" not in answer.stderr
    assert "=token" not in answer.stderr
    assert "\x1b" not in answer.stderr
    assert "Traceback" not in answer.stderr


def test_options_of_pip_are_refused_without_a_separator_too(with_pip):
    answer = with_pip.ctk("install", "--index-url=x", "foo")
    assert answer.returncode == 2
    assert "'--index-url=x' looks like an option" in answer.stderr


def test_the_toolkit_is_not_uninstalled_by_accident(with_pip):
    answer = with_pip.ctk("uninstall", "Competition_Toolkit", "-y")
    assert answer.returncode == 2
    assert "competition-toolkit is ctk itself." in answer.stderr
    assert "-m pip uninstall competition-toolkit" in answer.stderr


def test_what_is_not_installed_is_answered_with_the_nearest(with_pip, plugin):
    good(with_pip.ctk("install", plugin("ctk-near", losses="near")))
    answer = with_pip.ctk("uninstall", "ctk-naer", "-y")
    assert answer.returncode == 2
    assert "Did you mean 'ctk-near'?" in answer.stderr
    assert "Plugin 'near' is of ctk-near: ctk uninstall ctk-near" in with_pip.ctk("uninstall", "near", "-y").stderr
    good(with_pip.ctk("uninstall", "ctk-near", "-y"))


@pytest.mark.parametrize(
    ("make", "sentence"), [(None, "no such folder"), ("empty", "no pyproject.toml and no setup.py")]
)
def test_a_folder_without_a_project_is_refused(with_pip, tmp_path, make, sentence):
    folder = tmp_path / "project"
    if make:
        folder.mkdir()
    answer = with_pip.ctk("install", "-e", folder)
    assert answer.returncode == 2
    assert sentence in answer.stderr


MINE = "from ctk import hookimpl\n@hookimpl\ndef ctk_register_losses(register): register('mine', 'json:dumps')"


def test_a_project_that_is_worked_on_is_installed_with_build_isolation(with_pip, tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools>=77"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "ctk-mine"\nversion = "0.1"\ndependencies = ["competition-toolkit"]\n'
        '[project.entry-points.ctk]\nmine = "mine"\n[tool.setuptools]\npy-modules = ["mine"]\n'
    )
    (tmp_path / "mine.py").write_text(MINE)
    told = good(with_pip.ctk("install", "-e", ".", cwd=tmp_path, PIP_NO_INDEX="0"))
    assert told.splitlines()[-1] == "gained ctk-mine 0.1: loss mine"
    (tmp_path / "mine.py").write_text(MINE.replace("'mine'", "'changed'"))
    assert "loss changed" in good(with_pip.ctk("plugins"))
    assert "lost ctk-mine 0.1: loss changed" in good(with_pip.ctk("uninstall", "ctk-mine", "-y"))


def test_without_pip_and_uv_the_way_out_is_told(tmp_path, new_environment):
    bare = new_environment(tmp_path / "bare", pip=False)
    answer = bare.ctk("install", "ctk-foo", PATH=str(bare.python.parent))
    assert answer.returncode == 1
    assert "neither pip nor uv" in answer.stderr
    assert "-m ensurepip" in answer.stderr


def test_an_environment_that_the_system_manages_is_explained(tmp_path, plugin, new_environment):
    # pip and ctk ask the same two things (PEP 668): here they are answered as outside of a virtual environment.
    managed = new_environment(tmp_path / "managed")
    (tmp_path / "EXTERNALLY-MANAGED").write_text("[externally-managed]\nError=ask the package manager\n")
    (managed.site / "sitecustomize.py").write_text(
        f"import sys, sysconfig\nsys.base_prefix = sys.prefix\nold = sysconfig.get_path\n"
        f"sysconfig.get_path = lambda name, *a, **k: {str(tmp_path)!r} if name == 'stdlib' else old(name, *a, **k)\n"
    )
    answer = managed.ctk("install", plugin("ctk-foo", losses="foo"))
    assert answer.returncode == 1
    assert "ask the package manager" in answer.stderr + answer.stdout
    assert "PEP 668" in answer.stderr
    assert "python3 -m venv .venv" in answer.stderr


def test_the_listing_says_what_install_relies_on(with_pip):
    rows = json.loads(good(with_pip.ctk("plugins", "--all", "--json")))
    assert {"name", "distribution", "version", "offers", "problem", "disabled_by", "clashes"} <= set(rows[0])


def test_uv_as_a_module_serves_where_it_is_not_on_the_path(tmp_path, plugin, new_environment):
    uv = pytest.importorskip("uv")
    bare = new_environment(tmp_path / "bare", pip=False)
    (bare.site / "uv").symlink_to(Path(uv.__file__).parent)
    shutil.copy(uv.find_uv_bin(), bare.python.parent / "uv")
    told = good(bare.ctk("install", plugin("ctk-foo", losses="foo"), PATH="/usr/bin:/bin"))
    assert "-m uv pip install" in told
    assert "gained ctk-foo 1.0: loss foo" in told
