"""The tasks that stand of a growth day."""

from collections.abc import Collection

from sqlalchemy import Engine, select, tuple_

from dynosaur_etl.store.database import transaction
from dynosaur_etl.store.tables import TaskRow


def task_keys(engine: Engine, day: str, configs: Collection[tuple[str, str]]) -> set[str]:
    """Read the keys of a day's tasks of some configs, named by dataset and config.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    if not configs:
        return set()
    named = tuple_(TaskRow.dataset_id, TaskRow.config)
    query = select(TaskRow.key).where(TaskRow.day == day, named.in_(configs))
    with transaction(engine) as session:
        return set(session.scalars(query))
