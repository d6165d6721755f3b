"""What a model says before it answers, taken out of what it answers.

Reasoning models put their thoughts in front of the answer, and a draft in them looks like the
answer. A server with a parser for its model's spelling sends them apart; one without it, or with
the wrong one, leaves them in the content. The spellings are those of the chat templates of
DeepSeek R1, Qwen 3, Magistral, Kimi, Command A, Seed, Gemma, Granite and gpt-oss, and of prompts
that ask for tags.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

THOUGHTS_VERSION = "thoughts-1"

MAX_ANSWER = 1_000_000

_TAG = re.compile(
    r"(?P<gemma><\|channel>\s*thought)|(?:<|&lt;)(?P<tag>[^<>&]{1,200})(?:>|&gt;)"
    r"|\[(?P<square>/?think(?:ing)?)\]|◁(?P<triangle>/?think)▷",
    re.IGNORECASE,
)
_TAG_OR_VALUE = re.compile(rf"{_TAG.pattern}|(?P<value>[{{\[])", re.IGNORECASE)
_NAME = re.compile(r"[\w:.-]{1,60}")
_LETTERS = re.compile(r"[a-z]+")
_THOUGHT_WORDS = frozenset({
    "think", "thinking", "antthinking", "thought", "thoughts", "reason", "reasoning", "reflection",
    "scratchpad", "analysis", "monologue", "cot",
})  # fmt: skip
_TOKENS_OF_GEMMA = {"unused94": "think", "unused95": "/think", "channel|": "/think"}

_CHANNEL = re.compile(
    r"<\|channel\|>\s*(\w{1,40})[^<]{0,200}(?:<\|constrain\|>[^<]{0,50})?<\|message\|>"
)
_MESSAGE_END = re.compile(r"<\|(?:end|return|call|start|channel)\|>")
_BARE_CHANNELS = re.compile(r"analysis.*assistant\s?final", re.DOTALL)
_BARE_ANALYSIS = re.compile(r"analysis(?=[A-Z])")
_FENCED = re.compile(
    r"^```(?:think(?:ing)?|thoughts?|reasoning|analysis)\b.*?(?:^```[ \t]*$|\Z)",
    re.DOTALL | re.IGNORECASE | re.MULTILINE,
)
_PROCESS = re.compile(
    r"Here(?:'s|’s| is) my thought process:.*?(?:Here(?:'s|’s| is) my response:|\Z)",
    re.DOTALL | re.IGNORECASE,
)

_MOST_FAILURES = 50
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class _Tag:
    """Where a tag stands; a thought is one level deeper behind it, or one less deep."""

    start: int
    end: int
    opens: bool


def without_thoughts(text: str) -> str:
    """Return what is left of an answer without the thoughts in it; nothing if it is one thought.

    A thought that has no end reaches to the end of the text; an end without a beginning, as
    templates leave it that put the beginning into the prompt, ends a thought that began with the
    text. Tags inside JSON that is whole are the answer's own words and stay. What is behind the
    millionth character is not read.
    """
    text = text[:MAX_ANSWER]
    if _is_json(text):
        return text
    text = _final_channel(text.lstrip())
    text = _FENCED.sub("", _PROCESS.sub("", text, count=1) if _PROCESS.match(text) else text)
    kept: list[str] = []
    depth, start = 0, 0
    for tag in _thought_tags(text):
        if depth == 0 and tag.opens:
            kept.append(text[start : tag.start])
        elif depth == 0:
            kept.clear()
        depth = depth + 1 if tag.opens else max(depth - 1, 0)
        start = tag.end
    return "".join(kept) + (text[start:] if depth == 0 else "")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _final_channel(text: str) -> str:
    """Return the messages of the channel `final`, where the text has channels.

    The form is gpt-oss's (https://cookbook.openai.com/articles/openai-harmony); a server that drops
    its special tokens leaves `analysis...assistantfinal...`.
    """
    channels = list(_CHANNEL.finditer(text))
    if channels:
        return "".join(_message(text, found.end()) for found in channels if found[1] == "final")
    if bare := _BARE_CHANNELS.match(text):
        return text[bare.end() :]
    return "" if _BARE_ANALYSIS.match(text) else text


def _message(text: str, start: int) -> str:
    end = _MESSAGE_END.search(text, start)
    return text[start : end.start() if end else len(text)]


def _thought_tags(text: str) -> Iterator[_Tag]:
    """Yield the tags of thoughts that stand in no whole JSON value; bounded work on broken ones."""
    position, failures = 0, 0
    pattern = _TAG_OR_VALUE
    while found := pattern.search(text, position):
        position = found.end()
        opens = _opens(found)
        if opens is not None:
            yield _Tag(found.start(), found.end(), opens)
        elif pattern is _TAG_OR_VALUE and found["value"]:
            end = _value_end(text, found.start())
            position, failures = (end, failures) if end else (position, failures + 1)
            pattern = _TAG_OR_VALUE if failures < _MOST_FAILURES else _TAG


def _value_end(text: str, start: int) -> int | None:
    try:
        return _DECODER.raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return None


def _opens(found: re.Match[str]) -> bool | None:
    """Return whether a tag begins a thought or ends one; None where it is no tag of a thought."""
    if found["gemma"] is not None:
        return True
    inside = (found["tag"] or found["square"] or found["triangle"] or "").strip().lower()
    inside = _TOKENS_OF_GEMMA.get(inside, inside).strip("| \t\r\n")
    name = _NAME.match(inside.lstrip("/ "))
    words = set(_LETTERS.findall(name[0].replace("_", " "))) if name else set()
    if not words & _THOUGHT_WORDS:
        return None
    return not (inside.startswith("/") or inside.endswith("/") or "end" in words)
