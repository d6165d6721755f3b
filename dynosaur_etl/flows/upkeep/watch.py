"""What an operator should hear of once a day, although no run has failed."""

import logging

from dynosaur_etl.domain.errors import LlmRefused, LlmUnavailable
from dynosaur_etl.flows.runtime.batches import resume_batches
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.batches import batch_troubles

log = logging.getLogger(__name__)


def warnings(services: Services) -> list[str]:
    """Look at every open batch, and return a sentence for each thing that needs a person."""
    found: list[str] = []
    try:
        resume_batches(services)
    except (LlmUnavailable, LlmRefused) as trouble:
        found.append(str(trouble))
    return [*found, *batch_troubles(services)]
