"""What predicting needs of a blend of runs: its weights, and the members of each run that they are for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from ctk.errors import UsageError
from ctk.files import dump_yaml, write_text
from ctk.packing.packed_members import RECORDS, PackedMembers, weighed_keys
from ctk.plugins import Plugins
from ctk.plugins.guard import competition_of
from ctk.runs import Run
from ctk.workflow.blend_record import BlendRecord
from ctk.workflow.blended_runs import blended_runs


class PackedBlend:
    """A blend of finished runs, each packed below it under the name that its members' keys begin with.

    Raises UsageError where it blends files too, or options of its runs name files, which would not be found.
    """

    def __init__(self, blend: Run, known: Plugins) -> None:
        self.run = blend
        weighed = weighed_keys(BlendRecord.load(blend.folder).blend)
        self.runs: dict[str, PackedMembers] = {}
        self.inside: dict[str, str] = {}
        for number, (prefix, folder) in enumerate(blended_runs(blend).items()):
            own = {key.removeprefix(f"{prefix}/") for key in weighed if not prefix or key.startswith(f"{prefix}/")}
            self.runs[prefix] = packed = PackedMembers(Run(folder), known, own)
            self.inside[prefix] = f"runs/{number}/{folder.name}"
            if packed.paths:
                raise UsageError(
                    f"{folder}: its option {min(packed.paths)} names a file, which is packed of single runs alone.",
                    "Pack the runs one by one, and blend what they predict.",
                )
        self.plugins = [plugin for each in self.runs.values() for plugin in each.plugins]
        self.competition = competition_of(blend.competition)
        self.submission = f"submission.{self.competition.formats[0]}"
        self.paths: dict[str, Path] = {}

    def files(self) -> Iterator[tuple[Path, str]]:
        """List each file that is copied, and its path in the packed blend."""
        for name in ("blend.json", *RECORDS):
            yield self.run.folder / name, name
        for prefix, packed in self.runs.items():
            yield from ((path, f"{self.inside[prefix]}/{name}") for path, name in packed.files())

    def write(self, folder: Path) -> None:
        """Copy the files into a folder; the config names the runs by their paths in it."""
        folder.mkdir(parents=True)
        for name in ("blend.json", *RECORDS):
            shutil.copyfile(self.run.folder / name, folder / name)
        for prefix, packed in self.runs.items():
            packed.write(folder / self.inside[prefix])
        config = {**self.run.config(), "runs": self.inside, "sources": list(self.inside.values()), "weights_of": None}
        write_text(folder / "config.yaml", dump_yaml(config))
