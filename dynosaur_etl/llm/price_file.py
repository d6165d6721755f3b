"""A user's own prices: a TOML file that lies over the packaged ones.

version = "mine"

[models."my-model"]        # US dollars per million tokens
input = "0.10"
cached = "0.01"            # read from the provider's cache; as input where it is left out
written = "0.125"          # written into the cache; as input where it is left out
output = "0.50"            # thoughts too

[models."my-model".batch]  # through the Batch API; half of the above where it is left out
input = "0.05"
output = "0.25"

[models."my-model".flex]   # of a service tier; as above where it is left out
input = "0.05"
output = "0.25"
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.ledger import PriceOrigin
from dynosaur_etl.llm.rates import BATCH, STANDARD, Price, Rate

TIERS = frozenset({"batch", "flex", "priority"})
_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_PARTS = frozenset({"input", "cached", "written", "output"})


@dataclass(frozen=True)
class PriceFile:
    """Prices by model and tier; the standard tier is always there."""

    version: str
    prices: Mapping[str, Mapping[str, Price]]

    def price(self, model: str, tier: str) -> Price | None:
        """Return the price of a model; where a tier is not stated, a batch costs half.

        A dated name, as `model-2026-05-06`, costs what the name without the date does.
        """
        stated = self.prices.get(model) or self.prices.get(_DATED.sub("", model))
        if stated is None:
            return None
        if tier in stated:
            return stated[tier]
        return stated[STANDARD].halved() if tier == BATCH else stated[STANDARD]


def read_price_file(path: Path) -> PriceFile:
    """Read a file of prices.

    Raises:
        InvalidInput: the file is missing, is no TOML, or a price is no amount of dollars.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(f"price table {path}: {error}") from error
    version, models = table.get("version"), table.get("models")
    if not isinstance(version, str) or not version or not isinstance(models, dict):
        raise InvalidInput(f"price table {path}: needs a `version` text and a `models` table")
    origin = PriceOrigin(path.name, version)
    return PriceFile(
        version, {name: _prices(path, name, entry, origin) for name, entry in models.items()}
    )


def _prices(path: Path, model: str, entry: Any, origin: PriceOrigin) -> dict[str, Price]:
    what = f"price table {path}, model {model}"
    prices = {STANDARD: _price(what, entry, origin)}
    for tier in TIERS & entry.keys():
        prices[tier] = _price(f"{what}, {tier}", entry[tier], origin)
    return prices


def _price(what: str, entry: Any, origin: PriceOrigin) -> Price:
    if not isinstance(entry, dict) or not {"input", "output"} <= entry.keys() <= _PARTS | TIERS:
        words = "input, output and, if you like, cached, written, batch, flex, priority"
        raise InvalidInput(not_allowed(what, entry, words))
    amounts = {part: _dollars(f"{what}, {part}", entry[part]) for part in _PARTS & entry.keys()}
    return Price(
        input=Rate(amounts["input"]),
        cached=Rate(amounts.get("cached", amounts["input"])),
        written=Rate(amounts.get("written", amounts["input"])),
        output=Rate(amounts["output"]),
        origin=origin,
    )


def _dollars(what: str, amount: Any) -> Decimal:
    try:
        dollars = Decimal(str(amount))
    except InvalidOperation:
        dollars = Decimal("NaN")
    if not dollars.is_finite() or dollars < 0:
        raise InvalidInput(not_allowed(what, amount, "dollars per million tokens, 0 or more"))
    return dollars
