"""The held-out part is the same everywhere, and a larger share only adds to it."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.split import held_out_mask, is_held_out

SHARES = st.floats(0, 1)


@given(st.text(), SHARES, SHARES)
def test_a_larger_share_holds_out_all_that_a_smaller_one_does(
    key: str, one: float, other: float
) -> None:
    less, more = sorted((one, other))
    assert is_held_out(key, less) <= is_held_out(key, more)


@given(st.text())
def test_nothing_is_held_out_at_0_and_everything_at_1(key: str) -> None:
    assert not is_held_out(key, 0)
    assert is_held_out(key, 1)


def test_the_part_is_the_share_of_the_tasks() -> None:
    held = sum(is_held_out(f"task {number}", 0.2) for number in range(5000))
    assert held / 5000 == pytest.approx(0.2, abs=0.02)


def test_the_answer_never_changes() -> None:
    assert [n for n in range(12) if is_held_out(f"task {n}", 0.3)] == EXPECTED


def test_all_rows_of_a_task_go_the_same_way() -> None:
    keys = pa.chunked_array([["task 0", "task 1"], ["task 0", "task 2"]])
    mask = held_out_mask(keys, 0.3).to_pylist()
    assert mask == [is_held_out(key, 0.3) for key in keys.to_pylist()]


EXPECTED = [2, 4, 8, 10, 11]
