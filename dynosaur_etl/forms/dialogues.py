r"""Dialogues that are written as one text, with a marker before each turn.

- `\n\nHuman:` and `\n\nAssistant:` as in Anthropic's hh-rlhf; `User:` and `System:` as well.
- `USER:`, `ASSISTANT:` and `FUNCTION RESPONSE:` as in glaive-function-calling-v2, where an answer
  ends with `<|endoftext|>`.
"""

import re
from typing import Any

from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.forms.turns import ASSISTANT, SYSTEM, TOOL, USER, Refusal, Turn

_DIALOGUE = re.compile(r"(?:^|\n\n)[ \t]*(Human|Assistant|User|System):[ \t]*")
_CALL_CHAT = re.compile(r"(?:^|\n)[ \t]*(USER|ASSISTANT|FUNCTION RESPONSE|SYSTEM):[ \t]*")
_ROLES = {"human": USER, "user": USER, "assistant": ASSISTANT, "system": SYSTEM}
_END = "<|endoftext|>"


def is_dialogue(value: Any) -> bool:
    """Return whether a text is a dialogue of `Human:` and `Assistant:`."""
    if not isinstance(value, str):
        return False
    marks = [mark.lower() for mark in _DIALOGUE.findall(value)]
    return marks[:1] in (["human"], ["user"], ["system"]) and "assistant" in marks


def is_call_chat(value: Any) -> bool:
    """Return whether a text is a chat of `USER:` and `ASSISTANT:`."""
    if not isinstance(value, str):
        return False
    marks = _CALL_CHAT.findall(value)
    return marks[:1] in (["USER"], ["SYSTEM"]) and "ASSISTANT" in marks


def dialogue_turns(text: str) -> list[Turn]:
    """Return the turns of a dialogue of either kind; raises `Refusal` where it is none."""
    if is_call_chat(text):
        return _split(text, _CALL_CHAT)
    if is_dialogue(text):
        return _split(text, _DIALOGUE)
    raise Refusal(Reason.FORM_BROKEN, "no dialogue")


def without_marker(system: str) -> str:
    """Return a system turn without the `SYSTEM:` before it."""
    return re.sub(r"^\s*SYSTEM:\s*", "", system)


def _split(text: str, marker: re.Pattern[str]) -> list[Turn]:
    _, *parts = marker.split(text)
    names, texts = parts[0::2], parts[1::2]
    return [
        Turn(_ROLES.get(name.lower(), TOOL), said.replace(_END, "").strip())
        for name, said in zip(names, texts, strict=True)
    ]
