"""Scoring a day's instances, by every scorer that the settings name."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Counts, Reject, StepReport
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.flows.prepare.instance_parts import (
    InstancePart,
    MadeColumn,
    MadePart,
    count_missing,
    make_parts,
    one_part,
    parts_of,
    unmade,
)
from dynosaur_etl.flows.prepare.scorers import score_kind, scorers
from dynosaur_etl.flows.runtime.asking import submit_missing
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.flows.runtime.step import is_finished, require_step, run_step
from dynosaur_etl.llm.batch_client import Submission
from dynosaur_etl.quality.judge import Judge
from dynosaur_etl.quality.scorer import DEFERRED, Scorer, content_keys, settled
from dynosaur_etl.store.steps import CountedReject, StepOutput

STEP = "score"


def score(day: GrowthDay, services: Services, progress: Progress = silent) -> StepReport:
    """Score the day's instances; the parts that `score_part` has scored are taken as they are.

    What is counted are scores: one an instance and scorer.
    """
    running = scorers(services, str(day))

    def work() -> StepOutput:
        parts = parts_of(day, services)
        made = {
            scorer.name: _parts(day, services, scorer, parts, running, progress)
            for scorer in running
        }
        return _output(running, made)

    return run_step(services, str(day), STEP, _rules(day, services, running), work)


def score_part(
    day: GrowthDay, services: Services, number: int, progress: Progress = silent
) -> StepReport:
    """Score one part of the day by every scorer, unless that has been done.

    Of a day whose scoring is finished nothing is done.

    Raises:
        InvalidInput: there is no such part.
    """
    running = scorers(services, str(day))
    parts = one_part(day, services, number)
    if is_finished(services, str(day), STEP, _rules(day, services, running)):
        return StepReport(STEP, str(day), Counts(0, 0, 0), facts={"part": number})
    made = {
        scorer.name: _parts(day, services, scorer, parts, running, progress) for scorer in running
    }
    counts, missing = _counts(made)
    return StepReport(STEP, str(day), counts, dict(missing), {"part": number})


def submit_scores(day: GrowthDay, services: Services, number: int) -> Submission:
    """Submit what the judge has to be asked of one part, as batches of the Batch API.

    Without a judge among the scorers, or once the part is scored, nothing is submitted.

    Raises:
        InvalidInput: there is no such part.
        LlmUnavailable: the server takes no batch now; a retry goes on with what is left.
        LlmRefused: the server refuses the credentials, or the quota is used up.
    """
    running = scorers(services, str(day))
    [part] = one_part(day, services, number)
    rules = _rules(day, services, running)
    requests = [
        request
        for judge in running
        if isinstance(judge, Judge) and not is_finished(services, str(day), STEP, rules)
        for request in judge.requests(unmade(day, services, STEP, rules, _column(judge), part))
    ]
    return submit_missing(requests, str(day), services)


def _rules(day: GrowthDay, services: Services, running: Sequence[Scorer]) -> dict[str, Any]:
    return {
        "scorers": [[scorer.name, scorer.version] for scorer in running],
        "instances": require_step(services, str(day), "fill").output,
    }


def _parts(
    day: GrowthDay,
    services: Services,
    scorer: Scorer,
    parts: Sequence[InstancePart],
    running: Sequence[Scorer],
    progress: Progress,
) -> list[MadePart]:
    rules = _rules(day, services, running)
    return list(make_parts(day, services, STEP, rules, _column(scorer), parts, progress))


def _column(scorer: Scorer) -> MadeColumn:
    return MadeColumn(score_kind(scorer), content_keys, scorer.score, settled, _missing)


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


def _output(running: Sequence[Scorer], made: dict[str, list[MadePart]]) -> StepOutput:
    rejects = [
        CountedReject(Reject(Stage.SCORE, name, Reason(reason), "no score"), number)
        for name, parts in made.items()
        for reason, number in sorted(count_missing(parts).items())
        if reason != DEFERRED
    ]
    return StepOutput(
        counts=_counts(made)[0],
        rejects=rejects,
        stages=(Stage.SCORE,),
        files=[part.file for parts in made.values() for part in parts],
        file_kinds=tuple(score_kind(scorer) for scorer in running),
        facts={"scorers": {scorer.name: scorer.version for scorer in running}},
    )
