"""The server's side of the Batch API, over the official client with its own retries off."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx2
import openai

from dynosaur_etl.domain.text import clean_text, shorten
from dynosaur_etl.llm.batch_lines import ENDPOINT, cut_lines
from dynosaur_etl.llm.error_body import MAX_ERROR
from dynosaur_etl.llm.failures import TryAgain, read_failure
from dynosaur_etl.llm.sender import NO_KEY

WINDOW: Final = "24h"
ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
KEY_NAME = "dynosaur_batch"

_NOT_THERE = frozenset({404, 410})
_PAGE = 100
_MOST_PAGES = 1000
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,200}")


@dataclass(frozen=True)
class ServerBatch:
    """What the server says of a batch.

    Attributes:
        status: validating, in_progress, finalizing, completed, failed, expired, cancelling or
            cancelled.
        files: ids of the output file and of the error file, as far as there are any.
        completed: lines that are answered or have failed.
        errors: code and words of what was wrong with the batch as a whole.
    """

    id: str
    status: str
    files: tuple[str, ...]
    completed: int
    errors: tuple[tuple[str, str], ...]

    @property
    def ended(self) -> bool:
        return self.status in ENDED


class NotThere(TryAgain):
    """The server says that a file is not there; it may be there later, or never again."""


class BatchServer:
    """Files and batches of one server; every failure is a `SendFailure`."""

    def __init__(self, base_url: str, api_key: str, timeout: float) -> None:
        """Bind to a server; nothing is sent yet. `timeout` are seconds without a byte."""
        self.url = base_url
        self._client = openai.OpenAI(
            base_url=base_url, api_key=api_key or NO_KEY, timeout=timeout, max_retries=0
        )

    def close(self) -> None:
        self._client.close()

    def upload(self, name: str, content: bytes) -> str:
        """Upload an input file, which costs nothing, and give its id."""
        files = self._client.files.with_raw_response
        return _id(_json(lambda: files.create(file=(name, content), purpose="batch")))

    def create(self, file_id: str, key: str) -> ServerBatch:
        """Make a batch of an input file, marked with our key.

        The key goes as `Idempotency-Key` as well, for a server that honours it.
        """
        batches = self._client.batches.with_raw_response
        made = _json(
            lambda: batches.create(
                input_file_id=file_id,
                endpoint=ENDPOINT,
                completion_window=WINDOW,
                metadata={KEY_NAME: key},
                extra_headers={"Idempotency-Key": key},
            )
        )
        return _read_batch(made)

    def find(self, key: str) -> ServerBatch | None:
        """Look through all batches of the account for the one that is marked with our key."""
        last: str | None = None
        for _ in range(_MOST_PAGES):
            page = self._page(last)
            rows = page.get("data") or []
            for row in rows:
                if _part(_part(row, "metadata"), KEY_NAME) == key:
                    return _read_batch(row)
            if not rows or not page.get("has_more"):
                return None
            last = _id(rows[-1])
        raise TryAgain(f"the list of batches has no end after {_MOST_PAGES} pages")

    def look(self, batch_id: str) -> ServerBatch | None:
        """Return a batch; None where the server does not know it."""
        return self._known(lambda: self._client.batches.with_raw_response.retrieve(batch_id))

    def cancel(self, batch_id: str) -> ServerBatch | None:
        """Ask for the end of a batch; None where the server does not know it."""
        return self._known(lambda: self._client.batches.with_raw_response.cancel(batch_id))

    def lines(self, file_id: str) -> Iterator[bytes]:
        """Read an output or error file, line by line, without holding it whole.

        Raises:
            NotThere: the server does not have the file, or not yet.
            SendFailure: it does not give it.
        """
        content = self._client.files.with_streaming_response.content(file_id)
        try:
            with content as response:
                yield from cut_lines(response.iter_bytes())
        except openai.APIStatusError as error:
            if error.status_code in _NOT_THERE:
                raise NotThere(f"HTTP {error.status_code}: no file {file_id}") from error
            raise read_failure(error) from error
        except (openai.APIError, httpx2.HTTPError) as error:
            raise read_failure(error) from error

    def _page(self, after: str | None) -> Mapping[str, Any]:
        batches = self._client.batches.with_raw_response
        if after is None:
            page = _json(lambda: batches.list(limit=_PAGE))
        else:
            page = _json(lambda: batches.list(limit=_PAGE, after=after))
        if not isinstance(page.get("data"), list):
            raise TryAgain("the list of batches is none")
        return page

    def _known(self, send: Callable[[], Any]) -> ServerBatch | None:
        try:
            return _read_batch(_json(send, openai.NotFoundError))
        except openai.NotFoundError:
            return None


def _json(
    send: Callable[[], Any], passed: type[openai.APIStatusError] | tuple[()] = ()
) -> Mapping[str, Any]:
    """Send, and read the answer as a JSON object; errors of the type `passed` go through."""
    try:
        body = send().content
    except passed:
        raise
    except (openai.APIError, httpx2.HTTPError) as error:
        raise read_failure(error) from error
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        start = bytes(body[:80]).decode("utf-8", "replace")
        raise TryAgain(f"HTTP 200, but the body is no JSON object: {start!r}")
    return value


def _read_batch(value: Any) -> ServerBatch:
    counts, errors = _part(value, "request_counts"), _part(_part(value, "errors"), "data")
    names = (_part(value, "output_file_id"), _part(value, "error_file_id"))
    return ServerBatch(
        id=_id(value),
        status=_word(_part(value, "status")),
        files=tuple(name for name in names if isinstance(name, str) and _ID.fullmatch(name)),
        completed=_count(_part(counts, "completed")) + _count(_part(counts, "failed")),
        errors=tuple(
            (_word(_part(error, "code")), _word(_part(error, "message")))
            for error in (errors if isinstance(errors, list) else [])
        ),
    )


def _id(value: Any) -> str:
    found = _part(value, "id")
    if not isinstance(found, str) or not _ID.fullmatch(found):
        raise TryAgain(f"HTTP 200, but with no id that can be used: {found!r:.80}")
    return found


def _part(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _word(value: Any) -> str:
    return shorten(clean_text(value), MAX_ERROR) if isinstance(value, str) else ""


def _count(value: Any) -> int:
    return value if isinstance(value, int) and 0 <= value <= 10**9 else 0
