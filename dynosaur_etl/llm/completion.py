"""Reads the body of a chat completion, whatever a server put into it."""

import json
from collections.abc import Iterator
from typing import Any

from dynosaur_etl.domain.chat import Answer
from dynosaur_etl.domain.identity import canonical_json
from dynosaur_etl.domain.text import clean_json, clean_text
from dynosaur_etl.llm.error_body import ServerError, error_in_answer

MAX_BODY_BYTES = 4_000_000
MAX_CONTENT = 1_000_000
_MAX_NAME = 200
_MAX_TOKENS = 10**9
_MAX_PARTS = 1_000
_THOUGHT_PARTS = frozenset(
    {"thinking", "reasoning", "thought", "redacted_thinking", "summary_text"}
)


def read_completion(body: bytes, model: str) -> Answer | ServerError | None:
    """Read a body that came with HTTP 200.

    Args:
        body: at most `MAX_BODY_BYTES`.
        model: that was asked for, where the server does not say which one answered.

    Returns:
        The answer; the error that the body reports in its place; None where it is neither (HTML,
        half a JSON).
    """
    try:
        return _answer(json.loads(body), model)
    except (ValueError, RecursionError):
        return None


def completion_answer(completion: Any, model: str) -> Answer | ServerError | None:
    """Read a body that has been parsed, as `read_completion` does."""
    try:
        return _answer(completion, model)
    except RecursionError:
        return None


def _answer(completion: Any, model: str) -> Answer | ServerError | None:
    error = error_in_answer(completion)
    if error is not None:
        return error
    choice = _first(_part(completion, "choices"))
    if choice is None:
        return None
    message = _part(choice, "message")
    content = _part(message, "content")
    words = _content(content)
    return Answer(
        content=words or _tool_arguments(message) or words,
        refusal=_text(_part(message, "refusal"), MAX_CONTENT) or _refusal_part(content),
        finish_reason=_text(_part(choice, "finish_reason"), _MAX_NAME),
        model=_text(_part(completion, "model"), _MAX_NAME) or model,
        tier=_text(_part(completion, "service_tier"), _MAX_NAME),
        **_tokens(_part(completion, "usage")),
    )


def _tokens(usage: Any) -> dict[str, int | None]:
    """Read what a server counted; thoughts that it counts beside the answer are billed with it."""
    prompt, completion = _part(usage, "prompt_tokens"), _part(usage, "completion_tokens")
    of_prompt = _part(usage, "prompt_tokens_details")
    of_answer = _part(usage, "completion_tokens_details")
    counts = [_count(number) for number in (prompt, completion, _part(usage, "total_tokens"))]
    billed = counts[1]
    if None not in counts:
        known = [number or 0 for number in counts]
        billed = max(known[1], known[2] - known[0])
    return {
        "prompt_tokens": counts[0],
        "cached_tokens": _count(_part(of_prompt, "cached_tokens")),
        "written_tokens": _count(_part(of_prompt, "cache_write_tokens")),
        "completion_tokens": billed,
        "reasoning_tokens": _count(_part(of_answer, "reasoning_tokens")),
    }


def _content(content: Any) -> str | None:
    """Read a content that is a text, a list of parts, or JSON in place of its text."""
    if not isinstance(content, list | dict):
        return _text(content, MAX_CONTENT)
    parts = content[:_MAX_PARTS] if isinstance(content, list) else [content]
    if any(isinstance(part, str) or _part(part, "type") for part in parts):
        return _text("".join(_texts(parts)), MAX_CONTENT)
    return _text(canonical_json(clean_json(content)), MAX_CONTENT) if content else None


def _texts(parts: list[Any]) -> Iterator[str]:
    """Yield the texts of a list of parts, without those of thoughts."""
    for part in parts:
        text = part if isinstance(part, str) else _part(part, "text")
        if str(_part(part, "type")) in _THOUGHT_PARTS:
            continue
        if isinstance(text, dict):  # as the Assistants API writes it
            text = text.get("value")
        if isinstance(text, str):
            yield text


def _refusal_part(content: Any) -> str | None:
    parts = content[:_MAX_PARTS] if isinstance(content, list) else []
    found = (_text(_part(part, "refusal"), MAX_CONTENT) for part in parts)
    return next(filter(None, found), None)


def _tool_arguments(message: Any) -> str | None:
    """Read the arguments of a tool call that stands in place of the content.

    Nobody offers the model a tool: some servers answer a schema in this form.
    """
    call = _first(_part(message, "tool_calls"))
    arguments = _part(_part(call, "function") or _part(message, "function_call"), "arguments")
    if isinstance(arguments, dict):
        arguments = canonical_json(clean_json(arguments))
    return _text(arguments, MAX_CONTENT)


def _part(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _first(items: Any) -> dict[str, Any] | None:
    if isinstance(items, list) and items and isinstance(items[0], dict):
        return items[0]
    return None


def _text(value: Any, limit: int) -> str | None:
    return clean_text(value[:limit]) if isinstance(value, str) else None


def _count(value: Any) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and 0 <= value <= _MAX_TOKENS else None
