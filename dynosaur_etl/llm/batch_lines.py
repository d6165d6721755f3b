"""The two file formats of the Batch API: lines that are sent, and lines that come back.

https://platform.openai.com/docs/guides/batch: at most 50,000 requests and 200 MB a file, one model
a file, and the lines come back in any order.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from dynosaur_etl.domain.batch import Line, LineAnswer, LineFailure
from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.identity import canonical_json
from dynosaur_etl.domain.ledger import AttemptOutcome, RequestStatus
from dynosaur_etl.domain.request_form import FIRST_FORM
from dynosaur_etl.llm.completion import MAX_BODY_BYTES, completion_answer
from dynosaur_etl.llm.error_body import ServerError, error_in_refusal
from dynosaur_etl.llm.failures import (
    RequestRefused,
    RunRefused,
    SendFailure,
    TryAgain,
    read_refusal,
    read_reported,
)

MAX_LINES = 50_000
MAX_BYTES = 200_000_000
ENDPOINT: Final = "/v1/chat/completions"

_OK = 200
_NOTHING_SAID = ServerError(None, (), None, "nothing was said")


def batch_line(key: str, body: Mapping[str, Any]) -> bytes:
    """Write a request as a line of the input file; the same request gives the same bytes."""
    line = {"custom_id": key, "method": "POST", "url": ENDPOINT, "body": body}
    return canonical_json(line).encode() + b"\n"


def cut_shards(
    requests: Sequence[ChatRequest], max_lines: int, max_bytes: int = MAX_BYTES
) -> Iterator[list[ChatRequest]]:
    """Cut requests, in their order, into shards of one model that each fit into one file.

    A request that is larger than `max_bytes` by itself has a shard of its own: the server says no.
    """
    for _, same_model in groupby(requests, key=lambda request: request.model):
        shard: list[ChatRequest] = []
        size = 0
        for request in same_model:
            length = len(batch_line(request.key, request.body()))
            if shard and (len(shard) == max_lines or size + length > max_bytes):
                yield shard
                shard, size = [], 0
            shard.append(request)
            size += length
        yield shard


def cut_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut a file that comes in pieces into its lines; a line that is too long is left out."""
    rest, too_long = b"", False
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if not too_long and len(line) <= 2 * MAX_BODY_BYTES:
                yield line
            too_long = False
        if len(rest) > 2 * MAX_BODY_BYTES:
            rest, too_long = b"", True
    if rest and not too_long:
        yield rest


def read_line(line: bytes, model: str) -> Line | None:
    """Read a line of an output or error file; None where it does not say which request it is.

    Args:
        line: as it came.
        model: that was asked for, where the server does not say which one answered.
    """
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    key = _part(value, "custom_id")
    if not isinstance(key, str):
        return None
    response = _part(value, "response")
    if _part(response, "status_code") != _OK:
        return line_failure(key, _failure(response, value))
    answer = completion_answer(_part(response, "body"), model)
    if isinstance(answer, ServerError):
        return line_failure(key, read_reported(answer))
    if answer is None:
        return line_failure(key, TryAgain("HTTP 200, but the body is no chat completion"))
    return LineAnswer(key, answer)


def line_failure(key: str, failure: SendFailure) -> LineFailure:
    """Say what a failed sending means for the request's line in the ledger.

    A line that is refused for a parameter is not at fault: a later run sends it without.
    """
    refusal = failure.refusal if isinstance(failure, RequestRefused) else None
    if refusal is not None and FIRST_FORM.without(refusal) is not None:
        return LineFailure(
            key, failure.outcome, RequestStatus.FAILED, str(failure), refusal=refusal
        )
    refused = isinstance(failure, RequestRefused)
    status = RequestStatus.REFUSED if refused else RequestStatus.FAILED
    return LineFailure(key, failure.outcome, status, str(failure))


def refuses_every_line(line: Line) -> bool:
    """Return whether a line's fault is every line's: credentials, model or quota."""
    return (
        isinstance(line, LineFailure)
        and line.outcome == RunRefused.outcome == AttemptOutcome.REFUSED
        and line.status == RequestStatus.FAILED
        and line.refusal is None
    )


def _failure(response: Any, line: Any) -> SendFailure:
    """Read a line without an answer: its response's error, or the line's own where it has none."""
    status = _part(response, "status_code")
    if isinstance(status, int):
        error = error_in_refusal(_part(response, "body")) or error_in_refusal(line)
        return read_refusal(status, error or _NOTHING_SAID)
    error = error_in_refusal({"error": _part(line, "error")}) or _NOTHING_SAID
    if error.out_of_credit or error.status is not None:
        return read_reported(error)
    return TryAgain(": ".join([*error.codes[:1], error.message]))


def _part(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None
