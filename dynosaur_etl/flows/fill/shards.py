"""A day's tasks in shards, each of which one Airflow task fills.

A finished shard is kept as a checkpoint until the step is committed, so that a killed run goes on
with the shards that are left, and shards may be filled in any order and on several machines.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import (
    Counts,
    Reject,
    StepName,
    StepReport,
)
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.flows.fill.evaluation_texts import evaluation_files
from dynosaur_etl.flows.fill.filler import FilledShard, Filler, Shard, source_of
from dynosaur_etl.flows.runtime.parts import cut_parts
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.runtime.step import is_finished, require_step
from dynosaur_etl.instances.duplicates import NEAR_VERSION
from dynosaur_etl.instances.native import (
    NATIVE_VERSION,
)
from dynosaur_etl.instances.organise import (
    ORGANISE_VERSION,
    RULES,
)
from dynosaur_etl.instances.pii import PII_VERSION
from dynosaur_etl.instances.row_marks import (
    ROW_MARKS_VERSION,
)
from dynosaur_etl.store.database import locked
from dynosaur_etl.store.facts.day_tasks import tasks_of_day
from dynosaur_etl.store.steps import CountedReject, load_checkpoints, save_checkpoints
from dynosaur_etl.store.storage import StoredFile


@dataclass(frozen=True)
class FillRules:
    """Everything that the day's instances depend on.

    Attributes:
        version: of how instances are made.
        marks: version of the marks of rows, and the licences and languages that are allowed.
        rules: version of the rules of texts.
        native: version of how native instances are made, and the settings of these.
        tasks: output of the step `validate`.
        examined: output of the step `examine`.
        near_duplicates: version of how these are found, and whether they are.
        pii: version of how personal data are found, and what is done with them.
        evaluation: identity of each file of evaluation texts.
    """

    version: str
    marks: tuple[Any, ...]
    rules: str
    native: tuple[Any, ...]
    tasks: str
    examined: str
    instances_per_task: int
    seed: int
    shard_tasks: int
    near_duplicates: tuple[Any, ...]
    pii: tuple[Any, ...]
    evaluation: tuple[Any, ...]
    evaluation_words: int


def fill_rules(day: GrowthDay, services: Services) -> FillRules:
    """Return everything that the day's instances depend on.

    Raises:
        InvalidInput: the day's proposals have not been validated, or the folder of evaluation
            texts holds none.
    """
    settings = services.settings
    texts = evaluation_files(settings.evaluation_texts)
    return FillRules(
        version=ORGANISE_VERSION,
        marks=(ROW_MARKS_VERSION, settings.licences, settings.languages),
        rules=RULES[settings.instance_rules].version,
        native=(
            NATIVE_VERSION,
            settings.languages,
            settings.native_reasoning,
            settings.native_turns,
        ),
        tasks=require_step(services, str(day), StepName.VALIDATE).output,
        examined=require_step(services, str(day), StepName.EXAMINE).output,
        instances_per_task=settings.instances_per_task,
        seed=settings.seed,
        shard_tasks=settings.fill_batch_tasks,
        near_duplicates=(NEAR_VERSION, settings.near_duplicates),
        pii=(PII_VERSION, settings.pii),
        evaluation=tuple(file.identity for file in texts),
        evaluation_words=settings.evaluation_words,
    )


def tasks_are_outdated(day: GrowthDay, services: Services) -> bool:
    """Tell whether the day was examined anew, and its tasks still are those of before.

    They stand as long as answers for the new ones are missing; the samples that they were made
    from may be gone.

    Raises:
        InvalidInput: the day's proposals have not been validated.
    """
    examined = require_step(services, str(day), StepName.EXAMINE).output
    validated = require_step(services, str(day), StepName.VALIDATE).report
    return bool(validated.facts.get("examined", examined) != examined)


def plan_fill(day: GrowthDay, services: Services) -> list[Shard]:
    """Cut the day's tasks into shards."""
    parts = cut_parts(tasks_of_day(services.engine, str(day)), services.settings.fill_batch_tasks)
    return [
        Shard(number, f"{source_of(part[0])} .. {source_of(part[-1])} ({len(part)})", part)
        for number, part in enumerate(parts)
    ]


def fill_shard(day: GrowthDay, services: Services, number: int) -> StepReport:
    """Fill one shard of the day, unless that has been done; of a finished day, nothing.

    Raises:
        InvalidInput: there is no such shard.
    """
    shards = plan_fill(day, services)
    if not 0 <= number < len(shards):
        raise InvalidInput(not_allowed("shard", number, f"0 to {len(shards) - 1}"))
    if is_finished(services, str(day), StepName.FILL, fill_rules(day, services)):
        return StepReport(StepName.FILL, str(day), Counts(0, 0, 0), facts={"shard": number})
    [filled] = filled_shards(day, services, shards[number : number + 1])
    kept = filled.file.rows
    reasons = Counter[str]()
    for counted in filled.rejects:
        reasons[str(counted.reject.reason)] += counted.number
    counts = Counts(kept + filled.rejected, kept, filled.rejected)
    return StepReport(StepName.FILL, str(day), counts, dict(reasons), {"shard": number})


def filled_shards(
    day: GrowthDay, services: Services, shards: Sequence[Shard]
) -> Iterator[FilledShard]:
    """Give the shards filled: those that are done as they are, the others done now."""
    if not shards:
        return
    fingerprint = digest(fill_rules(day, services))
    filler = Filler(day, services)
    for shard in shards:
        with locked(services.engine, StepName.FILL, str(day), str(shard.number)):
            done = load_checkpoints(services.engine, str(day), StepName.FILL, fingerprint)
            result = done.get(_item(shard.number))
            if result is None:
                result = _as_json(filler.fill(shard))
                item = _item(shard.number)
                save_checkpoints(
                    services.engine, str(day), StepName.FILL, fingerprint, {item: result}
                )
        yield _from_json(shard.number, result)


def _item(number: int) -> str:
    return f"shard {number}"


def _as_json(filled: FilledShard) -> dict[str, Any]:
    rejects = [
        {
            "subject": counted.reject.subject,
            "reason": str(counted.reject.reason),
            "detail": counted.reject.detail,
            "number": counted.number,
        }
        for counted in filled.rejects
    ]
    beside = None if filled.conversations is None else asdict(filled.conversations)
    return {"file": asdict(filled.file), "rejects": rejects, "conversations": beside}


def _from_json(number: int, result: Mapping[str, Any]) -> FilledShard:
    rejects = [
        CountedReject(
            Reject(Stage.FILL, row["subject"], Reason(row["reason"]), row["detail"]), row["number"]
        )
        for row in result["rejects"]
    ]
    beside = result.get("conversations")
    conversations = None if beside is None else StoredFile(**beside)
    return FilledShard(number, StoredFile(**result["file"]), rejects, conversations)
