"""Tables of the command line: as wide as the terminal at most, and never with a cut key.

Where the columns do not fit side by side, each row is a paragraph that its key begins.
"""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dynosaur_etl.cli.console import out

GAP = 2
LEAST_TEXT = 20
"""Columns that a text is given to be wrapped in, where the others are whole."""

Row = Sequence[object]


def show_table(columns: Sequence[str], rows: Sequence[Row], text: str = "") -> None:
    """Print rows under their columns' names.

    Args:
        columns: names of the columns; the first is the key, by which a row is known.
        rows: a value for each column; None is shown as nothing.
        text: the column that may take several lines; all others are shown on one.
    """
    cells = [["" if value is None else str(value) for value in row] for row in rows]
    if _fits(columns, cells, text):
        out.print(_side_by_side(columns, cells, text))
        return
    for row in cells:
        for part in _paragraph(columns, row):
            out.print(part)


def _fits(columns: Sequence[str], cells: Sequence[Sequence[str]], text: str) -> bool:
    widths = [
        max([_heading_width(name), *(len(row[at]) for row in cells)])
        for at, name in enumerate(columns)
    ]
    if text in columns:
        at = columns.index(text)
        widths[at] = min(widths[at], LEAST_TEXT)
    return sum(widths) + GAP * (len(widths) - 1) <= out.width


def _heading_width(name: str) -> int:
    """Return the width of a name, which may stand on a line for each of its words."""
    return max(map(len, name.split()), default=0)


def _side_by_side(
    columns: Sequence[str], cells: Sequence[Sequence[str]], text: str
) -> RenderableType:
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    for at, name in enumerate(columns):
        values = [row[at] for row in cells]
        least = None if name == text else max([_heading_width(name), *map(len, values)])
        right = any(values) and all(_is_number(value) for value in values if value)
        table.add_column(
            name,
            justify="right" if right else "left",
            overflow="fold",
            min_width=least,
            max_width=least,
        )
    for row in cells:
        table.add_row(*map(Text, row))
    return table


def _is_number(value: str) -> bool:
    return value.replace(".", "", 1).replace("%", "", 1).replace("-", "", 1).isdigit()


def _paragraph(columns: Sequence[str], row: Sequence[str]) -> Sequence[RenderableType]:
    key, *others = row
    told = (f"{name} {value}" for name, value in zip(columns[1:], others, strict=True) if value)
    words = Text(", ".join(told), overflow="fold")
    return Text(key, style="bold", no_wrap=True, overflow="ignore"), Padding(words, (0, 0, 0, 2))
