r"""Dialogues that are written as one text, with a marker before each turn.

- `\n\nHuman:` and `\n\nAssistant:` as in Anthropic's hh-rlhf; `User:` and `System:` as well.
- `USER:`, `ASSISTANT:` and `FUNCTION RESPONSE:` as in glaive-function-calling-v2, where an answer
  ends with `<|endoftext|>`.
- `### Human:` and `### Assistant:` as in openassistant-guanaco.
- The chat templates ChatML (`<|im_start|>user`) and Llama 3 (`<|start_header_id|>user`).
"""

import re
from typing import Any

from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.forms.turns import ASSISTANT, SYSTEM, TOOL, USER, Refusal, Turn

_DIALOGUE = re.compile(r"(?:^|\n\n)[ \t]*(Human|Assistant|User|System):[ \t]*")
_CALL_CHAT = re.compile(r"(?:^|\n)[ \t]*(USER|ASSISTANT|FUNCTION RESPONSE|SYSTEM):[ \t]*")
_HEADED = re.compile(r"(?:^|\s*)###[ \t]*(Human|Assistant|User|System):[ \t]*")
_CHATML = re.compile(r"<\|im_start\|>(system|user|assistant|tool)[ \t]*\n")
_LLAMA = re.compile(
    r"<\|start_header_id\|>(system|user|assistant|ipython)<\|end_header_id\|>[ \t]*\n*"
)
_MARKERS = (_DIALOGUE, _HEADED, _CHATML, _LLAMA)
_ROLES = {"human": USER, "user": USER, "assistant": ASSISTANT, "system": SYSTEM}
_END = re.compile(r"<\|(?:endoftext|im_end|eot_id|end_of_text|begin_of_text)\|>")


def is_dialogue(value: Any) -> bool:
    """Return whether a text is a dialogue of `Human:` and `Assistant:`, or of a chat template."""
    return isinstance(value, str) and _marker_of(value) is not None


def _marker_of(text: str) -> re.Pattern[str] | None:
    return next((marker for marker in _MARKERS if _parts(text, marker)), None)


def _parts(text: str, marker: re.Pattern[str]) -> bool:
    marks = [mark.lower() for mark in marker.findall(text)]
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
    marker = _marker_of(text)
    if marker is not None:
        return _split(text, marker)
    raise Refusal(Reason.FORM_BROKEN, "no dialogue")


def without_marker(system: str) -> str:
    """Return a system turn without the `SYSTEM:` before it."""
    return re.sub(r"^\s*SYSTEM:\s*", "", system)


def _split(text: str, marker: re.Pattern[str]) -> list[Turn]:
    _, *parts = marker.split(text)
    names, texts = parts[0::2], parts[1::2]
    return [
        Turn(_ROLES.get(name.lower(), TOOL), _END.sub("", said).strip())
        for name, said in zip(names, texts, strict=True)
    ]
