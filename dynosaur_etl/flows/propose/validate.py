"""Turning the day's answers into proposals, their verdicts, and the tasks that are left."""

import logging
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import Counts, Reject, StepName, StepReport, Task, Verdict
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.domain.validity import invalidity
from dynosaur_etl.flows.propose.criticise import criticism_of, task_of
from dynosaur_etl.flows.propose.judging import ConfigAnswers, read_configs, validity_rules
from dynosaur_etl.flows.propose.native_tasks import native_proposal, native_tasks
from dynosaur_etl.flows.propose.plan import keep_plan
from dynosaur_etl.flows.propose.questions import day_questions
from dynosaur_etl.flows.propose.validation_rules import validation_rules
from dynosaur_etl.flows.runtime.compartments import alarm_of, contained
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.flows.runtime.step import require_step, run_step
from dynosaur_etl.proposals.critic import CriticVerdict
from dynosaur_etl.proposals.validity import JudgedProposal, TaskParts, ValidityRules
from dynosaur_etl.store.answers import stored_answers
from dynosaur_etl.store.steps import CountedReject, StepOutput, count_reasons
from dynosaur_etl.store.tables import ProposalRow, TaskRow
from dynosaur_etl.store.tasks import task_keys

log = logging.getLogger(__name__)

EXAMINED = "examined"
"""The fact that tells of which examination the day's tasks are."""


@dataclass
class Validated:
    """What the answers about some configs came to; one count stands for one proposal.

    An answer without a proposal counts as one reject, a request without an answer as one deferred.

    Attributes:
        waiting: dataset and config of what is deferred.
        criticised: requests in which the critic is asked about them.
    """

    proposals: list[dict[str, Any]] = field(default_factory=list)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    rejects: list[CountedReject] = field(default_factory=list)
    deferred: int = 0
    waiting: set[tuple[str, str]] = field(default_factory=set)
    criticised: int = 0
    rescues: Counter[str] = field(default_factory=Counter)
    repairs: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Validated") -> None:
        """Add what other configs came to."""
        self.proposals += other.proposals
        self.tasks |= other.tasks
        self.rejects += other.rejects
        self.deferred += other.deferred
        self.waiting |= other.waiting
        self.criticised += other.criticised
        self.rescues += other.rescues
        self.repairs += other.repairs

    def defer(self, found: ConfigAnswers, number: int) -> None:
        """Leave a number of things of a config to the next run."""
        self.deferred += number
        if number:
            self.waiting.add((found.about.config.dataset_id, found.about.config.name))


def validate(day: GrowthDay, services: Services, progress: Progress = silent) -> StepReport:
    """Turn the ledger's answers to the day's requests into tasks and rejects.

    Requests without an answer are deferred: the next run of the day asks them again. So are
    proposals that wait for the critic, where there is one. If more than 20% are invalid, the
    paper's mark of failure, the report's facts hold an `alarm`.
    """
    rules = validation_rules(day, services)

    def work() -> StepOutput:
        return _output(day, services, _validate_all(day, services, rules.asked, progress))

    report = run_step(services, str(day), StepName.VALIDATE, rules, work)
    if report.facts.get("alarm"):
        log.warning("validate of %s: %s", day, report.facts["alarm"])
    return report


def _validate_all(
    day: GrowthDay, services: Services, planned: str, progress: Progress
) -> Validated:
    found_questions = day_questions(day, services)
    asked = found_questions.asked
    keys = [question.request.key for question in asked]
    if digest(keys) != planned:  # the code that words requests has changed: they are asked anew
        keep_plan(day, services, asked)
    answers = stored_answers(services.engine, keys)
    rules = validity_rules(services.settings)
    validated = _native(day, services)
    validated.rejects += found_questions.rejects
    for done, found in enumerate(read_configs(asked, answers, services), start=1):
        subject = found.about.config.subject
        part = contained(subject, partial(_validate_config, day, services, found, rules))
        validated.add(_unforeseen(found, part) if isinstance(part, Verdict) else part)
        progress(done, None)
    return validated


def _native(day: GrowthDay, services: Services) -> Validated:
    """Take the tasks of instruction sets as they are: nothing of them was proposed."""
    tasks = native_tasks(day, services)
    return Validated(
        proposals=[native_proposal(day, task) for task in tasks],
        tasks={task.key: _task_row(day, task) for task in tasks},
    )


