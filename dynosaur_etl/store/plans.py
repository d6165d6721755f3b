"""Plans: the requests of a day's step, kept so that they are built once and not by each part."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, text

from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.ledger import RequestStatus
from dynosaur_etl.domain.models import Mode, StepName
from dynosaur_etl.store.database import transaction
from dynosaur_etl.store.tables import PlanRow

_PROGRESS = text(
    "select day, step, fingerprint, asked,"
    " (select count(distinct key) from unnest(keys) as key) as requests,"
    " (select count(distinct key) from unnest(keys) as key join llm_requests using (key)"
    "   where status = :answered) as answered"
    " from plans where day = any(:days)"
)


@dataclass(frozen=True)
class PlannedRequest:
    """One request of a plan: its key in the ledger, and what it is about."""

    key: str
    dataset_id: str
    config: str
    mode: Mode


@dataclass(frozen=True)
class Plan:
    """The requests of a step of a day, in their order.

    Attributes:
        fingerprint: of what they are built from.
    """

    fingerprint: str
    requests: tuple[PlannedRequest, ...]

    @property
    def keys(self) -> list[str]:
        return [request.key for request in self.requests]

    @property
    def asked(self) -> str:
        """Digest of the keys."""
        return digest(self.keys)


@dataclass(frozen=True)
class PlanProgress:
    """How far a plan is, without its requests; `requests` and `answered` count distinct keys."""

    fingerprint: str
    asked: str
    requests: int
    answered: int

    @property
    def is_answered(self) -> bool:
        return self.answered == self.requests


def save_plan(engine: Engine, day: str, step: StepName, plan: Plan) -> None:
    """Keep the plan of a step of a day, in place of the one before.

    Raises:
        StoreUnavailable: the database does not answer or has no room.
    """
    about = [[request.dataset_id, request.config, request.mode] for request in plan.requests]
    row = PlanRow(
        day=day,
        step=step,
        fingerprint=plan.fingerprint,
        asked=plan.asked,
        keys=plan.keys,
        about=about,
    )
    with transaction(engine) as session:
        session.merge(row)


def read_plan(engine: Engine, day: str, step: StepName) -> Plan | None:
    """Read the plan of a step of a day; None where there is none.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    with transaction(engine) as session:
        row = session.get(PlanRow, (day, step))
        if row is None:
            return None
        requests = (
            PlannedRequest(key, dataset_id, config, Mode(mode))
            for key, (dataset_id, config, mode) in zip(row.keys, row.about, strict=True)
        )
        return Plan(row.fingerprint, tuple(requests))


def plan_progress(engine: Engine, days: Sequence[str]) -> dict[tuple[str, str], PlanProgress]:
    """Count the answered requests of the plans of days, by day and step, in one query.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    values = {"days": list(days), "answered": RequestStatus.ANSWERED}
    with transaction(engine) as session:
        return {
            (row.day, row.step): PlanProgress(
                row.fingerprint, row.asked, row.requests, row.answered
            )
            for row in session.execute(_PROGRESS, values)
        }
