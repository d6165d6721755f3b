"""Text from the Hub or an LLM, made fit for UTF-8, for JSON and for PostgreSQL."""

import math
import re
from typing import Any

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean_text(text: str) -> str:
    """Replace NUL and lone surrogates, which PostgreSQL or UTF-8 cannot hold, by U+FFFD."""
    if text.isascii() and "\0" not in text:  # as most texts are; the pattern is slow
        return text
    return _UNSTORABLE.sub(REPLACEMENT, text)


def clean_texts(value: Any) -> Any:
    """Clean every text and key of a JSON value; numbers stay as they are."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(key): clean_texts(item) for key, item in value.items()}
    return [clean_texts(item) for item in value] if isinstance(value, list) else value


def clean_json(value: Any) -> Any:
    """Clean every text of a JSON value; a number that is not finite becomes null."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {clean_text(str(key)): clean_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_json(item) for item in value]
    return value


def without_addresses(words: str) -> str:
    """Remove the memory addresses that libraries put into their errors: each run has others."""
    return _ADDRESS.sub("", words)


def error_line(error: BaseException, limit: int = 300) -> str:
    """Return an error as one line, its type before its words, that is the same in every run."""
    words = " ".join(f"{type(error).__name__} {error}".split())
    return without_addresses(words)[:limit]


def shorten(text: str, limit: int) -> str:
    """Cut a text to `limit` characters, the last of them an ellipsis where it was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
