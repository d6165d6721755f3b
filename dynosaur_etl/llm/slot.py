"""A place among the requests that are in flight."""

import asyncio


class NotSent(Exception):
    """The run was stopped before the request left."""


class Slot:
    """Taken when a request is ready to leave, and free again when its answer is in.

    What can be made ready before does not keep a place empty.
    """

    def __init__(self, places: asyncio.Semaphore, stopped: asyncio.Event) -> None:
        self._places = places
        self._stopped = stopped
        self._held = False

    async def take(self) -> None:
        """Wait for a place.

        Raises:
            NotSent: the run has stopped in the meantime.
        """
        await self._places.acquire()
        self._held = True
        if self._stopped.is_set():
            raise NotSent

    def free(self) -> None:
        """Give the place to the next; nothing where none was taken."""
        if self._held:
            self._held = False
            self._places.release()
