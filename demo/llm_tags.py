"""The demo's stand-in for a tagger: the words of an instruction that say most, as tags."""

import json
import re

from demo.llm_reading import Json, text_of

_INSTRUCTION = re.compile(
    r"instruction:\s*(.*?)(?:\n\s*input:|\n\s*\n|$)", re.IGNORECASE | re.DOTALL
)
_WORD = re.compile(r"[^\W\d_]{4,}")
_EMPTY = frozenset({"that", "this", "with", "from", "into", "what", "which", "following", "given"})
_MOST = 5


def is_tagging(body: Json) -> bool:
    """Whether the system message asks for tags."""
    return '"tags"' in text_of(body, "system")


def tag(body: Json) -> str:
    """Up to five distinct words of the instruction, in their order, as the JSON asked for."""
    found = _INSTRUCTION.search(text_of(body, "user"))
    words = _WORD.findall(found.group(1).lower()) if found else []
    tags = [word for word in dict.fromkeys(words) if word not in _EMPTY][:_MOST]
    return json.dumps({"tags": tags or ["text"]}, ensure_ascii=False)
