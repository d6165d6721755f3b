"""What the tasks of a day depend on: the rules of validity, and the answers that are there."""

from dataclasses import dataclass

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import StepName
from dynosaur_etl.domain.thoughts import THOUGHTS_VERSION
from dynosaur_etl.flows.propose.judging import validity_rules
from dynosaur_etl.flows.propose.plan import plan_of, progress_of
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.runtime.step import require_step
from dynosaur_etl.forms.form import FORMS_VERSION
from dynosaur_etl.instances.organise import RULES
from dynosaur_etl.proposals.critic import VERSION as CRITIC_VERSION
from dynosaur_etl.proposals.validity import VALIDITY_VERSION
from dynosaur_etl.store.answers import answer_states
from dynosaur_etl.store.plans import PlanProgress

ALL = "all"


@dataclass(frozen=True)
class ValidationRules:
    """Everything that the day's tasks depend on.

    Attributes:
        version: of the rules of validity; `thoughts`, `texts` and `native` of other rules.
        examined: output of the step `examine`.
        critic: its model, and the version of its prompt.
        asked: digest of the keys of the day's requests.
        answered: `all`, or a digest of the requests that have an answer.
    """

    version: str
    thoughts: str
    examined: str
    strictness: str
    languages: tuple[str, ...]
    texts: str
    critic: tuple[str, str]
    native: str
    asked: str
    answered: str


def validation_rules(day: GrowthDay, services: Services) -> ValidationRules:
    """Return everything that the day's tasks depend on.

    An answer stays as it is, so that where all requests have one, no key is read.

    Raises:
        InvalidInput: the day's candidates have not been examined.
    """
    rules = validity_rules(services.settings)
    progress = progress_of(day, services) or _planned(day, services)
    return ValidationRules(
        version=VALIDITY_VERSION,
        thoughts=THOUGHTS_VERSION,
        examined=require_step(services, str(day), StepName.EXAMINE).output,
        strictness=str(rules.strictness),
        languages=rules.languages,
        texts=RULES[services.settings.instance_rules].version,
        critic=(services.settings.critic, CRITIC_VERSION),
        native=FORMS_VERSION,
        asked=progress.asked,
        answered=ALL if progress.is_answered else _states(day, services),
    )


def _planned(day: GrowthDay, services: Services) -> PlanProgress:
    plan = plan_of(day, services)
    services.records.forget(str(day))
    return progress_of(day, services) or PlanProgress(plan.fingerprint, plan.asked, 0, 0)


def _states(day: GrowthDay, services: Services) -> str:
    states = answer_states(services.engine, plan_of(day, services).keys)
    return digest(sorted(states.answered), sorted(states.refused))
