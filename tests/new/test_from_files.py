"""ctk new competition --data: what a scaffold finds is shown, asked about and written, whoever's scaffold it is."""

import io
import json
import sys
import tomllib

import pytest
from click.testing import CliRunner

from ctk import plugins as registry
from ctk.cli import from_files
from ctk.cli.main import cli
from ctk.cli.printing import VisibleConsole
from ctk.contract import Inspection, Observation

SOURCE = """
from ctk import hookimpl
from ctk.contract import Draft, Inspection, Observation, Question, Scaffold, Strict

@hookimpl
def ctk_register_scaffolds(register):
    register("letters", Letters, "a competition of a letter")


class Options(Strict):
    letter: str | None = None
    word: tuple[str, ...] = ()


class Letters(Scaffold):
    options = Options

    def inspect(self, folder, options):
        letter = options.letter or "a"
        rows = [
            Observation("letter", letter, "it is the first", "--letter LETTER", options.letter is not None),
            Observation("words", ",".join(options.word), "there are so many", "--word WORD"),
        ]
        questions = [Question("letter", "Which letter?", letter, ("a", "b")), Question("word", "Of it?", "x", (), "w=")]
        return Inspection("a folder of letters", rows, questions, ["Letters are few."], letter)

    def draft(self, name, package, folder, options, inspection):
        text = f"LETTER = {inspection.found!r}\\nWORDS = {options.word!r}\\n"
        files = {f"{package}/competition.py": text, f"{package}/sample/x.bin": bytes([0, 255])}
        parts = [("data", "", "competition:LETTER", "letters")]
        return Draft("Letters", "competition:LETTER", "a letter", (), files, parts, ("sample/**",), "USE", "CHANGE")
"""


