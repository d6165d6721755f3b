"""Scoring a day's instances, by every scorer that the settings name."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import WAITING, Counts, Reject, StepName, StepReport
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.flows.prepare.instance_parts import (
    InstancePart,
    MadeColumn,
    MadePart,
    count_missing,
    make_parts,
    one_part,
    parts_of,
    unforeseen_rejects,
    unmade,
)
from dynosaur_etl.flows.runtime.asking import submit_missing
from dynosaur_etl.flows.runtime.compartments import alarm_of
from dynosaur_etl.flows.runtime.scorers import (
    Waiting,
    score_kind,
    scorers,
    versioned_kind,
)
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.flows.runtime.step import is_finished, require_step, run_step
from dynosaur_etl.quality.judge import Judge
from dynosaur_etl.quality.scorer import DEFERRED, Scorer, content_keys, score_table, settled
from dynosaur_etl.quality.tags import Tagger
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.steps import CountedReject, StepOutput, files_of

if TYPE_CHECKING:  # the LLM's client takes long to load; a finished day needs none
    from dynosaur_etl.llm.batch_client import Submission

CHOSEN = "chosen"
"""The fact that names the files of the scorer that the selection was to read."""


@dataclass(frozen=True)
class ScoreRules:
    """Everything that the scores of a day depend on.

    Attributes:
        scorers: name and version of each.
        instances: output of the step `fill`.
    """

    scorers: tuple[tuple[str, str], ...]
    instances: str


def score(day: GrowthDay, services: Services, progress: Progress = silent) -> StepReport:
    """Score the day's instances; the parts that `score_part` has scored are taken as they are.

    What is counted are scores: one an instance and scorer. Where the scorer of the selection has
    to defer instances that the one before it has scored, the earlier scores stand.
    """
    waiting: Waiting = {}
    running = scorers(services, str(day), waiting)

    def work() -> StepOutput:
        parts = parts_of(day, services)
        made = {
            scorer.name: _parts(day, services, scorer, parts, running, progress)
            for scorer in running
        }
        chosen = next(x for x in running if x.name == services.settings.quality_scorer)
        lost = _lost(day, services, made[chosen.name]) if waiting else 0
        return _output(running, chosen, made, lost, waiting)

    return run_step(services, str(day), StepName.SCORE, score_rules(day, services, running), work)


def score_part(
    day: GrowthDay, services: Services, number: int, progress: Progress = silent
) -> StepReport:
    """Score one part of the day by every scorer, unless that has been done.

    Of a day whose scoring is finished nothing is done.

    Raises:
        InvalidInput: there is no such part.
    """
    waiting: Waiting = {}
    running = scorers(services, str(day), waiting)
    parts = one_part(day, services, number)
    if is_finished(services, str(day), StepName.SCORE, score_rules(day, services, running)):
        return StepReport(StepName.SCORE, str(day), Counts(0, 0, 0), facts={"part": number})
    made = {
        scorer.name: _parts(day, services, scorer, parts, running, progress) for scorer in running
    }
    counts, missing = _counts(made)
    facts = {"part": number, WAITING: _by_reason(waiting)}
    return StepReport(StepName.SCORE, str(day), counts, dict(missing), facts)


def submit_scores(day: GrowthDay, services: Services, number: int) -> "Submission":
    """Submit what an LLM has to be asked of one part, as batches of the Batch API.

    Where no scorer asks an LLM, or once the part is scored, nothing is submitted.

    Raises:
        InvalidInput: there is no such part.
        LlmUnavailable: the server takes no batch now; a retry goes on with what is left.
        LlmRefused: the server refuses the credentials, or the quota is used up.
    """
    running = scorers(services, str(day))
    [part] = one_part(day, services, number)
    rules = score_rules(day, services, running)
    requests = [
        request
        for asking in running
        if isinstance(asking, Judge | Tagger)
        and not is_finished(services, str(day), StepName.SCORE, rules)
        for request in asking.requests(
            unmade(day, services, StepName.SCORE, rules, _column(asking), part)
        )
    ]
    return submit_missing(requests, str(day), services)


def score_rules(day: GrowthDay, services: Services, running: Sequence[Scorer]) -> ScoreRules:
    """Return everything that the scores of a day depend on.

    Raises:
        InvalidInput: the day's tasks have not been filled.
    """
    return ScoreRules(
        scorers=tuple((scorer.name, scorer.version) for scorer in running),
        instances=require_step(services, str(day), StepName.FILL).output,
    )


def _parts(
    day: GrowthDay,
    services: Services,
    scorer: Scorer,
    parts: Sequence[InstancePart],
    running: Sequence[Scorer],
    progress: Progress,
) -> list[MadePart]:
    rules = score_rules(day, services, running)
    return list(make_parts(day, services, StepName.SCORE, rules, _column(scorer), parts, progress))


def _column(scorer: Scorer) -> MadeColumn:
    return MadeColumn(
        score_kind(scorer),
        content_keys,
        scorer.score,
        _without_score,
        settled,
        _missing,
        is_probed=not isinstance(scorer, Judge),  # whose answer would have to be paid
    )


def _without_score(instances: pa.Table, _: str) -> pa.Table:
    count = instances.num_rows
    return score_table(instances, [None] * count, [str(Reason.UNFORESEEN_ERROR)] * count, {})


def _missing(scores: pa.Table) -> dict[str, int]:
    counted = pc.value_counts(scores["missing"].drop_null()).to_pylist()
    return {entry["values"]: entry["counts"] for entry in counted}


def _counts(made: dict[str, list[MadePart]]) -> tuple[Counts, Counter[str]]:
    """Count scores, and those that are missing for good by reason."""
    parts = [part for of_scorer in made.values() for part in of_scorer]
    taken = sum(part.file.file.rows for part in parts)
    missing = count_missing(parts)
    deferred = missing.pop(DEFERRED, 0)
    rejected = missing.total()
    return Counts(taken, taken - rejected - deferred, rejected, deferred), missing


def _lost(day: GrowthDay, services: Services, made: Sequence[MadePart]) -> int:
    """Count the instances that stand with a score of the earlier choice and are deferred now."""
    done = services.records.step(str(day), StepName.SCORE)
    if done is None:
        return 0
    standing = files_of(services.engine, _chosen_before(done.report, services), str(day))
    scored = _keys(services, [file.path for file in standing], _is_scored)
    deferred = _keys(services, [part.file.file.path for part in made], _is_deferred)
    return len(scored & deferred)


def _chosen_before(report: StepReport, services: Services) -> str:
    """Name the files of the scorer that a finished step was to be selected by."""
    if CHOSEN in report.facts:
        return str(report.facts[CHOSEN])
    versions, wanted = report.facts["scorers"], services.settings.quality_scorer
    name = wanted if wanted in versions else next(iter(versions))
    return versioned_kind(FileKind.SCORES, name, versions[name])


def _keys(
    services: Services, paths: Sequence[str], wanted: Callable[[pa.Table], pa.ChunkedArray]
) -> set[str]:
    tables = (
        services.storage.read_table(path, ["instance_key", "score", "missing"]) for path in paths
    )
    return {
        key for table in tables for key in table.filter(wanted(table))["instance_key"].to_pylist()
    }


def _is_scored(rows: pa.Table) -> pa.ChunkedArray:
    return rows["score"].is_valid()


def _is_deferred(rows: pa.Table) -> pa.ChunkedArray:
    return pc.equal(pc.fill_null(rows["missing"], ""), DEFERRED)


def _by_reason(waiting: Waiting) -> dict[str, int]:
    return dict(Counter(str(reason) for reason in waiting.values()))


def _output(
    running: Sequence[Scorer],
    chosen: Scorer,
    made: dict[str, list[MadePart]],
    lost: int,
    waiting: Waiting,
) -> StepOutput:
    rejects = [
        CountedReject(Reject(Stage.SCORE, name, Reason(reason), "no score"), number)
        for name, parts in made.items()
        for reason, number in sorted(count_missing(parts).items())
        if reason not in {DEFERRED, Reason.UNFORESEEN_ERROR}
    ]
    for name, parts in made.items():
        rejects += unforeseen_rejects(Stage.SCORE, name, parts)
    return StepOutput(
        counts=_counts(made)[0],
        rejects=rejects,
        stages=(Stage.SCORE,),
        files=[part.file for parts in made.values() for part in parts],
        file_kinds=tuple(score_kind(scorer) for scorer in running),
        facts={
            "scorers": {scorer.name: scorer.version for scorer in running},
            CHOSEN: score_kind(chosen),
            WAITING: _by_reason(waiting),
            "alarm": alarm_of(rejects),
        },
        lost=lost,
    )
