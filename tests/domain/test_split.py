"""The held-out part is the same everywhere, by source and then by task, and grows by its share."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.split import HeldOut, source_name

SHARES = st.floats(0, 1)


@given(st.text(), st.text(), SHARES, SHARES, SHARES)
def test_a_larger_share_holds_out_all_that_a_smaller_one_does(
    dataset: str, key: str, one: float, other: float, fixed: float
) -> None:
    less, more = sorted((one, other))
    for small, large in (
        (HeldOut(less, fixed), HeldOut(more, fixed)),
        (HeldOut(fixed, less), HeldOut(fixed, more)),
    ):
        assert small.holds(dataset, key) <= large.holds(dataset, key)


@given(st.text(), st.text())
def test_nothing_is_held_out_at_0_and_everything_at_1(dataset: str, key: str) -> None:
    assert not HeldOut().holds(dataset, key)
    assert HeldOut(sources=1).holds(dataset, key)
    assert HeldOut(tasks=1).holds(dataset, key)


def test_the_parts_are_the_shares_of_sources_and_of_the_other_tasks() -> None:
    by_source = sum(HeldOut(0.2).holds(f"owner/set{n}", "task") for n in range(5000))
    by_task = sum(HeldOut(tasks=0.2).holds("owner/set", f"task {n}") for n in range(5000))
    both = sum(HeldOut(0.2, 0.2).holds(f"owner/set{n}", f"task {n}") for n in range(5000))
    assert by_source / 5000 == pytest.approx(0.2, abs=0.02)
    assert by_task / 5000 == pytest.approx(0.2, abs=0.02)
    assert both / 5000 == pytest.approx(0.36, abs=0.02)


@given(st.text(), st.lists(st.text(), min_size=2, max_size=5), SHARES)
def test_all_tasks_of_a_source_go_the_same_way(name: str, tasks: list[str], share: float) -> None:
    assert len({HeldOut(share).holds(name, task) for task in tasks}) == 1


@given(st.text(st.characters(codec="ascii", exclude_characters="/")), SHARES)
def test_a_copy_of_another_owner_goes_where_the_original_goes(name: str, share: float) -> None:
    held = {HeldOut(share).holds(f"{owner}{name}", "t") for owner in ("", "one/", "Two/")}
    assert held == {HeldOut(share).holds(name.upper(), "t")}
    assert source_name(f"one/{name}") == source_name(name.upper())


def test_the_answer_never_changes() -> None:
    sources = [n for n in range(30) if HeldOut(0.3).holds(f"set{n}", "task")]
    tasks = [n for n in range(12) if HeldOut(tasks=0.3).holds("set", f"task {n}")]
    assert (sources, tasks) == (SOURCES, TASKS)


def test_the_mask_says_of_each_row_what_its_task_says() -> None:
    rule = HeldOut(0.3, 0.3)
    rows = pa.table({
        "dataset": [f"owner/set{n % 7}" for n in range(40)],
        "task_key": [f"task {n % 20}" for n in range(40)],
    })  # fmt: skip
    names = zip(rows["dataset"].to_pylist(), rows["task_key"].to_pylist(), strict=True)
    held = {task for dataset, task in names if rule.holds(dataset, task)}
    assert rule.mask(rows).to_pylist() == [key in held for key in rows["task_key"].to_pylist()]
    assert 0 < len(held) < 20


SOURCES = [0, 1, 5, 6, 9, 11, 17, 22, 24, 26, 27, 28, 29]
TASKS = [2, 4, 8, 10, 11]
