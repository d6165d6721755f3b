"""How many proposals are valid, by growth day and by source."""

from typing import Any

from sqlalchemy import func, select

from dynosaur_etl.domain.reasons import Stage
from dynosaur_etl.domain.validity import Invalidity, invalidity
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.store.database import reading
from dynosaur_etl.store.tables import RejectionRow, TaskRow


def validity_rates(services: Services) -> dict[str, list[dict[str, Any]]]:
    """Give the validity of every day, and of every source over all days, the worst first."""
    by_day = _rates(services, RejectionRow.day, TaskRow.day)
    source = func.split_part(RejectionRow.subject, "@", 1)
    by_source = _rates(services, source, TaskRow.dataset_id)
    worst = sorted(by_source.items(), key=lambda item: (-item[1].share, item[0]))
    return {
        "days": [{"day": day} | found.row() for day, found in sorted(by_day.items())],
        "sources": [{"dataset": name} | found.row() for name, found in worst],
    }


def _rates(services: Services, of_reject: Any, of_task: Any) -> dict[str, Invalidity]:
    rejects = (
        select(of_reject, RejectionRow.reason, func.sum(RejectionRow.number))
        .where(RejectionRow.stage == Stage.VALIDATE)
        .group_by(of_reject, RejectionRow.reason)
    )
    tasks = select(of_task, func.count()).where(TaskRow.form == "").group_by(of_task)
    reasons: dict[str, dict[str, int]] = {}
    with reading(services.engine) as session:
        for name, reason, number in session.execute(rejects):
            reasons.setdefault(name, {})[reason] = int(number)
        valid = {name: int(number) for name, number in session.execute(tasks)}
    return {
        name: invalidity(valid.get(name, 0), reasons.get(name, {}))
        for name in reasons.keys() | valid.keys()
    }
