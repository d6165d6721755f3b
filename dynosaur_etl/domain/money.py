"""US dollars: how they are rounded, and how they are written."""

from decimal import ROUND_UP, Decimal

SMALLEST = Decimal("1e-10")
"""The ledger's columns have ten decimals: an answer may cost a hundred-thousandth of a cent."""


def rounded_up(amount: Decimal) -> Decimal:
    """Return an amount as the ledger keeps it: rounded up, so that a budget rather ends early."""
    return amount.quantize(SMALLEST, ROUND_UP)


def dollars(amount: Decimal) -> str:
    """Return an amount as people read it: rounded as in the ledger, in full, no zeros behind."""
    return f"{rounded_up(amount).normalize():f}"
