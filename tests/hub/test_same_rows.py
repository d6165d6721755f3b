"""The same rows are known under other names, columns and orders; other rows are not."""

import random
from typing import Any

import pyarrow as pa
import pytest

from dynosaur_etl.hub.data_files import RepoFile
from dynosaur_etl.hub.file_draw import ReadFile, SplitReading
from dynosaur_etl.hub.same_rows import MOST_MARKS, MarkIndex, Marks, marks_of

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


def plainly_like(own: Marks, known: list[Marks]) -> list[int]:
    return [place for place, other in enumerate(known) if own.are_those_of(other)]


def indexed(known: list[Marks]) -> MarkIndex:
    index = MarkIndex()
    for marks in known:
        index.add(marks)
    return index


def drawn_marks(draw: random.Random, templates: list[list[int]]) -> Marks:
    """Take a template, exchange some of its marks and leave some out, by the way of its kinds."""
    kinds = []
    for most in (MOST_MARKS, 8):
        template = draw.choice(templates)[: draw.randint(0, most)]
        kept = [mark for mark in template if draw.random() > draw.choice([0, 0.03, 0.1, 0.3])]
        added = [draw.randrange(10**6) for _ in range(draw.choice([0, 0, 1, 5]))]
        kinds.append(sorted({*kept, *added}))
    return Marks(*kinds)


@pytest.mark.parametrize("seed", range(20))
def test_the_index_finds_what_asking_all_finds(seed: int) -> None:
    draw = random.Random(seed)
    templates = [draw.sample(range(200), MOST_MARKS) for _ in range(4)]
    known = [drawn_marks(draw, templates) for _ in range(150)]
    index, found = indexed(known), 0
    for own in [*known, *(drawn_marks(draw, templates) for _ in range(100))]:
        expected = plainly_like(own, known)
        assert list(index.places_like(own)) == expected
        found += len(expected)
    assert found > len(known), "hardly any two are alike, and nothing is shown"


@pytest.mark.parametrize("size", range(1, MOST_MARKS + 1))
def test_the_index_finds_what_shares_just_enough(size: int) -> None:
    marks = list(range(size))
    for missing in range(size + 1):
        other = Marks(files=[*marks[missing:], *range(1000, 1000 + missing)])
        own = Marks(files=marks)
        assert list(indexed([other]).places_like(own)) == plainly_like(own, [other])


class Asked(Marks):
    times = 0

    def are_those_of(self, other: Marks) -> bool:
        Asked.times += 1
        return super().are_those_of(other)


def test_thousands_of_configs_are_compared_with_few() -> None:
    draw, index = random.Random(5), MarkIndex()
    frequent = list(range(40))  # rows that stand in every other set, such as empty forms
    configs, mirrors = 4_000, 0
    for number in range(configs):
        own = {draw.randrange(10**12) for _ in range(MOST_MARKS - 40)} | {*frequent}
        whole = Asked(sorted(own) if number % 2 else [draw.randrange(10**12) for _ in range(64)])
        again = Asked([*whole.rows[:-1], 10**13 + number])
        assert not list(index.places_like(whole))
        index.add(Marks(whole.rows))
        mirrors += len(list(index.places_like(again)))
    assert mirrors == configs
    assert Asked.times == configs, "each is compared with the one that it mirrors alone"
