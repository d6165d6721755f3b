"""The recipe of a version: everything that its bytes are made from, as it lies in the store."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from dynosaur_etl.domain.models import Mode, StepReport
from dynosaur_etl.flows.fill.shards import CONVERSATION_FILES
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.select.pool import by_source, funnel, pool_rejects, pool_sources, pool_tasks
from dynosaur_etl.flows.snapshot.conversations import (
    preferences_of,
    read_conversations,
    with_conversations,
)
from dynosaur_etl.flows.snapshot.pool_scan import PoolScan, RecordedPool, scan_pool, trainable
from dynosaur_etl.snapshots.content import FullPool, SnapshotContent
from dynosaur_etl.snapshots.layout import SELECTED_CHAT
from dynosaur_etl.store.steps import files_of
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
        conversations: paths of the conversations of native instances; empty where none has any.
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
    conversations: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def files(self) -> frozenset[str]:
        """Everything in the store that the version cannot be rebuilt without."""
        named = (self.selection, self.pool, self.tasks, self.sources, self.rejects)
        return frozenset({*named, *self.instances, *self.conversations})


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
    scan = scan_pool(storage, pool, selection)
    tasks = pool_tasks(services, scan.tasks, days)
    sources = pool_sources(services, tasks, scan.sources, by_source(scan.selected), days)
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
        conversations=_conversation_files(services, days, scan),
    ), scan


def _conversation_files(services: Services, days: Sequence[str], scan: PoolScan) -> list[str]:
    """Name the files of the days' conversations, where a row of the version is native."""
    modes = (
        *scan.selected["mode"].unique().to_pylist(),
        *scan.held_out["mode"].unique().to_pylist(),
    )
    if str(Mode.NATIVE) not in modes:
        return []
    files = files_of(services.engine, CONVERSATION_FILES)
    return sorted({file.path for file in files if file.day in days})


def content_of(recipe: Recipe, storage: Storage, scan: PoolScan | None = None) -> SnapshotContent:
    """Make the content of a version from its recipe; `scan` is given where it is known already.

    Raises:
        Corrupt: a file of the recipe is missing or is not what it was.
    """
    selection = storage.read_table(recipe.selection)
    pool = RecordedPool(recipe.instances, storage.read_table(recipe.pool))
    known = scan or scan_pool(storage, pool, selection)
    said = read_conversations(storage, recipe.conversations, known.selected, known.held_out)
    dress = _dress(recipe, said)
    preferences = preferences_of(known.selected, said)
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
        full=FullPool(rows, lambda: trainable(storage, pool)) if recipe.full else None,
        preferences=preferences if preferences.num_rows else None,
    )


def _dress(recipe: Recipe, said: pa.Table) -> Callable[[pa.Table], pa.Table]:
    """Return what adds the columns that the rows have beside an instance and its quality."""
    if recipe.conversations:
        return partial(with_conversations, said=said)
    return with_messages if recipe.messages else _as_it_is


def with_messages(rows: pa.Table) -> pa.Table:
    """Add the chat form of each row."""
    texts = rows.select(["instruction", "input", "output"]).to_pylist()
    field = SELECTED_CHAT.field("messages")
    return rows.append_column(field, pa.array(map(as_messages, texts), field.type))


def _as_it_is(rows: pa.Table) -> pa.Table:
    return rows
