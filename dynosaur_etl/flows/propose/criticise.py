"""Asking the critic about the tasks that passed every filter, all of a config in one request."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Counts, Mode, StepName, StepReport, Task, Verdict
from dynosaur_etl.flows.propose.judging import ConfigAnswers, read_configs, validity_rules
from dynosaur_etl.flows.propose.questions import questions
from dynosaur_etl.flows.propose.validation_rules import validation_rules
from dynosaur_etl.flows.runtime.asking import ask, submit_missing
from dynosaur_etl.flows.runtime.compartments import contained
from dynosaur_etl.flows.runtime.kept_configs import ConfigToAsk
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.flows.runtime.step import is_finished, require_step
from dynosaur_etl.instances.organise import (
    RULES,
    Filling,
    draw_rows,
    fill_rows,
    without_marks,
)
from dynosaur_etl.proposals.critic import (
    MAX_TASKS,
    CriticExample,
    CriticVerdict,
    FilledTask,
    build_critic_request,
    read_verdicts,
)
from dynosaur_etl.proposals.validity import JudgedProposal, TaskParts
from dynosaur_etl.store.answers import StoredAnswers, stored_answers

if TYPE_CHECKING:  # the LLM's client takes long to load; a finished day needs none
    from dynosaur_etl.llm.batch_client import Submission

EXAMPLE_SEED = "critic"
DRAWN_ROWS = 8
"""Rows that are tried for the two examples; some give no instance."""


def criticise(day: GrowthDay, services: Services, progress: Progress = silent) -> StepReport:
    """Send the critic's requests that have no answer in the ledger; none without a critic.

    Of a day whose tasks are finished nothing is built, and nothing sent.

    Raises:
        LlmUnavailable: the server gives no answer at all.
        LlmRefused: the server refuses the credentials, or the quota is used up.
    """
    known = _criticised(day, services)
    if known is not None:
        return StepReport(StepName.CRITICISE, str(day), Counts(known, known, 0))
    requests = _requests(day, services)
    outcomes = ask(requests, str(day), services, progress)
    return StepReport(
        StepName.CRITICISE,
        str(day),
        Counts(
            taken=len(requests),
            kept=len(outcomes.answered),
            rejected=len(outcomes.refused),
            deferred=len(outcomes.deferred),
        ),
        reasons=dict(Counter(str(reason) for reason in outcomes.deferred.values())),
        facts={"sent": outcomes.sent, "notes": list(outcomes.notes)},
    )


def submit_criticism(day: GrowthDay, services: Services) -> "Submission":
    """Submit the critic's requests that have no answer, as batches of the Batch API.

    Raises:
        LlmUnavailable: the server takes no batch now; a retry goes on with what is left.
        LlmRefused: the server refuses the credentials, or the quota is used up.
    """
    return submit_missing(_requests(day, services), str(day), services)


def _criticised(day: GrowthDay, services: Services) -> int | None:
    """Count the requests of a day whose tasks are finished; None where they are not."""
    if not services.settings.critic:
        return 0
    rules = validation_rules(day, services)
    if not is_finished(services, str(day), StepName.VALIDATE, rules):
        return None
    return int(
        require_step(services, str(day), StepName.VALIDATE).report.facts.get("criticised", 0)
    )


def _requests(day: GrowthDay, services: Services) -> list[ChatRequest]:
    if not services.settings.critic:
        return []
    asked = questions(day, services)
    answers = stored_answers(services.engine, [question.request.key for question in asked])
    rules = validity_rules(services.settings)
    requests = {
        batch.request.key: batch.request
        for found in read_configs(asked, answers, services)
        for batch in _batches(found, found.judge(rules, services).proposals, day, services)
        if isinstance(batch.request, ChatRequest)
    }
    return list(requests.values())


@dataclass(frozen=True)
class _Batch:
    """One request of the critic, and the places of the proposals that it is about.

    Attributes:
        request: the verdict on those proposals, where nobody foresaw what wording it raises.
    """

    places: Sequence[tuple[Mode, int]]
    request: ChatRequest | Verdict


def _batches(
    found: ConfigAnswers, proposals: Sequence[JudgedProposal], day: GrowthDay, services: Services
) -> Iterator[_Batch]:
    """Word the critic's requests about what passed the filters of a config: mostly one."""
    filled: list[tuple[JudgedProposal, FilledTask]] = []
    for proposal in (one for one in proposals if isinstance(one.judgement, TaskParts)):
        subject = f"{found.about.config.subject}#{proposal.mode}{proposal.raw.position}"
        task = contained(subject, partial(_filled, found, proposal, day, services))
        if isinstance(task, Verdict):
            yield _Batch([proposal.place], task)
        else:
            filled.append((proposal, task))
    for start in range(0, len(filled), MAX_TASKS):
        some = filled[start : start + MAX_TASKS]
        subject = f"{found.about.config.subject}#critic" + (f"{start}" if start else "")
        tasks = [task for _, task in some]
        wording = partial(build_critic_request, tasks, subject, services.settings.critic)
        yield _Batch([proposal.place for proposal, _ in some], contained(subject, wording))


