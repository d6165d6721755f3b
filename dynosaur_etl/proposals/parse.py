"""Reads an LLM's answer into proposals and saves what can be saved of a broken one.

All work is bounded: 200,000 characters of the answer, 20 proposals, a nesting of 8.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.text import clean_text, shorten
from dynosaur_etl.domain.thoughts import without_thoughts
from dynosaur_etl.proposals.lenient import Rescue, read_values

MAX_CONTENT = 200_000
MAX_PROPOSALS = 20
MAX_DEPTH = 8
MAX_TEXT = 4_000
MAX_ITEMS = 100
_MAX_NUMBER = 2**63

_PARTS = frozenset({"instruction", "input_fields", "output_field"})
_PAPER_NAME = re.compile(r"task[ _]?\d+", re.IGNORECASE)


@dataclass(frozen=True)
class RawProposal:
    """One task as the LLM wrote it; the payload is any JSON, cleaned and cut to a bounded size."""

    position: int
    payload: Any


@dataclass(frozen=True)
class ReadAnswer:
    """An answer's proposals, or why it has none.

    Attributes:
        rescue: None for strict JSON, else how a broken answer was read: `prose` around JSON or a
            code fence, `python` literals, or `truncated` (the whole tasks before the cut).
        reject: why there is no proposal; None where there is one.
        detail: what was found, for people.
    """

    proposals: tuple[RawProposal, ...] = ()
    rescue: str | None = None
    reject: Reason | None = None
    detail: str = ""


def read_proposals(
    content: str | None, refusal: str | None, finish_reason: str | None
) -> ReadAnswer:
    """Read an answer; it may be anything. Thoughts in it are no part of it.

    Accepted are `{"tasks": [...]}`, a bare list of tasks, a single task, and the paper's
    `{"task1": {...}, "task2": {...}}`.
    """
    content = without_thoughts(content or "")
    if not content.strip():
        if refusal or finish_reason == "content_filter":
            return _rejected(Reason.LLM_REFUSAL, refusal or "stopped by the content filter")
        return _rejected(Reason.ANSWER_EMPTY, f"no content, finish reason {finish_reason!r}")
    values, rescue = _read(content[:MAX_CONTENT])
    if not values:
        return _rejected(Reason.ANSWER_NOT_JSON, content)
    found = [task for value in values for task in _tasks_in(value)]
    if rescue is not None:
        found = [task for task in found if isinstance(task, dict)]
    if not found:
        holds_no_task = any(_is_empty(value) for value in values)
        reason = Reason.ANSWER_EMPTY if holds_no_task else Reason.ANSWER_WRONG_SHAPE
        return _rejected(reason, content)
    proposals = tuple(
        RawProposal(position, _bounded(payload, MAX_DEPTH))
        for position, payload in enumerate(found[:MAX_PROPOSALS])
    )
    left_out = len(found) - len(proposals)
    return ReadAnswer(proposals, rescue, None, f"{left_out} more were left out" * (left_out > 0))


def _rejected(reason: Reason, detail: str) -> ReadAnswer:
    return ReadAnswer(reject=reason, detail=shorten(clean_text(detail[:500]), 300))


def _read(content: str) -> tuple[list[Any], Rescue | None]:
    try:
        return [json.loads(content)], None
    except (ValueError, RecursionError):
        values, rescue = read_values(content)
        return [value for value in values if _holds_objects(value)], rescue


def _tasks_in(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        yield from _tasks_in_object(value)


def _tasks_in_object(value: dict[str, Any]) -> Iterator[Any]:
    tasks = value.get("tasks")
    if isinstance(tasks, list):
        yield from tasks
    elif isinstance(tasks, dict) and _PARTS.isdisjoint(tasks):
        yield from tasks.values()
    elif isinstance(tasks, dict):
        yield tasks
    elif not _PARTS.isdisjoint(value):
        yield value
    else:
        yield from (task for name, task in value.items() if _PAPER_NAME.fullmatch(name))


def _holds_objects(value: Any) -> bool:
    return isinstance(value, dict) or any(isinstance(item, dict) for item in value)


def _is_empty(value: Any) -> bool:
    return value in ([], {}) or (isinstance(value, dict) and value.get("tasks", 0) in ([], {}))


def _bounded(value: Any, depth: int) -> Any:
    """Copy a value with every part cut to what the database should hold; too deep is null."""
    if isinstance(value, str):
        return clean_text(value[:MAX_TEXT])
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return value if abs(value) < _MAX_NUMBER else None
    if depth == 0:
        return None
    if isinstance(value, dict):
        items = list(value.items())[:MAX_ITEMS]
        return {clean_text(str(k)[:MAX_TEXT]): _bounded(v, depth - 1) for k, v in items}
    return [_bounded(item, depth - 1) for item in list(value)[:MAX_ITEMS]]
