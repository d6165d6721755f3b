"""The client for requests that can wait: batches, each submitted once, at half the price.

The ledger holds a batch before the server does, and its id as soon as there is one. Whoever meets a
batch that may have reached the server, but whose id is not known, looks for it on the server by the
key that it was marked with, before it submits anything.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import TypeVar

from dynosaur_etl.domain.batch import (
    Batch,
    BatchLedger,
    BatchStatus,
    BatchTrouble,
    Line,
    LineFailure,
)
from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.errors import LlmRefused, LlmUnavailable, not_allowed
from dynosaur_etl.domain.forms import FormStore
from dynosaur_etl.domain.ledger import AttemptOutcome, BudgetSpent, Held, InBatch
from dynosaur_etl.llm.batch_lines import batch_line, cut_shards, read_line, refuses_every_line
from dynosaur_etl.llm.batch_rules import DEFAULT_RULES, BatchRules
from dynosaur_etl.llm.batch_server import BatchServer, NotThere, ServerBatch
from dynosaur_etl.llm.failures import RequestRefused, RunRefused, SendFailure, TryAgain
from dynosaur_etl.llm.outcomes import Deferral
from dynosaur_etl.net.retry import RetryPolicy, call_with_retries, spread_by_key

log = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_BACKOFF = 0.5
SETTLING_SECONDS = 10.0
LINES_PER_COMMIT = 500

_TOO_MUCH_AT_ONCE = "token_limit_exceeded"


@dataclass(frozen=True)
class Submission:
    """What became of requests that were handed in; plain enough to be kept as JSON.

    Attributes:
        batches: keys of the batches that will hold their answers.
        over_budget: requests that a cap does not cover.
        held: requests that another process is sending one by one.
        notes: what an operator should know of those two.
        tried: requests that were answered live before, to find out the form of the others.
    """

    batches: tuple[str, ...]
    over_budget: int = 0
    held: int = 0
    notes: tuple[str, ...] = ()
    tried: int = 0


@dataclass(frozen=True)
class Look:
    """A batch after it was looked at; `refusal` says why no request of it would ever pass."""

    batch: Batch
    refusal: str | None = None


class BatchClient:
    """Any server that speaks OpenAI's Batch API, behind the ledger."""

    def __init__(
        self,
        server: BatchServer,
        ledger: BatchLedger,
        forms: FormStore,
        shard_lines: int,
        attempts: int,
        first_backoff: float = FIRST_BACKOFF,
        settling: float = SETTLING_SECONDS,
        rules: BatchRules = DEFAULT_RULES,
    ) -> None:
        """Bind to a server; nothing is sent yet.

        `shard_lines` are the most requests of one batch, `attempts` the most tries of one call to
        the server. `settling` are the seconds after which a batch whose making was cut short stands
        in the server's list, if it was made at all. `rules` say when one that does not end is
        closed.
        """
        self._server = server
        self._ledger = ledger
        self._forms = forms
        self._shard_lines = shard_lines
        self._policy = RetryPolicy(attempts, first_backoff)
        self._settling = settling
        self._rules = rules

    def submit(self, requests: Sequence[ChatRequest], day: str) -> Submission:
        """Put requests into batches as far as the budget goes, and submit what is not submitted.

        Args:
            requests: in their order; those that have an answer are left out by the ledger.
            day: the growth day whose run pays.

        Raises:
            LlmUnavailable: the server does not take a batch now; a later call goes on with it.
            LlmRefused: it never will: credentials, quota, or no Batch API.
        """
        distinct = list({request.key: request for request in requests}.values())
        batches: dict[str, None] = {}
        spent: list[str] = []
        held = 0
        for shard in cut_shards(distinct, self._shard_lines):
            results = self._ledger.open(shard, day, self._server.url)
            spent += [result.detail for result in results if isinstance(result, BudgetSpent)]
            held += sum(isinstance(result, Held) for result in results)
            for key in {result.batch: None for result in results if isinstance(result, InBatch)}:
                if key not in batches:
                    self._attach(key)
                batches[key] = None
        notes = [f"{Deferral.BUDGET}: {spent[0]}"] if spent else []
        if held:
            notes.append(f"{Deferral.HELD}: another process is sending {held} requests")
        return Submission(tuple(batches), len(spent), held, tuple(notes))

    def look(self, key: str) -> Look:
        """Look at a batch; submit it where it is not, and collect it where it has ended.

        One that is in trouble for longer than the rules allow is closed.

        Raises:
            LlmUnavailable: the server does not answer.
            LlmRefused: the server is another one than the batch was made for.
        """
        self._attach(key)
        with self._ledger.locked(key):
            batch = self._ledger.batch(key)
            if batch.status == BatchStatus.CLOSED:
                return Look(batch)
            self._require_own_server(batch)
            seen = self._patiently(lambda: self._server.look(_id_of(batch)), key)
            if seen is not None:
                self._ledger.seen(key, seen.status, seen.completed)
            trouble = self._rules.trouble(batch, seen, datetime.now(UTC))
            if seen is None or not seen.ended or trouble is not None:
                self._meet(batch, trouble)
                return Look(self._ledger.batch(key))
            refusal = self._collect(batch, seen)
        return Look(self._ledger.batch(key), refusal)

    def abandon(self, key: str) -> Look:
        """Close a batch without asking its server, whatever has become of it there."""
        with self._ledger.locked(key):
            batch = self._ledger.batch(key)
            if batch.status == BatchStatus.INTENDED:
                self._ledger.finish(key, AttemptOutcome.FAILED, "abandoned before it was submitted")
            elif batch.status != BatchStatus.CLOSED:
                words = "abandoned by hand; what it may have answered counts as lost"
                self._ledger.finish(key, AttemptOutcome.LOST, words)
        return Look(self._ledger.batch(key))

    def _meet(self, batch: Batch, trouble: BatchTrouble | None) -> None:
        """Note a trouble, cancel what is overdue, and close what has been in trouble for long."""
        if trouble is not None and trouble != batch.trouble:
            log.warning("batch %s is in trouble: %s", batch.name, trouble)
        self._ledger.troubled(batch.key, trouble)
        noted = self._ledger.batch(batch.key)
        if self._rules.gives_up(noted, datetime.now(UTC)):
            words = self._rules.closing_words(noted)
            log.error("batch %s: %s", batch.name, words)
            self._ledger.finish(batch.key, AttemptOutcome.LOST, words)
        elif trouble == BatchTrouble.OVERDUE:
            with suppress(SendFailure):  # it is asked again with the next look
                self._server.cancel(_id_of(batch))

    def cancel(self, key: str) -> Look:
        """End a batch; what it has answered until then is collected, the rest is given back.

        A batch that the server does not know is closed, and its requests count as lost.
        """
        with self._ledger.locked(key):
            batch = self._found(self._ledger.batch(key))
            if batch.status == BatchStatus.CLOSED:
                return Look(batch)
            if batch.status != BatchStatus.SUBMITTED:
                self._ledger.finish(key, AttemptOutcome.FAILED, "cancelled before it was submitted")
                return Look(self._ledger.batch(key))
            if not self._cancel_on_server(batch):
                words = "cancelled here; the server does not know it"
                self._ledger.finish(key, AttemptOutcome.LOST, words)
                return Look(self._ledger.batch(key))
        return self.look(key)

    def _cancel_on_server(self, batch: Batch) -> bool:
        """Return whether the server knows the batch; one that has ended is left as it is."""
        self._require_own_server(batch)
        try:
            return self._server.cancel(_id_of(batch)) is not None
        except (TryAgain, RequestRefused) as failure:
            seen = self._patiently(lambda: self._server.look(_id_of(batch)), batch.key)
            if seen is not None and not seen.ended:
                raise LlmUnavailable(f"batch {batch.name} is not cancelled: {failure}") from failure
            return seen is not None
        except RunRefused as refusal:
            raise LlmRefused(f"batch {batch.name} is not cancelled: {refusal}") from refusal

    def _attach(self, key: str) -> None:
        with self._ledger.locked(key):
            batch = self._ledger.batch(key)
            if batch.status in (BatchStatus.INTENDED, BatchStatus.SUBMITTING):
                self._submit(batch)

    def _submit(self, batch: Batch) -> None:
        try:
            self._patiently(lambda: self._submit_once(batch.key), batch.key)
        except LlmRefused as refusal:
            status = self._ledger.batch(batch.key).status
            if status == BatchStatus.INTENDED:
                self._ledger.finish(batch.key, AttemptOutcome.REFUSED, str(refusal))
            elif self._rules.is_overdue(batch, datetime.now(UTC)):
                words = f"nobody knows whether it was made, and the server says: {refusal}"
                self._ledger.finish(batch.key, AttemptOutcome.LOST, words)
            raise

    def _submit_once(self, key: str) -> None:
        batch = self._found(self._ledger.batch(key))
        if batch.status == BatchStatus.SUBMITTED:
            return
        self._require_own_server(batch)
        content = b"".join(batch_line(*request) for request in self._ledger.requests_of(key))
        file_id = self._server.upload(f"dynosaur-{key[:12]}.jsonl", content)
        self._ledger.sending(key)
        try:
            made = self._server.create(file_id, key)
        except (RequestRefused, RunRefused):
            self._ledger.not_sent(key)
            raise
        except TryAgain as failure:
            if failure.rate_limited:
                self._ledger.not_sent(key)
            raise
        self._ledger.submitted(key, made.id)

    def _found(self, batch: Batch) -> Batch:
        """Look for a batch that may have reached the server before anybody wrote down its id."""
        if batch.status != BatchStatus.SUBMITTING:
            return batch
        self._require_own_server(batch)
        since = (datetime.now(UTC) - batch.sent_at).total_seconds() if batch.sent_at else 0.0
        time.sleep(min(max(self._settling - since, 0.0), self._settling))
        found = self._server.find(batch.key)
        if found is None:
            self._ledger.not_sent(batch.key)
        else:
            self._ledger.submitted(batch.key, found.id)
        return self._ledger.batch(batch.key)

    def _require_own_server(self, batch: Batch) -> None:
        if batch.server != self._server.url:
            what = f"OPENAI_BASE_URL, while batch {batch.name} is on its way"
            raise LlmRefused(not_allowed(what, self._server.url, [batch.server]))

    def _collect(self, batch: Batch, seen: ServerBatch) -> str | None:
        """Store every line, whatever order they come in, and close the batch.

        Where a file is not there the batch stays open, for as long as the rules allow.
        """
        refusal: str | None = None
        try:
            for file_id in seen.files:
                found = self._patiently(partial(self._store_file, batch, file_id), batch.key)
                refusal = refusal or found
        except NotThere:
            self._meet(batch, BatchTrouble.RESULTS_GONE)
            return refusal
        self._ledger.troubled(batch.key, None)
        whole = "; ".join(f"{code}: {words}" for code, words in seen.errors[:3])
        if seen.status == "failed" and _TOO_MUCH_AT_ONCE not in dict(seen.errors):
            refusal = refusal or whole or "the server gives no reason"
        outcome = AttemptOutcome.FAILED
        if refusal is not None and seen.status == "failed":
            outcome = AttemptOutcome.REFUSED
        elif seen.status == "completed":
            outcome = AttemptOutcome.LOST
        words = refusal or whole or (None if seen.status == "completed" else seen.status)
        self._ledger.finish(batch.key, outcome, words)
        return refusal

    def _store_file(self, batch: Batch, file_id: str) -> str | None:
        """Store the lines of a file; give the words of one that stands for all, if there is one."""
        refusal: str | None = None
        for chunk in _chunks(self._read(batch, file_id), LINES_PER_COMMIT):
            self._ledger.settle_lines(batch.key, chunk)
            self._adapt(batch.model, chunk)
            refusal = refusal or next((_error(x) for x in chunk if refuses_every_line(x)), None)
        return refusal

    def _adapt(self, model: str, lines: Sequence[Line]) -> None:
        """Learn from the lines that were refused for a parameter: the next batch goes without."""
        for refusal in {line.refusal for line in lines if isinstance(line, LineFailure)} - {None}:
            now = self._forms.known(model).form
            form = now.without(refusal) if refusal is not None else None
            if form is not None and refusal is not None:
                self._forms.adapt(model, now, form, refusal.message)

    def _read(self, batch: Batch, file_id: str) -> Iterator[Line]:
        unreadable = 0
        for text in self._server.lines(file_id):
            line = read_line(text, batch.model)
            if line is not None:
                yield line
            elif text.strip():
                unreadable += 1
        if unreadable:
            log.warning("batch %s: %d lines of %s are unreadable", batch.name, unreadable, file_id)

    def _patiently(self, call: Callable[[], T], key: str) -> T:
        """Call until it succeeds, with growing waits; failures become our own errors.

        Raises:
            NotThere: a file is still not there with the last call.
        """
        try:
            return call_with_retries(call, self._policy, spread_by_key(key))
        except NotThere:
            raise
        except TryAgain as failure:
            words = f"the LLM server does not serve batch {key[:12]}: {failure}"
            raise LlmUnavailable(words) from failure
        except (RequestRefused, RunRefused) as refusal:
            raise LlmRefused(f"the LLM server refuses batch {key[:12]}: {refusal}") from refusal


def _id_of(batch: Batch) -> str:
    if batch.server_id is None:
        raise LlmUnavailable(f"batch {batch.name} has no id yet")
    return batch.server_id


def _error(line: Line) -> str | None:
    return getattr(line, "error", None)


def _chunks(lines: Iterator[Line], size: int) -> Iterator[list[Line]]:
    while chunk := list(islice(lines, size)):
        yield chunk
