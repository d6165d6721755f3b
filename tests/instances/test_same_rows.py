"""One input and output of a dataset under several instructions: how many stay, and which."""

import random
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.instances.same_rows import beyond_first

Row = tuple[str, str, str, str, str]


def table(rows: list[Row], mode: str = "aware") -> pa.Table:
    names = ("dataset", "input", "output", "growth_day", "instance_key")
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    named = {n: pa.array(c, pa.string()) for n, c in zip(names, columns, strict=True)}
    same = {"mode": [mode] * len(rows), "instruction": [f"ask {n}" for n in range(len(rows))]}
    return pa.table(named | {n: pa.array(texts, pa.string()) for n, texts in same.items()})


ROWS: list[Row] = [
    ("a", "in", "out", "2020-01-02", "1"),
    ("a", "in", "out", "2020-01-01", "9"),
    ("a", "in", "out", "2020-01-01", "5"),
    ("a", "in", "other", "2020-01-01", "2"),
    ("a", "else", "out", "2020-01-01", "3"),
    ("b", "in", "out", "2020-01-01", "4"),
]


@pytest.mark.parametrize(
    ("limit", "gone"),
    [(0, set()), (1, {"1", "9"}), (2, {"1"}), (3, set())],
)
def test_the_earliest_day_and_the_first_key_stay(limit: int, gone: set[str]) -> None:
    beyond = beyond_first(table(ROWS), limit)
    assert {row[4] for row, drop in zip(ROWS, beyond, strict=True) if drop} == gone


def test_rows_that_ask_for_themselves_are_never_the_same() -> None:
    assert not beyond_first(table(ROWS, "native"), 1).any()


def test_no_instances_are_none_too_many() -> None:
    assert beyond_first(table([]), 1).tolist() == []


def test_the_rows_of_a_source_are_spread_over_its_tasks() -> None:
    rng = random.Random(0)
    rows: list[Row] = [
        ("a", f"in {n}", "out", "2020-01-01", f"{rng.getrandbits(64):016x}{task}")
        for task in "xy"
        for n in range(1_000)
    ]
    beyond = beyond_first(table(rows), 1)
    kept = Counter(row[4][-1] for row, drop in zip(rows, beyond, strict=True) if not drop)
    assert kept.total() == 1_000
    assert 400 < kept["x"] < 600


@given(
    st.lists(st.tuples(*[st.sampled_from("ab")] * 3, st.sampled_from(["1", "2"])), max_size=30),
    st.integers(1, 3),
)
def test_of_every_row_so_many_stay_as_there_are_up_to_the_limit(
    made: list[tuple[str, ...]], limit: int
) -> None:
    rows: list[Row] = [(a, b, c, day, str(n)) for n, (a, b, c, day) in enumerate(made)]
    beyond = beyond_first(table(rows), limit)
    before = Counter(row[:3] for row in rows)
    after = Counter(row[:3] for row, drop in zip(rows, beyond, strict=True) if not drop)
    assert after == {row: min(limit, number) for row, number in before.items()}
    later = beyond_first(table([*rows, ("a", "a", "a", "3", "x")]), limit)
    assert later[:-1].tolist() == beyond.tolist(), "a later day takes nothing away"


def test_what_is_kept_stays_before_what_came_earlier() -> None:
    rows = [
        ("a", "in", "out", "1", "k1"),
        ("a", "in", "out", "2", "k2"),
        ("a", "x", "y", "1", "k3"),
    ]
    assert beyond_first(table(rows), 1).tolist() == [False, True, False]
    assert beyond_first(table(rows), 1, ["k2", "elsewhere"]).tolist() == [True, False, False]
    assert not beyond_first(table(rows), 2, ["k2"]).any()
