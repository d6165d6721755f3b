"""Embedding a day's instances, as unit vectors in float16."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Counts, StepName, StepReport
from dynosaur_etl.domain.reasons import Stage
from dynosaur_etl.domain.schemas import CONTENT_KEY
from dynosaur_etl.flows.prepare.apart import made_apart
from dynosaur_etl.flows.prepare.instance_parts import (
    InstancePart,
    MadeColumn,
    MadePart,
    make_parts,
    one_part,
    parts_of,
    unforeseen_rejects,
)
from dynosaur_etl.flows.runtime.compartments import alarm_of
from dynosaur_etl.flows.runtime.embeddings import embedding_facts, embedding_kind, task_vector_kind
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.flows.runtime.step import is_finished, require_step, run_step
from dynosaur_etl.inference.embedding import check_unit
from dynosaur_etl.store.facts.day_tasks import tasks_of_day
from dynosaur_etl.store.steps import NamedFile, StepOutput
from dynosaur_etl.store.vectors import is_embedded, vector_matrix

INSTRUCTION_ONLY = "instruction"
_PROBE = {"task_key": ["probe"], "instruction": ["Name the season of the poem."]}


@dataclass(frozen=True)
class EmbedRules:
    """Everything that the vectors of a day depend on.

    Attributes:
        kind: of the files; names model, text and precision.
        instances: output of the step `fill`.
        tasks: output of the step `validate`.
    """

    kind: str
    instances: str
    tasks: str


def embed(day: GrowthDay, services: Services, progress: Progress = silent) -> StepReport:
    """Embed the day's instances, and its tasks by their instructions alone.

    The parts that `embed_part` has done are taken as they are.
    """

    def work() -> StepOutput:
        made = _parts(day, services, parts_of(day, services), progress)
        rejects = unforeseen_rejects(Stage.EMBED, services.embedder.name, made)
        return StepOutput(
            counts=_counts(made),
            rejects=rejects,
            stages=(Stage.EMBED,),
            files=[*(part.file for part in made), _embed_tasks(day, services)],
            file_kinds=(embedding_kind(services), task_vector_kind(services)),
            facts=asdict(embedding_facts(services)) | {"alarm": alarm_of(rejects)},
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
    return StepReport(StepName.EMBED, str(day), _counts([made]), facts={"part": number})


def _counts(made: Sequence[MadePart]) -> Counts:
    rows = sum(part.file.file.rows for part in made)
    rejected = sum(sum(part.errors.values()) for part in made)
    return Counts(rows, rows - rejected, rejected)


def embed_rules(day: GrowthDay, services: Services) -> EmbedRules:
    """Return everything that the vectors of a day depend on.

    Raises:
        InvalidInput: the day's tasks have not been filled.
    """
    return EmbedRules(
        kind=embedding_kind(services),
        instances=require_step(services, str(day), StepName.FILL).output,
        tasks=require_step(services, str(day), StepName.VALIDATE).output,
    )


def _embed_tasks(day: GrowthDay, services: Services) -> NamedFile:
    """Embed the tasks; one that cannot be embedded is like no other, which is what zeros are."""
    tasks, kind, embedder = (
        tasks_of_day(services.engine, str(day)),
        task_vector_kind(services),
        services.embedder,
    )

    def make(some: pa.Table, _: Progress) -> pa.Table:
        vectors = embedder.embed(some["instruction"].to_pylist()).astype(np.float16)
        return pa.table({"task_key": some["task_key"], "vector": _column(vectors)})

    def unmade(some: pa.Table, _: str) -> pa.Table:
        zeros = np.zeros((some.num_rows, embedder.dimensions), np.float16)
        return pa.table({"task_key": some["task_key"], "vector": _column(zeros)})

    named = pa.table(
        {
            "task_key": pa.array([task.key for task in tasks], pa.string()),
            "instruction": pa.array([task.instruction for task in tasks], pa.string()),
        }
    )
    made = made_apart(make, named, silent, unmade, pa.table(_PROBE))
    return NamedFile(kind, "day", services.storage.write_table(kind, made))


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

    def unmade(instances: pa.Table, _: str) -> pa.Table:
        zeros = np.zeros((instances.num_rows, services.embedder.dimensions), np.float16)
        return _table(instances["instance_key"], keys(instances), zeros)

    column = MadeColumn(embedding_kind(services), keys, make, unmade, _checked, lambda _: {})
    return list(
        make_parts(
            day, services, StepName.EMBED, embed_rules(day, services), column, parts, progress
        )
    )


def _checked(vectors: pa.Table) -> pa.Table:
    check_unit(vector_matrix(vectors.filter(is_embedded(vectors))), "stored vectors")
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
