"""The caps on what is spent, over running totals that all processes share.

A total is the sum over the attempts of a run or a month: their costs, and what is reserved for
them. It is changed in the transaction that changes the attempts, so that a claim reads two rows,
however many requests the month has seen.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.errors import InvalidSetting, not_allowed
from dynosaur_etl.domain.ledger import Prices
from dynosaur_etl.domain.money import dollars

_ADD = text(
    "insert into llm_budgets (scope, used_usd)"
    " select * from unnest(cast(:scopes as text[]), cast(:amounts as numeric[])) order by 1"
    " on conflict (scope) do update set used_usd = llm_budgets.used_usd + excluded.used_usd"
)
_LOCK = text(
    "insert into llm_budgets (scope, used_usd)"
    " select scope, 0 from unnest(cast(:scopes as text[])) as asked (scope) order by 1"
    " on conflict (scope) do update set used_usd = llm_budgets.used_usd"
    " returning scope, used_usd"
)


def run_scope(day: str, purpose: str) -> str:
    """Name the total of one growth day's run for one purpose."""
    return f"run {day} {purpose}"


def month_scope(moment: datetime) -> str:
    """Name the total of a moment's calendar month (UTC)."""
    return f"month {moment.astimezone(UTC):%Y-%m}"


class Totals:
    """Changes to the totals, collected in a transaction and written at its end."""

    def __init__(self) -> None:
        self._changes: defaultdict[str, Decimal] = defaultdict(Decimal)

    def add(self, day: str, purpose: str, sent_at: datetime, amount: Decimal) -> None:
        """Count an amount, or take a negative one off, for an attempt of that run and moment."""
        for scope in (run_scope(day, purpose), month_scope(sent_at)):
            self._changes[scope] += amount

    def pending(self, scope: str) -> Decimal:
        return self._changes[scope]

    def write(self, session: Session) -> None:
        """Write the changes; in one order, so that no two transactions wait for each other."""
        changes = {scope: amount for scope, amount in self._changes.items() if amount}
        if changes:
            session.execute(_ADD, {"scopes": list(changes), "amounts": list(changes.values())})
        self._changes.clear()


class RunBudget:
    """What a transaction may still reserve for one growth day's run, this month.

    The totals' rows are locked from the first reservation to the end of the transaction.
    """

    def __init__(
        self,
        session: Session,
        totals: Totals,
        caps: tuple[Decimal | None, Decimal | None],
        prices: Prices,
        now: datetime,
    ) -> None:
        self._session = session
        self._totals = totals
        self._run_cap, self._month_cap = caps
        self._prices = prices
        self._now = now
        self._used: dict[str, Decimal] = {}

    def lock(self, runs: Sequence[tuple[str, str]]) -> None:
        """Lock the totals of the runs (day and purpose) and of the month, and read them."""
        scopes = {run_scope(day, purpose) for day, purpose in runs} | {month_scope(self._now)}
        rows = self._session.execute(_LOCK, {"scopes": list(scopes)})
        self._used = {row.scope: row.used_usd for row in rows}

    def bound(self, request: ChatRequest) -> Decimal:
        """Return the most that the request can cost.

        Raises:
            InvalidSetting: its model has no price and a cap is set, which could not be kept.
        """
        bound = self._prices.upper_bound(request)
        if bound is not None:
            return bound
        if self._run_cap is None and self._month_cap is None:
            return Decimal(0)
        raise InvalidSetting(
            not_allowed(
                "model without a price",
                request.model,
                "a model whose price is known, so that a budget can be kept;"
                " name its price in a file at DYNOSAUR_LLM_PRICES (0 for a server of your own), or"
                " set DYNOSAUR_LLM_BUDGET_RUN_USD and DYNOSAUR_LLM_BUDGET_MONTH_USD to unlimited",
            )
        )

    def reserve(self, day: str, purpose: str, amount: Decimal) -> str | None:
        """Reserve the amount under both caps; return which is exceeded, in words, or None."""
        month = month_scope(self._now)
        for scope, cap, words in (
            (run_scope(day, purpose), self._run_cap, f"the run {day} for {purpose}"),
            (month, self._month_cap, f"the {month}"),
        ):
            used = self._used[scope] + self._totals.pending(scope)
            if cap is not None and used + amount > cap:
                return _exceeded(words, cap, used, amount)
        self._totals.add(day, purpose, self._now, amount)
        return None


def _exceeded(what: str, cap: Decimal, used: Decimal, amount: Decimal) -> str:
    return (
        f"the budget of {what} is ${dollars(cap)} and ${dollars(used)} of it are used, "
        "reserved or may have been paid for lost answers; the next request needs up to "
        f"${dollars(amount)}"
    )
