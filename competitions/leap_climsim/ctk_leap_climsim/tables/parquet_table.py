"""Parquet tables, read in batches of rows."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet

from ctk_leap_climsim.tables.table import ID, Part, Place, Table, as_array

ROWS = 8192
"""Rows decoded at a time: 24 MB of 368 columns."""


class ParquetTable(Table):
    """A table as Parquet; see ``Table``. Rows count from 0, as pandas shows them."""

    def where(self, row: int) -> str:
        """Row number."""
        return f"row {row:,}"

    def _open(self) -> list[str]:
        try:
            with pa.parquet.ParquetFile(self.path) as file:
                self.size = file.metadata.num_rows
                schema = file.schema_arrow
        except pa.ArrowException as error:
            reason = str(error).splitlines()[0][:200]
            raise self.error(
                f"{self.path}: is no Parquet file, or cut short ({reason}).", "Download or make the file again."
            ) from None
        for name, kind in zip(schema.names, schema.types, strict=True):
            if name in self.columns and not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
                raise self.error(f"{self.path}: the column {name} is {kind}, not numbers.", "Save it as float64.")
            if name == ID and not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
                raise self.error(f"{self.path}: the column {ID} is {kind}, not text.", f"Ids are {self.prefix}<n>.")
        return list(schema.names)

    def _parts(self, start: Place) -> Iterator[Part]:
        row = 0
        columns = [ID, *self.columns]
        schema = pa.schema([(name, pa.float64()) for name in self.columns])
        # pre_buffer would hold the compressed row group, which may be the whole file, in memory.
        with pa.parquet.ParquetFile(self.path, memory_map=True, pre_buffer=False) as file:
            for batch in file.iter_batches(ROWS, columns=columns):
                row += len(batch)
                if row <= start.rows:
                    continue
                batch = batch.slice(max(0, start.rows - (row - len(batch))))
                ids = self._ids(batch.column(ID).cast(pa.string()), row - len(batch))
                yield Part(ids, as_array(batch.select(self.columns).cast(schema)), row)
