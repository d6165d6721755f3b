"""Amounts of US dollars, as they are shown everywhere."""

from decimal import ROUND_UP, Decimal

SMALLEST = Decimal("1e-10")
"""The smallest amount that is told apart; what is smaller counts as that."""


def dollars(amount: Decimal) -> str:
    """Write an amount in full, without trailing zeros, rounded up to ten digits."""
    return f"{amount.quantize(SMALLEST, ROUND_UP).normalize():f}"
