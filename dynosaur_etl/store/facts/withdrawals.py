"""Sources that are used no more."""

from dataclasses import dataclass

from sqlalchemy import Engine, select

from dynosaur_etl.store.database import reading
from dynosaur_etl.store.tables import WithdrawalRow


@dataclass(frozen=True)
class Withdrawal:
    """A source that is used no more: since which UTC day, why, and what was found.

    Attributes:
        reason: `withdrawn` where it was done by hand, else what the audit found.
    """

    dataset_id: str
    reason: str
    found_on: str
    detail: str


def withdrawals_in_force(engine: Engine) -> list[Withdrawal]:
    """List the withdrawals that nobody has lifted, by dataset and reason."""
    query = (
        select(
            WithdrawalRow.dataset_id,
            WithdrawalRow.reason,
            WithdrawalRow.found_on,
            WithdrawalRow.detail,
        )
        .where(WithdrawalRow.lifted_on.is_(None))
        .order_by(WithdrawalRow.dataset_id, WithdrawalRow.reason)
    )
    with reading(engine) as session:
        return [Withdrawal(*row) for row in session.execute(query)]
