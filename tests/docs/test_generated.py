"""Pages that are made from the code are as the code is now."""

import ast
import inspect
import re
import runpy
import subprocess
import sys
from importlib import import_module

from pages import DOCS, ROOT

from ctk import hookspecs
from ctk.plugins import built_in


def headings(page):
    return re.findall(r"^#+ (.+)$", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)


def test_committed_pages_are_what_the_code_makes_of_them():
    done = subprocess.run([sys.executable, DOCS / "generate.py", "--check"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_hook_has_a_heading_and_its_exact_arguments():
    text = (DOCS / "reference/hooks.md").read_text(encoding="utf-8")
    hooks = {name: hook for name, hook in vars(hookspecs).items() if hasattr(hook, "ctk_spec")}
    assert set(hookspecs.__all__) == {*hooks, "Register", "hookimpl"}
    for name, hook in hooks.items():
        section = text.split(f"\n### {name}\n", 1)[1]
        shown = re.search(r"```python\n(.*?)\n```", section, re.DOTALL)[1]
        node = ast.parse(f"{shown}: ...").body[0]
        assert node.name == name
        assert [each.arg for each in node.args.args] == list(inspect.signature(hook).parameters)


def test_every_face_has_a_page_with_all_that_plugins_may_import_of_it():
    titles = {headings(path)[0]: path for path in sorted(DOCS.glob("reference/*.md"))}
    faces = {title: path for title, path in titles.items() if re.fullmatch(r"ctk(\.\w+)?", title)}
    assert {*faces, "ctk.hookspecs"} == runpy.run_path(str(ROOT / "tests/test_house.py"))["FACES"]
    for face, path in faces.items():
        module = import_module(face)
        shown = {name for heading in headings(path) for name in heading.split(", ")}
        for name in module.__all__:
            assert hasattr(module, name), f"{face}.{name}"
            assert name in shown or name.startswith("__"), f"{face}.{name}"


def test_every_command_and_each_of_its_options_is_in_the_reference():
    text = (DOCS / "reference/cli.md").read_text(encoding="utf-8")
    for name in built_in().known("commands"):
        command = built_in().load("commands", name)
        assert f"ctk {name}" in headings("reference/cli.md")
        section = text.split(f"\n## ctk {name}\n", 1)[1].split("\n## ", 1)[0]
        for option in command.params:
            assert all(f"`{each}`" in section for each in option.opts if each.startswith("-")), option.opts


def test_every_config_key_has_a_use():
    rows = [line.split(" | ") for line in (DOCS / "reference/config.md").read_text().splitlines() if "| `" in line[:4]]
    keys = [row for row in rows if len(row) == 4]
    assert len(keys) > 50
    assert [row[0] for row in keys if not row[3].strip(" |")] == []


def test_every_figure_of_the_measured_tables_is_in_the_results():
    tables = [path for path in DOCS.rglob("*.md") if "<!-- bench: " in path.read_text(encoding="utf-8")]
    assert len(tables) >= 3  # the check above compares them with bench/results