def _validate_config(
    day: GrowthDay, services: Services, found: ConfigAnswers, rules: ValidityRules
) -> Validated:
    judged = found.judge(rules, services)
    validated = Validated(
        rejects=list(found.rejects), rescues=found.rescues, repairs=judged.repairs
    )
    validated.defer(found, found.deferred)
    said = criticism_of(found, judged.proposals, day, services)
    validated.criticised = said.requests
    for proposal in judged.proposals:
        if proposal.place in said.verdicts:
            _record_criticised(day, found, proposal, said.verdicts[proposal.place], validated)
        else:
            _record(day, found, proposal, "", validated)
    return validated


def _unforeseen(found: ConfigAnswers, verdict: Verdict) -> Validated:
    """Reject every answer about a config; a request without an answer stays deferred."""
    rejects = [
        CountedReject(
            Reject(
                Stage.VALIDATE,
                f"{found.about.config.subject}#{mode}",
                Reason.UNFORESEEN_ERROR,
                verdict.detail,
            )
        )
        for mode, _ in found.answers
    ]
    validated = Validated(rejects=[*found.rejects, *rejects])
    validated.defer(found, found.deferred)
    return validated


def _record_criticised(
    day: GrowthDay,
    found: ConfigAnswers,
    proposal: JudgedProposal,
    said: CriticVerdict | Verdict | None,
    validated: Validated,
) -> None:
    """Record a proposal with the critic's words, or leave it to the next run."""
    if said is None:
        validated.defer(found, 1)
    elif isinstance(said, Verdict):
        _record(day, found, replace(proposal, judgement=said), "", validated)
    elif said.valid:
        _record(day, found, proposal, f"critic: {said.reason}", validated)
    else:
        reason = Reason.CRITIC_UNREADABLE if said.valid is None else Reason.CRITIC_SAYS_INVALID
        dropped = replace(proposal, judgement=Verdict(reason, said.reason))
        _record(day, found, dropped, "", validated)


def _record(
    day: GrowthDay,
    found: ConfigAnswers,
    proposal: JudgedProposal,
    detail: str,
    validated: Validated,
) -> None:
    config, judgement = found.about.config, proposal.judgement
    request = found.questions[proposal.mode].request
    task, reason = None, None
    if isinstance(judgement, TaskParts):
        task = task_of(found.about, judgement, proposal, request)
        validated.tasks[task.key] = _task_row(day, task)
    else:
        reason, detail = judgement.reason, judgement.detail
        subject = f"{config.subject}#{proposal.mode}{proposal.raw.position}"
        reject = Reject(Stage.VALIDATE, subject, Reason(reason or ""), detail)
        validated.rejects.append(CountedReject(reject))
    validated.proposals.append(
        {
            "day": str(day),
            "request_key": request.key,
            "position": proposal.raw.position,
            "dataset_id": config.dataset_id,
            "revision": config.revision,
            "config": config.name,
            "mode": str(proposal.mode),
            "payload": [proposal.raw.payload],
            "reason": reason,
            "detail": detail,
            "task_key": None if task is None else task.key,
        }
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
        "form": task.form,
    }


def _output(day: GrowthDay, services: Services, validated: Validated) -> StepOutput:
    rejected = sum(counted.number for counted in validated.rejects)
    kept = len(validated.tasks)
    native = sum(bool(row["form"]) for row in validated.tasks.values())
    found = invalidity(kept - native, count_reasons(validated.rejects))
    alarms = [found.alarm, alarm_of(validated.rejects)]
    standing = task_keys(services.engine, str(day), validated.waiting)
    return StepOutput(
        counts=Counts(kept + rejected + validated.deferred, kept, rejected, validated.deferred),
        rejects=validated.rejects,
        stages=(Stage.PROPOSE, Stage.VALIDATE),
        tables={ProposalRow: validated.proposals, TaskRow: list(validated.tasks.values())},
        facts={
            "proposals": len(validated.proposals) - native,
            "native": native,
            "rescued": dict(sorted(validated.rescues.items())),
            "repaired": dict(sorted(validated.repairs.items())),
            "invalid": found.invalid,
            "alarm": "; ".join(filter(None, alarms)),
            "criticised": validated.criticised,
            EXAMINED: require_step(services, str(day), StepName.EXAMINE).output,
        },
        lost=len(standing - validated.tasks.keys()),
    )
