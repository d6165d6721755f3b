"""What must hold between the tables of a snapshot, whether in memory or read back from disk."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

FIRST_RANK = 0
GROUP_COLUMNS = ["task_key", "dataset", "revision"]
KEY_COLUMNS = ["instance_key", *GROUP_COLUMNS]

_ODD = np.uint64(0x9E3779B97F4A7C15)
_MAY_BE_EMPTY = frozenset({"input", "output", "pii", "reasoning"})


@dataclass(frozen=True)
class Breach:
    """A row that breaks a rule: of which table, what is there and what should be."""

    table: str
    row: int
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.table}, row {self.row}: found {self.found}; expected {self.expected}"


def breaches(
    selected: pa.Table,
    held_out: pa.Table,
    selection: pa.Table,
    tasks: pa.Table,
    sources: pa.Table,
) -> Iterator[Breach]:
    """Give the first row that breaks each rule; nothing where all rules hold.

    The rules: provenance is complete, keys are unique, numbers are finite, ranks count up from
    `FIRST_RANK`, the selected rows stand in the selection's order, every instance has its task,
    every instance and task its source, with the same licence, no task is both selected from and
    held out, and the sources count the selected rows.
    """
    for name, rows in (("selected", selected), ("held_out", held_out)):
        yield from _incomplete_provenance(name, rows)
        yield from _repeated(name, rows["instance_key"])
        yield from _not_finite(name, rows, "quality")
        yield from _strangers(name, rows, tasks, sources)
        yield from _wrong_licence(name, rows, sources)
    yield from _present("held_out", held_out["task_key"], selected["task_key"], "a held-out task")
    yield from _repeated("sources", _at_revision(sources))
    yield from _not_finite("selection", selection, "gain", "quality", "coverage")
    yield from _broken_ranks(selection)
    yield from _wrong_order(selected, selection)
    yield from _missing(
        "tasks", _at_revision(tasks), _at_revision(sources), "a dataset and revision of sources"
    )
    picked = Counter(_at_revision(selected).to_pylist())
    yield from _wrong_counts("selected_instances", picked, sources)


def full_breaches(
    full: pa.Table,
    selected: pa.Table,
    held_out: pa.Table,
    tasks: pa.Table,
    sources: pa.Table,
) -> Iterator[Breach]:
    """Do the same for the whole pool, of which the columns `KEY_COLUMNS` are enough.

    Those that many rows share, `GROUP_COLUMNS`, may be dictionaries: it saves most of the time.

    The rules: keys are unique, every instance has its task and its source, none is of a held-out
    task, every selected instance is there, and the sources count the pool.
    """
    yield from _repeated("full", full["instance_key"])
    grouped = full.unify_dictionaries().group_by(GROUP_COLUMNS).aggregate([([], "count_all")])
    groups = _plain(grouped)
    if any(_wrong_group(groups, held_out, tasks, sources)):  # few groups stand for many rows
        yield from _wrong_group(_plain(full), held_out, tasks, sources)
    found = pc.sum(pc.is_in(full["instance_key"], value_set=selected["instance_key"])).as_py()
    if found != selected.num_rows:
        here, there = selected["instance_key"], full["instance_key"]
        yield from _missing("selected", here, there, "an instance of full")
    yield from _wrong_pool(groups, held_out, sources)


def _plain(table: pa.Table) -> pa.Table:
    """Give the table with text in place of its dictionaries."""
    kinds = (
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in table.schema
    )
    return table.cast(pa.schema(list(kinds)))


def _wrong_group(
    rows: pa.Table, held_out: pa.Table, tasks: pa.Table, sources: pa.Table
) -> Iterator[Breach]:
    yield from _strangers("full", rows, tasks, sources)
    yield from _present("full", rows["task_key"], held_out["task_key"], "no held-out task")


def _wrong_pool(groups: pa.Table, held_out: pa.Table, sources: pa.Table) -> Iterator[Breach]:
    held = held_out.group_by(GROUP_COLUMNS).aggregate([([], "count_all")])
    both = pa.concat_tables([groups, held])
    total: Counter[str] = Counter()
    for key, number in zip(
        _at_revision(both).to_pylist(), both["count_all"].to_pylist(), strict=True
    ):
        total[key] += number
    yield from _wrong_counts("pool_instances", total, sources)


def _strangers(name: str, rows: pa.Table, tasks: pa.Table, sources: pa.Table) -> Iterator[Breach]:
    yield from _missing(name, rows["task_key"], tasks["task_key"], "a task of tasks")
    here, there = _at_revision(rows), _at_revision(sources)
    yield from _missing(name, here, there, "a dataset and revision of sources")


def _at_revision(table: pa.Table) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(table["dataset"], table["revision"], "@")


def _first(mask: pa.Array) -> int:
    return int(pc.index(mask, True).as_py())


def _incomplete_provenance(name: str, rows: pa.Table) -> Iterator[Breach]:
    for field in rows.schema:
        if pa.types.is_string(field.type) and field.name not in _MAY_BE_EMPTY:
            row = _first(pc.equal(rows[field.name], ""))
            if row >= 0:
                yield Breach(name, row, f"an empty {field.name}", "provenance")
    row = _first(pc.less(rows["row"], 0))
    if row >= 0:
        yield Breach(name, row, f"row {rows['row'][row]} of the source", "0 or more")


def _repeated(table: str, keys: pa.ChunkedArray) -> Iterator[Breach]:
    if _surely_distinct(keys) or pc.count_distinct(keys).as_py() == len(keys):
        return
    seen: set[str] = set()
    for row, key in enumerate(keys.to_pylist()):
        if key in seen:
            yield Breach(table, row, f"{key!r} again", "each key once")
            return
        seen.add(key)


def _surely_distinct(keys: pa.ChunkedArray) -> bool:
    """Tell whether keys differ, by a number made of each: far quicker than to compare the keys.

    Different numbers prove different keys. Equal ones prove nothing, nor can it be told of keys
    that are not of one length in eights of bytes, as digests are.
    """
    length = pc.min_max(pc.binary_length(keys)).as_py()
    if not length["max"] or length["min"] != length["max"] or length["max"] % 8:
        return False
    size = length["max"] // 8
    factors = np.arange(1, 2 * size, 2, dtype=np.uint64) * _ODD
    numbers = np.sort(np.concatenate([_words(chunk, size) @ factors for chunk in keys.chunks]))
    return not (numbers[1:] == numbers[:-1]).any()


def _words(keys: pa.StringArray, size: int) -> NDArray[np.uint64]:
    """Give the bytes of keys as rows of `size` 64-bit numbers; all have that length."""
    if not len(keys):
        return np.zeros((0, size), np.uint64)
    _, offsets, data = keys.buffers()
    first = int(np.frombuffer(offsets, np.int32)[keys.offset])
    words = np.frombuffer(data, np.uint64, count=size * len(keys), offset=first)
    return words.reshape(-1, size)


def _not_finite(name: str, table: pa.Table, *columns: str) -> Iterator[Breach]:
    for column in columns:
        row = _first(pc.invert(pc.is_finite(table[column])))
        if row >= 0:
            found = f"{column} {table[column][row].as_py()}"
            yield Breach(name, row, found, "a finite number")


def _broken_ranks(selection: pa.Table) -> Iterator[Breach]:
    ranks = selection["rank"].combine_chunks()
    wanted = pa.array(range(FIRST_RANK, FIRST_RANK + len(ranks)), pa.int64())
    row = _first(pc.not_equal(ranks, wanted))
    if row >= 0:
        yield Breach("selection", row, f"rank {ranks[row]}", f"rank {wanted[row]}")


def _wrong_order(selected: pa.Table, selection: pa.Table) -> Iterator[Breach]:
    here, there = selected["instance_key"], selection["instance_key"]
    if len(here) != len(there):
        found, expected = f"{len(here)} rows", f"{len(there)}, as in selection"
        yield Breach("selected", min(len(here), len(there)), found, expected)
        return
    row = _first(pc.not_equal(here.combine_chunks(), there.combine_chunks()))
    if row >= 0:
        expected = f"{there[row].as_py()!r}, as in selection"
        yield Breach("selected", row, f"instance {here[row].as_py()!r}", expected)


def _missing(
    table: str, values: pa.ChunkedArray, known: pa.ChunkedArray, expected: str
) -> Iterator[Breach]:
    row = _first(pc.invert(pc.is_in(values, value_set=known)))
    if row >= 0:
        yield Breach(table, row, repr(values[row].as_py()), expected)


def _present(
    table: str, values: pa.ChunkedArray, barred: pa.ChunkedArray, expected: str
) -> Iterator[Breach]:
    row = _first(pc.is_in(values, value_set=pc.unique(barred)))
    if row >= 0:
        yield Breach(table, row, f"task {values[row].as_py()!r}", expected)


def _wrong_licence(name: str, rows: pa.Table, sources: pa.Table) -> Iterator[Breach]:
    position = pc.index_in(_at_revision(rows), value_set=_at_revision(sources))
    row = _first(pc.not_equal(rows["licence"], sources["licence"].take(position)))
    if row >= 0:
        wanted = sources["licence"][position[row].as_py()].as_py()
        found = f"licence {rows['licence'][row].as_py()!r}"
        yield Breach(name, row, found, f"{wanted!r}, as in sources")


def _wrong_counts(column: str, rows: Mapping[str, int], sources: pa.Table) -> Iterator[Breach]:
    stated = sources[column].to_pylist()
    for row, (key, number) in enumerate(
        zip(_at_revision(sources).to_pylist(), stated, strict=True)
    ):
        if number != rows.get(key, 0):
            found = f"{number} {column.replace('_', ' ')} of {key}"
            yield Breach("sources", row, found, f"{rows.get(key, 0)}, as its rows")
            return
