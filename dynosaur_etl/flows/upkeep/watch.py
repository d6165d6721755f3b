"""What an operator should hear of once a day, although no run has failed."""

from datetime import datetime

from dynosaur_etl.domain.errors import LlmRefused, LlmUnavailable
from dynosaur_etl.flows.runtime.batches import resume_batches
from dynosaur_etl.flows.runtime.batches_of_note import batch_troubles
from dynosaur_etl.flows.runtime.models_in_use import model_warnings, models_in_use
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.llm.probe import list_models
from dynosaur_etl.store.forms import note_end


def warnings(services: Services, now: datetime | None = None) -> list[str]:
    """Look at every open batch and at the server's list of models.

    Returns:
        A sentence for each thing that needs a person.
    """
    found: list[str] = []
    for look in (_look_at_batches, _look_at_models):
        try:
            look(services)
        except (LlmUnavailable, LlmRefused) as trouble:
            found.append(str(trouble))
    return [*found, *batch_troubles(services, now), *model_warnings(services, now)]


def _look_at_batches(services: Services) -> None:
    resume_batches(services)


def _look_at_models(services: Services) -> None:
    """Note the days on which the server says that the models in use end."""
    settings = services.settings
    listed = list_models(
        settings.openai_base_url, settings.openai_api_key.get_secret_value(), settings.llm_timeout
    )
    for model in models_in_use(settings):
        note_end(services.engine, settings.openai_base_url, model, (listed or {}).get(model))
