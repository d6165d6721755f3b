"""Asking the critic about the tasks that passed every filter, where the settings name a critic."""

from collections import Counter
from collections.abc import Sequence

from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Counts, Mode, StepReport, Task
from dynosaur_etl.flows.propose.judging import ConfigAnswers, read_configs, validity_rules
from dynosaur_etl.flows.propose.propose import ConfigToAsk, questions
from dynosaur_etl.flows.runtime.asking import ask, submit_missing
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.instances.organise import RULES, Filling, draw_rows, fill_rows
from dynosaur_etl.llm.batch_client import Submission
from dynosaur_etl.proposals.critic import (
    CriticVerdict,
    Example,
    build_critic_request,
    read_verdict,
)
from dynosaur_etl.proposals.validity import JudgedProposal, TaskParts
from dynosaur_etl.store.answers import stored_answers

EXAMPLE_SEED = "critic"
DRAWN_ROWS = 8
"""Rows that are tried for the two examples; some give no instance."""


def criticise(day: GrowthDay, services: Services, progress: Progress = silent) -> StepReport:
    """Send the critic's requests that have no answer in the ledger; none without a critic.

    Raises:
        LlmUnavailable: the server gives no answer at all.
        LlmRefused: the server refuses the credentials, or the quota is used up.
    """
    requests = _requests(day, services)
    outcomes = ask(requests, str(day), services, progress)
    return StepReport(
        "criticise",
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


def submit_criticism(day: GrowthDay, services: Services) -> Submission:
    """Submit the critic's requests that have no answer, as batches of the Batch API.

    Raises:
        LlmUnavailable: the server takes no batch now; a retry goes on with what is left.
        LlmRefused: the server refuses the credentials, or the quota is used up.
    """
    return submit_missing(_requests(day, services), str(day), services)


def _requests(day: GrowthDay, services: Services) -> list[ChatRequest]:
    if not services.settings.critic_model:
        return []
    asked = questions(day, services)
    answers = stored_answers(services.engine, [question.request.key for question in asked])
    rules = validity_rules(services.settings)
    requests = {
        request.key: request
        for found in read_configs(asked, answers, services)
        for proposal in found.judge(rules).proposals
        if (request := critic_request(found, proposal, day, services)) is not None
    }
    return list(requests.values())


def critic_request(
    found: ConfigAnswers, proposal: JudgedProposal, day: GrowthDay, services: Services
) -> ChatRequest | None:
    """Word the critic's request about a proposal that passed the filters; None for another one."""
    if not isinstance(proposal.judgement, TaskParts):
        return None
    question = found.questions[proposal.mode]
    task = task_of(found.about, proposal.judgement, proposal, question.request)
    subject = f"{found.about.config.subject}#{proposal.mode}{proposal.raw.position}"
    return build_critic_request(
        task.instruction,
        _examples(task, found.about, day, services),
        subject,
        services.settings.critic_model,
    )


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


def critic_verdicts(
    found: ConfigAnswers, proposals: Sequence[JudgedProposal], day: GrowthDay, services: Services
) -> dict[tuple[Mode, int], CriticVerdict | None]:
    """Give the ledger's verdicts by the place of what the critic is asked; None where it waits."""
    if not services.settings.critic_model:
        return {}
    requests = {
        proposal.place: request
        for proposal in proposals
        if (request := critic_request(found, proposal, day, services)) is not None
    }
    stored = stored_answers(services.engine, [request.key for request in requests.values()])
    verdicts: dict[tuple[Mode, int], CriticVerdict | None] = {}
    for place, request in requests.items():
        answer = stored.answered.get(request.key)
        refusal = stored.refused.get(request.key)
        if answer is not None:
            verdicts[place] = read_verdict(answer.content)
        else:
            verdicts[place] = None if refusal is None else CriticVerdict(None, refusal)
    return verdicts


def _examples(task: Task, about: ConfigToAsk, day: GrowthDay, services: Services) -> list[Example]:
    columns = [*task.input_fields, task.output_field, "__split__", "__row__"]
    rows = services.storage.read_table(about.sample_path, columns)
    drawn = rows.take(draw_rows(rows.num_rows, DRAWN_ROWS, EXAMPLE_SEED))
    filling = Filling(RULES[services.settings.instance_rules])
    filled = fill_rows(task, about.config, drawn, filling, str(day)).instances
    return [Example(row["input"], row["output"]) for row in filled.to_pylist()]
