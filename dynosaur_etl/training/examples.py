"""An instance in the forms that trainers read.

| form | what TRL's supervised trainer takes the loss on |
|---|---|
| `as_prompt_completion` | the answer, as turns of the model's chat template |
| `as_completion` | the answer, as plain text for a model without a template |
| `as_messages` | every token, the prompt's too |
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

ANSWER_MARK = "### Response:\n"
"""What parts a plain prompt from its answer, as in Alpaca's form.

It ends in a line break, so that the tokens of the prompt are the same with and without the answer.
"""


class Message(TypedDict):
    """One turn of a conversation, as chat templates read it."""

    role: str
    content: str


class Completion(TypedDict):
    """A plain prompt and the text that should follow it."""

    prompt: str
    completion: str


class ChatCompletion(TypedDict):
    """The turns of a prompt and the turn that should follow them."""

    prompt: list[Message]
    completion: list[Message]


def as_completion(instance: Mapping[str, str]) -> Completion:
    """Return prompt and answer as plain texts; the prompt ends with `ANSWER_MARK`."""
    return {
        "prompt": f"{_question(instance)}\n\n{ANSWER_MARK}",
        "completion": instance["output"],
    }


def as_messages(instance: Mapping[str, str]) -> list[Message]:
    """Return an instance as a conversation of two turns."""
    return [
        {"role": "user", "content": _question(instance)},
        {"role": "assistant", "content": instance["output"]},
    ]


def as_prompt_completion(row: Mapping[str, Any]) -> ChatCompletion:
    """Return the turns before the last as the prompt, and the last as what is learnt.

    Args:
        row: holds `messages`, or `instruction`, `input` and `output`.
    """
    turns: Sequence[Message] = row.get("messages") or as_messages(row)
    return {"prompt": list(turns[:-1]), "completion": list(turns[-1:])}


def _question(instance: Mapping[str, str]) -> str:
    parts = (instance["instruction"], instance["input"])
    return "\n\n".join(part for part in parts if part)