def _filled(
    found: ConfigAnswers, proposal: JudgedProposal, day: GrowthDay, services: Services
) -> FilledTask:
    if not isinstance(proposal.judgement, TaskParts):
        raise TypeError(f"proposal: received {proposal.judgement}; allowed: the parts of a task")
    request = found.questions[proposal.mode].request
    task = task_of(found.about, proposal.judgement, proposal, request)
    return FilledTask(task.instruction, _examples(task, found.about, day, services))


def task_of(
    about: ConfigToAsk, parts: TaskParts, proposal: JudgedProposal, request: ChatRequest
) -> Task:
    """Give the task that a valid proposal is."""
    return Task(
        dataset_id=about.config.dataset_id,
        revision=about.config.revision,
        config=about.config.name,
        instruction=parts.instruction,
        input_fields=parts.input_fields,
        output_field=parts.output_field,
        label_space=parts.label_space,
        mode=proposal.mode,
        prompt_version=request.prompt_version,
        licence=about.licence,
        request_key=request.key,
    )


@dataclass(frozen=True)
class Criticism:
    """What the critic says of a config's proposals.

    Attributes:
        requests: in which it is asked.
        verdicts: the ledger's, by the place of what it is asked about; None where it waits. A
            `Verdict` drops what it cannot be asked about, or whose answer raises what nobody
            foresaw.
    """

    requests: int
    verdicts: Mapping[tuple[Mode, int], CriticVerdict | Verdict | None]


def criticism_of(
    found: ConfigAnswers, proposals: Sequence[JudgedProposal], day: GrowthDay, services: Services
) -> Criticism:
    """Return what the ledger holds of the critic's answers about a config."""
    if not services.settings.critic:
        return Criticism(0, {})
    batches = list(_batches(found, proposals, day, services))
    requests = [batch.request for batch in batches if isinstance(batch.request, ChatRequest)]
    stored = stored_answers(services.engine, [request.key for request in requests])
    verdicts: dict[tuple[Mode, int], CriticVerdict | Verdict | None] = {}
    for batch in batches:
        said = _said(batch, stored)
        verdicts.update(zip(batch.places, said, strict=True))
    return Criticism(len(requests), verdicts)


def _said(batch: _Batch, stored: StoredAnswers) -> Sequence[CriticVerdict | Verdict | None]:
    number, request = len(batch.places), batch.request
    if isinstance(request, Verdict):
        return [request] * number
    answer = stored.answered.get(request.key)
    if answer is not None:
        read = contained(request.subject, partial(read_verdicts, answer.content, number))
        return [read] * number if isinstance(read, Verdict) else read
    refusal = stored.refused.get(request.key)
    return [None if refusal is None else CriticVerdict(None, refusal)] * number


def _examples(
    task: Task, about: ConfigToAsk, day: GrowthDay, services: Services
) -> list[CriticExample]:
    columns = [*task.input_fields, task.output_field, "__split__", "__row__"]
    rows = services.storage.read_table(about.sample_path, columns)
    drawn = rows.take(draw_rows(rows.num_rows, DRAWN_ROWS, EXAMPLE_SEED))
    drawn = without_marks(drawn, task.output_field, rows[task.output_field])
    filling = Filling(RULES[services.settings.instance_rules])
    filled = fill_rows(task, about.config, drawn, filling, str(day)).instances
    return [CriticExample(row["input"], row["output"]) for row in filled.to_pylist()]
