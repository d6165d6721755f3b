"""What must hold between the tables of a snapshot, whether in memory or read back from disk."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

FIRST_RANK = 0

_MAY_BE_EMPTY = frozenset({"input", "output", "pii"})


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
    selected: pa.Table, selection: pa.Table, tasks: pa.Table, sources: pa.Table
) -> Iterator[Breach]:
    """Give the first row that breaks each rule; nothing where all rules hold.

    The rules: provenance is complete, keys are unique, numbers are finite, ranks count up from
    `FIRST_RANK`, the selected rows stand in the selection's order, every instance has its task,
    every instance and task its source, with the same licence, and the sources count the rows.
    """
    yield from _incomplete_provenance(selected)
    yield from _repeated("selected", selected["instance_key"])
    yield from _repeated("sources", _at_revision(sources))
    yield from _not_finite("selected", selected, "quality")
    yield from _not_finite("selection", selection, "gain", "quality", "coverage")
    yield from _broken_ranks(selection)
    yield from _wrong_order(selected, selection)
    yield from _missing("selected", selected["task_key"], tasks["task_key"], "a task of tasks")
    for name, table in (("selected", selected), ("tasks", tasks)):
        here, there = _at_revision(table), _at_revision(sources)
        yield from _missing(name, here, there, "a dataset and revision of sources")
    yield from _wrong_licence(selected, sources)
    yield from _wrong_counts(selected, sources)


def _at_revision(table: pa.Table) -> pa.Array:
    return pc.binary_join_element_wise(table["dataset"], table["revision"], "@")


def _first(mask: pa.Array) -> int:
    return int(pc.index(mask, True).as_py())


def _incomplete_provenance(selected: pa.Table) -> Iterator[Breach]:
    for field in selected.schema:
        if pa.types.is_string(field.type) and field.name not in _MAY_BE_EMPTY:
            row = _first(pc.equal(selected[field.name], ""))
            if row >= 0:
                yield Breach("selected", row, f"an empty {field.name}", "provenance")
    row = _first(pc.less(selected["row"], 0))
    if row >= 0:
        found = f"row {selected['row'][row]} of the source"
        yield Breach("selected", row, found, "0 or more")


def _repeated(table: str, keys: pa.ChunkedArray) -> Iterator[Breach]:
    if pc.count_distinct(keys).as_py() == len(keys):
        return
    seen: set[str] = set()
    for row, key in enumerate(keys.to_pylist()):
        if key in seen:
            yield Breach(table, row, f"{key!r} again", "each key once")
            return
        seen.add(key)


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


def _wrong_licence(selected: pa.Table, sources: pa.Table) -> Iterator[Breach]:
    position = pc.index_in(_at_revision(selected), value_set=_at_revision(sources))
    row = _first(pc.not_equal(selected["licence"], sources["licence"].take(position)))
    if row >= 0:
        wanted = sources["licence"][position[row].as_py()].as_py()
        found = f"licence {selected['licence'][row].as_py()!r}"
        yield Breach("selected", row, found, f"{wanted!r}, as in sources")


def _wrong_counts(selected: pa.Table, sources: pa.Table) -> Iterator[Breach]:
    counted = pc.value_counts(_at_revision(selected).combine_chunks()).to_pylist()
    rows = {entry["values"]: entry["counts"] for entry in counted}
    stated = sources["selected_instances"].to_pylist()
    for row, (key, number) in enumerate(
        zip(_at_revision(sources).to_pylist(), stated, strict=True)
    ):
        if number != rows.get(key, 0):
            found = f"{number} selected instances of {key}"
            yield Breach("sources", row, found, f"{rows.get(key, 0)}, as in selected")
            return
