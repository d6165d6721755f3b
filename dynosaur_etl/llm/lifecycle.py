"""When models end, and what follows them: by the server's own word, else by a packaged table.

The table is LiteLLM's, cut to what is used here (`python -m dev.lifecycle` writes it anew).
`GET /v1/models` of OpenAI carries `shutdown_date`, which goes before it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from dynosaur_etl.domain.chat import TokenCounts
from dynosaur_etl.llm.prices import PriceTable
from dynosaur_etl.llm.providers import is_known_provider, provider_of

PACKAGED_LIFECYCLE = Path(__file__).with_name("lifecycle.json")
WARNED_BEFORE = timedelta(days=60)
_ALL_KINDS = TokenCounts(800_000, 0, 0, 200_000)
"""Tokens by which models are compared: four of a prompt for one of an answer, as proposing has."""


_SOLE_OWNERS = ("openai", "anthropic", "google", "x-ai")
"""Whose models nobody else serves: behind a gateway, they end when they end."""


@dataclass(frozen=True)
class ModelEnd:
    """The day on which a model is shut down.

    Attributes:
        successor: that the provider names; None: it names none.
        source: who says so.
    """

    model: str
    ends_on: date
    successor: str | None
    source: str

    def days_left(self, today: date) -> int:
        return (self.ends_on - today).days

    def is_near(self, today: date) -> bool:
        """Return whether the end is to be warned of: 60 days ahead, and once it has passed."""
        return self.ends_on - today <= WARNED_BEFORE


@dataclass(frozen=True)
class Lifecycle:
    """The packaged table: ends by provider and model, and the models that answer by a schema."""

    source: str
    ends: Mapping[str, Mapping[str, tuple[str, ...]]]
    structured: Mapping[str, frozenset[str]]

    def end(self, server: str, model: str, reported: str | None = None) -> ModelEnd | None:
        """Return when a model ends; None where nobody says that it does.

        Args:
            server: base URL; of one whose provider is not known the name alone is looked up.
            model: as the server names it.
            reported: the day that the server itself names.
        """
        day, *rest = self._entry(server, model) or (None,)
        successor = rest[0] if rest else None
        if (own := read_day(reported)) is not None:
            return ModelEnd(model, own, successor, "the server")
        ends_on = read_day(day)
        return None if ends_on is None else ModelEnd(model, ends_on, successor, self.source)

    def cheapest(self, server: str, prices: PriceTable, today: date) -> str | None:
        """Return the cheapest model of a provider that answers by a schema and is to stay."""
        costs = [
            (cost, model)
            for model in self.structured.get(provider_of(server), ())
            if (cost := prices.cost(model, _ALL_KINDS)) is not None
            and ((end := self.end(server, model)) is None or not end.is_near(today))
        ]
        return min(costs)[1] if costs else None

    def _entry(self, server: str, model: str) -> tuple[str, ...] | None:
        if is_known_provider(server):
            return self._of_provider(provider_of(server), model)
        names = {model, model.rpartition("/")[2]}
        found = (self._of_provider(owner, name) for owner in _SOLE_OWNERS for name in names)
        return min((entry for entry in found if entry is not None), default=None)

    def _of_provider(self, provider: str, model: str) -> tuple[str, ...] | None:
        """Return the entry of a name; one without a date ends with the last of its dated ones."""
        ends = self.ends.get(provider, {})
        if model in ends:
            return ends[model]
        dated = re.compile(rf"{re.escape(model)}-\d{{4}}-?\d{{2}}-?\d{{2}}")
        stays = [name for name in self.structured.get(provider, ()) if dated.fullmatch(name)]
        if any(name not in ends for name in stays):
            return None
        return max((ends[name] for name in ends if dated.fullmatch(name)), default=None)


@cache
def load_lifecycle(path: Path = PACKAGED_LIFECYCLE) -> Lifecycle:
    """Read the packaged table."""
    stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Lifecycle(
        source=f"{stored['source']}, read on {stored['read_on']}",
        ends={
            provider: {model: tuple(entry) for model, entry in models.items()}
            for provider, models in stored["ends"].items()
        },
        structured={name: frozenset(models) for name, models in stored["structured"].items()},
    )


def read_day(text: str | None) -> date | None:
    """Read a day that a server names: an ISO date or moment, or Unix seconds; None: neither."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        pass
    try:
        return datetime.fromtimestamp(float(text), UTC).date()
    except (ValueError, OverflowError, OSError):
        return None
