"""What a transaction that holds the ledger's lock may still reserve."""

from decimal import Decimal

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from dynosaur_etl.store.tables import LlmRequestRow


class Budget:
    """The caps of one growth day's run and of the calendar month, and what is used of them.

    Used is what was paid and what is reserved. An answer without usage keeps its reservation, so
    that an unknown cost never counts as nothing.
    """

    def __init__(self, session: Session, run_cap: Decimal, month_cap: Decimal, day: str) -> None:
        self.day = day
        self._session = session
        self._run_cap = run_cap
        self._month_cap = month_cap
        self._run_used: dict[str, Decimal] = {}
        month = func.date_trunc("month", func.now(), "UTC")
        self.now, self._month_start = session.execute(select(func.now(), month)).one()
        self._month_used = self._used(LlmRequestRow.sent_at >= self._month_start)

    def reserve(self, purpose: str, amount: Decimal) -> str | None:
        """Take the amount out of both caps; where one has no room, tell which."""
        used = self._run(purpose)
        if used + amount > self._run_cap:
            run = f"the run {self.day} for {purpose}"
            return _no_room(run, self._run_cap, used, amount)
        if self._month_used + amount > self._month_cap:
            month = f"the month {self._month_start:%Y-%m}"
            return _no_room(month, self._month_cap, self._month_used, amount)
        self._run_used[purpose] = used + amount
        self._month_used += amount
        return None

    def free(self, row: LlmRequestRow) -> None:
        """Give a dead owner's reservation back to the caps that it was taken from."""
        if row.day == self.day:
            self._run_used[row.purpose] = self._run(row.purpose) - row.reserved_usd
        if row.sent_at is not None and row.sent_at >= self._month_start:
            self._month_used -= row.reserved_usd
        row.reserved_usd = Decimal(0)

    def _run(self, purpose: str) -> Decimal:
        if purpose not in self._run_used:
            run = (LlmRequestRow.day == self.day) & (LlmRequestRow.purpose == purpose)
            self._run_used[purpose] = self._used(run)
        return self._run_used[purpose]

    def _used(self, condition: ColumnElement[bool]) -> Decimal:
        amount = func.coalesce(LlmRequestRow.cost_usd, 0) + LlmRequestRow.reserved_usd
        with self._session.no_autoflush:
            total = self._session.execute(select(func.sum(amount)).where(condition)).scalar()
        return Decimal(total or 0)


def _no_room(what: str, cap: Decimal, used: Decimal, amount: Decimal) -> str:
    return (
        f"the budget of {what} is {_dollars(cap)} and {_dollars(used)} of it are used or reserved; "
        f"the next request needs up to {_dollars(amount)}"
    )


def _dollars(amount: Decimal) -> str:
    return f"${amount:.6f}".rstrip("0").rstrip(".")
