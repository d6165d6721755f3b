"""A content that would make an unsound snapshot is refused, and the first offender is named."""

from dataclasses import replace
from typing import Any

import pytest

from dynosaur_etl.domain.errors import InvalidInput
from tests.snapshots.factories import PLAIN, Source, changed, content

FIRST_KEY = content().selected["instance_key"][0].as_py()


@pytest.mark.parametrize(
    ("table", "column", "row", "value", "told"),
    [
        ("selected", "instance_key", 1, "other", "selected, row 1: found instance 'other'"),
        ("selected", "instance_key", 1, FIRST_KEY, f"selected, row 1: found '{FIRST_KEY}' again"),
        ("selected", "task_key", 2, "nowhere", "selected, row 2: found 'nowhere'; expected a task"),
        ("selected", "revision", 0, "0" * 40, "selected, row 0: found 'ann/news@0000"),
        ("selected", "prompt_version", 3, "", "selected, row 3: found an empty prompt_version"),
        ("selected", "licence", 4, "apache-2.0", "found licence 'apache-2.0'; expected 'mit'"),
        ("selected", "row", 0, -1, "found row -1 of the source"),
        ("selected", "quality", 1, float("nan"), "selected, row 1: found quality nan"),
        ("selection", "rank", 0, 1, "selection, row 0: found rank 1; expected rank 0"),
        ("selection", "gain", 2, float("inf"), "selection, row 2: found gain inf"),
        ("tasks", "dataset", 1, "eve/gone", "tasks, row 1: found 'eve/gone@"),
        ("sources", "selected_instances", 0, 3, "found 3 selected instances of ann/news@"),
    ],
)
def test_names_the_first_row_that_breaks_a_rule(
    table: str, column: str, row: int, value: Any, told: str
) -> None:
    whole = content()
    with pytest.raises(InvalidInput) as refused:
        changed(whole, table, column, row, value)
    assert told in str(refused.value)


@pytest.mark.parametrize("table", ["selected", "selection", "tasks", "sources", "rejects"])
def test_refuses_other_columns_than_those_of_the_schema(table: str) -> None:
    whole = content()
    column = getattr(whole, table).column_names[-1]
    with pytest.raises(InvalidInput, match=f"{table}, columns .*{column}"):
        replace(whole, **{table: getattr(whole, table).drop_columns([column])})


def test_refuses_a_null() -> None:
    whole = content()
    with pytest.raises(InvalidInput, match="selected, column split: received None"):
        changed(whole, "selected", "split", 0, None)


def test_refuses_one_source_twice() -> None:
    with pytest.raises(InvalidInput, match=r"'ann/news@[0-9a-f]{40}' again"):
        content(PLAIN[0], replace(PLAIN[0], rows=(8,)))


def test_refuses_a_selection_of_another_length() -> None:
    whole = content()
    with pytest.raises(InvalidInput, match="found 5 rows; expected 4, as in selection"):
        replace(whole, selection=whole.selection.slice(0, 4))


def test_refuses_an_empty_selection() -> None:
    with pytest.raises(InvalidInput, match="selected: received '0 rows'"):
        content(Source("ann/news", rows=()))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"counts": {"selected": 4}}, r"counts\[selected\]: received 4; allowed: 5"),
        ({"counts": {"pool": -1}}, r"counts\[pool\]: received -1"),
        ({"parameters": {"alpha": float("nan")}}, r"parameters\[alpha\]: received nan"),
        ({"versions": {"torch": object()}}, r"versions\[torch\]"),
        ({"parameters": {"scorer": "\ud800"}}, r"parameters\[scorer\]"),
        ({"days": ["2026-02-30"]}, "growth day: received '2026-02-30'"),
        ({"days": []}, "days: received"),
    ],
)
def test_refuses_facts_that_cannot_be_told(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        content(**changes)
