"""A permit to be among the requests that are in flight."""

import asyncio


class NotSent(Exception):
    """The run was stopped before the request left."""


class Permit:
    """Acquired when a request is ready to leave, and released when its answer is in.

    What can be made ready before keeps no permit unused.
    """

    def __init__(self, permits: asyncio.Semaphore, stopped: asyncio.Event) -> None:
        self._permits = permits
        self._stopped = stopped
        self._held = False

    async def acquire(self) -> None:
        """Wait for a permit.

        Raises:
            NotSent: the run has stopped in the meantime.
        """
        await self._permits.acquire()
        self._held = True
        if self._stopped.is_set():
            raise NotSent

    def release(self) -> None:
        """Release the permit; nothing where none was acquired."""
        if self._held:
            self._held = False
            self._permits.release()
