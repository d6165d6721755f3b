"""Reads the body of a chat completion, whatever a server put into it."""

import json
from typing import Any

from dynosaur_etl.domain.chat import Answer
from dynosaur_etl.domain.text import clean_text

MAX_BODY_BYTES = 4_000_000
MAX_CONTENT = 1_000_000
_MAX_NAME = 200
_MAX_TOKENS = 10**9


def read_completion(body: bytes, model: str) -> Answer | None:
    """Read an answer; None where the body is no chat completion (HTML, an error, half a JSON).

    Args:
        body: of a response with status 200, at most `MAX_BODY_BYTES`.
        model: that was asked for, where the server does not say which one answered.
    """
    try:
        return completion_answer(json.loads(body), model)
    except (ValueError, RecursionError):
        return None


def completion_answer(completion: Any, model: str) -> Answer | None:
    """Read an answer from a body that has been parsed; None where it is no chat completion."""
    choice = _first(_part(completion, "choices"))
    if choice is None:
        return None
    message, usage = _part(choice, "message"), _part(completion, "usage")
    return Answer(
        content=_text(_part(message, "content"), MAX_CONTENT),
        refusal=_text(_part(message, "refusal"), MAX_CONTENT),
        finish_reason=_text(_part(choice, "finish_reason"), _MAX_NAME),
        model=_text(_part(completion, "model"), _MAX_NAME) or model,
        prompt_tokens=_count(_part(usage, "prompt_tokens")),
        cached_tokens=_count(_part(_part(usage, "prompt_tokens_details"), "cached_tokens")),
        completion_tokens=_count(_part(usage, "completion_tokens")),
    )


def _part(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _first(choices: Any) -> dict[str, Any] | None:
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return choices[0]
    return None


def _text(value: Any, limit: int) -> str | None:
    return clean_text(value[:limit]) if isinstance(value, str) else None


def _count(value: Any) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and 0 <= value <= _MAX_TOKENS else None
