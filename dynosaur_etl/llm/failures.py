"""What a failed sending means: wait and send again, give up this request, or stop the run."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import openai

from dynosaur_etl.domain.ledger import AttemptOutcome
from dynosaur_etl.domain.text import clean_text, shorten

MAX_ERROR = 500
_TRANSIENT_STATUSES = frozenset({408, 409, 425, 429})
_RUN_STATUSES = frozenset({401, 402, 403, 404})
_RATE_LIMITED = 429
_SERVER_ERROR = 500


class SendFailure(Exception):
    """A sending gave no answer."""

    outcome = AttemptOutcome.FAILED


class TryAgain(SendFailure):
    """The same request may be answered later.

    Attributes:
        outcome: LOST where the answer may have been paid before the connection broke.
        wait: seconds that the server asked for, else None.
        rate_limited: the server is well but wants fewer requests.
    """

    def __init__(
        self,
        message: str,
        outcome: AttemptOutcome = AttemptOutcome.FAILED,
        wait: float | None = None,
        rate_limited: bool = False,
    ) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.wait = wait
        self.rate_limited = rate_limited


class RequestRefused(SendFailure):
    """This request is malformed for the server; others may pass."""

    outcome = AttemptOutcome.REFUSED


class RunRefused(SendFailure):
    """No request will pass: credentials, quota, or a model or URL that does not exist."""

    outcome = AttemptOutcome.REFUSED


def read_failure(error: openai.APIError | httpx2.HTTPError | TimeoutError) -> SendFailure:
    """Tell what an error of the client means."""
    if isinstance(error, openai.APIStatusError):
        return _read_status(error)
    cause = error.__cause__ or error
    if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout):
        return TryAgain(f"no connection: {_words(cause)}")
    if isinstance(error, TimeoutError | openai.APITimeoutError | httpx2.TimeoutException):
        return TryAgain("no answer within the timeout", AttemptOutcome.LOST)
    return TryAgain(f"the connection broke: {_words(cause)}", AttemptOutcome.LOST)


def _read_status(error: openai.APIStatusError) -> SendFailure:
    status = error.status_code
    message = f"HTTP {status}: {_words(error)}"
    if status in _RUN_STATUSES or "insufficient_quota" in (error.code, error.type):
        return RunRefused(message)
    if status in _TRANSIENT_STATUSES or status >= _SERVER_ERROR:
        wait = read_retry_after(error.response.headers.get("retry-after"), datetime.now(UTC))
        return TryAgain(message, wait=wait, rate_limited=status == _RATE_LIMITED)
    return RequestRefused(message)


def read_retry_after(value: Any, now: datetime) -> float | None:
    """Read a Retry-After header, in seconds or as an HTTP date; None where it is neither.

    Returns:
        Seconds from `now`, never negative.
    """
    if not isinstance(value, str):
        return None
    try:
        return max(0.0, min(float(value), 1e9))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def _words(error: BaseException) -> str:
    return shorten(clean_text(str(error)) or type(error).__name__, MAX_ERROR)
