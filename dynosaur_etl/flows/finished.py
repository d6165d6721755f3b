"""Whether a run of a day would find anything to do, told from what the days have behind them."""

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import StepName
from dynosaur_etl.flows.fill.shards import fill_rules, tasks_are_outdated
from dynosaur_etl.flows.poll.candidates import candidates_rules
from dynosaur_etl.flows.poll.examine import examination_rules
from dynosaur_etl.flows.prepare.embed import embed_rules
from dynosaur_etl.flows.prepare.score import score_rules
from dynosaur_etl.flows.propose.plan import progress_of
from dynosaur_etl.flows.propose.validation_rules import validation_rules
from dynosaur_etl.flows.runtime.scorers import scorers
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.runtime.step import is_finished
from dynosaur_etl.store.facts.growth_steps import is_selected_from


def is_polled_and_grown(day: GrowthDay, services: Services) -> bool:
    """Tell whether polling and growing the day again under these settings would do nothing."""
    services.records.read([str(day)])
    return _is_polled(day, services) and is_grown(day, services)


def is_grown(day: GrowthDay, services: Services) -> bool:
    """Tell whether growing the day again would do nothing, and a selection has seen the day.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    services.records.read([str(day)])
    try:
        return _has_grown(day, services) and is_selected_from(services.engine, str(day))
    except InvalidInput:  # a step has not been run at all
        return False


def _is_polled(day: GrowthDay, services: Services) -> bool:
    key = str(day)
    found = is_finished(services, key, StepName.CANDIDATES, candidates_rules(services.settings))
    return found and is_finished(services, key, StepName.EXAMINE, examination_rules(day, services))


def _has_grown(day: GrowthDay, services: Services) -> bool:
    key, planned = str(day), progress_of(day, services)
    if planned is None or not planned.is_answered:
        return False
    if not is_finished(services, key, StepName.VALIDATE, validation_rules(day, services)):
        return False
    if tasks_are_outdated(day, services):
        return False
    if not is_finished(services, key, StepName.FILL, fill_rules(day, services)):
        return False
    running = scorers(services, key)
    if not is_finished(services, key, StepName.SCORE, score_rules(day, services, running)):
        return False
    return is_finished(services, key, StepName.EMBED, embed_rules(day, services))
