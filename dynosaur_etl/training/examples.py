"""An instance in the forms that trainers read."""

from collections.abc import Mapping
from typing import TypedDict


class Message(TypedDict):
    """One turn of a conversation, as chat templates read it."""

    role: str
    content: str


class Completion(TypedDict):
    """A prompt and what should follow it, as TRL's supervised trainer reads it."""

    prompt: str
    completion: str


def as_completion(instance: Mapping[str, str]) -> Completion:
    """Give an instance as prompt and completion; an empty line parts instruction and input."""
    return {"prompt": _prompt(instance), "completion": instance["output"]}


def as_messages(instance: Mapping[str, str]) -> list[Message]:
    """Give an instance as a conversation of two turns."""
    return [
        {"role": "user", "content": _prompt(instance)},
        {"role": "assistant", "content": instance["output"]},
    ]


def _prompt(instance: Mapping[str, str]) -> str:
    parts = (instance["instruction"], instance["input"])
    return "\n\n".join(part for part in parts if part)
