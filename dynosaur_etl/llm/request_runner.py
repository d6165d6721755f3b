"""One call of the client: claims, sends, waits and sorts what comes back."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from dynosaur_etl.domain.chat import Answer, ChatRequest
from dynosaur_etl.domain.errors import CountsDoNotReconcile, LlmRefused, LlmUnavailable
from dynosaur_etl.domain.forms import FormStore
from dynosaur_etl.domain.ledger import (
    Answered,
    BudgetSpent,
    Claimed,
    ClaimResult,
    Held,
    InBatch,
    Later,
    Ledger,
)
from dynosaur_etl.domain.rate_limit import ReportedLimits
from dynosaur_etl.llm.availability import RequestTries, ServerHealth
from dynosaur_etl.llm.failures import RequestRefused, RunRefused, TryAgain
from dynosaur_etl.llm.learning import FormLearner
from dynosaur_etl.llm.outcomes import Deferral, Outcomes
from dynosaur_etl.llm.permit import NotSent, Permit
from dynosaur_etl.llm.sender import Reply, Sender
from dynosaur_etl.llm.settling import Settler
from dynosaur_etl.net.retry import RetryPolicy, spread_by_key

POLL_SECONDS = 0.2
AHEAD = 2
"""Of the requests that can be sent at once, one in so many is claimed ahead of its turn."""


class RequestRunner:
    """The state of one call. The ledger's database is only reached from worker threads.

    Some requests are claimed ahead, so that the next one leaves when an answer comes and not a
    transaction later. None are where a rate limit is kept: a turn that is given has to be used.
    """

    def __init__(
        self,
        *,
        requests: Sequence[ChatRequest],
        day: str,
        sender: Sender,
        ledger: Ledger,
        forms: FormStore,
        concurrency: int,
        policy: RetryPolicy,
        patience: float,
        progress: Callable[[int], None],
    ) -> None:
        self._pending = deque(requests)
        self._taken_up: set[str] = set()
        self._day = day
        self._sender = sender
        self._ledger = ledger
        self._learner = FormLearner(forms)
        self._settler = Settler(ledger)
        self._concurrency = concurrency
        self._ahead = 0
        self._in_flight = asyncio.Semaphore(concurrency)
        self._unanswered = 0
        self._policy = policy
        self._patience = patience
        self._progress = progress
        self._running: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._moved = asyncio.Event()
        self._health = ServerHealth(concurrency, policy)
        self._refusal: RunRefused | None = None
        self._stopped = asyncio.Event()
        self._claim_from = 0.0
        self._known_limits: dict[str, ReportedLimits] = {}
        self._answered: dict[str, Answer] = {}
        self._deferred: dict[str, Deferral] = {}
        self._refused: dict[str, str] = {}
        self._notes: dict[str, None] = {}
        self._sent = 0

    async def run(self) -> Outcomes:
        """Ask for everything, in order, and wait for what is in flight."""
        await self._look_up_forms()
        try:
            await self._ask_everything()
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
            await self._learner.close()
            await self._settler.finish()
        return self._outcomes()

    async def _look_up_forms(self) -> None:
        """Read what is known of each model; where that is not enough, the answers that are there.

        Requests of an unknown form are claimed one at a time, which only new ones have to wait for.
        """
        for model in {request.model for request in self._pending}:
            await self._learner.look_up(model)
        knows, in_form = self._learner.knows, self._learner.in_form
        unknown = [request.key for request in self._pending if not knows(in_form(request))]
        if unknown:
            self._answered |= await asyncio.to_thread(self._ledger.answers, unknown)
            self._taken_up |= self._answered.keys()

    async def _ask_everything(self) -> None:
        last_done, last_moved = -1, time.monotonic()
        while self._running or (self._pending and not self._stopped.is_set()):
            if not await self._claim_what_fits():
                await self._wait()
            if self._failure is not None:
                raise self._failure
            waits_for_rate_limit = time.monotonic() < self._claim_from + POLL_SECONDS
            if self._done != last_done or self._running or waits_for_rate_limit:
                last_done, last_moved = self._done, time.monotonic()
                self._progress(self._done)
            elif time.monotonic() - last_moved > self._patience:
                self._defer_pending(Deferral.HELD, "another process holds requests for too long")

    @property
    def _done(self) -> int:
        return len(self._answered) + len(self._deferred) + len(self._refused)

    async def _claim_what_fits(self) -> bool:
        """Claim what can leave soon, not one by one; true where some were done without sending."""
        free = self._concurrency + self._ahead - self._unanswered
        paused = time.monotonic() < self._claim_from
        if self._stopped.is_set() or not self._pending or paused:
            return False
        if free < min(len(self._pending), max(1, self._ahead // 2)):
            return False
        done_before = self._done
        batch = await self._next(free)
        if not batch:  # repetitions alone, or requests whose form is being found out
            return not self._pending or self._done > done_before
        was_running = bool(self._running)
        results = await asyncio.to_thread(self._ledger.claim, batch, self._day)
        now = time.monotonic()
        for result in results:
            self._start(result, now)
            await asyncio.sleep(0)  # made ready now; answers that came in go before the next
            if not isinstance(result, Claimed):
                await self._learner.end(result.request.key)
        self._meet_rate_limit([result for result in results if isinstance(result, Later)], now)
        spent = [result for result in results if isinstance(result, BudgetSpent)]
        self._meet_budget(spent, was_running)
        return self._done > done_before

    def _take_up(self) -> Iterator[ChatRequest]:
        """Take requests off the line, each key once; keys are made here, while others wait."""
        while self._pending:
            request = self._pending.popleft()
            if request.key not in self._taken_up:
                self._taken_up.add(request.key)
                yield request

    async def _next(self, free: int) -> list[ChatRequest]:
        """Take requests up that may leave: those in a known form, and one to find out another."""
        ready: list[ChatRequest] = []
        unknown: list[ChatRequest] = []
        for request in self._take_up():
            formed = self._learner.in_form(request)
            (ready if self._learner.knows(formed) else unknown).append(formed)
            if len(ready) == free or len(unknown) == free:
                break
        if unknown and len(ready) < free and not self._learner.is_probing:
            if await self._learner.begin(unknown[0]):
                ready.append(self._learner.in_form(unknown.pop(0)))
            else:  # another process is finding it out
                await self._learner.look_up(unknown[0].model)
        self._pending.extendleft(reversed(unknown))
        self._taken_up.difference_update(request.key for request in unknown)
        return ready

    def _put_back(self, results: Sequence[Later | BudgetSpent]) -> None:
        self._pending.extendleft(result.request for result in reversed(results))
        self._taken_up.difference_update(result.request.key for result in results)

    def _start(self, result: ClaimResult, now: float) -> None:
        match result:
            case Claimed():
                self._ahead = 0 if result.wait is not None else self._concurrency // AHEAD
                self._unanswered += 1
                task = asyncio.create_task(self._ask(result, now))
                self._running.add(task)
                task.add_done_callback(self._ended)
            case Answered(request, answer):
                self._answered[request.key] = answer
            case Held(request):
                self._pending.append(request)
                self._taken_up.discard(request.key)
            case InBatch(request, batch):
                words = f"batch {batch[:12]} is on its way; `dynosaur batches resume` collects it"
                self._defer(request, Deferral.HELD, words)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()
        self._moved.set()

    def _meet_rate_limit(self, later: Sequence[Later], now: float) -> None:
        """Come back when the rate limit allows the first of them."""
        if not later:
            return
        self._ahead = 0
        self._put_back(later)
        self._claim_from = now + later[0].wait
        if self._health.asked_to_wait(later[0].wait):
            self._stopped.set()

    def _meet_budget(self, spent: Sequence[BudgetSpent], was_running: bool) -> None:
        """Defer, unless what was in flight frees, or has just freed, what was reserved for it."""
        if was_running or self._running:
            self._put_back(spent)
            return
        for result in spent:
            self._defer(result.request, Deferral.BUDGET, result.detail)

    async def _wait(self) -> None:
        """Wait until something moves; others' claims, our budget and the rate limit are polled."""
        if self._stopped.is_set() and not self._running:
            return
        rest = self._claim_from - time.monotonic()
        timeout = max(rest, POLL_SECONDS) if self._pending else None
        try:
            async with asyncio.timeout(timeout):
                await self._moved.wait()
        except TimeoutError:
            pass
        self._moved.clear()

    async def _ask(self, claim: Claimed, claimed_at: float) -> None:
        """Send one claimed request until it is answered, refused or given up."""
        tries = RequestTries(self._policy)
        try:
            received = await self._reply(claim, claimed_at, tries)
            if received is not None:
                answered, reply = received
                await self._learn(claim.request.model, reply.limits)
                await self._learner.taken(answered.request, reply.answer)
        finally:
            await self._learner.end(claim.request.key)
            self._unanswered -= 1
            self._moved.set()
        if received is not None:
            await self._settle(*received)

    async def _reply(
        self, claim: Claimed, claimed_at: float, tries: RequestTries
    ) -> tuple[Claimed, Reply] | None:
        while await self._may_leave(claim, claimed_at):
            try:
                permit = Permit(self._in_flight, self._stopped)
                return claim, await self._sender.send(claim.request, permit)
            except NotSent:
                break
            except TryAgain as failure:
                following = await self._following(claim, failure, tries)
                if following is None:
                    return None
                claim, claimed_at = following, time.monotonic()
            except RequestRefused as refusal:
                following = await self._in_other_form(claim, refusal)
                if following is None:
                    return None
                claim, claimed_at = following, time.monotonic()
            except RunRefused as refusal:
                await self._refuse_run(claim, refusal)
                return None
        await self._give_up(claim, "the server is not asked any more")
        return None

    async def _may_leave(self, claim: Claimed, claimed_at: float) -> bool:
        """Wait for the request's turn; false where the run has stopped before it."""
        rest = claimed_at + (claim.wait or 0.0) - time.monotonic()
        return not self._stopped.is_set() and not await self._stops_within(rest)

    async def _following(
        self, claim: Claimed, failure: TryAgain, tries: RequestTries
    ) -> Claimed | None:
        """Wait and open the next attempt; None where there is none."""
        await asyncio.to_thread(self._ledger.fail, claim, failure.outcome, str(failure))
        if not await self._may_try_again(claim.request, failure, tries):
            await self._give_up(claim, str(failure))
            return None
        return await self._again(claim)

    async def _in_other_form(self, claim: Claimed, refused: RequestRefused) -> Claimed | None:
        """Open an attempt without what the server has refused; None where the request is at fault.

        A refused parameter is none of the request's tries, and costs nothing.
        """
        form = await self._learner.after(claim.request, refused)
        if form is None:
            await asyncio.to_thread(self._ledger.refuse, claim, str(refused), refused.outcome)
            self._refused[claim.request.key] = str(refused)
            return None
        await asyncio.to_thread(self._ledger.fail, claim, refused.outcome, str(refused))
        return await self._again(replace(claim, request=claim.request.in_form(form)))

    async def _again(self, claim: Claimed) -> Claimed | None:
        """Open the next attempt; None where the budget does not cover it."""
        following = await asyncio.to_thread(self._ledger.again, claim)
        if isinstance(following, BudgetSpent):
            await asyncio.to_thread(self._ledger.release, claim, following.detail)
            self._defer(claim.request, Deferral.BUDGET, following.detail)
            return None
        return following

    async def _settle(self, claim: Claimed, reply: Reply) -> None:
        await self._settler.settle(claim, reply.answer)
        self._health.answered()
        self._answered[claim.request.key] = reply.answer
        self._sent += 1

    async def _learn(self, model: str, limits: ReportedLimits) -> None:
        """Share what is new of the server's limits with the other processes."""
        if limits.wait is not None or limits != self._known_limits.get(model, ReportedLimits()):
            self._known_limits[model] = limits
            await asyncio.to_thread(self._ledger.learn, model, limits)

    async def _refuse_run(self, claim: Claimed, refusal: RunRefused) -> None:
        await asyncio.to_thread(self._ledger.fail, claim, refusal.outcome, str(refusal))
        await asyncio.to_thread(self._ledger.release, claim, str(refusal))
        self._refusal = self._refusal or refusal
        self._stopped.set()

    async def _give_up(self, claim: Claimed, why: str) -> None:
        await asyncio.to_thread(self._ledger.release, claim, why)
        self._defer(claim.request, Deferral.UNAVAILABLE, self._health.reason or why)

    async def _may_try_again(
        self, request: ChatRequest, failure: TryAgain, tries: RequestTries
    ) -> bool:
        """Wait before the next try; false where there is none."""
        self._health.failed(failure)
        tries.failed(failure)
        if tries.used_up:
            self._health.gave_up(failure)
        if self._health.is_dead:
            self._stopped.set()
        if self._stopped.is_set() or tries.used_up:
            return False
        if failure.rate_limited:
            await asyncio.to_thread(self._ledger.slow_down, request.model, failure.wait)
        spread = spread_by_key(request.key)(tries.number)
        wait = self._policy.wait(tries.number, failure, spread)
        return not await self._stops_within(wait)

    async def _stops_within(self, seconds: float) -> bool:
        if seconds <= 0:
            return self._stopped.is_set()
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
        for request in self._take_up():
            self._defer(request, why, detail)

    def _outcomes(self) -> Outcomes:
        if self._refusal is not None:
            raise LlmRefused(f"the LLM server refuses every request: {self._refusal}")
        self._defer_pending(Deferral.UNAVAILABLE, self._health.reason or "the server is not asked")
        if self._health.is_dead and not self._answered:
            raise LlmUnavailable(f"the LLM server gives no answer: {self._health.reason}")
        if self._done != len(self._taken_up):
            raise CountsDoNotReconcile(f"asked {len(self._taken_up)}, accounted for {self._done}")
        self._progress(self._done)
        return Outcomes(
            self._answered, self._deferred, self._refused, self._sent, tuple(self._notes)
        )
