"""Whole configs against files written by hand, by both sets of rules.

A cell is JSON, or `{"before", "repeat", "times", "after"}` for a long text.
"""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dynosaur_etl.domain.models import Config, Mode, Task
from dynosaur_etl.instances.organise import RULES, Filling, fill_rows
from dynosaur_etl.instances.pii import Handling

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))


def text(cell: Any) -> Any:
    if isinstance(cell, dict) and "repeat" in cell:
        return cell["before"] + cell["repeat"] * cell["times"] + cell["after"]
    return cell


def table(golden: dict[str, Any]) -> pa.Table:
    from datasets import Features

    features = Features.from_dict(golden["features"])
    columns = {}
    for place, field in enumerate(features.arrow_schema):
        values = [text(row[place]) for row in golden["rows"]]
        stored = pa.array(values) if pa.types.is_timestamp(field.type) else None
        columns[field.name] = stored.cast(field.type) if stored else pa.array(values, field.type)
    count = len(golden["rows"])
    columns["__split__"] = pa.array(["train"] * count)
    columns["__row__"] = pa.array(range(count), pa.int64())
    return pa.table(columns)


def test_there_are_twenty_configs() -> None:
    assert len(GOLDEN) == 20


@pytest.mark.parametrize("rules", sorted(RULES))
@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_config_is_filled_as_it_is_written_by_hand(path: Path, rules: str) -> None:
    golden = json.loads(path.read_text(encoding="utf-8"))
    config = Config("o/d", "a" * 40, path.stem, golden["features"], {})
    task = Task(
        dataset_id="o/d",
        revision="a" * 40,
        config=path.stem,
        instruction="Do it.",
        input_fields=tuple(golden["input_fields"]),
        output_field=golden["output_field"],
        label_space=tuple(golden["label_space"]),
        mode=Mode.AWARE,
        prompt_version="p1",
        licence="mit",
        request_key="r" * 64,
    )
    how = Filling(RULES[rules], None, Handling.OFF)
    filled = fill_rows(task, config, table(golden), how, "2024-01-02")
    found = [[row["row"], row["input"], row["output"]] for row in filled.instances.to_pylist()]
    expected = golden[rules]
    assert found == [[row, text(left), text(right)] for row, left, right in expected["instances"]]
    assert {str(reason): n for (reason, _), n in filled.rejected.items()} == expected["rejected"]
