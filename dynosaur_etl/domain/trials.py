"""A trial of a model: what it proposes about stored configs, beside the model in use."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from dynosaur_etl.domain.money import dollars


@dataclass(frozen=True)
class ModelResult:
    """What one model's answers came to.

    Attributes:
        valid: proposals that pass the filters.
        reasons: what was rejected, by reason; an answer without a proposal counts as one.
        prompt_tokens: of all answers; None, like the others, where the server did not say.
        cost_usd: dollars at the price of a single request; None where it is unknown.
    """

    model: str
    requests: int
    answered: int
    refused: int
    deferred: int
    valid: int
    reasons: Mapping[str, int]
    prompt_tokens: int | None
    completion_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: str | None

    @property
    def invalid(self) -> int:
        return sum(self.reasons.values())

    @property
    def per_1000_valid_usd(self) -> str | None:
        """Dollars for 1,000 valid tasks; None where the cost is unknown or nothing was valid."""
        if self.cost_usd is None or not self.valid:
            return None
        return dollars(Decimal(self.cost_usd) * 1_000 / self.valid)


@dataclass(frozen=True)
class Trial:
    """Two models on the same requests.

    Attributes:
        key: of the requests of the new model.
        found_by_both: tasks with the same fields as input and output, each counted once.
    """

    key: str
    server: str
    configs: int
    old: ModelResult
    new: ModelResult
    found_by_both: int
    tried_at: datetime
