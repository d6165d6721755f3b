"""Repeats across configs and days, on vectors made by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dynosaur_etl.proposals.repeats import MIN_COSINE, ComparedTask, find_repeats


def task(
    instruction: str,
    config: str = "c",
    day: str = "2020-01-01",
    inputs: str = "a",
    output: str = "b",
) -> ComparedTask:
    return ComparedTask(day, "data/set", config, instruction, (inputs,), output)


def vectors(*angles: float) -> NDArray[np.float16]:
    turned = np.array(angles)
    return np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float16)


ANGLE = float(np.arccos(MIN_COSINE))


@pytest.mark.parametrize(
    ("second", "angle", "repeats"),
    [
        (task("one", config="d"), 0.0, True),
        (task("one", day="2020-01-02"), 0.0, True),
        (task("one"), 0.0, False),  # of the same config and day: the words decide there
        (task("two", config="d"), 0.9 * ANGLE, True),
        (task("two", config="d"), 1.1 * ANGLE, False),
        (task("two", config="d", inputs="b", output="a"), 0.9 * ANGLE, False),  # the reverse
        (task("two", config="d", inputs="x", output="a"), 0.9 * ANGLE, False),
        (task("two", config="d", inputs="b", output="y"), 0.9 * ANGLE, False),
        (task("two", config="d", inputs="x", output="y"), 0.9 * ANGLE, True),
    ],
)
def test_what_says_nearly_the_same_elsewhere_is_a_repeat(
    second: ComparedTask, angle: float, repeats: bool
) -> None:
    found = find_repeats([task("one"), second], vectors(0.0, angle))
    assert set(found) == ({1} if repeats else set())
    if repeats:
        assert found[1].of == 0
        assert found[1].cosine == pytest.approx(np.cos(angle), abs=1e-3)


def test_what_repeats_a_repeat_alone_is_none() -> None:
    chain = [task(str(n), config=str(n)) for n in range(3)]
    assert set(find_repeats(chain, vectors(0.0, 0.9 * ANGLE, 1.8 * ANGLE))) == {1}


def test_no_tasks_are_no_repeats() -> None:
    assert find_repeats([], np.empty((0, 2), np.float16)) == {}


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2)), max_size=40))
def test_every_repeat_has_an_original_that_is_kept(made: list[tuple[int, int, int]]) -> None:
    tasks = [task(str(a), config=str(c), day=f"2020-01-0{d + 1}") for a, c, d in made]
    found = find_repeats(tasks, vectors(*[0.7 * ANGLE * a for a, _, _ in made]))
    assert not {repeat.of for repeat in found.values()} & set(found)
    for place, repeat in found.items():
        assert repeat.of < place
        assert tasks[place].may_repeat(tasks[repeat.of])
        assert repeat.cosine >= MIN_COSINE - 1e-6
