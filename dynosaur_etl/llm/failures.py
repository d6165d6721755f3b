"""What a failed sending means: wait and send again, give up this request, or stop the run."""

from datetime import UTC, datetime

import aiohttp
import httpx2
import openai

from dynosaur_etl.domain.ledger import AttemptOutcome
from dynosaur_etl.domain.request_form import ServerRefusal, is_about_a_parameter
from dynosaur_etl.domain.text import clean_text, shorten
from dynosaur_etl.llm.error_body import MAX_ERROR, ServerError, error_in_refusal
from dynosaur_etl.net.headers import asked_wait
from dynosaur_etl.net.retry import PassingFailure

_TRANSIENT_STATUSES = frozenset({408, 409, 425, 429})
_RUN_STATUSES = frozenset({401, 402, 403, 404})
_GATEWAY_STATUSES = frozenset({502, 504, 524})
_PAYMENT_REQUIRED = 402
_RATE_LIMITED = 429
_SERVER_ERROR = 500
_FAULTY_STATUSES = frozenset({500, 501})
"""With which some servers, as earlier llama.cpp, refuse a parameter that they do not know."""

_NOT_CONNECTED = (
    httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout,
    aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError,
)  # fmt: skip
_TIMED_OUT = (TimeoutError, httpx2.TimeoutException, openai.APITimeoutError)

ClientError = openai.APIError | httpx2.HTTPError | aiohttp.ClientError | TimeoutError
"""What the client, or one of the libraries below it, raises where there is no answer."""


class SendFailure(Exception):
    """A sending gave no answer."""

    outcome = AttemptOutcome.FAILED


class TryAgain(SendFailure, PassingFailure):
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
        PassingFailure.__init__(self, message, wait)
        self.outcome = outcome
        self.rate_limited = rate_limited


class RequestRefused(SendFailure):
    """This request is malformed for the server; others may pass.

    Attributes:
        outcome: LOST where the answer was paid and cannot be used.
        refusal: what the server says; None where it is not the server that refuses.
    """

    def __init__(
        self,
        message: str,
        outcome: AttemptOutcome = AttemptOutcome.REFUSED,
        refusal: ServerRefusal | None = None,
    ) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.refusal = refusal


class RunRefused(SendFailure):
    """No request will pass: credentials, quota, or a model or URL that does not exist."""

    outcome = AttemptOutcome.REFUSED


def read_failure(error: ClientError) -> SendFailure:
    """Return what an error of the client means."""
    if isinstance(error, openai.APIStatusError):
        return _read_status(error)
    cause = _cause(error)
    if isinstance(cause, _NOT_CONNECTED):
        return TryAgain(f"no connection: {_words(cause)}")
    if isinstance(cause, _TIMED_OUT):
        return TryAgain("no answer within the timeout", AttemptOutcome.LOST)
    return TryAgain(f"the connection broke: {_words(cause)}", AttemptOutcome.LOST)


def _cause(error: BaseException) -> BaseException:
    """Return what happened in the words of the library that speaks HTTP.

    Of aiohttp's errors the names around them say less: there, a connection that breaks after the
    request has left is a `ConnectTimeout`.
    """
    chain = [error]
    while chain[-1].__cause__ is not None:
        chain.append(chain[-1].__cause__)
    of_aiohttp = (cause for cause in chain if isinstance(cause, aiohttp.ClientError))
    of_httpx = (cause for cause in chain if isinstance(cause, httpx2.HTTPError))
    return next(of_aiohttp, None) or next(of_httpx, None) or error


def _read_status(error: openai.APIStatusError) -> SendFailure:
    found = error_in_refusal(error.body) or ServerError(None, (), None, _words(error))
    wait = asked_wait(error.response.headers, datetime.now(UTC))
    return read_refusal(error.status_code, found, wait)


def read_refusal(status: int, error: ServerError, wait: float | None = None) -> SendFailure:
    """Return what an answer with another status than 200 means."""
    message = f"HTTP {status}: {error.message}"
    if status in _RUN_STATUSES or (error.out_of_credit and wait is None):
        return RunRefused(message)
    refusal = ServerRefusal(error.message, error.param, error.codes)
    if status in _FAULTY_STATUSES and is_about_a_parameter(refusal):
        return RequestRefused(message, refusal=refusal)
    if status in _TRANSIENT_STATUSES or status >= _SERVER_ERROR:
        # behind a gateway that gave up, the answer may have been made and paid
        gateway = status in _GATEWAY_STATUSES
        outcome = AttemptOutcome.LOST if gateway else AttemptOutcome.FAILED
        return TryAgain(message, outcome, wait=wait, rate_limited=status == _RATE_LIMITED)
    return RequestRefused(message, refusal=refusal)


def read_reported(error: ServerError, wait: float | None = None) -> SendFailure:
    """Return what an error means that came with HTTP 200: what it would with its own status.

    Nothing was paid for it, unless the body reports generated tokens.
    """
    outcome = AttemptOutcome.LOST if error.used_tokens else AttemptOutcome.FAILED
    if error.status is None and not error.out_of_credit:
        return TryAgain(f"HTTP 200 with an error: {error.message}", outcome, wait=wait)
    failure = read_refusal(error.status or _PAYMENT_REQUIRED, error, wait)
    if isinstance(failure, TryAgain):
        return TryAgain(str(failure), outcome, wait, failure.rate_limited)
    if isinstance(failure, RequestRefused) and error.used_tokens:
        return RequestRefused(str(failure), AttemptOutcome.LOST)
    return failure


def _words(error: BaseException) -> str:
    return shorten(clean_text(str(error)) or type(error).__name__, MAX_ERROR)
