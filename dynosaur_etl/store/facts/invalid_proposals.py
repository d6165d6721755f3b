"""How many proposals were valid, by growth day and by source."""

from typing import Any

from sqlalchemy import Engine, func, select

from dynosaur_etl.domain.reasons import Stage
from dynosaur_etl.domain.validity import Invalidity, invalidity
from dynosaur_etl.store.database import reading
from dynosaur_etl.store.tables import RejectionRow, TaskRow


def invalidity_by_day(engine: Engine) -> dict[str, Invalidity]:
    """Count the valid and the invalid proposals of every growth day."""
    return _grouped(engine, RejectionRow.day, TaskRow.day)


def invalidity_by_source(engine: Engine) -> dict[str, Invalidity]:
    """Count the valid and the invalid proposals of every dataset, over all days."""
    return _grouped(engine, func.split_part(RejectionRow.subject, "@", 1), TaskRow.dataset_id)


def _grouped(engine: Engine, of_reject: Any, of_task: Any) -> dict[str, Invalidity]:
    rejects = (
        select(of_reject, RejectionRow.reason, func.sum(RejectionRow.number))
        .where(RejectionRow.stage == Stage.VALIDATE)
        .group_by(of_reject, RejectionRow.reason)
    )
    tasks = select(of_task, func.count()).where(TaskRow.form == "").group_by(of_task)
    reasons: dict[str, dict[str, int]] = {}
    with reading(engine) as session:
        for name, reason, number in session.execute(rejects):
            reasons.setdefault(name, {})[reason] = int(number)
        valid = {name: int(number) for name, number in session.execute(tasks)}
    return {
        name: invalidity(valid.get(name, 0), reasons.get(name, {}))
        for name in reasons.keys() | valid.keys()
    }
