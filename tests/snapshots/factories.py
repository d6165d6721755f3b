"""Tiny, sound snapshot contents; a test changes the one thing that it is about."""

import atexit
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from dynosaur_etl.domain import schemas
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.snapshots import layout
from dynosaur_etl.snapshots.build import ParentSnapshot, write_snapshot
from dynosaur_etl.snapshots.content import FullPool, SnapshotContent
from dynosaur_etl.snapshots.layout import SELECTED, SHARD_ROWS

DAY = "2026-11-20"


@dataclass(frozen=True)
class Source:
    """A source with one task; its instances are told by their numbers."""

    dataset: str
    rows: Sequence[int] = (0, 1)
    licence: str = "mit"
    languages: str = "en"
    pretty_name: str = ""
    instruction: str = "Tell the topic of the text."
    label_space: Sequence[str] = ("sports", "world")
    url: str = "https://huggingface.co/datasets/a/b/tree/0"
    inputs: Mapping[int, str] = field(default_factory=dict)
    model: str = "model-a"
    provider: str = "openai"
    written_on: str = DAY

    @property
    def revision(self) -> str:
        return digest("revision", self.dataset)[:40]

    @property
    def task_key(self) -> str:
        return digest("task", self.dataset)


PLAIN = (Source("ann/news"), Source("bob/weather", rows=(5, 6, 7)))


def content(*sources: Source, **changes: Any) -> SnapshotContent:
    """Give a sound content with the sources' rows in order; `changes` replace fields of it."""
    chosen = sources or PLAIN
    selected = [_instance(source, row) for source in chosen for row in source.rows]
    whole: dict[str, Any] = {
        "selected": pa.Table.from_pylist(selected, schema=SELECTED),
        "selection": _selection(selected),
        "tasks": pa.Table.from_pylist(list(map(_task, chosen)), schema=schemas.TASKS),
        "sources": pa.Table.from_pylist(list(map(_source, chosen)), schema=schemas.SOURCES),
        "rejects": rejects(("examine", "no_card", 2), ("fill", "output_null", 5)),
        "parameters": {"k": len(selected), "alpha": 0.7, "scorer": "heuristics"},
        "versions": {"dynosaur-etl": "0.1.0", "prompt": "3"},
        "days": [DAY],
        "counts": {"selected": len(selected), "pool": 40, "datasets_seen": 9},
        "growth": {DAY: 40},
    }
    return SnapshotContent(**(whole | changes))


def snapshot(folder: Path, *sources: Source, version: int = 1, parent: Path | None = None) -> Path:
    """Write a snapshot into the folder and give the folder."""
    if not sources and parent is None and SHARD_ROWS == layout.SHARD_ROWS:
        shutil.copytree(_plain(version), folder)
        return folder
    before = None if parent is None else ParentSnapshot.read(parent)
    write_snapshot(content(*sources), version, before, folder)
    return folder


@cache
def _plain(version: int) -> Path:
    """Write the plain snapshot once; drawing its figures is what takes the time."""
    folder = Path(tempfile.mkdtemp(prefix="dynosaur-test-"))
    atexit.register(shutil.rmtree, folder)
    write_snapshot(content(), version, None, folder / "plain")
    return folder / "plain"


def with_held_out(whole: SnapshotContent, source: Source) -> SnapshotContent:
    """Add a source whose one task is held out."""
    rows = pa.Table.from_pylist([_instance(source, row) for row in source.rows], schema=SELECTED)
    unselected = {**_source(source), "selected_instances": 0}
    task = pa.Table.from_pylist([_task(source)], schema=schemas.TASKS)
    return replace(
        whole,
        held_out=rows,
        tasks=pa.concat_tables([whole.tasks, task]),
        sources=pa.concat_tables(
            [whole.sources, pa.Table.from_pylist([unselected], schema=schemas.SOURCES)]
        ),
    )


def with_full(whole: SnapshotContent, rows: pa.Table) -> SnapshotContent:
    """Let the content hold these rows as its whole pool, and its sources count them."""
    pool = Counter([*rows["dataset"].to_pylist(), *whole.held_out["dataset"].to_pylist()])
    numbers = [pool[name] for name in whole.sources["dataset"].to_pylist()]
    at = whole.sources.schema.get_field_index("pool_instances")
    counted = whole.sources.set_column(
        at, whole.sources.schema.field(at), pa.array(numbers, pa.int64())
    )
    full = FullPool(rows.num_rows, lambda: iter([rows.slice(0, 2), rows.slice(2)]))
    return replace(whole, sources=counted, full=full)


def rejects(*rows: tuple[str, str, int]) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "growth_day": DAY,
                "stage": stage,
                "subject": "x/y",
                "reason": reason,
                "number": number,
                "detail": "",
            }
            for stage, reason, number in rows
        ],
        schema=schemas.REJECTS,
    )


def with_cell(table: pa.Table, column: str, row: int, value: Any) -> pa.Table:
    """Give the table with one cell changed."""
    values = table[column].to_pylist()
    values[row] = value
    index = table.schema.get_field_index(column)
    kind = table.schema.field(column)
    return table.set_column(index, kind, pa.array(values, kind.type))


def changed(whole: SnapshotContent, table: str, column: str, row: int, value: Any) -> Any:
    """Make the content anew with one cell of a table changed."""
    return replace(whole, **{table: with_cell(getattr(whole, table), column, row, value)})


def _instance(source: Source, row: int) -> dict[str, Any]:
    return {
        "instance_key": digest("instance", source.dataset, row),
        "instruction": source.instruction,
        "input": source.inputs.get(row, f"Text {row} of {source.dataset}"),
        "output": source.label_space[0] if source.label_space else f"Answer {row}",
        "task_key": source.task_key,
        "dataset": source.dataset,
        "revision": source.revision,
        "config": "default",
        "split": "train",
        "row": row,
        "licence": source.licence,
        "mode": "aware",
        "prompt_version": "3",
        "growth_day": DAY,
        "pii": "",
        "quality": 0.5 + row / 100,
    }


def _selection(selected: Sequence[Mapping[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "rank": rank,
                "instance_key": row["instance_key"],
                "gain": 1 / (rank + 1),
                "quality": row["quality"],
                "coverage": (rank + 1) / (len(selected) + 1),
            }
            for rank, row in enumerate(selected)
        ],
        schema=schemas.SELECTION,
    )


def _task(source: Source) -> dict[str, Any]:
    return {
        "task_key": source.task_key,
        "growth_day": DAY,
        "dataset": source.dataset,
        "revision": source.revision,
        "config": "default",
        "instruction": source.instruction,
        "input_fields": ["text"],
        "output_field": "label",
        "label_space": list(source.label_space),
        "mode": "aware",
        "prompt_version": "3",
        "licence": source.licence,
        "model": source.model,
        "provider": source.provider,
        "written_on": source.written_on,
    }


def _source(source: Source) -> dict[str, Any]:
    return {
        "dataset": source.dataset,
        "revision": source.revision,
        "licence": source.licence,
        "languages": source.languages,
        "pretty_name": source.pretty_name,
        "pool_instances": 20,
        "selected_instances": len(source.rows),
        "url": source.url,
    }
