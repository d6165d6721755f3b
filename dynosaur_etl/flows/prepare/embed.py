"""Embedding a day's instances, as unit vectors in float16."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Counts, StepName, StepReport
from dynosaur_etl.domain.schemas import CONTENT_KEY
from dynosaur_etl.flows.fill.shards import tasks_of
from dynosaur_etl.flows.prepare.instance_parts import (
    InstancePart,
    MadeColumn,
    MadePart,
    make_parts,
    one_part,
    parts_of,
)
from dynosaur_etl.flows.prepare.scorers import versioned_kind
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.flows.runtime.step import is_finished, require_step, run_step
from dynosaur_etl.inference.embedding import check_unit
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.steps import NamedFile, StepOutput
from dynosaur_etl.store.vectors import vector_matrix

INSTRUCTION_ONLY = "instruction"


def embed(day: GrowthDay, services: Services, progress: Progress = silent) -> StepReport:
    """Embed the day's instances, and its tasks by their instructions alone.

    The parts that `embed_part` has done are taken as they are.
    """

    def work() -> StepOutput:
        made = _parts(day, services, parts_of(day, services), progress)
        rows = sum(part.file.file.rows for part in made)
        return StepOutput(
            counts=Counts(rows, rows, 0),
            files=[*(part.file for part in made), _embed_tasks(day, services)],
            file_kinds=(embedding_kind(services), task_vector_kind(services)),
            facts=embedding_facts(services),
        )

    return run_step(services, str(day), StepName.EMBED, embed_rules(day, services), work)


def embed_part(
    day: GrowthDay, services: Services, number: int, progress: Progress = silent
) -> StepReport:
    """Embed one part of the day, unless that has been done; of a finished day, nothing.

    Raises:
        InvalidInput: there is no such part.
    """
    part = one_part(day, services, number)
    if is_finished(services, str(day), StepName.EMBED, embed_rules(day, services)):
        return StepReport(StepName.EMBED, str(day), Counts(0, 0, 0), facts={"part": number})
    [made] = _parts(day, services, part, progress)
    rows = made.file.file.rows
    return StepReport(StepName.EMBED, str(day), Counts(rows, rows, 0), facts={"part": number})


def embedding_kind(services: Services) -> str:
    """Name the files of the vectors in force; another model, text or precision has another."""
    embedder, settings = services.embedder, services.settings
    return versioned_kind(
        FileKind.EMBEDDINGS,
        embedder.name,
        embedder.version,
        settings.embedded_text,
        settings.embedding_precision,
    )


def task_vector_kind(services: Services) -> str:
    """Name the files of the tasks' vectors, by which repeats are found where the pool is read."""
    embedder, precision = services.embedder, services.settings.embedding_precision
    return versioned_kind(FileKind.TASK_EMBEDDINGS, embedder.name, embedder.version, precision)


def embedding_facts(services: Services) -> dict[str, Any]:
    """Tell what a snapshot records of its vectors."""
    return {
        "model": services.embedder.name,
        "version": services.embedder.version,
        "text": services.settings.embedded_text,
        "precision": services.embedder.precision,
    }


def embed_rules(day: GrowthDay, services: Services) -> dict[str, Any]:
    """Return everything that the vectors of a day depend on.

    Raises:
        InvalidInput: the day's tasks have not been filled.
    """
    return {
        "kind": embedding_kind(services),
        "instances": require_step(services, str(day), StepName.FILL).output,
        "tasks": require_step(services, str(day), StepName.VALIDATE).output,
    }


def _embed_tasks(day: GrowthDay, services: Services) -> NamedFile:
    tasks, kind = tasks_of(day, services), task_vector_kind(services)
    vectors = services.embedder.embed([task.instruction for task in tasks]).astype(np.float16)
    keys = pa.array([task.key for task in tasks], pa.string())
    table = pa.table({"task_key": keys, "vector": _column(vectors)})
    return NamedFile(kind, "day", services.storage.write_table(kind, table))


def _parts(
    day: GrowthDay, services: Services, parts: Sequence[InstancePart], progress: Progress
) -> list[MadePart]:
    text = services.settings.embedded_text

    def keys(instances: pa.Table) -> pa.Array:
        names = (sha256(words.encode()).hexdigest() for words in _texts(instances, text))
        return pa.array(names, pa.string())

    def make(instances: pa.Table, told: Progress) -> pa.Table:
        vectors = services.embedder.embed(_texts(instances, text), progress=told)
        halves = vectors.astype(np.float16)
        check_unit(halves, f"vectors of {services.embedder.name}")
        return _table(instances["instance_key"], keys(instances), halves)

    column = MadeColumn(embedding_kind(services), keys, make, _checked, lambda _: {})
    return list(
        make_parts(
            day, services, StepName.EMBED, embed_rules(day, services), column, parts, progress
        )
    )


def _checked(vectors: pa.Table) -> pa.Table:
    check_unit(vector_matrix(vectors), "stored vectors")
    return vectors


def _table(
    instance_keys: pa.ChunkedArray, keys: pa.Array, vectors: NDArray[np.float16]
) -> pa.Table:
    columns = {"instance_key": instance_keys, CONTENT_KEY: keys, "vector": _column(vectors)}
    return pa.table(columns)


def _column(vectors: NDArray[np.float16]) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])


def _texts(instances: pa.Table, text: str) -> list[str]:
    instructions: list[str] = instances["instruction"].to_pylist()
    if text == INSTRUCTION_ONLY:
        return instructions
    pairs = zip(instructions, instances["input"].to_pylist(), strict=True)
    return [f"{instruction}\n{given}" for instruction, given in pairs]
