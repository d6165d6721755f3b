"""The pool: all live instances up to a day, each once, with their quality and vectors."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dynosaur_etl.domain import schemas
from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.flows.runtime.embeddings import embedding_kind
from dynosaur_etl.flows.runtime.scorers import chosen_scorer, score_kind
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.select.pool_duplicates import drop_duplicates
from dynosaur_etl.flows.select.repeats import repeated_tasks
from dynosaur_etl.instances.same_rows import beyond_first
from dynosaur_etl.store.facts.stored_files import identities_of_days, paths_of_days
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.vectors import is_embedded, vector_matrix


@dataclass(frozen=True)
class Pool:
    """The instances of the pool in the order of days, and what selection needs of each.

    Attributes:
        instances: columns `schemas.INSTANCES`; each key once, on the first day that has it.
        quality: float64 [n], in [0, 1], of the scorer that is chosen.
        vectors: float16 [n, d], unit length.
        duplicates: instances left out because an earlier one is the same, or nearly so, by reason.
        left_out: instances left out by the dataset that may not be used any more.
        repeated: instances left out by the task that repeats another one.
        repeats: what those tasks repeat, in words.
        same_rows: instances left out by their dataset, since their input and output stand there
            under as many other instructions as are allowed.
        unscored: instances left out because the chosen scorer has no score for them.
        unembedded: instances left out because they have no vector.
        numbers: int64 [n], where each instance stands among the rows of all `files`.
        files: the files of instances that were read, in their order.
    """

    instances: pa.Table
    quality: NDArray[np.float64]
    vectors: NDArray[np.float16]
    duplicates: Mapping[Reason, int]
    left_out: Mapping[str, int]
    repeated: Mapping[str, int]
    repeats: Mapping[str, str]
    same_rows: Mapping[str, int]
    unscored: int
    unembedded: int
    numbers: NDArray[np.int64]
    files: tuple[str, ...]

    def part(self, mask: NDArray[np.bool_]) -> "Pool":
        """Give the pool of some of the instances only."""
        if mask.all():
            return self
        return replace(
            self,
            instances=self.instances.filter(pa.array(mask)),
            quality=self.quality[mask],
            vectors=self.vectors[mask],
            numbers=self.numbers[mask],
        )


def pool_inputs(services: Services, days: Sequence[str]) -> list[list[str]]:
    """Give what the pool of those days depends on: instances, chosen scores and vectors."""
    kinds = [FileKind.INSTANCES, *pool_kinds(services)]
    return [
        [found.day, found.kind, found.name, found.sha256]
        for found in identities_of_days(services.engine, kinds, days)
    ]


def pool_kinds(services: Services) -> tuple[str, str]:
    """Name the files of the scores and of the vectors that the settings choose."""
    return score_kind(chosen_scorer(services)), embedding_kind(services)


def load_pool(
    services: Services,
    days: Sequence[str],
    left_out: Collection[str] = (),
    kept: Collection[str] = (),
) -> Pool:
    """Read the pool of those days, without datasets to leave out and tasks that repeat others.

    Args:
        services: the process's services.
        days: of the pool.
        left_out: datasets.
        kept: keys of instances that stay where others have the same row.

    Raises:
        InvalidInput: the days have no instance, or none that is left, or not every one has been
            scored and embedded as the settings say now.
    """
    files = paths_of_days(services.engine, FileKind.INSTANCES, days)
    instances = [services.storage.read_table(path) for path in files]
    if not instances:
        raise InvalidInput(not_allowed("pool", "no growth day", "one finished growth day or more"))
    everything = pa.concat_tables(instances)
    scores, vectors = (_beside(services, kind, days, everything) for kind in pool_kinds(services))
    scored, embedded = scores["score"].is_valid(), is_embedded(vectors)
    numbered = everything.append_column("number", pa.array(range(everything.num_rows), pa.int64()))
    gone = pc.is_in(numbered["dataset"], pa.array(left_out, pa.string()))
    live = pc.invert(gone)
    left = numbered.filter(pc.and_(live, pc.and_(scored, embedded)))
    if not left.num_rows:
        raise InvalidInput(not_allowed("pool", "0 instances", f"1 or more up to {days[-1]}"))
    units = vector_matrix(vectors)
    unique = drop_duplicates(left, units, services.settings)
    used = set(pc.unique(unique.instances["task_key"]).to_pylist())
    repeats = repeated_tasks(services, days, used)
    again = pc.is_in(unique.instances["task_key"], pa.array(repeats, pa.string()))
    left = unique.instances.filter(pc.invert(again))
    beyond = pa.array(beyond_first(left, services.settings.instructions_per_row, kept))
    same_rows = _tally(left["dataset"].filter(beyond))
    left = left.filter(pc.invert(beyond))
    at = left["number"].to_numpy()
    return Pool(
        instances=left.drop_columns(["number"]),
        quality=scores["score"].to_numpy()[at],
        vectors=units[at],
        duplicates=unique.dropped,
        left_out=_tally(numbered["dataset"].filter(gone)),
        repeated=_tally(unique.instances["task_key"].filter(again)),
        repeats=repeats,
        same_rows=same_rows,
        unscored=pc.sum(pc.and_not(live, scored)).as_py() or 0,
        unembedded=pc.sum(pc.and_not(pc.and_(live, scored), embedded)).as_py() or 0,
        numbers=at,
        files=files,
    )


def read_all(services: Services, kind: str, days: Sequence[str]) -> list[pa.Table]:
    """Read the files of a kind of those days, in their order."""
    return [
        services.storage.read_table(path) for path in paths_of_days(services.engine, kind, days)
    ]


def _beside(services: Services, kind: str, days: Sequence[str], instances: pa.Table) -> pa.Table:
    """Read what stands beside the instances, row by row."""
    tables = read_all(services, kind, days)
    found = (
        pa.concat_tables(tables, promote_options="default")
        if tables
        else schemas.SCORES.empty_table()
    )
    if not found["instance_key"].equals(instances["instance_key"]):
        raise InvalidInput(
            f"pool: {kind} has {found.num_rows} rows that are not those of the "
            f"{instances.num_rows} instances of {days[0]} to {days[-1]}; run `dynosaur grow` for "
            "the days that were grown under other settings"
        )
    return found


def _tally(values: pa.ChunkedArray) -> dict[str, int]:
    counted = pc.value_counts(values).to_pylist()
    return {entry["values"]: entry["counts"] for entry in counted}
