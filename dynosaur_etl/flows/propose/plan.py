"""The plan of a day's requests: built once from what was examined, read by each part and rerun."""

from collections.abc import Sequence

from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import Mode, StepName
from dynosaur_etl.flows.propose.questions import Question, questions, questions_about
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.runtime.step import require_step
from dynosaur_etl.instances.organise import RULES
from dynosaur_etl.proposals.prompt import WORDING_VERSIONS
from dynosaur_etl.store.answers import answer_states
from dynosaur_etl.store.plans import Plan, PlannedRequest, PlanProgress, read_plan, save_plan


def plan_rules(day: GrowthDay, services: Services) -> str:
    """Return the fingerprint of what the day's requests are built from.

    Raises:
        InvalidInput: the day's candidates have not been examined.
    """
    settings = services.settings
    return digest(
        "plan",
        require_step(services, str(day), StepName.EXAMINE).output,
        settings.prompt,
        WORDING_VERSIONS[settings.prompt],
        settings.llm_model,
        RULES[settings.instance_rules].version,
        settings.llm_effort,
    )


def plan_of(day: GrowthDay, services: Services) -> Plan:
    """Return the day's requests in their one order; they are built where no plan holds them.

    Raises:
        InvalidInput: the day's candidates have not been examined.
    """
    fingerprint = plan_rules(day, services)
    stored = read_plan(services.engine, str(day), StepName.PROPOSE)
    if stored is not None and stored.fingerprint == fingerprint:
        return stored
    return keep_plan(day, services, questions(day, services))


def keep_plan(day: GrowthDay, services: Services, asked: Sequence[Question]) -> Plan:
    """Store requests that were built as the day's plan."""
    requests = (
        PlannedRequest(
            question.request.key,
            question.about.config.dataset_id,
            question.about.config.name,
            question.mode,
        )
        for question in asked
    )
    plan = Plan(plan_rules(day, services), tuple(requests))
    save_plan(services.engine, str(day), StepName.PROPOSE, plan)
    services.records.forget(str(day))
    return plan


def progress_of(day: GrowthDay, services: Services) -> PlanProgress | None:
    """Return how far the day's plan is, without building or reading it; None where it is not made.

    Raises:
        InvalidInput: the day's candidates have not been examined.
    """
    found = services.records.plan(str(day), StepName.PROPOSE)
    return found if found is not None and found.fingerprint == plan_rules(day, services) else None


def unanswered(
    day: GrowthDay, services: Services, planned: Sequence[PlannedRequest]
) -> tuple[Sequence[PlannedRequest], list[ChatRequest]]:
    """Build the planned requests that have no answer in the ledger, and no others.

    Where a request is not what the plan has under its key, as the code that words it has changed
    under an old version, the plan is made anew.

    Returns:
        The planned requests, of the new plan where there is one, and those that were built.
    """
    keys = {item.key for item in planned}
    left = keys - answer_states(services.engine, list(keys)).answered
    configs = {_about(item)[:2] for item in planned if item.key in left}
    built = {
        question.request.key: question.request
        for question in questions_about(day, services, configs)
        if question.request.key in left
    }
    if built.keys() == left:
        return planned, list(built.values())
    wanted = {_about(item) for item in planned}
    plan = keep_plan(day, services, questions(day, services))
    return unanswered(day, services, [item for item in plan.requests if _about(item) in wanted])


def _about(item: PlannedRequest) -> tuple[str, str, Mode]:
    return item.dataset_id, item.config, item.mode
