"""A permit to have a request on its way, held only while one is."""

import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager

_FIRST_BYTE = "http11.send_request_headers.started"
_LAST_BYTE = "http11.receive_response_body.complete"
_FRESH_SECONDS = 2.0  # servers close connections that say nothing for five seconds and more
_HAND_OVER_SECONDS = (
    3e-4  # gives the interpreter to the thread that waits, whose request then leaves
)


class ConnectionAged(Exception):
    """A request waited for its permit for so long that its connection may be closed by now."""


class TracedPermit(AbstractContextManager["TracedPermit"]):
    """Acquired where a request's first byte is about to be sent, released by its last byte.

    What a client does before and after, as making the request ready and closing the answer, goes
    on while the requests of others are on their way. The client reports both moments by the
    `trace` extension of its requests: https://www.encode.io/httpcore/extensions/#trace
    """

    def __init__(self, permits: threading.Semaphore) -> None:
        """Ask for nothing yet.

        Args:
            permits: as many as requests may be on their way at the same time.
        """
        self._permits = permits
        self._is_held = False

    def __exit__(self, *_: object) -> None:
        self.release()

    def trace(self, event: str, _: Mapping[str, object]) -> None:
        """Follow a request; the function for the extension `trace`.

        Raises:
            ConnectionAged: no permit was free for two seconds.
        """
        if event == _FIRST_BYTE and not self._is_held:
            self._is_held = self._permits.acquire(timeout=_FRESH_SECONDS)
            if not self._is_held:
                raise ConnectionAged
        elif event == _LAST_BYTE and self._is_held:
            self.release()
            time.sleep(_HAND_OVER_SECONDS)

    def acquire(self) -> None:
        """Wait for a permit, however long it takes."""
        self._permits.acquire()
        self._is_held = True

    def release(self) -> None:
        """Release the permit if it is held."""
        if self._is_held:
            self._is_held = False
            self._permits.release()
