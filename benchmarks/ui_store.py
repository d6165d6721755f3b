"""A store of the size that the pages must be fast at: days, proposals, rejects, files, versions.

The rows of the tables are made by PostgreSQL itself. All days share ten files of vectors; each day
has a file of its instances.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import md5
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from sqlalchemy import text
from sqlalchemy.orm import Session

from dynosaur_etl.domain import schemas
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.snapshots.build import ParentSnapshot, write_snapshot
from dynosaur_etl.snapshots.content import SnapshotContent
from dynosaur_etl.snapshots.publish import place_snapshot
from dynosaur_etl.store.facts.stored_files import paths_of_kind
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.steps import NamedFile
from dynosaur_etl.store.tables import FileRow, SnapshotRow

FIRST = date(2025, 1, 1)
DIMENSION = 384
VECTOR_FILES = 10
WORDS_A_ROW, WORDS_KNOWN = 40, 50_000
PROPOSALS_A_REQUEST, TASKS_A_REQUEST = 3, 2
REJECTS_A_DAY = 300


@dataclass(frozen=True)
class Size:
    """How much there is: growth days, and of each day its LLM requests and instances."""

    days: int
    requests: int
    instances: int
    selected: int

    @property
    def tasks(self) -> int:
        return self.days * self.requests * TASKS_A_REQUEST

    @property
    def names(self) -> list[str]:
        return [str(FIRST + timedelta(days=number)) for number in range(self.days)]


FULL = Size(days=400, requests=125, instances=2_000, selected=10_000)
QUICK = Size(days=40, requests=125, instances=200, selected=1_000)

_DAY = "(date '2025-01-01' + n / :requests)::text"
_DATASET = "'owner' || (n / 2 % 5000) || '/set-' || (n / 2)"
_LICENCE = "(array['mit', 'apache-2.0', 'cc-by-4.0', 'cc0-1.0', 'bsd'])[1 + n / 2 % 5]"
_REASON = "(array['output_constant', 'field_unknown', 'labels_unbalanced', 'output_missing'])"
_PARTS = {
    "$day": _DAY,
    "$dataset": _DATASET,
    "$licence": _LICENCE,
    "$reason": _REASON,
    "$rejects_a_day": str(REJECTS_A_DAY),
}
_TABLES = (
    """insert into llm_requests (key, purpose, day, subject, model, prompt_version, request,
          status, attempts, response, prompt_tokens, completion_tokens, cost_usd, reserved_usd,
          sent_at)
        select md5(n::text), 'propose', $day, $dataset, 'model-' || n % 3, 'tight-1',
          jsonb_build_object('messages', jsonb_build_array(jsonb_build_object('role', 'user',
            'content', repeat(md5(n::text) || ' ', 90)))), 'answered', 1,
          jsonb_build_object('content', repeat(md5(n::text) || ' ', 20)), 900, 200, 0.0003, 0,
          now() - interval '40 days' + n * interval '1 minute'
        from generate_series(0, :all - 1) n""",
    """insert into proposals
        select $day, md5(n::text), p, $dataset, repeat('a', 40), 'default',
          case when n % 2 = 0 then 'aware' else 'unaware' end,
          jsonb_build_array(jsonb_build_object('instruction', 'Estimate the ' || md5(n::text || p)
            || ' of word' || n % 997 || ' from the text.', 'input_fields',
            jsonb_build_array('text'), 'output_field', 'label')),
          case when p < 2 then null else $reason[1 + n % 4] end, '',
          case when p < 2 then md5(n || 'task' || p) end
        from generate_series(0, :all - 1) n, generate_series(0, 2) p""",
    """insert into tasks
        select $day, md5(n || 'task' || p), $dataset, repeat('a', 40), 'default',
          'Estimate the ' || md5(n::text || p) || ' from the text.', '["text"]', 'label', '[]',
          case when n % 2 = 0 then 'aware' else 'unaware' end, 'tight-1', $licence, md5(n::text)
        from generate_series(0, :all - 1) n, generate_series(0, 1) p""",
    """insert into revisions
        select distinct on (1, 2) $day, $dataset, repeat('a', 40),
          jsonb_build_array($licence), '["en"]', 'Set ' || n, repeat('what it is. ', 40), 'x', ''
        from generate_series(0, :all - 1) n""",
    """insert into rejections
        select (date '2025-01-01' + d)::text, (array['examine', 'validate', 'fill'])[1 + r % 3],
          'owner' || r || '/left-' || d || '-' || r,
          (array['licence_missing', 'output_constant', 'input_empty'])[1 + r % 3], 1 + r % 7, 'x'
        from generate_series(0, :days - 1) d, generate_series(1, $rejects_a_day) r""",
    """insert into verdicts
        select $day, $dataset, repeat('a', 40), min(case when n % 3 = 0 then 'no_card' end), ''
        from generate_series(0, :all - 1) n group by 1, 2""",
    """insert into growth_runs (day, step, fingerprint, taken, kept, rejected, deferred, reasons,
          facts, output)
        select (date '2025-01-01' + d)::text, s, 'x', 400, 300, 100, 0,
          '{"licence_missing": 60, "output_constant": 40}', '{}', 'x'
        from generate_series(0, :days - 1) d, unnest(array['candidates', 'examine', 'validate',
          'fill', 'score', 'embed', 'select']) s""",
    """insert into datasets (id, owner, created_at, last_modified, tags, gated, private, disabled,
          downloads, likes)
        select 'owner' || n % 5000 || '/set-' || n, 'owner' || n % 5000, now(), now(), '[]', false,
          false, false, 0, 0
        from generate_series(0, 20 * :all - 1) n""",
)


def make_store(services: Services, size: Size) -> None:
    """Fill an empty store, and let PostgreSQL gather its statistics."""
    numbers = {"requests": size.requests, "days": size.days, "all": size.days * size.requests}
    with services.engine.begin() as connection:
        for statement in _TABLES:
            connection.execute(text(_written(statement)), numbers)
    _write_files(services, size)
    _write_versions(services, size)
    with services.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))


def _written(statement: str) -> str:
    for name, part in _PARTS.items():
        statement = statement.replace(name, part)
    return statement


def _write_files(services: Services, size: Size) -> None:
    vectors = [_vectors(services, size, number) for number in range(VECTOR_FILES)]
    with Session(services.engine) as session, session.begin():
        for number, day in enumerate(size.names):
            file = services.storage.write_table(FileKind.INSTANCES, _instances(size, number))
            session.add(_row(NamedFile(FileKind.INSTANCES, "shard-00000", file), day))
            session.add(_row(vectors[number % VECTOR_FILES], day))


def _row(named: NamedFile, day: str) -> FileRow:
    file = named.file
    return FileRow(
        kind=named.kind, day=day, name=named.name, sha256=file.sha256, path=file.path,
        rows=file.rows, bytes=file.bytes,
    )  # fmt: skip


def _keys(size: Size, number: int) -> list[str]:
    return [digest("instance", number, row) for row in range(size.instances)]


def _vectors(services: Services, size: Size, number: int) -> NamedFile:
    random = np.random.default_rng(number)
    values = random.standard_normal((size.instances, DIMENSION), np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    flat = pa.array(values.astype(np.float16).reshape(-1))
    table = pa.table(
        {
            "instance_key": _keys(size, number),
            "vector": pa.FixedSizeListArray.from_arrays(flat, DIMENSION),
        }
    )
    return NamedFile("embeddings/bench", "day", services.storage.write_table("embeddings", table))


def _instances(size: Size, number: int) -> pa.Table:
    """Give a day's instances, spread over its tasks in their order."""
    first, tasks = number * size.requests, size.requests * TASKS_A_REQUEST
    places = [row * tasks // size.instances for row in range(size.instances)]
    requests = [first + place // TASKS_A_REQUEST for place in places]
    tasks_of = [
        _task_key(request, place % TASKS_A_REQUEST)
        for request, place in zip(requests, places, strict=True)
    ]
    return _instance_table(_keys(size, number), tasks_of, requests, size.names[number])


def _task_key(request: int, place: int) -> str:
    """Give the key that PostgreSQL has given the task."""
    return md5(f"{request}task{place}".encode(), usedforsecurity=False).hexdigest()


def _dataset(request: int) -> str:
    return f"owner{request // 2 % 5000}/set-{request // 2}"


def _licence(request: int) -> str:
    return ("mit", "apache-2.0", "cc-by-4.0", "cc0-1.0", "bsd")[request // 2 % 5]


def _instance_table(
    keys: Sequence[str], task_keys: Sequence[str], requests: Sequence[int], day: str
) -> pa.Table:
    rows = len(keys)
    columns = {
        "instance_key": keys,
        "instruction": ["Estimate the label from the text."] * rows,
        "input": _inputs(rows, day),
        "output": [str(row % 7) for row in range(rows)],
        "task_key": task_keys,
        "dataset": [_dataset(request) for request in requests],
        "revision": ["a" * 40] * rows,
        "config": ["default"] * rows,
        "split": ["train"] * rows,
        "row": list(range(rows)),
        "licence": [_licence(request) for request in requests],
        "mode": ["aware"] * rows,
        "prompt_version": ["tight-1"] * rows,
        "growth_day": [day] * rows,
        "pii": [""] * rows,
    }
    return pa.table(columns, schema=schemas.INSTANCES)


def _inputs(rows: int, day: str) -> list[str]:
    """Give texts of 40 words, of which a few are in most rows and most are in few."""
    random = np.random.default_rng(date.fromisoformat(day).toordinal())
    ranks = np.minimum(random.zipf(1.3, (rows, WORDS_A_ROW)), WORDS_KNOWN)
    words = np.array([f"word{number}" for number in range(WORDS_KNOWN + 1)], object)
    return [f"row {at} of {day}: {' '.join(line)}" for at, line in enumerate(words[ranks])]


def _write_versions(services: Services, size: Size) -> None:
    """Write two versions that share half of their rows, both selected from all instances."""
    parent: ParentSnapshot | None = None
    pool = services.storage.write_table(FileKind.POOLS, _pool(size)).path
    files = paths_of_kind(services.engine, FileKind.INSTANCES)
    with TemporaryDirectory(prefix="dynosaur-bench-") as folder:
        for version in (1, 2):
            content = _content(size, version)
            picks = services.storage.write_table(FileKind.SELECTIONS, content.selection).path
            recipe = {"instances": files, "pool": pool, "selection": picks}
            target = Path(folder) / f"v{version}"
            manifest = write_snapshot(content, version, parent, target)
            path = place_snapshot(target, services.storage, version)
            parent = ParentSnapshot.read(target)
            row = SnapshotRow(
                version=version, parent=version - 1 or None, day=size.names[-1], path=path,
                fingerprint=str(version), manifest_sha256=manifest.sha256,
                facts={"counts": dict(content.counts), "parameters": dict(content.parameters)}
                | {"recipe": recipe},
            )  # fmt: skip
            with Session(services.engine) as session, session.begin():
                session.add(row)


def _pool(size: Size) -> pa.Table:
    rows = size.days * size.instances
    columns = {
        "number": range(rows),
        "quality": np.random.default_rng(0).random(rows),
        "held_out": [False] * rows,
    }
    return pa.table(columns, schema=schemas.POOL)


def _content(size: Size, version: int) -> SnapshotContent:
    """Give a version's content: an instance of each of so many requests, from its own first on."""
    rows = size.selected
    requests = [(version - 1) * rows // 2 + row for row in range(rows)]
    keys = [digest("instance", n * size.days // (2 * rows), n % size.instances) for n in requests]
    instances = _instance_table(keys, [_task_key(n, 0) for n in requests], requests, size.names[0])
    quality = pa.array(np.linspace(0.9, 0.6, rows))
    selection = {
        "rank": pa.array(range(rows), pa.int64()),
        "instance_key": keys,
        "gain": quality,
        "quality": quality,
        "coverage": pa.array(np.linspace(0.1, 0.8, rows)),
    }
    field = pa.field("quality", pa.float64(), nullable=False)
    return SnapshotContent(
        selected=instances.append_column(field, quality),
        selection=pa.table(selection, schema=schemas.SELECTION),
        tasks=_tasks(size),
        sources=_sources(size, Counter(map(_dataset, requests))),
        rejects=schemas.REJECTS.empty_table(),
        parameters={"selection": {"alpha": 0.1 * version}},
        versions={},
        days=size.names,
        counts={"pool": size.days * size.instances, "selected": rows},
    )


def _tasks(size: Size) -> pa.Table:
    rows = [
        {
            "task_key": _task_key(request, place),
            "growth_day": size.names[request // size.requests],
            "dataset": _dataset(request),
            "revision": "a" * 40,
            "config": "default",
            "instruction": "Estimate the label from the text.",
            "input_fields": ["text"],
            "output_field": "label",
            "label_space": [],
            "mode": "aware",
            "prompt_version": "tight-1",
            "licence": _licence(request),
            "model": "a-model",
            "provider": "a-provider",
            "written_on": size.names[request // size.requests],
        }
        for request in range(size.days * size.requests)
        for place in range(TASKS_A_REQUEST)
    ]
    return pa.Table.from_pylist(rows, schema=schemas.TASKS)


def _sources(size: Size, picked: Mapping[str, int]) -> pa.Table:
    rows = [
        {
            "dataset": _dataset(request),
            "revision": "a" * 40,
            "licence": _licence(request),
            "languages": "en",
            "pretty_name": "A set",
            "pool_instances": size.instances * 2 // size.requests,
            "selected_instances": picked.get(_dataset(request), 0),
            "url": f"https://hub.example/datasets/{_dataset(request)}",
        }
        for request in range(0, size.days * size.requests, 2)
    ]
    rows.sort(key=lambda row: (row["dataset"], row["revision"]))
    return pa.Table.from_pylist(rows, schema=schemas.SOURCES)
