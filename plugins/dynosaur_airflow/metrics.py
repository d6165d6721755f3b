"""What the product tells Airflow's metrics, and so statsd or OpenTelemetry, as configured there.

Totals are gauges over the whole store, so that a step that runs again counts nothing twice.
"""

import logging
from typing import TYPE_CHECKING

from airflow.sdk.observability import stats

from dynosaur_etl.domain.errors import DynosaurError

if TYPE_CHECKING:
    from dynosaur_etl.flows.runtime.services import Services

log = logging.getLogger(__name__)

PREFIX = "dynosaur."
STEP = f"{PREFIX}step."
REASON = f"{PREFIX}proposals.reason."
TOTALS = (
    "dynosaur.datasets.kept", "dynosaur.datasets.rejected",
    "dynosaur.proposals.kept", "dynosaur.proposals.rejected", "dynosaur.proposals.invalid",
    "dynosaur.instances.kept", "dynosaur.instances.rejected",
    "dynosaur.queue.datasets", "dynosaur.queue.proposals", "dynosaur.unforeseen",
    "dynosaur.tokens.prompt", "dynosaur.tokens.completion", "dynosaur.dollars",
)  # fmt: skip


def tell_step(step: str, seconds: float) -> None:
    """Tell how long a step has taken; Airflow sends milliseconds."""
    stats.timing(f"{STEP}{step}", seconds * 1000)


def tell_totals(services: "Services") -> None:
    """Tell what the store holds now; what cannot be told is logged, as the work is done."""
    from dynosaur_etl.flows.views.metric_totals import totals

    try:
        found = totals(services)
    except DynosaurError as error:
        log.warning("the totals cannot be told: %s", error)
        return
    for name, value in found.items():
        stats.gauge(f"{PREFIX}{name}", value)
