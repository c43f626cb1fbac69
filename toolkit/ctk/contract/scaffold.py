"""What a scaffold is: it looks at somebody's files, and drafts a competition's package about them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctk.contract.schema import Strict


@dataclass(frozen=True)
class Observation:
    """Something found in the files: a line of the table that ``ctk new competition --data`` prints.

    option  how to say otherwise, as typed: ``--target NAME``
    sure    whether nothing else is likely; other lines are marked
    """

    what: str
    value: str
    why: str
    option: str = ""
    sure: bool = True


@dataclass(frozen=True)
class Question:
    """What only the user knows. It is asked in a terminal, and has its default elsewhere.

    option   the field of the scaffold's options that the answer is given to
    default  the answer that was assumed
    choices  the answers there are; none: any text
    prefix   of what is given to the option: ``COLUMN=`` for an option that is given once for each column
    """

    option: str
    text: str
    default: str
    choices: Sequence[str] = ()
    prefix: str = ""


@dataclass(frozen=True)
class Inspection:
    """What a look at the files brought.

    about         one line: what this is and how much of it
    observations  lines of the table
    questions     what is asked; the first that was not asked before, then the files are looked at again
    warnings      sentences of what would cost an evening
    found         whatever ``Scaffold.draft`` goes on with
    """

    about: str
    observations: Sequence[Observation]
    questions: Sequence[Question] = ()
    warnings: Sequence[str] = ()
    found: Any = None


@dataclass(frozen=True)
class Draft:
    """What a package has beside the files that every one has.

    description   of the package, without a full stop
    thing         ``module:attribute`` in the package: the competition
    about         its one line in ``ctk list``
    dependencies  beside the toolkit: what it needs
    files         text or bytes by path in the package's folder; ``tests/`` among them
    parts         what else it registers: hook, what is added to the competition's name, thing, about
    data          patterns of files in the package that are no modules
    use           Markdown of the README: how to run it
    change        Markdown of the README: what is changed where
    """

    description: str
    thing: str
    about: str
    dependencies: Sequence[str]
    files: Mapping[str, str | bytes]
    parts: Sequence[tuple[str, str, str, str]] = ()
    data: Sequence[str] = ()
    use: str = ""
    change: str = field(default="", repr=False)


class Scaffold(ABC):
    """Makes a competition of files: ``ctk new competition NAME --data DIR``.

    options  the schema of what a user can say otherwise, each field with a default: ``--field`` of the command. A
             field that is a tuple of texts may be given several times
    """

    options: type[Strict]

    @abstractmethod
    def inspect(self, folder: Path, options: Any) -> Inspection:
        """Look at the files in a folder, by an instance of ``options``. Raises DataError, UsageError."""

    @abstractmethod
    def draft(self, name: str, package: str, folder: Path, options: Any, inspection: Inspection) -> Draft:
        """Draft the package of a competition called ``name``, which Python imports as ``package``."""
