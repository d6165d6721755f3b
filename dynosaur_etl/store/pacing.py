"""The pace of a server in PostgreSQL, so that all processes on all machines keep it together.

Airflow's workers may stand on several machines, and what they share is the database; its clock is
the one clock. A pace costs one row to read with each claim.
"""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.identity import canonical_json
from dynosaur_etl.domain.pace import Pace, PaceRules, Told, paced_tokens
from dynosaur_etl.store.tables import LlmAttemptRow, LlmPaceRow

_WRITE = text(
    "insert into llm_paces (server, model, pace) values (:server, :model, cast(:pace as jsonb)) "
    "on conflict (server, model) do update set pace = excluded.pace"
)


class ServerPace:
    """The paces of one server's models within a transaction that holds the ledger's lock."""

    def __init__(self, session: Session, server: str, rules: PaceRules, now: datetime) -> None:
        self._session = session
        self._server = server
        self._rules = rules
        self._now = now
        self._paces: dict[str, Pace] = {}
        self._changed: set[str] = set()

    def turn(self, request: ChatRequest) -> float | None:
        """Give the seconds until the request may leave; None where there is no pace to keep.

        A moment beyond the rules' horizon is told, but not taken.
        """
        pace = self._pace(request.model)
        now = self._now.timestamp()
        if not pace.keeps(self._rules) and now >= pace.paused_until:
            return None
        following, moment = pace.take(self._rules, paced_tokens(request), now)
        if moment - now <= self._rules.horizon:
            self._change(request.model, following)
        return moment - now

    def beyond(self, wait: float | None) -> bool:
        """Tell whether a turn is too far ahead to be taken now."""
        return wait is not None and wait > self._rules.horizon

    def refused(self, model: str, wait: float | None) -> None:
        """Take in a refusal for the rate."""
        pace = self._pace(model)
        seen = 0 if wait is not None else self._seen()
        self._change(model, pace.refused(self._rules, wait, seen, self._now.timestamp()))

    def told(self, model: str, told: Told) -> None:
        """Take in what the server tells of its limits."""
        self._change(model, self._pace(model).told(told, self._now.timestamp()))

    def write(self) -> None:
        """Write the paces that have changed."""
        for model in sorted(self._changed):
            values = canonical_json(asdict(self._paces[model]))
            self._session.execute(_WRITE, {"server": self._server, "model": model, "pace": values})

    def _change(self, model: str, pace: Pace) -> None:
        self._paces[model] = pace
        self._changed.add(model)

    def _pace(self, model: str) -> Pace:
        if model not in self._paces:
            where = (LlmPaceRow.server == self._server) & (LlmPaceRow.model == model)
            stored = self._session.scalar(select(LlmPaceRow.pace).where(where))
            self._paces[model] = Pace(**stored) if stored else Pace()
        return self._paces[model]

    def _seen(self) -> int:
        """Give the sendings in a window at the rate of late, whoever sent them."""
        since = self._now - timedelta(seconds=self._rules.window)
        query = select(func.count(), func.min(LlmAttemptRow.sent_at))
        found: Any = self._session.execute(query.where(LlmAttemptRow.sent_at > since)).one()
        number, first = found
        if first is None:
            return 0
        seconds = max(1.0, (self._now - first).total_seconds())
        return int(number * self._rules.window / seconds)
