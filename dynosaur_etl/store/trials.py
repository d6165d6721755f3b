"""Trials of models, in PostgreSQL."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert

from dynosaur_etl.domain.trials import ModelResult, Trial
from dynosaur_etl.store.database import transaction
from dynosaur_etl.store.tables import LlmTrialRow

SHOWN = 20


def save_trial(engine: Engine, trial: Trial) -> None:
    """Store a trial in place of an earlier one of the same requests.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    facts = {
        "configs": trial.configs,
        "old": asdict(trial.old),
        "new": asdict(trial.new),
        "found_by_both": trial.found_by_both,
    }
    values: dict[str, Any] = {
        "model": trial.new.model,
        "server": trial.server,
        "facts": facts,
        "tried_at": trial.tried_at,
    }
    new = insert(LlmTrialRow).values(key=trial.key, **values)
    with transaction(engine) as session:
        session.execute(new.on_conflict_do_update(index_elements=["key"], set_=values))


def newest_trials(engine: Engine) -> list[Trial]:
    """Return the last twenty trials, the newest first."""
    query = select(LlmTrialRow).order_by(LlmTrialRow.tried_at.desc(), LlmTrialRow.key)
    with transaction(engine) as session:
        return [_read(row) for row in session.scalars(query.limit(SHOWN))]


def _read(row: LlmTrialRow) -> Trial:
    facts = row.facts
    return Trial(
        key=row.key,
        server=row.server,
        configs=facts["configs"],
        old=ModelResult(**facts["old"]),
        new=ModelResult(**facts["new"]),
        found_by_both=facts["found_by_both"],
        tried_at=row.tried_at,
    )
