"""The records of a CSV file as pandas, and so `datasets`, reads them: header, names, short lines.

Cells stay texts. A line that is too short ends with empty cells, one that is too long is an error;
a column without a name is `Unnamed: N`, the second `a` is `a.1`, and cells before the first named
column are an index, which is left out.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from dynosaur_etl.domain.text import clean_text
from dynosaur_etl.hub.bounds import require_few_fields

MAX_CELL = 8_000_000

_DIALECT = ("quotechar", "escapechar", "doublequote", "skipinitialspace", "quoting")


def csv_records(
    lines: Iterator[str], options: Mapping[str, Any], separator: str
) -> Iterator[dict[str, str]]:
    """Yield the records of a file's lines.

    Args:
        lines: with their ends.
        options: as `reader_options.options_of` gives them.
        separator: where the options name none.

    Raises:
        ValueError: a line cannot be read.
        csv.Error: the same, and also where the lines end inside a quoted cell.
    """
    csv.field_size_limit(MAX_CELL)  # of the process
    dialect = {name: options[name] for name in _DIALECT if name in options}
    below = islice(lines, options.get("skiprows") or 0, None)
    reader = csv.reader(below, delimiter=options.get("sep", separator), strict=True, **dialect)
    rows = filter(None, reader)
    columns = _columns(rows, options)
    first = next(rows, None)
    if first is None:
        return
    columns = columns or [str(number) for number in range(len(first))]
    require_few_fields(len(columns))
    index = max(len(first) - len(columns), 0)
    for cells in chain([first], rows):
        yield dict(zip(columns, _fitted(cells[index:], len(columns), reader.line_num), strict=True))


def _columns(rows: Iterator[list[str]], options: Mapping[str, Any]) -> list[str]:
    """Return the names of the columns, none where the file has no header."""
    names = options.get("names")
    header = options.get("header", "infer")
    if header == "infer":
        header = None if names else 0
    found = next(islice(rows, header, None), []) if header is not None else []
    return list(names or _named(found))


def _named(cells: Iterable[str]) -> Iterator[str]:
    """Name columns as pandas does."""
    taken: set[str] = set()
    for number, cell in enumerate(cells):
        name = bare = clean_text(cell) or f"Unnamed: {number}"
        repeats = 0
        while name in taken:
            repeats += 1
            name = f"{bare}.{repeats}"
        taken.add(name)
        yield name


def _fitted(cells: Sequence[str], number: int, line: int) -> list[str]:
    if len(cells) > number:
        raise ValueError(f"line {line}: {len(cells)} cells; allowed: {number}")
    return [*cells, *[""] * (number - len(cells))]
