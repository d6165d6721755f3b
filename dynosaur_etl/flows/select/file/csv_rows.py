"""Rows of CSV, each cell as it is written; types are found once all files are read.

A column becomes numbers only where every cell is one in the way in which numbers are written: a
leading zero makes a code, and a code is a text. Dates stay texts, as polars and `datasets` keep
them.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice, repeat, zip_longest
from typing import TextIO

import pyarrow as pa
import pyarrow.compute as pc

from dynosaur_etl.domain.errors import InvalidInput, not_allowed

_ROWS_TOGETHER = 10_000
_LONGEST_CELL = 2**31 - 1
_INTEGER = r"^(0|-?[1-9][0-9]*)$"
_NUMBER = r"^-?((0|[1-9][0-9]{0,14})(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$|^-?inf$"
"""With at most 15 digits before the point: a float holds those as they are."""
_TRUTH = r"^(true|false|True|False|TRUE|FALSE)$"
_NO_NUMBER = ("NA", "N/A", "nan", "NaN", "null", "NULL", "None")
"""What stands for a missing number; in a column of texts each of them is a text."""


def read_csv(text: TextIO, separator: str) -> Iterator[pa.Table]:
    """Yield tables of strings; a cell that is empty, or missing at a row's end, is null.

    Args:
        text: with its line breaks as they are.
        separator: of cells.

    Raises:
        InvalidInput: a name stands twice in the header, a row has more cells than it, or a
            quotation does not end.
    """
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(text, delimiter=separator, strict=True)
    try:
        names = next(reader, [])
        _check_names(names, separator)
        while rows := list(islice(reader, _ROWS_TOGETHER)):
            yield _table(names, [row for row in rows if row], reader.line_num)
    except csv.Error as e:
        raise InvalidInput(f"CSV near line {reader.line_num}: {e}") from e


def _check_names(names: list[str], separator: str) -> None:
    twice = [name for name, number in Counter(names).items() if number > 1]
    if twice:
        raise InvalidInput(f"column {twice[0]!r}: received twice in the header; allowed: once")
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        words = f"cells that are parted by {separator!r}, or by tabs in a file named .tsv"
        raise InvalidInput(not_allowed("CSV header", names[0], words))


def _table(names: list[str], rows: list[list[str]], last_line: int) -> pa.Table:
    longest = max(map(len, rows), default=0)
    if longest > len(names):
        first = next(row for row in rows if len(row) == longest)
        raise InvalidInput(
            f"CSV: received a row of {longest} cells before line {last_line + 1}, which begins "
            f"with {first[0][:40]!r}; allowed: {len(names)}, as in the header"
        )
    cells = islice(chain(zip_longest(*rows), repeat(())), len(names))
    columns = [
        pa.array([cell or None for cell in column], pa.string())
        if column
        else pa.nulls(len(rows), pa.string())
        for column in cells
    ]
    return pa.table(columns, names=names)


def typed(table: pa.Table) -> pa.Table:
    """Return a table of strings with its columns of numbers and truth values as such."""
    return pa.table([_typed(table[name]) for name in table.column_names], names=table.column_names)


def _typed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if column.null_count == len(column):
        return column
    if _all_match(column, _TRUTH):
        return column.cast(pa.bool_())
    numbers = pc.if_else(pc.is_in(column, pa.array(_NO_NUMBER)), None, column)
    for pattern, kind in ((_INTEGER, pa.int64()), (_NUMBER, pa.float64())):
        if numbers.null_count < len(numbers) and _all_match(numbers, pattern):
            try:
                return numbers.cast(kind)
            except pa.ArrowInvalid:  # an integer beyond 64 bits is kept as it is written
                return column
    return column


def _all_match(column: pa.ChunkedArray, pattern: str) -> bool:
    """Whether every cell that is not null matches; one that does not soon ends the question."""
    return all(
        pc.all(pc.match_substring_regex(chunk, pattern), min_count=0).as_py()
        for chunk in column.chunks
    )
