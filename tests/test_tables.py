"""Tables of the command line: whole keys, every value, and no line wider than the terminal."""

from collections import Counter
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.cli import tables
from dynosaur_etl.cli.console import out

WIDTH = 80


@pytest.fixture(autouse=True)
def narrow() -> Iterator[None]:
    before = out.width
    out.width = WIDTH
    yield
    out.width = before


def shown(columns: Sequence[str], rows: Sequence[Sequence[object]], text: str = "") -> list[str]:
    with out.capture() as captured:
        tables.show_table(columns, rows, text)
    return captured.get().splitlines()


WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789/_.-", min_size=1, max_size=70)
SENTENCES = st.lists(st.text("abcxyz019", min_size=1, max_size=12), max_size=30).map(" ".join)


@given(data=st.data(), columns=st.lists(WORDS, min_size=2, max_size=12, unique=True))
def test_keys_are_whole_and_nothing_is_left_out(data: st.DataObject, columns: list[str]) -> None:
    cells = st.tuples(WORDS, *(SENTENCES | st.integers() | st.none() for _ in columns[1:]))
    rows = data.draw(st.lists(cells, min_size=1, max_size=5))
    text = data.draw(st.sampled_from(["", columns[-1]]))
    lines = shown(columns, rows, text)
    assert max(map(len, lines)) <= WIDTH
    for row in rows:
        assert any(str(row[0]) in line for line in lines), row
    cells_shown = ["" if value is None else str(value) for row in rows for value in row]
    letters = Counter("".join(cells_shown).replace(" ", ""))  # a long word may stand in two lines
    assert letters <= Counter("".join(lines))


def test_what_fits_stands_in_columns_and_numbers_to_the_right() -> None:
    lines = shown(("day", "kept", "reasons"), [("2026-10-05", 7, "a 1"), ("2026-10-06", 112, None)])
    assert [line.rstrip() for line in lines] == [
        "day         kept  reasons", "2026-10-05     7  a 1", "2026-10-06   112",
    ]  # fmt: skip


def test_a_long_text_is_wrapped_beside_the_key() -> None:
    lines = shown(("day", "reasons"), [("2026-10-05", "licence_missing 7, " * 20)], "reasons")
    assert lines[1].startswith("2026-10-05  licence_missing 7")
    assert all(line.startswith(" " * 12) for line in lines[2:])
    assert max(map(len, lines)) <= WIDTH


def test_what_does_not_fit_is_a_paragraph_under_its_key() -> None:
    columns = ("dataset", *(f"a long name {number}" for number in range(9)))
    name = "somebody/with-a-long-name-of-a-dataset-that-nobody-would-cut"
    lines = shown(columns, [(name, *range(10_000_000, 10_000_009))])
    assert lines[0] == name
    assert lines[1].startswith("  a long name 0 10000000, a long name 1 10000001")


def test_markup_in_a_value_is_text() -> None:
    assert "[red]x[/]" in shown(("a", "b"), [("[red]x[/]", "[bold]y")])[1]
