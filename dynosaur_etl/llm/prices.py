"""What models cost: by provider and model from a kept package, under a user's own file.

`genai-prices` (https://github.com/pydantic/genai-prices) carries current prices of many providers
with cache reads and writes, tiers by the size of the prompt, and batch and flex rates. A server
that it does not know by its URL, as a gateway, is priced by the model's name alone. Unknown stays
unknown: no price is ever guessed to be zero.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from dynosaur_etl.domain.chat import ChatRequest, TokenCounts
from dynosaur_etl.domain.ledger import PriceOrigin
from dynosaur_etl.llm.price_file import PriceFile, read_price_file
from dynosaur_etl.llm.providers import is_known_provider
from dynosaur_etl.llm.rates import BATCH, STANDARD, Price, Rate

PACKAGED_PRICES = Path(__file__).with_name("prices.toml")


@dataclass(frozen=True)
class PriceTable:
    """The prices of one server's models.

    Attributes:
        files: that lie over the package, the first one first.
        server: base URL; empty: none, and models are found by their names alone.
        tier: of requests whose answer names none: `default`, or `batch`.
    """

    files: tuple[PriceFile, ...]
    server: str = ""
    tier: str = STANDARD
    _found: dict[tuple[str, str, date], Price | None] = field(
        default_factory=dict, compare=False, repr=False
    )

    def price(self, model: str, tier: str | None = None) -> Price | None:
        """Return the price of a model today; None where nobody knows it."""
        asked = (model, self._tier(tier), datetime.now(UTC).date())
        if asked not in self._found:
            self._found[asked] = self._look_up(*asked)
        return self._found[asked]

    def in_batch(self) -> "PriceTable":
        """Return the table of what the same models cost through the Batch API."""
        return replace(self, tier=BATCH, _found={})

    def origin(self, model: str) -> PriceOrigin | None:
        """Return where the price of a model is from; None where nobody knows it."""
        price = self.price(model)
        if price is None or self.tier == STANDARD:
            return None if price is None else price.origin
        return PriceOrigin(price.origin.source, f"{price.origin.version} {self.tier}")

    def cost(self, model: str, tokens: TokenCounts, tier: str | None = None) -> Decimal | None:
        """Return the price of an answer in US dollars; None where price or usage is unknown."""
        price = self.price(model, tier)
        return None if price is None else price.cost(tokens)

    def upper_bound(self, request: ChatRequest) -> Decimal | None:
        """Return an amount that the answer cannot exceed, for the reservation.

        The bytes of the prompt bound its tokens, the request bounds those of the answer. None
        where the model has no price: no budget can be kept for it.
        """
        price = self.price(request.model)
        if price is None:
            return None
        return price.upper_bound(request.prompt_bytes, request.most_completion_tokens)

    def _tier(self, named: str | None) -> str:
        return self.tier if self.tier == BATCH or not named else named

    def _look_up(self, model: str, tier: str, today: date) -> Price | None:
        for file in self.files:
            if (price := file.price(model, tier)) is not None:
                return price
        return _packaged(self.server, model, tier, today)


def load_prices(path: Path | None = None, server: str = "") -> PriceTable:
    """Read the prices: those of the package, with the file at `path`, if there is one, over them.

    Raises:
        InvalidInput: the file is missing, is no TOML, or a price is no amount of dollars.
    """
    packaged = read_price_file(PACKAGED_PRICES)
    return PriceTable((packaged,) if path is None else (read_price_file(path), packaged), server)


@cache
def _packaged(server: str, model: str, tier: str, today: date) -> Price | None:
    from genai_prices import __version__
    from genai_prices.data_snapshot import get_snapshot

    url = server if server and is_known_provider(server) else None
    try:
        provider, found = get_snapshot().find_provider_model(model, None, None, url)
    except LookupError:
        return None
    named = {"processing": BATCH} if tier == BATCH else {"service_tier": tier}
    stated = found.get_prices(datetime.combine(today, time.min, UTC), named)
    if stated.input_mtok is None or stated.output_mtok is None:
        return None
    return Price(
        input=_rate(stated.input_mtok),
        cached=_rate(stated.cache_read_mtok or stated.input_mtok),
        written=_rate(stated.cache_write_mtok or stated.input_mtok),
        output=_rate(stated.output_mtok),
        origin=PriceOrigin(f"genai-prices {provider.id}", __version__),
    )


def _rate(price: Any) -> Rate:
    """Read a rate of the package: an amount, or one by the size of the prompt."""
    if isinstance(price, Decimal):
        return Rate(price)
    return Rate(price.base, tuple((tier.start, tier.price) for tier in price.tiers))
