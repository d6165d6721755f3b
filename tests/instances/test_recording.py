"""GPT-3.5's own tasks on the recorded datasets, filled by both sets of rules, row by row."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.instances_rows import row_by_row
from dynosaur_etl.domain.features import SCALAR_KINDS, Field, FieldKind
from dynosaur_etl.domain.models import Config, Mode, Task
from dynosaur_etl.instances.organise import RULES, Filling, fill_rows
from dynosaur_etl.instances.pii import Handling
from tests.proposals.recording import read_config, recorded_tasks

pytestmark = pytest.mark.recording
EASY_KINDS = {FieldKind.TEXT, FieldKind.LABEL, FieldKind.TEXT_LIST}


def table_of(hub: Path, config: Config) -> pa.Table:
    files = sorted((hub / "datasets" / config.dataset_id / config.name).glob("*.parquet"))
    tables = [pq.read_table(file).replace_schema_metadata(None) for file in files]
    table = pa.concat_tables(tables, promote_options="permissive").slice(0, 100)
    splits = pa.array(["train"] * table.num_rows, pa.string())
    places = pa.array(range(table.num_rows), pa.int64())
    return table.append_column("__split__", splits).append_column("__row__", places)


@pytest.fixture(scope="module")
def tasks(recorded_hub: Path) -> list[tuple[Task, Config, pa.Table]]:
    return list(kept(recorded_hub))


def kept(hub: Path) -> Iterator[tuple[Task, Config, pa.Table]]:
    tables: dict[tuple[str, str], tuple[Config, pa.Table] | None] = {}
    for told in recorded_tasks(hub):
        where = (told["dataset"], told["config"])
        if where not in tables:
            read = read_config(hub, *where) if told["config"] else None
            tables[where] = (read[0], table_of(hub, read[0])) if read else None
        found = tables[where]
        if found is not None and usable(told, found[0]):
            labels = tuple(told["label_space"].split(", ")) if told.get("label_space") else ()
            yield task_of(told, labels), *found


def usable(told: dict[str, Any], config: Config) -> bool:
    fields = {field.name: field for field in config.fields}
    names = [*told["input_fields"], *told["output_field"]]
    if not told["input_fields"] or len(told["output_field"]) != 1 or set(names) - set(fields):
        return False
    inputs = all(fields[name].can_be_input for name in told["input_fields"])
    return inputs and fields[told["output_field"][0]].kind in SCALAR_KINDS


def task_of(told: dict[str, Any], labels: tuple[str, ...]) -> Task:
    return Task(
        dataset_id=told["dataset"],
        revision="0" * 40,
        config=told["config"],
        instruction=told["instruction"],
        input_fields=tuple(told["input_fields"]),
        output_field=told["output_field"][0],
        label_space=labels,
        mode=Mode.AWARE,
        prompt_version="recorded",
        licence="mit",
        request_key="0" * 64,
    )


def test_the_papers_rules_give_what_a_loop_over_rows_gives(
    tasks: list[tuple[Task, Config, pa.Table]],
) -> None:
    how = Filling(RULES["paper"], None, Handling.OFF)
    compared = 0
    for task, config, table in tasks:
        columns = list(dict.fromkeys([*task.input_fields, task.output_field]))
        rows = table.select([*columns, "__split__", "__row__"])
        expected = row_by_row(task, config, rows).to_pylist()
        if task.label_space and config_kind(config, task) is not FieldKind.BOOLEAN:
            expected = [row for row in expected if row["output"] in task.label_space]
        filled = fill_rows(task, config, rows, how, "2024-01-02").instances
        if config_kind(config, task) is FieldKind.BOOLEAN and task.label_space:
            continue  # written as the label space of the task says
        found = filled.select(["instruction", "input", "output", "split", "row"]).to_pylist()
        assert found == expected, f"{config.subject}: {task.instruction}"
        compared += len(found)
    assert compared > 4_000


def test_the_default_rules_lose_no_row_and_give_what_they_say(
    tasks: list[tuple[Task, Config, pa.Table]],
) -> None:
    compared: Counter[bool] = Counter()
    for task, config, table in tasks:
        filled = fill_rows(task, config, table, Filling(pii=Handling.OFF), "2024-01-02")
        assert filled.instances.num_rows + sum(filled.rejected.values()) == table.num_rows
        rows = table.select([*task.input_fields, task.output_field]).to_pylist()
        for instance in filled.instances.to_pylist():
            assert 0 < len(instance["output"]) <= 2000
            assert 0 < len(instance["input"]) <= 2000
            assert not task.label_space or instance["output"] in task.label_space
            expected = plain_input(task, config, rows[instance["row"]])
            compared[expected is not None] += 1
            assert expected in (None, instance["input"]), f"{config.subject}: {task.instruction}"
    assert compared[True] > 4_000


def config_kind(config: Config, task: Task) -> FieldKind:
    return next(field.kind for field in config.fields if field.name == task.output_field)


def plain_input(task: Task, config: Config, row: dict[str, Any]) -> str | None:
    """The input of a row by the default rules, where it is short and of easy kinds."""
    fields = {field.name: field for field in config.fields}
    if any(fields[name].kind not in EASY_KINDS for name in task.input_fields):
        return None
    parts = [easy_text(fields[name], row[name]) for name in task.input_fields]
    if len(parts) > 1:
        lists = [fields[name].kind is FieldKind.TEXT_LIST for name in task.input_fields]
        parts = [
            f"{name} is {part}." if is_list else f"{name} is '{part}'."
            for name, part, is_list in zip(task.input_fields, parts, lists, strict=True)
        ]
    whole = " ".join(parts)
    return whole if len(whole) <= 2000 else None


def easy_text(field: Field, value: Any) -> str:
    if field.kind is FieldKind.LABEL:
        return field.labels[value].strip()
    if field.kind is FieldKind.TEXT:
        return str(value).strip()
    quoted = [f"'{item}'" for item in value]
    if any(word in field.name.lower() for word in ("choice", "option")):
        quoted = [f"{chr(65 + at)}. {item}" for at, item in enumerate(quoted)]
    return ", ".join(quoted)
