"""A day's instances in parts, each of which one Airflow task scores or embeds.

What is made for a part stands in a file beside the instances, row by row. Its column `content_key`
names what was read, so that the files of all days are the cache, found by an index: nothing that
stands in one of them under the same key is made again. A finished part is kept as a checkpoint
until the step is committed, so that a killed run goes on with the parts that are left.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dynosaur_etl.domain.errors import CountsDoNotReconcile, InvalidInput, not_allowed
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import Reject, StepName
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.domain.schemas import CONTENT_KEY, SCORABLE
from dynosaur_etl.flows.prepare.apart import errors_of, harmless, made_apart
from dynosaur_etl.flows.runtime.parts import rows_of_a_part
from dynosaur_etl.flows.runtime.services import Progress, Services
from dynosaur_etl.flows.runtime.step import require_step
from dynosaur_etl.store.content_index import files_with
from dynosaur_etl.store.facts.day_tasks import tasks_of_day
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.steps import (
    CountedReject,
    NamedFile,
    files_of,
    load_checkpoints,
    save_checkpoints,
)
from dynosaur_etl.store.storage import StoredFile

PART_ROWS = 10_000


@dataclass(frozen=True)
class InstancePart:
    """Rows of one file of instances; `name` orders the parts, `label` is for a reader."""

    number: int
    name: str
    path: str
    start: int
    rows: int

    @property
    def label(self) -> str:
        return f"{self.name} ({self.rows})"


@dataclass(frozen=True)
class MadeColumn:
    """What is made for instances: vectors of one model, or scores of one scorer.

    Attributes:
        kind: under which the files are kept; another model or scorer has another kind.
        keys: names what is read of each instance.
        make: gives a table with the column `content_key` for instances of distinct keys.
        unmade: gives such a row for an instance for which nothing can be made, with the words why.
        settled: the rows of such a table that need not be made again.
        summary: counts by reason what a table lacks; `deferred` is left for the next run.
        is_probed: where nothing can be made for any instance, it is tried for another one.
    """

    kind: str
    keys: Callable[[pa.Table], pa.Array]
    make: Callable[[pa.Table, Progress], pa.Table]
    unmade: Callable[[pa.Table, str], pa.Table]
    settled: Callable[[pa.Table], pa.Table]
    summary: Callable[[pa.Table], Mapping[str, int]]
    is_probed: bool = True


@dataclass(frozen=True)
class MadePart:
    """One part's file, and what is missing in it.

    Attributes:
        errors: instances for which nothing could be made, by the words of the error.
    """

    file: NamedFile
    missing: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)


def parts_of(day: GrowthDay, services: Services) -> list[InstancePart]:
    """Cut the day's files of instances into parts; a day without any has none.

    A part has at most 10,000 rows, or more where there would be more than 100 parts.

    Raises:
        InvalidInput: the day's tasks have not been filled.
    """
    require_step(services, str(day), StepName.FILL)
    files = files_of(services.engine, FileKind.INSTANCES, str(day))
    most = rows_of_a_part([file.rows for file in files], PART_ROWS)
    found: list[InstancePart] = []
    for file in files:
        for number, start in enumerate(range(0, file.rows, most)):
            rows = min(most, file.rows - start)
            name = f"{file.name}-{number:05d}"
            found.append(InstancePart(len(found), name, file.path, start, rows))
    return found


def one_part(day: GrowthDay, services: Services, number: int) -> list[InstancePart]:
    """Give one part of the day.

    Raises:
        InvalidInput: there is no such part.
    """
    parts = parts_of(day, services)
    if not 0 <= number < len(parts):
        raise InvalidInput(not_allowed("part", number, f"0 to {len(parts) - 1}"))
    return [parts[number]]


def make_parts(
    day: GrowthDay,
    services: Services,
    step: StepName,
    rules: Any,
    column: MadeColumn,
    parts: Sequence[InstancePart],
    progress: Progress,
) -> Iterator[MadePart]:
    """Make a column for parts of the day, without what an earlier run has made."""
    fingerprint = digest(step, rules)
    stored = load_checkpoints(services.engine, str(day), step, fingerprint)
    finished = [made["path"] for item, made in stored.items() if item.startswith(column.kind)]
    for part in parts:
        item = f"{column.kind}/{part.name}"
        if item in stored:
            yield _from_checkpoint(column.kind, part, stored[item])
            continue
        table = _complete(services, column, _read(day, services, part), finished, progress)
        file = services.storage.write_table(column.kind, table)
        finished.append(file.path)
        made = MadePart(
            NamedFile(column.kind, part.name, file),
            dict(column.summary(table)),
            dict(errors_of(table)),
        )
        if column.settled(table).num_rows == table.num_rows:
            checkpoint = asdict(file) | {"missing": made.missing, "errors": made.errors}
            save_checkpoints(services.engine, str(day), step, fingerprint, {item: checkpoint})
        yield made


def unmade(
    day: GrowthDay,
    services: Services,
    step: StepName,
    rules: Any,
    column: MadeColumn,
    part: InstancePart,
) -> pa.Table:
    """Give the instances of a part, of distinct keys, that the column still has to be made for."""
    stored = load_checkpoints(services.engine, str(day), step, digest(step, rules))
    finished = [made["path"] for item, made in stored.items() if item.startswith(column.kind)]
    instances = _read(day, services, part)
    if f"{column.kind}/{part.name}" in stored:
        return instances.slice(0, 0)
    keys = column.keys(instances)
    return _new(instances, keys, _settled(services, column, keys, finished))


def count_missing(parts: Sequence[MadePart]) -> Counter[str]:
    """Sum up what is missing, by reason."""
    total = Counter[str]()
    for part in parts:
        total.update(part.missing)
    return total


def unforeseen_rejects(
    stage: Stage, subject: str, parts: Sequence[MadePart]
) -> list[CountedReject]:
    """Return the reject of the instances for which nothing could be made; none where all were."""
    errors = sum((Counter(part.errors) for part in parts), Counter[str]())
    if not errors:
        return []
    words = "; ".join(words for words, _ in errors.most_common(3))
    return [CountedReject(Reject(stage, subject, Reason.UNFORESEEN_ERROR, words), errors.total())]


def _from_checkpoint(kind: str, part: InstancePart, made: Mapping[str, Any]) -> MadePart:
    file = StoredFile(made["path"], made["sha256"], made["rows"], made["bytes"])
    errors = dict(made.get("errors", {}))
    return MadePart(NamedFile(kind, part.name, file), dict(made["missing"]), errors)


def _read(day: GrowthDay, services: Services, part: InstancePart) -> pa.Table:
    rows = services.storage.read_table(part.path).slice(part.start, part.rows)
    labels = {task.key: list(task.label_space) for task in tasks_of_day(services.engine, str(day))}
    spaces = [labels.get(key, []) for key in rows["task_key"].to_pylist()]
    return rows.append_column(
        SCORABLE.field("label_space"), pa.array(spaces, pa.list_(pa.string()))
    )


def _complete(
    services: Services,
    column: MadeColumn,
    instances: pa.Table,
    finished: Sequence[str],
    progress: Progress,
) -> pa.Table:
    """Give the column for all of the instances, in their order; only what is new is made."""
    keys = column.keys(instances)
    known = _settled(services, column, keys, finished)
    new = _new(instances, keys, known)
    made = [_made(column, new, progress)] if new.num_rows else []
    everything = pa.concat_tables([*made, *known], promote_options="default")
    at = pc.index_in(keys, value_set=everything[CONTENT_KEY].combine_chunks())
    if at.null_count:
        raise CountsDoNotReconcile(f"{column.kind}: nothing was made for {at.null_count} instances")
    rows = everything.take(at)
    position = rows.schema.get_field_index("instance_key")
    return rows.set_column(position, rows.schema.field(position), instances["instance_key"])


def _made(column: MadeColumn, new: pa.Table, progress: Progress) -> pa.Table:
    probe = harmless(new) if column.is_probed else None
    return made_apart(column.make, new, progress, column.unmade, probe)


def _settled(
    services: Services, column: MadeColumn, keys: pa.Array, finished: Sequence[str]
) -> list[pa.Table]:
    return [column.settled(rows) for rows in _known(services, column.kind, keys, finished)]


def _new(instances: pa.Table, keys: pa.Array, known: Sequence[pa.Table]) -> pa.Table:
    """Give the first instance of each key that is not known."""
    first = {key: at for at, key in reversed(list(enumerate(keys.to_pylist())))}
    for rows in known:
        for key in rows[CONTENT_KEY].to_pylist():
            first.pop(key, None)
    return instances.take(pa.array(sorted(first.values()), pa.int64()))


def _known(
    services: Services, kind: str, keys: pa.Array, finished: Sequence[str]
) -> Iterator[pa.Table]:
    """Read the rows of those keys from the files of the kind, of all days, that hold one."""
    lost = services.replay.lost if services.replay else ()
    paths = files_with(services.engine, services.storage, kind, keys.to_pylist(), lost)
    for path in dict.fromkeys([*paths, *finished]):
        stored = services.storage.read_table(path, [CONTENT_KEY])
        wanted = pc.is_in(stored[CONTENT_KEY], value_set=keys)
        if pc.any(wanted).as_py():
            yield services.storage.read_table(path).filter(wanted)
