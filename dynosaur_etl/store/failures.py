"""Writing down why an Airflow task has failed."""

from typing import Any

from sqlalchemy import Engine, func
from sqlalchemy.dialects.postgresql import insert

from dynosaur_etl.domain.text import clean_json
from dynosaur_etl.store.database import transaction
from dynosaur_etl.store.facts.task_failures import TaskFailure
from dynosaur_etl.store.tables import TaskFailureRow


def record_failure(engine: Engine, failure: TaskFailure) -> None:
    """Store a failure in the place of an earlier one of the same task and run.

    Raises:
        StoreUnavailable: the database does not answer or has no room.
    """
    row = {name: value for name, value in vars(failure).items() if name != "failed_at"}
    statement = insert(TaskFailureRow).values(clean_json(row))
    keys = ["dag_id", "run_id", "task_id", "map_index"]
    told = {name: statement.excluded[name] for name in row if name not in keys}
    changed: dict[str, Any] = told | {"failed_at": func.now()}
    with transaction(engine) as session:
        session.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))
