"""What tokens cost: four rates, each by the size of the prompt, and the arithmetic on them."""

from dataclasses import dataclass
from decimal import Decimal

from dynosaur_etl.domain.chat import TokenCounts
from dynosaur_etl.domain.ledger import PriceOrigin
from dynosaur_etl.domain.money import rounded_up

STANDARD, BATCH = "default", "batch"
MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Rate:
    """US dollars per million tokens; a tier holds for all tokens of a prompt larger than it."""

    base: Decimal
    tiers: tuple[tuple[int, Decimal], ...] = ()

    def of(self, prompt_tokens: int) -> Decimal:
        """Return the rate for a request whose prompt has so many tokens."""
        found = [dollars for start, dollars in self.tiers if prompt_tokens > start]
        return found[-1] if found else self.base

    def most(self, prompt_tokens: int) -> Decimal:
        """Return the highest rate of any prompt with at most so many tokens."""
        reached = [dollars for start, dollars in self.tiers if prompt_tokens > start]
        return max([self.base, *reached])

    def halved(self) -> "Rate":
        return Rate(self.base / 2, tuple((start, dollars / 2) for start, dollars in self.tiers))


@dataclass(frozen=True)
class Price:
    """What a model costs: fresh prompt tokens, cache reads and writes, and the answer's tokens."""

    input: Rate
    cached: Rate
    written: Rate
    output: Rate
    origin: PriceOrigin

    def halved(self) -> "Price":
        return Price(
            self.input.halved(), self.cached.halved(), self.written.halved(),
            self.output.halved(), self.origin,
        )  # fmt: skip

    def cost(self, tokens: TokenCounts) -> Decimal | None:
        """Return what an answer costs, rounded up; None where the server did not count its tokens.

        A prompt's cache reads and writes are part of its tokens, an answer's thoughts of its own.
        """
        if tokens.prompt is None or tokens.completion is None:
            return None
        cached = min(tokens.cached or 0, tokens.prompt)
        written = min(tokens.written or 0, tokens.prompt - cached)
        fresh = tokens.prompt - cached - written
        parts = (
            (self.input, fresh), (self.cached, cached), (self.written, written),
            (self.output, tokens.completion),
        )  # fmt: skip
        total = sum((rate.of(tokens.prompt) * number for rate, number in parts), Decimal(0))
        return rounded_up(total / MILLION)

    def upper_bound(self, prompt: int, completion: int) -> Decimal:
        """Return an amount that no answer with at most so many tokens passes."""
        dearest = max(rate.most(prompt) for rate in (self.input, self.cached, self.written))
        total = prompt * dearest + completion * self.output.most(prompt)
        return rounded_up(total / MILLION)
