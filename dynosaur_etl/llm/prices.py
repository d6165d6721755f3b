"""The price table: what tokens cost, from a versioned file that a user can replace."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.money import rounded_up

PACKAGED_PRICES = Path(__file__).with_name("prices.toml")
MILLION = Decimal(1_000_000)

_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_PARTS = frozenset({"input", "cached", "output"})
_BATCH = "batch"


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens; `batch` is the price through the Batch API where stated."""

    input: Decimal
    cached: Decimal
    output: Decimal
    batch: "Price | None" = None

    def in_batch(self) -> "Price":
        """Return the stated price through the Batch API, or half of this one."""
        return self.batch or Price(self.input / 2, self.cached / 2, self.output / 2)


@dataclass(frozen=True)
class PriceTable:
    """Prices by model; a dated `gpt-4o-mini-2024-07-18` costs what `gpt-4o-mini` does."""

    version: str
    prices: Mapping[str, Price]

    def price(self, model: str) -> Price | None:
        return self.prices.get(model) or self.prices.get(_DATED.sub("", model))

    def in_batch(self) -> "PriceTable":
        """Return the table of what the same models cost through the Batch API."""
        prices = {model: price.in_batch() for model, price in self.prices.items()}
        return PriceTable(f"{self.version} {_BATCH}", prices)

    def cost(
        self, model: str, prompt: int | None, cached: int | None, completion: int | None
    ) -> Decimal | None:
        """Return the price of an answer in US dollars, rounded up to 10 decimals.

        Returns:
            None where the model has no price or the server gave no usage.
        """
        price = self.price(model)
        if price is None or prompt is None or completion is None:
            return None
        from_cache = min(cached or 0, prompt)
        fresh = prompt - from_cache
        total = fresh * price.input + from_cache * price.cached + completion * price.output
        return rounded_up(total / MILLION)

    def upper_bound(self, request: ChatRequest) -> Decimal | None:
        """Return an amount that the answer cannot exceed, for the reservation.

        The bytes of the prompt bound its tokens, the request bounds those of the answer. None
        where the model has no price: no budget can be kept for it.
        """
        price = self.price(request.model)
        if price is None:
            return None
        prompt = request.prompt_bytes * max(price.input, price.cached)
        total = prompt + request.most_completion_tokens * price.output
        return rounded_up(total / MILLION)


def load_prices(path: Path | None = None) -> PriceTable:
    """Read the packaged price table, or the one at `path` in its place.

    Raises:
        InvalidInput: the file is missing, is no TOML, or a price is no amount of dollars.
    """
    path = path or PACKAGED_PRICES
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(f"price table {path}: {error}") from error
    version, models = table.get("version"), table.get("models")
    if not isinstance(version, str) or not version or not isinstance(models, dict):
        raise InvalidInput(f"price table {path}: needs a `version` text and a `models` table")
    return PriceTable(version, {name: _price(path, name, entry) for name, entry in models.items()})


def _price(path: Path, model: str, entry: Any) -> Price:
    what = f"price table {path}, model {model}"
    price = _plain_price(what, entry)
    if _BATCH not in entry:
        return price
    return replace(price, batch=_plain_price(f"{what}, {_BATCH}", entry[_BATCH]))


def _plain_price(what: str, entry: Any) -> Price:
    if not isinstance(entry, dict) or not {"input", "output"} <= entry.keys() <= _PARTS | {_BATCH}:
        raise InvalidInput(
            not_allowed(what, entry, "input, output and, if you like, cached, batch")
        )
    amounts = {part: _dollars(f"{what}, {part}", entry[part]) for part in _PARTS & entry.keys()}
    return Price(amounts["input"], amounts.get("cached", amounts["input"]), amounts["output"])


def _dollars(what: str, amount: Any) -> Decimal:
    try:
        dollars = Decimal(str(amount))
    except InvalidOperation:
        dollars = Decimal("NaN")
    if not dollars.is_finite() or dollars < 0:
        raise InvalidInput(not_allowed(what, amount, "dollars per million tokens, 0 or more"))
    return dollars
