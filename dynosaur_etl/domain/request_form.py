"""How a server wants a model's requests put: learnt from refusals, not known by a model's name.

Servers that speak OpenAI's chat completions differ in which parameters they take. A refusal names
the parameter (`param` and `code` of OpenAI's errors, `loc` of pydantic's, or its words alone), so
the next form follows from the refusal. What a request asks stays the same, and with it its key.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

LIMIT_NAMES = ("max_tokens", "max_completion_tokens")


class AnswerFormat(StrEnum):
    """How the schema of an answer is put, from the strictest to words alone."""

    JSON_SCHEMA = "json_schema"
    JSON_OBJECT = "json_object"
    WORDED = "worded"


class Effort(StrEnum):
    """How much a reasoning model is asked to think."""

    NONE = "none"
    MINIMAL = "minimal"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


THOUGHT_TOKENS = {
    Effort.NONE: 0,
    Effort.MINIMAL: 1_000,
    Effort.LOW: 4_000,
    Effort.MEDIUM: 16_000,
    Effort.HIGH: 48_000,
}
"""Tokens that a model may think with, beside its answer; they are billed as part of it."""

_UNASKED = Effort.MEDIUM
"""What reasoning models do where nobody says otherwise."""

_FORMATS = tuple(AnswerFormat)
_EFFORTS = tuple(Effort)
_UNSUPPORTED_CODES = frozenset({
    "unsupported_parameter", "unsupported_value", "unknown_parameter", "extra_forbidden",
    "invalid_parameter", "unsupported", "parameter_not_supported",
})  # fmt: skip
_UNSUPPORTED_WORDS = re.compile(
    r"unsupport|not (?:currently )?support|n[o']t support|unknown|unrecogni[sz]ed|unexpected"
    r"|not permitted|extra (?:inputs|fields)|forbidden|not allowed|deprecated|only the default"
    r"|unavailable|cannot find field|not (?:yet )?implemented|instead|no longer|not compatible"
    r"|invalid (?:parameter|argument|field|\w+ value)|must be (?:one of|text)|should be '"
    r"|missing field|must be 'json_schema'|only works",
    re.IGNORECASE,
)
_OWN_FAULT = re.compile(r"context.length|maximum context|too (?:long|large|many tokens)|at most \d")
_NAMES = (
    ("max_completion_tokens", re.compile(r"max_completion_tokens")),
    ("max_tokens", re.compile(r"max_tokens")),
    ("temperature", re.compile(r"temperature")),
    (
        "reasoning_effort",
        re.compile(r"reasoning[_. ]effort|\breasoning\b|(?<![\w-])think(?:ing)?(?![\w-])"),
    ),
    ("strict", re.compile(r"\bstrict\b")),
    (
        "response_format",
        re.compile(r"response[_ ]format|json[_ ]schema|json[_ ]object|structured output|grammar"),
    ),
)
_LISTING = re.compile(r"supported values|must be|one of|\ballowed|\bvalid", re.IGNORECASE)
_QUOTED = re.compile(r"['\"`](\w+)['\"`]")


@dataclass(frozen=True)
class ServerRefusal:
    """What a server says against a request; `param` and `codes` as far as it names them."""

    message: str
    param: str | None = None
    codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RequestForm:
    """The parameters that a server takes for a model.

    Attributes:
        limit: name of the parameter that limits the answer's tokens.
        temperature: whether it is sent.
        effort: whether `reasoning_effort` is sent.
        efforts: values of it that the server takes; empty: not known to be limited.
        answer_format: how the schema of an answer is put.
        strict: whether the schema is marked `strict`.
        thinks: whether the model was seen to think although it was asked not to, or not asked.
        refused: parameters that the server has refused, in their order.
    """

    limit: str = LIMIT_NAMES[0]
    temperature: bool = True
    effort: bool = True
    efforts: tuple[str, ...] = ()
    answer_format: AnswerFormat = AnswerFormat.JSON_SCHEMA
    strict: bool = True
    thinks: bool = False
    refused: tuple[str, ...] = ()

    def sent_effort(self, asked: Effort) -> Effort | None:
        """Return the value of `reasoning_effort`: the least that is taken from the asked one up."""
        if not self.effort:
            return None
        taken = [value for value in _EFFORTS if not self.efforts or value in self.efforts]
        enough = [value for value in taken if _EFFORTS.index(value) >= _EFFORTS.index(asked)]
        return next(iter(enough or taken[-1:]), None)

    def thought_tokens(self, asked: Effort) -> int:
        """Return the tokens that a model may think with, as far as is known of it."""
        sent = self.sent_effort(asked)
        silent = _UNASKED if self.thinks else Effort.NONE
        return THOUGHT_TOKENS[max(sent or silent, silent, key=_EFFORTS.index)]

    def without(self, refusal: ServerRefusal) -> "RequestForm | None":
        """Return the form that follows from a refusal; None where it is not about a parameter."""
        form = self
        for name in _named(refusal):
            form = form._without(name, refusal) or form
        return None if form == self else form

    def _without(self, name: str, refusal: ServerRefusal) -> "RequestForm | None":
        refused = (*self.refused, name)
        match name:
            case "max_tokens" | "max_completion_tokens":
                other = next(limit for limit in LIMIT_NAMES if limit != name)
                if name != self.limit or other in self.refused:
                    return None
                return replace(self, limit=other, refused=refused)
            case "temperature" if self.temperature:
                return replace(self, temperature=False, refused=refused)
            case "reasoning_effort" if self.effort:
                return self._with_other_effort(refusal)
            case "strict" if self.strict and self.answer_format == AnswerFormat.JSON_SCHEMA:
                return replace(self, strict=False, refused=refused)
            case "response_format" if self.answer_format != AnswerFormat.WORDED:
                following = _FORMATS[_FORMATS.index(self.answer_format) + 1]
                refused = (*self.refused, str(self.answer_format))
                return replace(self, answer_format=following, refused=refused)
        return None

    def _with_other_effort(self, refusal: ServerRefusal) -> "RequestForm":
        """Take the values that the refusal lists, or send none where it lists no other."""
        _, *listing = _LISTING.split(refusal.message, maxsplit=1)
        listed = set(_QUOTED.findall("".join(listing))) & set(_EFFORTS)
        values = tuple(value for value in _EFFORTS if value in listed - {Effort.NONE})
        refused = (*self.refused, "reasoning_effort")
        if values and not self.efforts:
            return replace(self, efforts=values, refused=refused)
        return replace(self, effort=False, refused=refused)


def is_about_a_parameter(refusal: ServerRefusal) -> bool:
    """Return whether a refusal names a parameter as one that the server does not take."""
    return bool(_named(refusal))


def _named(refusal: ServerRefusal) -> list[str]:
    """Return the parameters that a refusal is about."""
    message, where = refusal.message.lower(), (refusal.param or "").lower()
    if _OWN_FAULT.search(message) or "context_length_exceeded" in refusal.codes:
        return []
    by_name = [name for name, pattern in _NAMES if where and pattern.search(where)]
    by_words = [name for name, pattern in _NAMES if pattern.search(_about(message))]
    is_unsupported = bool(_UNSUPPORTED_CODES & set(refusal.codes)) or (
        _UNSUPPORTED_WORDS.search(message) is not None
    )
    found = by_name or (by_words if is_unsupported else [])
    if not is_unsupported:  # a limit may be too large; the other parameters have no such fault
        found = [name for name in found if name not in LIMIT_NAMES]
    return ["strict"] if "strict" in found else found


def _about(message: str) -> str:
    """Return what a refusal says of what was sent, without what it proposes in its place."""
    return re.split(r"\b(?:use|try|instead)\b", message)[0] or message


FIRST_FORM = RequestForm()
"""How a server is asked of which nothing is known: with everything."""


def read_form(stored: dict[str, Any]) -> RequestForm:
    """Read a form that was kept as JSON; names that this version does not know are left out."""
    known: dict[str, Any] = {
        name: stored[name] for name in RequestForm.__dataclass_fields__ if name in stored
    }
    for name in ("efforts", "refused"):
        known[name] = tuple(known.get(name, ()))
    known["answer_format"] = AnswerFormat(known.get("answer_format", AnswerFormat.JSON_SCHEMA))
    return RequestForm(**known)
