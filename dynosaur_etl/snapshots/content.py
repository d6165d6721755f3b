"""What goes into a snapshot, checked before anything is written."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from dynosaur_etl.domain import schemas
from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.snapshots.layout import (
    PREFERENCE_COLUMNS,
    SELECTED,
    json_bytes,
    selected_schema,
    tasks_schema,
)
from dynosaur_etl.snapshots.relations import breaches


@dataclass(frozen=True)
class FullPool:
    """The whole pool that may be trained on, too large to hold: it is read as it is written.

    Attributes:
        rows: of all tables together.
        tables: begins a reading; columns `layout.SELECTED`, in the pool's order.
    """

    rows: int
    tables: Callable[[], Iterator[pa.Table]]


@dataclass(frozen=True)
class SnapshotContent:
    """Everything that a snapshot holds and tells of itself.

    Attributes:
        selected: the rows to train on, columns `layout.SELECTED` or `layout.SELECTED_CHAT`, in
            selection order.
        held_out: every instance of the held-out tasks, the same columns, in the pool's order.
        selection: columns `schemas.SELECTION`, in the same order.
        tasks: the tasks of the pool, columns `schemas.TASKS`.
        sources: one row a dataset at a revision, columns `schemas.SOURCES`.
        rejects: what the growth days left out, columns `schemas.REJECTS`.
        parameters: how it was selected (k, alpha, models); values with a JSON form.
        versions: of packages, prompts and schemas; values with a JSON form.
        days: the growth days of the pool, `YYYY-MM-DD`.
        counts: the funnel, from datasets seen to instances selected.
        growth: live instances of the pool by the growth day that brought them.
        full: the pool, where the snapshot is to hold it.
        preferences: columns `layout.PREFERENCE_COLUMNS`; None where no selected row has one.
        conflicts: in words, by dataset, where its card's text names a stricter licence than its
            YAML; the stricter one holds.
    """

    selected: pa.Table
    selection: pa.Table
    tasks: pa.Table
    sources: pa.Table
    rejects: pa.Table
    parameters: Mapping[str, Any]
    versions: Mapping[str, Any]
    days: Sequence[str]
    counts: Mapping[str, int]
    held_out: pa.Table = field(default_factory=SELECTED.empty_table)
    growth: Mapping[str, int] = field(default_factory=dict)
    full: FullPool | None = None
    preferences: pa.Table | None = None
    conflicts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what would make an unsound snapshot.

        Raises:
            InvalidInput: a table lacks its columns, a row breaks a rule of `relations`, or a
                value has no JSON form; it names the first offender.
        """
        for name, table, schema in self._tables():
            _check_columns(name, table, schema)
        if self.selected.num_rows == 0:
            raise InvalidInput(not_allowed("selected", "0 rows", "1 row or more"))
        tables = (self.selected, self.held_out, self.selection, self.tasks, self.sources)
        for breach in breaches(*tables):
            raise InvalidInput(str(breach))
        self._check_facts()

    def _tables(self) -> tuple[tuple[str, pa.Table, pa.Schema], ...]:
        preferences = (
            ()
            if self.preferences is None
            else (("preferences", self.preferences, PREFERENCE_COLUMNS),)
        )
        return (
            *preferences,
            ("selected", self.selected, selected_schema(self.selected)),
            ("held_out", self.held_out, selected_schema(self.selected)),
            ("selection", self.selection, schemas.SELECTION),
            ("tasks", self.tasks, tasks_schema(self.tasks)),
            ("sources", self.sources, schemas.SOURCES),
            ("rejects", self.rejects, schemas.REJECTS),
        )

    def _check_facts(self) -> None:
        for name, facts in (("parameters", self.parameters), ("versions", self.versions)):
            _check_json(name, facts)
        if not self.days:
            raise InvalidInput(not_allowed("days", list(self.days), "one growth day or more"))
        for day in self.days:
            GrowthDay.parse(day)
        for name, count in self.counts.items():
            if count < 0:
                raise InvalidInput(not_allowed(f"counts[{name}]", count, "0 or more"))
        stated = self.counts.get("selected", self.selected.num_rows)
        if stated != self.selected.num_rows:
            rows = f"{self.selected.num_rows}, the rows of selected"
            raise InvalidInput(not_allowed("counts[selected]", stated, rows))


def _check_columns(name: str, table: pa.Table, schema: pa.Schema) -> None:
    received = {field.name: str(field.type) for field in table.schema}
    allowed = {field.name: str(field.type) for field in schema}
    if [(field.name, field.type) for field in table.schema] != [
        (field.name, field.type) for field in schema
    ]:
        wrong = sorted(received.items() ^ allowed.items()) or list(received)
        raise InvalidInput(not_allowed(f"{name}, columns {wrong}", received, str(allowed)))
    for column in table.column_names:
        if table[column].null_count:
            raise InvalidInput(not_allowed(f"{name}, column {column}", None, "no null"))


def _check_json(name: str, facts: Mapping[str, Any]) -> None:
    for key, value in facts.items():
        try:
            json_bytes({key: value})
        except (TypeError, ValueError) as error:
            message = not_allowed(f"{name}[{key}]", value, f"a JSON value ({error})")
            raise InvalidInput(message) from error
