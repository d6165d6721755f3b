"""Calls of the Hub's client that writes: bounded in time, tried again, with errors of our own."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from dynosaur_etl.domain.errors import DynosaurError, HubRefused, HubUnavailable, InvalidInput
from dynosaur_etl.domain.reasons import Reason

if TYPE_CHECKING:
    from huggingface_hub import HfApi

log = logging.getLogger(__name__)

WAITS = (1.0, 4.0, 16.0, 60.0)
"""Seconds before each further try; a server that asks for more gets it, up to `LONGEST_WAIT`."""
LONGEST_WAIT = 300.0

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


class _Again(Exception):
    """A try that failed in a way that may pass."""

    def __init__(self, error: DynosaurError, wait: float) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait = wait


def patiently(act: "Callable[[HfApi], _Result]", target: HubTarget) -> _Result:
    """Act until it succeeds; each try looks at the repository anew and goes on from there."""
    from huggingface_hub import HfApi

    api = HfApi(endpoint=target.endpoint, token=target.token or False)
    for wait in WAITS:
        try:
            with _timed(target.timeout):
                return act(api)
        except _Again as again:
            log.warning("%s; trying again", again)
            time.sleep(max(wait, again.wait))
    try:
        with _timed(target.timeout):
            return act(api)
    except _Again as again:
        raise again.error from again


@contextmanager
def _timed(seconds: float) -> Iterator[None]:
    """Let no request of a block wait for ever: the client itself gives most of them no timeout."""
    import httpx2
    from huggingface_hub import get_session

    session = get_session()
    before, session.timeout = session.timeout, httpx2.Timeout(seconds)
    try:
        yield
    finally:
        session.timeout = before


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
        raise _Again(HubUnavailable(f"{where}: {error}{cause}"), 0) from error


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
        return _Again(InvalidInput(message), 0)
    if status in _BUSY or status >= 500:
        return _Again(HubUnavailable(message), _asked_wait(error.response.headers))
    return HubRefused(message, Reason.PRIVATE)


def _asked_wait(headers: Mapping[str, str]) -> float:
    text = headers.get("retry-after", "")
    return min(float(text), LONGEST_WAIT) if text.isascii() and text.isdigit() else 0
