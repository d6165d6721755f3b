"""One part of a snapshot's life in a process of its own, for its time and peak memory.

    python -m benchmarks.snapshots_child PART FOLDER INSTANCES SELECTED

`store` writes a pool as the growth days leave it: files of instances, and the record that a
selection and a version's first build make. The other parts work on it with the product's own code.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from dynosaur_etl.domain import schemas
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.flows.snapshot.pool_scan import PoolScan, RecordedPool, scan_pool
from dynosaur_etl.flows.snapshot.recipe import Recipe, content_of
from dynosaur_etl.flows.snapshot.versions import other_rows
from dynosaur_etl.snapshots.build import ParentSnapshot, write_snapshot
from dynosaur_etl.snapshots.content import SnapshotContent
from dynosaur_etl.snapshots.diff import diff_folders
from dynosaur_etl.snapshots.manifest import read_manifest
from dynosaur_etl.snapshots.publish import place_snapshot
from dynosaur_etl.snapshots.verify import Discrepancy, verify_snapshot
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.storage import Storage

DAYS = 10
PER_TASK = 100
TASKS_PER_SOURCE = 20
WORDS = 60
DAY = "2026-10-{:02d}"


@dataclass(frozen=True)
class Job:
    """Where the store and the versions are, and how large the pool and the selection."""

    folder: Path
    instances: int
    selected: int

    @property
    def storage(self) -> Storage:
        return Storage(str(self.folder / "store"))


Part = Callable[[Job], dict[str, Any]]


def store(job: Job) -> dict[str, Any]:
    """Write the pool and two selections of it that share most of their picks."""
    storage, instances, selected = job.storage, job.instances, job.selected
    rng = np.random.default_rng(0)
    words = np.array([f"word{n}" for n in rng.integers(0, 10**6, 20_000)])
    per_day = instances // DAYS
    paths = [
        storage.write_table("instances", day_of(words, rng, day, per_day)).path
        for day in range(DAYS)
    ]
    quality = rng.random(instances)
    rows = {
        "number": np.arange(instances),
        "quality": quality,
        "held_out": np.zeros(instances, bool),
    }
    pool = storage.write_table("pools", pa.table(rows, schema=schemas.POOL)).path
    keys = pa.concat_tables([storage.read_table(path, ["instance_key"]) for path in paths])
    order = rng.permutation(instances)
    for name, at in (("one", order[:selected]), ("two", order[selected // 4 :][:selected])):
        picks = storage.write_table("selections", picks_of(keys, quality, at)).path
        recipe = recipe_of(storage, paths, pool, picks)
        (job.folder / f"{name}.json").write_text(json.dumps(recipe.to_json()))
    return {"bytes": sum(file.bytes for file in storage.list_files())}


def day_of(words: Any, rng: Any, day: int, count: int) -> pa.Table:
    """Write one day's instances, of texts of about 400 bytes."""
    numbers = np.arange(day * count, (day + 1) * count)
    texts = [" ".join(row) for row in words[rng.integers(0, len(words), (count, WORDS))]]
    task = [digest("task", int(number) // PER_TASK) for number in numbers]
    source = numbers // (PER_TASK * TASKS_PER_SOURCE)
    same = {"config": "default", "split": "train", "licence": "mit", "mode": "aware"}
    columns = {
        "instance_key": [digest("instance", int(number)) for number in numbers],
        "instruction": ["Tell in one word what the text is about."] * count,
        "input": texts,
        "output": words[rng.integers(0, len(words), count)],
        "task_key": task,
        "dataset": [f"owner{number}/set{number}" for number in source],
        "revision": [digest("revision", int(number))[:40] for number in source],
        "row": numbers,
        "pii": [""] * count,
        "prompt_version": ["3"] * count,
        "growth_day": [DAY.format(day + 1)] * count,
        **{name: [value] * count for name, value in same.items()},
    }
    return pa.table(
        {name: columns[name] for name in schemas.INSTANCES.names}, schema=schemas.INSTANCES
    )


def picks_of(keys: pa.Table, quality: Any, at: Any) -> pa.Table:
    count = len(at)
    columns = {
        "rank": np.arange(count),
        "instance_key": keys["instance_key"].take(pa.array(at)),
        "gain": 1 / np.arange(1, count + 1),
        "quality": quality[at],
        "coverage": np.linspace(0.2, 0.9, count),
    }
    return pa.table(columns, schema=schemas.SELECTION)


def recipe_of(storage: Storage, files: list[str], pool: str, selection: str) -> Recipe:
    """Write down what a version is made from, as its first build does."""
    recorded, picks = RecordedPool(files, storage.read_table(pool)), storage.read_table(selection)
    scan = scan_pool(storage, recorded, picks)
    tables = {
        "tasks": tasks_of(recorded.rows.num_rows),
        "sources": sources_of(scan),
        "rejects": schemas.REJECTS.empty_table(),
    }
    return Recipe(
        selection=selection,
        pool=pool,
        instances=files,
        **{
            name: storage.write_table(FileKind.SNAPSHOT_PARTS, table).path
            for name, table in tables.items()
        },
        full=True,
        messages=False,
        parameters={},
        versions={},
        days=sorted(scan.growth),
        counts={"pool": recorded.rows.num_rows, "selected": picks.num_rows},
    )


def recorded_recipe(job: Job, name: str) -> Recipe:
    return Recipe(**json.loads((job.folder / f"{name}.json").read_text()))


def content(job: Job, name: str) -> SnapshotContent:
    """Read the store as a build does."""
    return content_of(recorded_recipe(job, name), job.storage)


def tasks_of(instances: int) -> pa.Table:
    rows = []
    for number in range(instances // PER_TASK):
        source = number // TASKS_PER_SOURCE
        rows.append(
            {
                "task_key": digest("task", number),
                "growth_day": DAY.format(1),
                "dataset": f"owner{source}/set{source}",
                "revision": digest("revision", source)[:40],
                "config": "default",
                "instruction": "Tell in one word what the text is about.",
                "input_fields": ["text"],
                "output_field": "topic",
                "label_space": [],
                "mode": "aware",
                "prompt_version": "3",
                "licence": "mit",
                "model": "a-model",
                "provider": "a-provider",
                "written_on": DAY.format(1),
            }
        )
    return pa.Table.from_pylist(rows, schema=schemas.TASKS)


def sources_of(scan: PoolScan) -> pa.Table:
    picked = scan.selected.group_by(["dataset", "revision"]).aggregate([([], "count_all")])
    numbers = {(row["dataset"], row["revision"]): row["count_all"] for row in picked.to_pylist()}
    rows = [
        {
            "dataset": dataset,
            "revision": revision,
            "licence": "mit",
            "languages": "en",
            "pretty_name": dataset,
            "pool_instances": count,
            "selected_instances": numbers.get((dataset, revision), 0),
            "url": f"https://huggingface.co/datasets/{dataset}/tree/{revision}",
        }
        for (dataset, revision), count in sorted(scan.sources.items())
    ]
    return pa.Table.from_pylist(rows, schema=schemas.SOURCES)


def build(job: Job) -> dict[str, Any]:
    """Write the first version and put it in its place."""
    write_snapshot(content(job, "one"), 1, None, job.folder / "one")
    place_snapshot(job.folder / "one", job.storage, 1)
    return {}


def build_next(job: Job) -> dict[str, Any]:
    """Write the version that follows it."""
    parent = ParentSnapshot.read(job.folder / "one")
    write_snapshot(content(job, "two"), 2, parent, job.folder / "two")
    return {}


def verify(job: Job) -> dict[str, Any]:
    """Check all files of the first version."""
    manifest = read_manifest(job.folder / "one")
    _be_sound(verify_snapshot(job.folder / "one", manifest.sha256))
    return {"bytes": manifest.bytes}


def verify_deeply(job: Job) -> dict[str, Any]:
    """Do the same, and meanwhile read the store to compare the version's rows with it."""
    manifest = read_manifest(job.folder / "one")
    with ThreadPoolExecutor(1) as beside:
        reading = beside.submit(content, job, "one")
        _be_sound(verify_snapshot(job.folder / "one", manifest.sha256))
        _be_sound(list(other_rows(reading.result(), job.folder / "one")))
    read = sum(map(partial(_bytes, job), recorded_recipe(job, "one").files))
    return {"bytes": manifest.bytes + read}


def _be_sound(problems: list[Discrepancy]) -> None:
    if problems:
        raise SystemExit(f"unsound: {problems[:3]}")


def _bytes(job: Job, path: str) -> int:
    return (job.folder / "store" / path).stat().st_size


def compare(job: Job) -> dict[str, Any]:
    changes = diff_folders(job.folder / "one", job.folder / "two")
    return {"kept": changes.kept.number, "added": changes.added.number}


PARTS: dict[str, Part] = {
    "store": store,
    "build": build,
    "build-next": build_next,
    "verify": verify,
    "verify-deep": verify_deeply,
    "compare": compare,
}


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def main() -> None:
    part, folder, instances, selected = sys.argv[1:]
    job = Job(Path(folder), int(instances), int(selected))
    import_module("pandas")  # pyarrow imports it on first use; that is no part of the work
    before, started, cpu = peak_mib(), time.perf_counter(), time.process_time()
    told = PARTS[part](job)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    print(json.dumps({"seconds": seconds, "cpu": cpu, "mib": peak_mib() - before, **told}))


if __name__ == "__main__":
    main()
