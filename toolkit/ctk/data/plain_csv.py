"""Text of an id and many numbers a row into arrays, several times as fast as a CSV reader that must expect anything."""

from __future__ import annotations

from ctk.compiled import module
from ctk.samples import Array

native, problem = module("ctk._numbers")


def parse(
    block: bytes | bytearray | memoryview, columns: int, prefix: str, threads: int = 0
) -> tuple[Array, Array] | None:
    """Ids and numbers of whole lines ``prefix<n>,x,x,...``, or None where they are not as plain as that.

    Plain is: as many finite decimal numbers as there are columns in every line, without quotes, spaces or a plus in
    front; n of up to 18 digits, without zeros in front; lines that end in LF or CR LF, the last one too. None says
    neither what is wrong nor where: that is for a slower reader, which may also know more kinds of tables. None is
    also the answer where nothing is compiled; ``problem`` then says why.

    columns  how many numbers a line has, at least one
    threads  how many parse; 0 for as many as OMP_NUM_THREADS or the process's processors
    returns  (n,) int64 and (n, columns) float64, each number the nearest there is, of two the even one, as float() has
             it
    memory   the result, and a few bytes a column
    """
    if native is None:
        return None
    parsed: tuple[Array, Array] | None = native.parse(block, columns, prefix, threads)
    return parsed
