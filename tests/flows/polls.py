"""Days of a Hub that are polled and not grown: no LLM is asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import StepReport
from dynosaur_etl.flows.runtime.services import Services, open_services
from tests.flows.support import POLL_STEPS, environment, serving, settings


@contextmanager
def polling(root: Path, url: str, home: Path, **more: str) -> Iterator[Services]:
    with serving(root, home / "logs") as servers:
        values = environment(servers, url, home, **more)
        with open_services(settings(values)) as services:
            yield services


def poll(services: Services, day: str) -> list[StepReport]:
    return [step(GrowthDay.parse(day), services) for step in POLL_STEPS]


def rows(services: Services, query: str) -> list[tuple[Any, ...]]:
    with services.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]
