"""The rate limit of a server in PostgreSQL, so that all processes on all machines keep it together.

Airflow's workers may stand on several machines, and what they share is the database; its clock is
the one clock. A limit costs one row to read with each claim.
"""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.identity import canonical_json
from dynosaur_etl.domain.rate_limit import RateLimit, RateLimitRules, ReportedLimits, limited_tokens
from dynosaur_etl.store.tables import LlmAttemptRow, LlmRateLimitRow

_WRITE = text(
    "insert into llm_paces (server, model, pace) values (:server, :model, cast(:pace as jsonb)) "
    "on conflict (server, model) do update set pace = excluded.pace"
)


class ServerRateLimits:
    """The rate limits of one server's models within a transaction that holds the ledger's lock."""

    def __init__(self, session: Session, server: str, rules: RateLimitRules, now: datetime) -> None:
        self._session = session
        self._server = server
        self._rules = rules
        self._now = now
        self._states: dict[str, RateLimit] = {}
        self._changed: set[str] = set()

    def turn(self, request: ChatRequest) -> float | None:
        """Return the seconds until the request may leave; None where no limit is known.

        A moment beyond the rules' horizon is returned, but not taken.
        """
        state = self._state(request.model)
        now = self._now.timestamp()
        if not state.is_known(self._rules) and now >= state.paused_until:
            return None
        following, moment = state.take(self._rules, limited_tokens(request), now)
        if moment - now <= self._rules.horizon:
            self._change(request.model, following)
        return moment - now

    def beyond(self, wait: float | None) -> bool:
        """Return whether a turn is too far ahead to be taken now."""
        return wait is not None and wait > self._rules.horizon

    def refused(self, model: str, wait: float | None) -> None:
        """Take in a refusal for the rate."""
        state = self._state(model)
        seen = 0 if wait is not None else self._seen()
        self._change(model, state.refused(self._rules, wait, seen, self._now.timestamp()))

    def reported(self, model: str, limits: ReportedLimits) -> None:
        """Take in what the server reports of its limits."""
        self._change(model, self._state(model).reported(limits, self._now.timestamp()))

    def write(self) -> None:
        """Write the states that have changed."""
        for model in sorted(self._changed):
            values = canonical_json(asdict(self._states[model]))
            self._session.execute(_WRITE, {"server": self._server, "model": model, "pace": values})

    def _change(self, model: str, state: RateLimit) -> None:
        self._states[model] = state
        self._changed.add(model)

    def _state(self, model: str) -> RateLimit:
        if model not in self._states:
            where = (LlmRateLimitRow.server == self._server) & (LlmRateLimitRow.model == model)
            stored = self._session.scalar(select(LlmRateLimitRow.pace).where(where))
            self._states[model] = RateLimit(**stored) if stored else RateLimit()
        return self._states[model]

    def _seen(self) -> int:
        """Return the sendings in a window at the rate of late, whoever sent them."""
        since = self._now - timedelta(seconds=self._rules.window)
        query = select(func.count(), func.min(LlmAttemptRow.sent_at))
        found: Any = self._session.execute(query.where(LlmAttemptRow.sent_at > since)).one()
        number, first = found
        if first is None:
            return 0
        seconds = max(1.0, (self._now - first).total_seconds())
        return int(number * self._rules.window / seconds)