@pytest.fixture
def new(tmp_path, monkeypatch):
    """Call ``ctk new competition`` in a folder with a plugin of one file, alone with the core."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ctk_plugins").mkdir()
    (tmp_path / "ctk_plugins" / "letters.py").write_text(SOURCE)
    (tmp_path / "files").mkdir()
    monkeypatch.setenv("CTK_PLUGINS", "letters")
    registry.plugins.cache_clear()

    def call(*arguments, **how):
        return CliRunner().invoke(cli, ["new", "competition", "sample", *map(str, arguments)], **how)

    yield call
    registry.plugins.cache_clear()
    sys.modules.pop("ctk_plugins.letters", None)


def made(tmp_path):
    return (tmp_path / "ctk-sample" / "ctk_sample" / "competition.py").read_text()


def test_what_was_found_is_shown_with_how_to_say_otherwise_and_written(new, tmp_path):
    told = new("--data", "files", "--no-install")
    assert told.exit_code == 0, told.output
    shown = [line.split() for line in told.output.splitlines()]
    assert "a folder of letters" in told.output
    assert ["?", "letter", "a", "it", "is", "the", "first", "--letter", "LETTER"] in shown
    assert ["!", "Letters", "are", "few."] in shown
    assert made(tmp_path) == "LETTER = 'a'\nWORDS = ()\n"
    assert (tmp_path / "ctk-sample" / "ctk_sample" / "sample" / "x.bin").read_bytes() == bytes([0, 255])


def test_every_line_can_be_said_otherwise(new, tmp_path):
    told = new("--data", "files", "--no-install", "--letter", "b", "--word", "one", "--word", "two")
    assert told.exit_code == 0, told.output
    assert made(tmp_path) == "LETTER = 'b'\nWORDS = ('one', 'two')\n"


def test_the_package_is_as_every_other(new, tmp_path):
    assert new("--data", "files", "--no-install").exit_code == 0
    project = tomllib.loads((tmp_path / "ctk-sample" / "pyproject.toml").read_text())
    assert project["project"]["entry-points"] == {"ctk": {"sample": "ctk_sample.plugin"}}
    assert project["tool"]["setuptools"]["package-data"] == {"ctk_sample": ["py.typed", "sample/**"]}
    readme = (tmp_path / "ctk-sample" / "README.md").read_text()
    assert "USE" in readme
    assert "CHANGE" in readme
    plugin = (tmp_path / "ctk-sample" / "ctk_sample" / "plugin.py").read_text()
    assert plugin.count('"ctk_sample.competition:LETTER"') == 2


class Terminal(io.StringIO):
    """Input or output of somebody who sits before it."""

    def isatty(self):
        return True


def test_in_a_terminal_what_is_unsure_is_asked_once_and_an_answer_is_looked_at_again(new, tmp_path, monkeypatch):
    asked = []

    def prompt(text, default, type):
        asked.append(text)
        return {1: "b", 2: "ten"}[len(asked)]

    monkeypatch.setattr(from_files, "is_asked", lambda: True)
    monkeypatch.setattr(from_files.click, "prompt", prompt)
    told = new("--data", "files", "--no-install")
    assert told.exit_code == 0, told.output
    assert [text.split("? ", 1)[1].partition("\x1b")[0] for text in asked] == ["Which letter?", "Of it?"]
    assert made(tmp_path) == "LETTER = 'b'\nWORDS = ('w=ten',)\n"


def test_a_terminal_needs_both_ends(monkeypatch):
    for given, written in ((Terminal(), io.StringIO()), (io.StringIO(), Terminal())):
        monkeypatch.setattr(sys, "stdin", given)
        monkeypatch.setattr(sys, "stdout", written)
        assert not from_files.is_asked()
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert from_files.is_asked()


def test_its_options_are_in_the_help_and_nowhere_else(new):
    told = new("--help").output
    assert "--letter TEXT" in told
    assert "--word" in told
    answer = new("--letter", "b")
    assert answer.exit_code == 2
    assert "No such option" in answer.output


def test_without_a_scaffold_a_sentence_says_what_to_install(new, monkeypatch, tmp_path):
    monkeypatch.setenv("CTK_PLUGINS", "")
    registry.plugins.cache_clear()
    answer = new("--data", "files")
    assert answer.exit_code == 2
    assert "--data wants a plugin that makes a competition of files, and none is installed." in answer.output
    assert not (tmp_path / "ctk-sample").exists()


def test_nothing_is_looked_at_where_nothing_could_be_written(new, tmp_path):
    (tmp_path / "ctk-sample").mkdir()
    answer = new("--data", "files")
    assert answer.exit_code == 2
    assert "ctk-sample is there already" in answer.output
    assert "a folder of letters" not in answer.output


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ('Inspection("a', "failed while looking at files"),
        ("class Options(Strict):\n    letter: str | None = None", "has an option without a default"),
    ],
)
def test_a_scaffold_that_breaks_its_contract_is_named(wrong, told, new, tmp_path):
    mended = {
        'Inspection("a': 'wrong("a',
        "class Options(Strict):\n    letter: str | None = None": "class Options(Strict):\n    letter: str",
    }
    (tmp_path / "ctk_plugins" / "letters.py").write_text(SOURCE.replace(wrong, mended[wrong]))
    registry.plugins.cache_clear()
    answer = new("--data", "files")
    assert answer.exit_code == 1
    assert "scaffold 'letters' of plugin letters" in answer.output.replace("'letters' (", "letters (")
    assert told in answer.output


def test_the_table_fits_a_narrow_terminal():
    rows = [Observation("target", "a_long_name_" * 4, "because " * 20, "--target NAME", False)]
    for width in (60, 80, 160):
        console = VisibleConsole(width=width, file=io.StringIO())
        console.print(from_files.observations_table(rows))
        lines = console.file.getvalue().splitlines()
        assert max(map(len, lines)) <= width
        assert "--target" in console.file.getvalue()
    assert Inspection("x", rows).questions == ()
    json.dumps(rows[0].__dict__)
