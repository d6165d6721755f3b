"""Reading the day's answers: proposals, their verdicts, and the tasks that are left."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from dynosaur_etl.domain.features import usable_fields
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import Counts, Mode, Reject, StepReport, Task
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.flows.propose import ConfigToAsk, Question, questions
from dynosaur_etl.flows.services import Progress, Services, silent
from dynosaur_etl.flows.step import require_step, run_step
from dynosaur_etl.proposals.parse import RawProposal, read_proposals
from dynosaur_etl.proposals.validity import (
    VALIDITY_VERSION,
    JudgedProposal,
    TaskParts,
    judge_proposals,
)
from dynosaur_etl.store.answers import StoredAnswers, stored_answers
from dynosaur_etl.store.steps import CountedReject, StepOutput
from dynosaur_etl.store.tables import ProposalRow, TaskRow


@dataclass
class Judged:
    """What the answers about some configs came to; one count stands for one proposal.

    An answer without a proposal counts as one reject, a request without an answer as one deferred.
    """

    proposals: list[dict[str, Any]] = field(default_factory=list)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    rejects: list[CountedReject] = field(default_factory=list)
    deferred: int = 0
    rescues: Counter[str] = field(default_factory=Counter)


def validate(day: GrowthDay, services: Services, progress: Progress = silent) -> StepReport:
    """Turn the ledger's answers to the day's requests into tasks and rejects.

    Requests without an answer are deferred: the next run of the day asks them again.
    """
    asked = questions(day, services)
    answers = stored_answers(services.engine, [question.request.key for question in asked])
    rules = {
        "version": VALIDITY_VERSION,
        "examined": require_step(services, str(day), "examine").output,
        "asked": [question.request.key for question in asked],
        "answered": digest(sorted(answers.answered), sorted(answers.refused)),
    }

    def work() -> StepOutput:
        judged = Judged()
        for done, group in enumerate(_by_config(asked), start=1):
            _judge_config(day, services, group, answers, judged)
            progress(done, len(asked))
        return _output(judged)

    return run_step(services, str(day), "validate", rules, work)


def _by_config(asked: Sequence[Question]) -> Iterator[list[Question]]:
    for _, group in groupby(asked, key=lambda question: question.about.config.subject):
        yield list(group)


def _judge_config(
    day: GrowthDay,
    services: Services,
    group: Sequence[Question],
    answers: StoredAnswers,
    judged: Judged,
) -> None:
    read = [(question, _read_one(question, answers, judged)) for question in group]
    about = group[0].about
    columns = [column.name for column in usable_fields(about.config.fields)]
    rows = services.storage.read_table(about.sample_path, columns).to_pylist()
    verdicts = judge_proposals(
        about.config, rows, [(question.mode, proposals) for question, proposals in read]
    )
    requests = {question.mode: question.request for question in group}
    for verdict in verdicts:
        request = requests[verdict.mode]
        _record(day, about, verdict, request.key, request.prompt_version, judged)


def _read_one(question: Question, answers: StoredAnswers, judged: Judged) -> Sequence[RawProposal]:
    key = question.request.key
    if key in answers.refused:
        judged.rejects.append(_reject(question, Reason.LLM_REFUSAL, answers.refused[key]))
        return ()
    answer = answers.answered.get(key)
    if answer is None:
        judged.deferred += 1
        return ()
    read = read_proposals(answer.content, answer.refusal, answer.finish_reason)
    if read.rescue is not None:
        judged.rescues[str(read.rescue)] += 1
    if read.reject is not None:
        judged.rejects.append(_reject(question, read.reject, read.detail))
    return read.proposals


def _record(
    day: GrowthDay,
    about: ConfigToAsk,
    verdict: JudgedProposal,
    request_key: str,
    prompt_version: str,
    judged: Judged,
) -> None:
    config, judgement = about.config, verdict.judgement
    task = None
    reason, detail = None, ""
    if isinstance(judgement, TaskParts):
        task = _task(about, judgement, verdict.mode, request_key, prompt_version)
        judged.tasks[task.key] = _task_row(day, task)
    else:
        reason, detail = judgement.reason, judgement.detail
        subject = f"{config.subject}#{verdict.mode}{verdict.raw.position}"
        reject = Reject(Stage.VALIDATE, subject, Reason(reason or ""), detail)
        judged.rejects.append(CountedReject(reject))
    judged.proposals.append(
        {
            "day": str(day),
            "request_key": request_key,
            "position": verdict.raw.position,
            "dataset_id": config.dataset_id,
            "revision": config.revision,
            "config": config.name,
            "mode": str(verdict.mode),
            "payload": [verdict.raw.payload],
            "reason": reason,
            "detail": detail,
            "task_key": None if task is None else task.key,
        }
    )


def _task(
    about: ConfigToAsk, parts: TaskParts, mode: Mode, request_key: str, prompt_version: str
) -> Task:
    return Task(
        dataset_id=about.config.dataset_id,
        revision=about.config.revision,
        config=about.config.name,
        instruction=parts.instruction,
        input_fields=parts.input_fields,
        output_field=parts.output_field,
        label_space=parts.label_space,
        mode=mode,
        prompt_version=prompt_version,
        licence=about.licence,
        request_key=request_key,
    )


def _task_row(day: GrowthDay, task: Task) -> dict[str, Any]:
    return {
        "day": str(day),
        "key": task.key,
        "dataset_id": task.dataset_id,
        "revision": task.revision,
        "config": task.config,
        "instruction": task.instruction,
        "input_fields": list(task.input_fields),
        "output_field": task.output_field,
        "label_space": list(task.label_space),
        "mode": str(task.mode),
        "prompt_version": task.prompt_version,
        "licence": task.licence,
        "request_key": task.request_key,
    }


def _output(judged: Judged) -> StepOutput:
    rejected = sum(counted.number for counted in judged.rejects)
    kept = len(judged.tasks)
    return StepOutput(
        counts=Counts(kept + rejected + judged.deferred, kept, rejected, judged.deferred),
        rejects=judged.rejects,
        stages=(Stage.VALIDATE,),
        tables={ProposalRow: judged.proposals, TaskRow: list(judged.tasks.values())},
        facts={
            "proposals": len(judged.proposals),
            "rescued": dict(sorted(judged.rescues.items())),
        },
    )


def _reject(question: Question, reason: Reason, detail: str) -> CountedReject:
    subject = f"{question.about.config.subject}#{question.mode}"
    return CountedReject(Reject(Stage.VALIDATE, subject, reason, detail))
