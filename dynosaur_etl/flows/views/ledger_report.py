"""What the ledger of paid requests holds, and whether it contradicts itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.store.ledger_audit import audit


@dataclass(frozen=True)
class LedgerReport:
    """Requests by status, attempts by outcome, and US dollars.

    Attributes:
        consistent: whether nothing contradicts itself.
        lost: attempts of which nobody knows whether they were paid.
        ownerless: requests in flight whose owner is dead.
        unknown_costs: answers without a price or without usage.
    """

    consistent: bool
    contradictions: Sequence[str]
    requests: Mapping[str, int]
    attempts: Mapping[str, int]
    lost: int
    ownerless: int
    unknown_costs: int
    cost_usd: Decimal
    reserved_usd: Decimal
    lost_usd: Decimal


def ledger_report(services: Services) -> LedgerReport:
    """Check the ledger, and sum it up."""
    found = audit(services.engine)
    return LedgerReport(
        consistent=found.consistent,
        contradictions=found.contradictions,
        requests=found.requests,
        attempts=found.attempts,
        lost=found.lost,
        ownerless=found.ownerless,
        unknown_costs=found.unknown_costs,
        cost_usd=found.cost_usd,
        reserved_usd=found.reserved_usd,
        lost_usd=found.lost_usd,
    )
