"""How many proposals are valid, by growth day and by source."""

from typing import Any

from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.store.facts.invalid_proposals import invalidity_by_day, invalidity_by_source


def validity_rates(services: Services) -> dict[str, list[dict[str, Any]]]:
    """Return the validity of every day, and of every source over all days, the worst first."""
    by_day = invalidity_by_day(services.engine)
    by_source = invalidity_by_source(services.engine)
    worst = sorted(by_source.items(), key=lambda item: (-item[1].share, item[0]))
    return {
        "days": [{"day": day} | found.row() for day, found in sorted(by_day.items())],
        "sources": [{"dataset": name} | found.row() for name, found in worst],
    }
