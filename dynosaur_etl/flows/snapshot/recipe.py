"""The recipe of a version: everything that its bytes are made from, as it lies in the store."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dynosaur_etl.domain.models import StepReport
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.select.pool import (
    by_source,
    funnel,
    pool_conflicts,
    pool_rejects,
    pool_sources,
    pool_tasks,
)
from dynosaur_etl.flows.snapshot.pool_scan import PoolScan, RecordedPool, scan_pool, trainable
from dynosaur_etl.snapshots.content import FullPool, SnapshotContent
from dynosaur_etl.snapshots.layout import SELECTED_CHAT
from dynosaur_etl.store.storage import Storage
from dynosaur_etl.training.examples import as_messages

PART_FILES = "snapshot_parts"


@dataclass(frozen=True)
class Recipe:
    """Paths of files that never change, and facts; JSON-able.

    Attributes:
        selection: path of the picks.
        pool: path of the record of live instances.
        instances: paths of the files that the pool's rows are numbered in.
        tasks: path of the tasks of the pool, and so on for sources and rejects.
        full: whether the snapshot holds the whole pool.
        messages: whether its rows have the chat form.
        licences: by dataset, where another one holds than its rows were written down with.
        conflicts: by dataset, where its card's text names a stricter licence than its YAML.
    """

    selection: str
    pool: str
    instances: Sequence[str]
    tasks: str
    sources: str
    rejects: str
    full: bool
    messages: bool
    parameters: Mapping[str, Any]
    versions: Mapping[str, Any]
    days: Sequence[str]
    counts: Mapping[str, int]
    licences: Mapping[str, str] = field(default_factory=dict)
    conflicts: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def files(self) -> frozenset[str]:
        """Everything in the store that the version cannot be rebuilt without."""
        named = (self.selection, self.pool, self.tasks, self.sources, self.rejects)
        return frozenset({*named, *self.instances})


def make_recipe(
    services: Services,
    selected: StepReport,
    files: Mapping[str, str],
    parameters: Mapping[str, Any],
    versions: Mapping[str, Any],
) -> tuple[Recipe, PoolScan]:
    """Gather what the next version is made from, and write down what the database tells today.

    Args:
        services: the process's services.
        selected: the report of the selection.
        files: paths of its files, by their kind: `selections` and `pools`.
        parameters: as the manifest shows them.
        versions: the same.
    """
    storage, days = services.storage, list(selected.facts["days"])
    selection = storage.read_table(files["selections"])
    pool = RecordedPool(selected.facts["files"], storage.read_table(files["pools"]))
    licences = dict(selected.facts.get("licences", {}))
    scan = scan_pool(storage, pool, selection)
    tasks = pool_tasks(services, scan.tasks, days, licences)
    counted = by_source(scan.selected)
    sources = pool_sources(services, tasks, scan.sources, counted, days, licences)
    rejects = pool_rejects(services, days, selected.day)
    held_out = {"held_out": scan.held_out.num_rows} if scan.held_out.num_rows else {}
    return Recipe(
        selection=files["selections"],
        pool=files["pools"],
        instances=list(pool.files),
        tasks=storage.write_table(PART_FILES, tasks).path,
        sources=storage.write_table(PART_FILES, sources).path,
        rejects=storage.write_table(PART_FILES, rejects).path,
        full=services.settings.snapshot_full,
        messages=services.settings.snapshot_messages,
        parameters=parameters,
        versions=versions,
        days=days,
        counts=funnel(services, days)
        | {"pool": pool.rows.num_rows, "selected": selection.num_rows}
        | held_out,
        licences=licences,
        conflicts=pool_conflicts(services, tasks, days),
    ), scan


def content_of(recipe: Recipe, storage: Storage, scan: PoolScan | None = None) -> SnapshotContent:
    """Make the content of a version from its recipe; `scan` is given where it is known already.

    Raises:
        Corrupt: a file of the recipe is missing or is not what it was.
    """
    selection = storage.read_table(recipe.selection)
    pool = RecordedPool(recipe.instances, storage.read_table(recipe.pool))
    known = scan or scan_pool(storage, pool, selection)

    def dress(rows: pa.Table) -> pa.Table:
        licensed = with_licences(rows, recipe.licences)
        return with_messages(licensed) if recipe.messages else licensed

    rows = pool.rows.num_rows - known.held_out.num_rows
    return SnapshotContent(
        selected=dress(known.selected),
        held_out=dress(known.held_out),
        selection=selection,
        tasks=storage.read_table(recipe.tasks),
        sources=storage.read_table(recipe.sources),
        rejects=storage.read_table(recipe.rejects),
        parameters=recipe.parameters,
        versions=recipe.versions,
        days=recipe.days,
        counts=recipe.counts,
        growth=known.growth,
        full=FullPool(rows, lambda: _full(storage, pool, recipe)) if recipe.full else None,
        conflicts=recipe.conflicts,
    )


def with_licences(rows: pa.Table, licences: Mapping[str, str]) -> pa.Table:
    """Put the licence that holds now in the place of the one that was written down, by dataset."""
    if not licences or not rows.num_rows:
        return rows
    names = pa.array(licences.keys(), pa.string())
    now = pa.array(licences.values(), pa.string()).take(pc.index_in(rows["dataset"], names))
    at = rows.schema.get_field_index("licence")
    return rows.set_column(at, rows.schema.field(at), pc.coalesce(now, rows["licence"]))


def _full(storage: Storage, pool: RecordedPool, recipe: Recipe) -> Iterator[pa.Table]:
    return (with_licences(rows, recipe.licences) for rows in trainable(storage, pool))


def with_messages(rows: pa.Table) -> pa.Table:
    """Add the chat form of each row."""
    texts = rows.select(["instruction", "input", "output"]).to_pylist()
    field = SELECTED_CHAT.field("messages")
    return rows.append_column(field, pa.array(map(as_messages, texts), field.type))
