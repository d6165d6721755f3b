"""The same rows are known under other names, columns and orders; other rows are not."""

import random
from typing import Any

import pyarrow as pa
import pytest

from dynosaur_etl.hub.data_files import RepoFile
from dynosaur_etl.hub.file_draw import ReadFile, SplitReading
from dynosaur_etl.hub.same_rows import MOST_MARKS, Marks, marks_of

WORDS = ["boat", "harbour", "noon", "evening", "calm", "cross", "glad", "rope", "tide", "sail"]


def notes(rows: int, seed: int = 0) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    return [
        {"note": " ".join(draw.choices(WORDS, k=8)), "number": n, "tags": [draw.choice(WORDS)]}
        for n in range(rows)
    ]


def marked(rows: list[dict[str, Any]]) -> Marks:
    return marks_of(pa.Table.from_pylist(rows), {}, [])


def test_order_and_names_of_rows_and_columns_do_not_matter() -> None:
    rows = notes(300)
    other = [{"label": row["number"], "Text": row["note"], "t": row["tags"]} for row in rows[::-1]]
    own = marked(rows)
    assert len(own.rows) == MOST_MARKS
    assert own == marked(other)
    assert own.are_those_of(marked(other))


def test_our_own_columns_are_no_content() -> None:
    rows = notes(50)
    placed = [{**row, "__row__": n, "__split__": "train"} for n, row in enumerate(rows)]
    assert marked(placed) == marked(rows)


@pytest.mark.parametrize(("changed", "same"), [(0, True), (5, True), (100, False), (300, False)])
def test_a_few_changed_rows_are_forgiven(changed: int, same: bool) -> None:
    rows = notes(300)
    assert marked(rows).are_those_of(marked([*notes(changed, 1), *rows[changed:]])) is same


def test_a_part_is_not_the_whole() -> None:
    rows = notes(300)
    assert not marked(rows[:100]).are_those_of(marked(rows))
    assert not marked(rows).are_those_of(marked(rows[:100]))


def test_short_and_few_rows_are_known_by_nothing() -> None:
    short = [{"label": n % 7, "other": n % 5} for n in range(200)]
    assert marked(short).rows == []
    assert not marked(notes(9)).are_those_of(marked(notes(9)))
    assert not Marks().are_those_of(Marks())


def test_files_tell_where_two_draws_do_not_meet() -> None:
    reading = {"train": SplitReading(2, (ReadFile("a.parquet", 50, False),))}
    mirrored = {"train": SplitReading(2, (ReadFile("data/b.parquet", 40, False),))}
    own = marks_of(pa.Table.from_pylist(notes(50)), reading, [RepoFile("a.parquet", 9999, "f1")])
    files = [RepoFile("data/b.parquet", 9999, "f1"), RepoFile("README.md", 9, "f2")]
    other = marks_of(pa.Table.from_pylist(notes(40, 1)), mirrored, files)
    assert own.are_those_of(other)
    small = [RepoFile("data/b.parquet", 99, "f1")]
    assert not own.are_those_of(marks_of(pa.table({}), mirrored, small))
    unnamed = [RepoFile("data/b.parquet", 9999)]
    assert not own.are_those_of(marks_of(pa.table({}), mirrored, unnamed))


def test_lone_surrogates_and_any_values_are_hashed() -> None:
    rows = [
        {"t": f"a text of some length {n}", "b": b"\xff\x00", "f": float("nan")} for n in range(12)
    ]
    assert len(marked(rows).rows) == 12
    assert marked(rows) == marked(rows)
