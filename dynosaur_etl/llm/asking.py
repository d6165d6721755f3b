"""One call of the door: claims, sends, waits and sorts what comes back."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence

from dynosaur_etl.domain.chat import Answer, ChatRequest
from dynosaur_etl.domain.errors import CountsDoNotReconcile, LlmRefused, LlmUnavailable
from dynosaur_etl.domain.ledger import (
    Answered,
    BudgetSpent,
    Claimed,
    ClaimResult,
    Held,
    Ledger,
)
from dynosaur_etl.llm.failures import RequestRefused, RunRefused, TryAgain
from dynosaur_etl.llm.outcomes import Deferral, Outcomes
from dynosaur_etl.llm.pace import Breaker, backoff
from dynosaur_etl.llm.sender import Sender

POLL_SECONDS = 0.2


class Asking:
    """The state of one call. The ledger's database is only reached from worker threads.

    Only as many requests are claimed as can be sent at once, so that a claim always means that
    the request leaves now.
    """

    def __init__(
        self,
        *,
        requests: Sequence[ChatRequest],
        day: str,
        sender: Sender,
        ledger: Ledger,
        concurrency: int,
        attempts: int,
        first_backoff: float,
        patience: float,
        progress: Callable[[int], None],
    ) -> None:
        self._asked = {request.key: request for request in requests}
        self._pending = deque(self._asked.values())
        self._day = day
        self._sender = sender
        self._ledger = ledger
        self._concurrency = concurrency
        self._attempts = attempts
        self._first_backoff = first_backoff
        self._patience = patience
        self._progress = progress
        self._running: set[asyncio.Task[None]] = set()
        self._breaker = Breaker(concurrency)
        self._refusal: RunRefused | None = None
        self._stopped = asyncio.Event()
        self._resume_at = 0.0
        self._answered: dict[str, Answer] = {}
        self._deferred: dict[str, Deferral] = {}
        self._refused: dict[str, str] = {}
        self._notes: dict[str, None] = {}
        self._sent = 0

    async def run(self) -> Outcomes:
        """Ask for everything, in order, and wait for what is in flight."""
        try:
            await self._ask_everything()
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
        return self._outcomes()

    async def _ask_everything(self) -> None:
        last_done, last_moved = -1, time.monotonic()
        while self._running or (self._pending and not self._stopped.is_set()):
            if not await self._claim_what_fits():
                await self._wait()
            if self._done != last_done or self._running:
                last_done, last_moved = self._done, time.monotonic()
                self._progress(self._done)
            elif time.monotonic() - last_moved > self._patience:
                self._defer_pending(Deferral.HELD, "another process holds requests for too long")

    @property
    def _done(self) -> int:
        return len(self._answered) + len(self._deferred) + len(self._refused)

    async def _claim_what_fits(self) -> bool:
        """Claim as many requests as can leave now; true where some were done without sending."""
        room = self._concurrency - len(self._running)
        paused = time.monotonic() < self._resume_at
        if self._stopped.is_set() or not self._pending or room < 1 or paused:
            return False
        done_before = self._done
        batch = [self._pending.popleft() for _ in range(min(room, len(self._pending)))]
        results = await asyncio.to_thread(self._ledger.claim, batch, self._day)
        for result in results:
            self._start(result)
        self._meet_budget([result for result in results if isinstance(result, BudgetSpent)])
        return self._done > done_before

    def _start(self, result: ClaimResult) -> None:
        match result:
            case Claimed():
                self._running.add(asyncio.create_task(self._ask(result)))
            case Answered(request, answer):
                self._answered[request.key] = answer
            case Held(request):
                self._pending.append(request)

    def _meet_budget(self, spent: Sequence[BudgetSpent]) -> None:
        """Defer, unless something in flight will free what is reserved for it."""
        if self._running:
            self._pending.extendleft(result.request for result in reversed(spent))
            return
        for result in spent:
            self._defer(result.request, Deferral.BUDGET, result.detail)

    async def _wait(self) -> None:
        """Wait until something in flight ends; others' claims and our budget are polled."""
        if self._running:
            timeout = POLL_SECONDS if self._pending else None
            done, self._running = await asyncio.wait(
                self._running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
        elif self._pending and not self._stopped.is_set():
            await asyncio.sleep(POLL_SECONDS)

    async def _ask(self, claim: Claimed) -> None:
        """Send one claimed request until it is answered, refused or given up."""
        for tries in range(1, self._attempts + 1):
            try:
                answer = await self._sender.send(claim.request)
            except TryAgain as failure:
                await asyncio.to_thread(self._ledger.fail, claim, failure.outcome, str(failure))
                if not await self._may_try_again(claim.request, failure, tries):
                    await self._give_up(claim, failure)
                    return
                claim = await asyncio.to_thread(self._ledger.again, claim)
            except RequestRefused as refusal:
                await asyncio.to_thread(self._ledger.refuse, claim, str(refusal))
                self._refused[claim.request.key] = str(refusal)
                return
            except RunRefused as refusal:
                await self._refuse_run(claim, refusal)
                return
            else:
                await self._settle(claim, answer)
                return

    async def _settle(self, claim: Claimed, answer: Answer) -> None:
        await asyncio.to_thread(self._ledger.settle, claim, answer)
        self._breaker.answered()
        self._answered[claim.request.key] = answer
        self._sent += 1

    async def _refuse_run(self, claim: Claimed, refusal: RunRefused) -> None:
        await asyncio.to_thread(self._ledger.fail, claim, refusal.outcome, str(refusal))
        await asyncio.to_thread(self._ledger.release, claim, str(refusal))
        self._refusal = self._refusal or refusal
        self._stopped.set()

    async def _give_up(self, claim: Claimed, failure: TryAgain) -> None:
        await asyncio.to_thread(self._ledger.release, claim, str(failure))
        self._defer(claim.request, Deferral.UNAVAILABLE, self._breaker.reason or str(failure))

    async def _may_try_again(self, request: ChatRequest, failure: TryAgain, tries: int) -> bool:
        """Wait before the next try; false where there is none."""
        self._breaker.failed(failure)
        if tries == self._attempts:
            self._breaker.gave_up(failure)
        if self._breaker.open:
            self._stopped.set()
        if self._stopped.is_set() or tries == self._attempts:
            return False
        wait = backoff(self._first_backoff, tries, request.key)
        if failure.wait is not None:
            wait += failure.wait
        if failure.rate_limited:
            self._resume_at = max(self._resume_at, time.monotonic() + (failure.wait or 0.0))
        stopped = await self._stops_within(wait)
        while not stopped and (rest := self._resume_at - time.monotonic()) > 0:
            stopped = await self._stops_within(rest)
        return not stopped

    async def _stops_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            return False
        return True

    def _defer(self, request: ChatRequest, why: Deferral, detail: str) -> None:
        self._deferred[request.key] = why
        self._notes[f"{why}: {detail}"] = None

    def _defer_pending(self, why: Deferral, detail: str) -> None:
        while self._pending:
            self._defer(self._pending.popleft(), why, detail)

    def _outcomes(self) -> Outcomes:
        if self._refusal is not None:
            raise LlmRefused(f"the LLM server refuses every request: {self._refusal}")
        self._defer_pending(Deferral.UNAVAILABLE, self._breaker.reason or "the server is not asked")
        if self._breaker.open and not self._answered:
            raise LlmUnavailable(f"the LLM server gives no answer: {self._breaker.reason}")
        if self._done != len(self._asked):
            raise CountsDoNotReconcile(f"asked {len(self._asked)}, accounted for {self._done}")
        self._progress(self._done)
        return Outcomes(
            self._answered, self._deferred, self._refused, self._sent, tuple(self._notes)
        )
