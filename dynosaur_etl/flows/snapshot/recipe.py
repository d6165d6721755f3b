"""Gathering the recipe of the next version, and making the content of a version from its own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dynosaur_etl.domain.models import Mode, StepReport
from dynosaur_etl.domain.redaction import without_login
from dynosaur_etl.domain.schemas import SOURCES
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.snapshot.conversations import (
    preferences_of,
    read_conversations,
    with_conversations,
)
from dynosaur_etl.flows.snapshot.pool_scan import (
    PoolScan,
    RecordedPool,
    by_source,
    scan_pool,
    trainable,
)
from dynosaur_etl.llm.providers import public_provider
from dynosaur_etl.snapshots.content import FullPool, SnapshotContent
from dynosaur_etl.snapshots.layout import SELECTED_CHAT
from dynosaur_etl.snapshots.recipe import Recipe
from dynosaur_etl.store.facts.funnel import funnel
from dynosaur_etl.store.facts.pool_tables import (
    SourceCard,
    licence_conflicts,
    pool_rejects,
    pool_tasks,
    source_cards,
)
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.steps import files_of
from dynosaur_etl.store.storage import Storage
from dynosaur_etl.training.examples import as_messages


def make_recipe(
    services: Services,
    selected: StepReport,
    files: Mapping[FileKind, str],
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
    selection = storage.read_table(files[FileKind.SELECTIONS])
    pool = RecordedPool(selected.facts["files"], storage.read_table(files[FileKind.POOLS]))
    licences = dict(selected.facts.get("licences", {}))
    scan = scan_pool(storage, pool, selection)
    tasks = pool_tasks(services.engine, scan.tasks, days, licences, public_provider)
    sources = _sources(services, tasks, scan, days, licences)
    rejects = pool_rejects(services.engine, days, selected.day)
    held_out = {"held_out": scan.held_out.num_rows} if scan.held_out.num_rows else {}
    return Recipe(
        selection=files[FileKind.SELECTIONS],
        pool=files[FileKind.POOLS],
        instances=list(pool.files),
        tasks=storage.write_table(FileKind.SNAPSHOT_PARTS, tasks).path,
        sources=storage.write_table(FileKind.SNAPSHOT_PARTS, sources).path,
        rejects=storage.write_table(FileKind.SNAPSHOT_PARTS, rejects).path,
        full=services.settings.snapshot_full,
        messages=services.settings.snapshot_messages,
        parameters=parameters,
        versions=versions,
        days=days,
        counts=asdict(funnel(services.engine, days))
        | {"pool": pool.rows.num_rows, "selected": selection.num_rows}
        | held_out,
        conversations=_conversation_files(services, days, scan),
        licences=licences,
        conflicts=_conflicts(services, tasks, days),
    ), scan


def _conversation_files(services: Services, days: Sequence[str], scan: PoolScan) -> list[str]:
    """Name the files of the days' conversations, where a row of the version is native."""
    modes = (
        *scan.selected["mode"].unique().to_pylist(),
        *scan.held_out["mode"].unique().to_pylist(),
    )
    if str(Mode.NATIVE) not in modes:
        return []
    files = files_of(services.engine, FileKind.CONVERSATIONS)
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
    preferences = preferences_of(known.selected, said)

    def dress(rows: pa.Table) -> pa.Table:
        licensed = with_licences(rows, recipe.licences)
        if recipe.conversations:
            return with_conversations(licensed, said)
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
        preferences=preferences if preferences.num_rows else None,
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


def _sources(
    services: Services,
    tasks: pa.Table,
    scan: PoolScan,
    days: Sequence[str],
    licences: Mapping[str, str],
) -> pa.Table:
    """Return each dataset at a revision that the pool has tasks or instances of, by name.

    Tasks that stand while their day has been examined anew may be of a revision without a card;
    what is known of it is their licence. `licences` are those that hold now, by dataset, where the
    card's is another one.
    """
    total = dict.fromkeys(by_source(tasks), 0) | dict(scan.sources)
    selected = by_source(scan.selected)
    cards = source_cards(services.engine, days)
    for row in tasks.select(["dataset", "revision", "licence"]).to_pylist():
        without = SourceCard(row["licence"], languages="", pretty_name="")
        cards.setdefault((row["dataset"], row["revision"]), without)
    hub = without_login(services.settings.hf_endpoint)
    rows = [
        {
            **vars(cards[dataset, revision]),
            "licence": licences.get(dataset) or cards[dataset, revision].licence,
            "dataset": dataset,
            "revision": revision,
            "pool_instances": count,
            "selected_instances": selected.get((dataset, revision), 0),
            "url": f"{hub}/datasets/{dataset}/tree/{revision}",
        }
        for (dataset, revision), count in sorted(total.items())
    ]
    return pa.Table.from_pylist(rows, schema=SOURCES)


def _conflicts(services: Services, tasks: pa.Table, days: Sequence[str]) -> dict[str, str]:
    """Say, of the datasets of those tasks, where their newest card's text outdoes its YAML."""
    used = set(tasks["dataset"].unique().to_pylist())
    found = licence_conflicts(services.engine, days)
    return {name: words for name, words in found.items() if name in used}


def with_messages(rows: pa.Table) -> pa.Table:
    """Add the chat form of each row."""
    texts = rows.select(["instruction", "input", "output"]).to_pylist()
    field = SELECTED_CHAT.field("messages")
    return rows.append_column(field, pa.array(map(as_messages, texts), field.type))
