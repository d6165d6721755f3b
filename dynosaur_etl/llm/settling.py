"""Writes answers down, as many in one transaction as have come while the last one was written."""

import asyncio

from dynosaur_etl.domain.chat import Answer
from dynosaur_etl.domain.ledger import Claimed, Ledger

GATHERING_SECONDS = 0.02
"""How long the first of a transaction's answers waits for others: a tenth of a quick answer."""

_Waiting = tuple[Claimed, Answer, asyncio.Future[None]]


class Settler:
    """One writer at a time; whoever hands an answer in waits until it is committed."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None

    async def settle(self, claim: Claimed, answer: Answer) -> None:
        """Return an answer to the ledger; it is committed when this returns."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((claim, answer, written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await written

    async def finish(self) -> None:
        """Wait until everything that was handed in is written, whoever still waits for it."""
        if self._writer is not None:
            await self._writer

    async def _write(self) -> None:
        while self._waiting:
            await asyncio.sleep(GATHERING_SECONDS)
            batch, self._waiting = self._waiting, []
            pairs = [(claim, answer) for claim, answer, _ in batch]
            failure: Exception | None = None
            try:
                await asyncio.to_thread(self._ledger.settle_all, pairs)
            except Exception as error:  # noqa: BLE001 - those who wait raise it
                failure = error
            for _, _, written in batch:
                _end(written, failure)


def _end(written: asyncio.Future[None], failure: Exception | None) -> None:
    if written.done():
        return
    if failure is None:
        written.set_result(None)
    else:
        written.set_exception(failure)
