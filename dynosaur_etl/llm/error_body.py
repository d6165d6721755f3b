"""Reads what a server says is wrong, whatever form it has and whatever status it comes with.

Forms that are known: OpenAI's `{"error": {message, type, code, param}}`; the same inside a list
(Gemini's compatible endpoint) or beside `"type": "error"` (Anthropic); `{"object": "error", ...}`
(vLLM, FastChat); `{"error": "words", "error_type": ...}` (TGI); `{"detail": ...}` (FastAPI,
TensorRT-LLM); `choices[0].error` (OpenRouter); `base_resp` (MiniMax). Gateways send all of these
with HTTP 200 too; the status is then read from the error's own words.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dynosaur_etl.domain.identity import canonical_json
from dynosaur_etl.domain.text import clean_json, clean_text, shorten

MAX_ERROR = 500

_STATUS_NAMES = ("status_code", "code", "status", "http_status", "error_code")
_CODE_NAMES = ("code", "error_code", "status")
_KIND_NAMES = ("type", "error_type", "kind")
_WORD_NAMES = ("message", "error_msg", "msg", "status_msg", "detail", "description", "title")
_HOLDERS = ("error", "errors", "base_resp")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_WORD = re.compile(r"[^a-z0-9]+")

_OUT_OF_CREDIT = re.compile(
    r"insufficient_(?:quota|credits?|funds|balance)|credit_balance_(?:is_)?too_low|out_of_credits?"
    r"|billing_(?:hard_limit|not_active|error)|payment_required|exceeded_current_quota_error"
    r"|not_enough_(?:credits?|balance|funds)|requires_more_credits|credits?_(?:are_)?exhausted"
)
_STATUS_WORDS = tuple(
    (status, re.compile(pattern))
    for status, pattern in (
        (402, _OUT_OF_CREDIT.pattern),
        (429, r"rate_?limit|too_many_requests|throttl|resource_exhausted|per_min|slow_down"),
        (401, r"authenticat|(?:invalid|incorrect)_(?:api_)?key|api_key_invalid|unauthori"),
        (403, r"permission|(?<!extra_)forbidden|access_denied|not_allowed_to|account_deactivated"),
        (404, r"not_found|does_not_exist|no_such_model|unknown_model"),
        (400, r"invalid_(?:request|parameter|argument|value|type)|bad_request|validation"),
        (400, r"context_length|(?:un|not_)support|unprocessable|missing_required|extra_forbidden"),
        (503, r"overload|unavailable|capacity|timed?_?out|upstream|model_is_loading"),
        (500, r"server_error|internal|api_error|exception"),
    )
)
"""Of an error that names no status: the first whose pattern is found in its plain words."""


@dataclass(frozen=True)
class ServerError:
    """What a server says is wrong.

    Attributes:
        status: as the error itself says or its words mean it, 400 to 599; None: it does not say.
        codes: the error's own code and type, as they came.
        param: the parameter of the request that it is about.
        message: its words, never empty.
        used_tokens: of a body that reports usage beside the error: something was generated.
    """

    status: int | None
    codes: tuple[str, ...]
    param: str | None
    message: str
    used_tokens: int = 0

    @property
    def out_of_credit(self) -> bool:
        """Whether no request passes until somebody pays."""
        return _OUT_OF_CREDIT.search(_plain(*self.codes, self.message)) is not None


def error_in_answer(body: Any) -> ServerError | None:
    """Read the error of a body that came with HTTP 200; None where it reports none."""
    found = next(_reported(body), None)
    return None if found is None else _described(found, body)


def error_in_refusal(body: Any) -> ServerError | None:
    """Read the error of a body that came with another status; None where there are no words."""
    found = error_in_answer(body)
    if found is None and isinstance(body, dict) and _first_word(body, _WORD_NAMES):
        return _described(body, body)
    if found is None and isinstance(body, str) and body.strip():
        return _described(body, body)
    return found


def _reported(body: Any) -> Iterator[Any]:
    """Yield what a body holds in the places where errors stand."""
    if isinstance(body, list):
        body = body[0] if body else None
    if not isinstance(body, dict):
        return
    for name in _HOLDERS:
        if body.get(name) and not _says_success(body[name]):
            yield body[name]
    if body.get("object") == "error" or body.get("type") == "error":
        yield body
    choices = body.get("choices")
    if isinstance(choices, list) and choices:
        first = choices[0] if isinstance(choices[0], dict) else {}
        if first.get("error"):
            yield first["error"]
        elif first.get("finish_reason") == "error":
            yield first
    elif _first_word(body, _WORD_NAMES):
        yield body


def _says_success(holder: Any) -> bool:
    return isinstance(holder, dict) and holder.get("status_code") == 0


def _described(error: Any, body: Any) -> ServerError:
    if isinstance(error, list):
        error = error[0] if error else ""
    found = error if isinstance(error, dict) else {"message": error}
    outer = body if isinstance(body, dict) else {}
    codes = tuple(
        clean_text(str(part[name]))[:MAX_ERROR]
        for part in ([found] if found is outer else [found, outer])
        for name in (*_CODE_NAMES, *_KIND_NAMES)
        if isinstance(part.get(name), str | int) and part[name] not in ("", "error")
    )
    message = _first_word(found, _WORD_NAMES) or _first_word(outer, _WORD_NAMES)
    words = message or (canonical_json(clean_json(error)) if error else "nothing was said")
    param = found.get("param")
    return ServerError(
        status=_status(found) or _status(outer) or _status_by_words(codes, words),
        codes=codes,
        param=clean_text(param) if isinstance(param, str) and param else None,
        message=shorten(clean_text(words), MAX_ERROR),
        used_tokens=_used(outer),
    )


def _first_word(found: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = found.get(name)
        if isinstance(value, str) and value.strip():
            return value
        if name == "detail" and isinstance(value, list | dict) and value:
            return canonical_json(clean_json(value))
    return ""


def _status(found: Mapping[str, Any]) -> int | None:
    for name in _STATUS_NAMES:
        text = str(found.get(name, ""))
        if len(text) == 3 and text.isascii() and text.isdigit() and "400" <= text <= "599":
            return int(text)
    return None


def _status_by_words(codes: tuple[str, ...], message: str) -> int | None:
    """Take the error's code and type first; its message is prose, and may speak of other things."""
    for words in (_plain(*codes), _plain(message[:MAX_ERROR])):
        for status, pattern in _STATUS_WORDS:
            if pattern.search(words):
                return status
    return None


def _plain(*words: str) -> str:
    """Write `BadRequestError` and `Bad request, error.` as `bad_request_error`."""
    return _NO_WORD.sub("_", _CAMEL.sub("_", " ".join(words)).lower()).strip("_")


def _used(body: Mapping[str, Any]) -> int:
    usage = body.get("usage")
    tokens = usage.get("completion_tokens") if isinstance(usage, dict) else None
    return tokens if isinstance(tokens, int) and not isinstance(tokens, bool) else 0
