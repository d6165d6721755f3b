"""Writing down what audits find: sources that are used no more or again, or have another id."""

from sqlalchemy import Engine, update
from sqlalchemy.dialects.postgresql import insert

from dynosaur_etl.domain.text import clean_json
from dynosaur_etl.store.database import transaction
from dynosaur_etl.store.facts.withdrawals import Withdrawal
from dynosaur_etl.store.tables import DatasetRow, WithdrawalRow


def record_withdrawal(engine: Engine, found: Withdrawal) -> None:
    """Store a withdrawal; one of the same reason and day that was lifted is in force again.

    Raises:
        StoreUnavailable: the database does not answer or has no room.
    """
    row = {
        "dataset_id": found.dataset_id,
        "reason": found.reason,
        "found_on": found.found_on,
        "detail": found.detail,
        "lifted_on": None,
    }
    statement = insert(WithdrawalRow).values(clean_json(row))
    changed = {column: statement.excluded[column] for column in ("detail", "lifted_on")}
    keys = ["dataset_id", "reason", "found_on"]
    with transaction(engine) as session:
        session.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))


def lift_withdrawals(engine: Engine, dataset_id: str, lifted_on: str) -> None:
    """Lift every withdrawal of a source that is in force, on a UTC day.

    Raises:
        StoreUnavailable: the database does not answer or has no room.
    """
    statement = update(WithdrawalRow).where(
        WithdrawalRow.dataset_id == dataset_id, WithdrawalRow.lifted_on.is_(None)
    )
    with transaction(engine) as session:
        session.execute(statement.values(lifted_on=lifted_on))


def record_renaming(engine: Engine, dataset_id: str, new_id: str) -> None:
    """Store the id under which the Hub has a source now.

    Raises:
        StoreUnavailable: the database does not answer or has no room.
    """
    statement = update(DatasetRow).where(DatasetRow.id == dataset_id)
    with transaction(engine) as session:
        session.execute(statement.values(renamed_to=new_id))
