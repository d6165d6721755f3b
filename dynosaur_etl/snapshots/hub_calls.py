"""Calls of the Hub's client that writes: bounded in time, tried again, with errors of our own."""

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from dynosaur_etl.domain.errors import DynosaurError, HubRefused, HubUnavailable, InvalidInput
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.net.headers import asked_wait
from dynosaur_etl.net.retry import PassingFailure, RetryPolicy, call_with_retries

if TYPE_CHECKING:
    from huggingface_hub import HfApi

log = logging.getLogger(__name__)

POLICY = RetryPolicy(5, first_wait=1.0, growth=4.0, longest_wait=60.0, longest_asked=300.0)

_BUSY = frozenset({408, 425, 429})
_CONFLICTS = frozenset({409, 412})
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class HubTarget:
    """A dataset repository of a Hub.

    Attributes:
        private: what it becomes if it has to be created.
        timeout: seconds to connect, and between two pieces of an answer.
    """

    repo: str
    endpoint: str
    token: str
    private: bool
    timeout: float


class _Again(PassingFailure):
    """A try that failed in a way that may pass."""

    def __init__(self, error: DynosaurError, wait: float | None = None) -> None:
        super().__init__(str(error), wait)
        self.error = error


def patiently(act: "Callable[[HfApi], _Result]", target: HubTarget) -> _Result:
    """Act until it succeeds; each try looks at the repository anew and goes on from there."""
    from huggingface_hub import HfApi

    from dynosaur_etl.net.hub_session import install, timed

    install()
    api = HfApi(endpoint=target.endpoint, token=target.token or False)

    def one_try() -> _Result:
        with timed(target.timeout):
            return act(api)

    try:
        return call_with_retries(one_try, POLICY, _any_spread, _report)
    except _Again as again:
        raise again.error from again


def _any_spread(_: int) -> float:
    return secrets.SystemRandom().random()


def _report(failure: PassingFailure, wait: float) -> None:
    log.warning("%s; trying again in %.0f s", failure, wait)


@contextmanager
def wrapped(target: HubTarget) -> Iterator[None]:
    """Turn the client's errors into ours; what may pass becomes another try."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    where = f"{target.endpoint}/datasets/{target.repo}"
    try:
        yield
    except HfHubHTTPError as error:
        raise _judged(error, where) from error
    except (httpx2.TransportError, OSError, RuntimeError) as error:
        cause = (
            f" {error.__cause__}" if error.__cause__ else ""
        )  # of an upload, only that tells why
        raise _Again(HubUnavailable(f"{where}: {error}{cause}")) from error


def _judged(error: Any, where: str) -> Exception:
    """Tell a refusal for good from one that may pass.

    A conflict (409: the tag was set meanwhile, 412: main was) is looked at again as well: it may be
    our own request, whose answer was lost.
    """
    from huggingface_hub.errors import RepositoryNotFoundError

    status = error.response.status_code
    message = f"{where}: {status}, {error.server_message or error}"
    if isinstance(error, RepositoryNotFoundError):
        return HubRefused(message, Reason.GONE)
    if status in _CONFLICTS:
        return _Again(InvalidInput(message))
    if status in _BUSY or status >= 500:
        return _Again(
            HubUnavailable(message), asked_wait(error.response.headers, datetime.now(UTC))
        )
    return HubRefused(message, Reason.PRIVATE)
