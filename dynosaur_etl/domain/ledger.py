"""The contract between the one who sends paid requests and the one who keeps the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from dynosaur_etl.domain.chat import Answer, ChatRequest, TokenCounts
from dynosaur_etl.domain.rate_limit import ReportedLimits


class RequestStatus(StrEnum):
    """Where a request stands."""

    SENT = "sent"
    ANSWERED = "answered"
    FAILED = "failed"
    REFUSED = "refused"


class AttemptOutcome(StrEnum):
    """What became of one sending; of a lost one nobody knows whether it was paid."""

    SENT = "sent"
    ANSWERED = "answered"
    FAILED = "failed"
    REFUSED = "refused"
    LOST = "lost"


@dataclass(frozen=True)
class Claimed:
    """The request is ours to send; the attempt of that number is written down already.

    Attributes:
        wait: seconds from now after which it may leave; None where no rate limit is known.
    """

    request: ChatRequest
    attempt: int
    wait: float | None = None


@dataclass(frozen=True)
class Answered:
    """The request has an answer and must not be sent."""

    request: ChatRequest
    answer: Answer


@dataclass(frozen=True)
class Held:
    """Another live process is sending the request."""

    request: ChatRequest


@dataclass(frozen=True)
class InBatch:
    """The request is in a batch that the server has; `batch` is the key of it."""

    request: ChatRequest
    batch: str


@dataclass(frozen=True)
class BudgetSpent:
    """The budget does not cover the request; `detail` names the cap and what is used of it."""

    request: ChatRequest
    detail: str


@dataclass(frozen=True)
class Later:
    """The rate limit lets the request leave in more than `wait` seconds; claim it then."""

    request: ChatRequest
    wait: float


ClaimResult = Claimed | Answered | Held | InBatch | BudgetSpent | Later


@dataclass(frozen=True)
class PriceOrigin:
    """Where a price is from: a package or a file, and its version."""

    source: str
    version: str


class Prices(Protocol):
    """What tokens cost; all amounts in US dollars."""

    def origin(self, model: str) -> PriceOrigin | None:
        """Return where the price of a model is from; None where nobody knows it."""
        ...

    def cost(self, model: str, tokens: TokenCounts, tier: str | None = None) -> Decimal | None:
        """Return the price of an answer; None where the model's price or the usage is unknown."""
        ...

    def upper_bound(self, request: ChatRequest) -> Decimal | None:
        """Return an amount that the answer cannot exceed; None where the price is unknown."""
        ...


class Ledger(Protocol):
    """The ledger of paid requests, shared by all processes.

    A claim is committed, with its reservation and its attempt, before it is returned. A key with
    an answer is never claimed again. The claim of a process that has died is taken over, and its
    attempt is marked lost. A lost attempt may have been paid: its reservation stays in the ledger.
    """

    def answers(self, keys: Sequence[str]) -> Mapping[str, Answer]:
        """Return the answers that are there, by key, without claiming anything."""
        ...

    def claim(self, requests: Sequence[ChatRequest], day: str) -> list[ClaimResult]:
        """Claim requests of distinct keys for a growth day's run; results in their order."""
        ...

    def settle(self, claim: Claimed, answer: Answer) -> None:
        """Store the answer with its tokens and cost, and free what was reserved for it."""
        ...

    def settle_all(self, answers: Sequence[tuple[Claimed, Answer]]) -> None:
        """Settle many answers of distinct keys in one transaction."""
        ...

    def fail(self, claim: Claimed, outcome: AttemptOutcome, error: str) -> None:
        """Close the attempt without an answer; the request stays claimed."""
        ...

    def again(self, claim: Claimed) -> Claimed | BudgetSpent:
        """Open the next attempt of a claimed request; a lost one before it makes it dearer."""
        ...

    def slow_down(self, model: str, wait: float | None) -> None:
        """Let no process send for `wait` seconds, or for as long as a refusal without them says."""
        ...

    def learn(self, model: str, limits: ReportedLimits) -> None:
        """Take over what the server reports of its rate limits."""
        ...

    def release(self, claim: Claimed, error: str) -> None:
        """Return the request up for now; a later run may claim it."""
        ...

    def refuse(
        self, claim: Claimed, error: str, outcome: AttemptOutcome = AttemptOutcome.REFUSED
    ) -> None:
        """Close the attempt and the request: the server says that it is malformed."""
        ...
