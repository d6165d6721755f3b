"""The critic: a second request that shows an LLM a task with two filled examples.

It says whether the task is valid, and why. The task and its examples come from the Hub and from an
LLM, so they stand inside the fence like everything else.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dynosaur_etl.domain.chat import ChatRequest, Purpose
from dynosaur_etl.domain.text import clean_text, shorten
from dynosaur_etl.domain.thoughts import without_thoughts
from dynosaur_etl.proposals.fence import CLOSING_FENCE, INTRODUCTION, fenced_json
from dynosaur_etl.proposals.lenient import read_values
from dynosaur_etl.proposals.parse import MAX_CONTENT
from dynosaur_etl.proposals.schema import closed_object

VERSION = "critic-1"
EXAMPLES = 2
MAX_ANSWER_TOKENS = 120
MAX_VALUE = 600
MAX_REASON = 200

SYSTEM = """\
You check instruction-tuning tasks before they are used. Answer with JSON alone: {"reason": "...", \
"valid": true or false}, the reason in one short sentence.
A task is valid if the instruction is clear by itself, everything that it asks for can be worked \
out or sensibly written from the inputs, the output of each example is a right answer, and the \
answer does not stand in the instruction."""
SCHEMA = closed_object({"reason": {"type": "string"}, "valid": {"type": "boolean"}})

_CLOSING = f"{CLOSING_FENCE}Is this task valid?"


@dataclass(frozen=True)
class Example:
    """One row in the task's form."""

    input: str
    output: str


@dataclass(frozen=True)
class CriticVerdict:
    """What the critic says; `valid` is None where its answer holds no verdict."""

    valid: bool | None
    reason: str


def build_critic_request(
    instruction: str, examples: Sequence[Example], subject: str, model: str
) -> ChatRequest:
    """Word the request about one task; long inputs and outputs are cut to 600 characters."""
    data = {
        "instruction": instruction,
        "examples": [
            {"input": _shown(example.input), "output": _shown(example.output)}
            for example in examples[:EXAMPLES]
        ],
    }
    introduction = INTRODUCTION.replace("data to design tasks for", "a task to check")
    return ChatRequest(
        purpose=Purpose.CRITIC,
        subject=subject,
        model=model,
        messages=(
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": introduction + fenced_json(data) + _CLOSING},
        ),
        schema=SCHEMA,
        max_tokens=MAX_ANSWER_TOKENS,
        temperature=0,
        prompt_version=VERSION,
    )


def read_verdict(content: str | None) -> CriticVerdict:
    """Read the critic's answer; it may be anything. Thoughts in it are no part of it."""
    content = without_thoughts(content or "").strip()
    for value in _objects(content):
        valid, reason = value.get("valid"), value.get("reason")
        if isinstance(valid, bool):
            words = reason if isinstance(reason, str) else ""
            return CriticVerdict(valid, shorten(clean_text(words), MAX_REASON))
    return CriticVerdict(None, shorten(clean_text(content[:500] or "no content"), MAX_REASON))


def _objects(content: str) -> list[Mapping[str, Any]]:
    content = content[:MAX_CONTENT]
    try:
        values = [json.loads(content)]
    except (ValueError, RecursionError):
        values, _ = read_values(content)
    return [value for value in values if isinstance(value, dict)]


def _shown(text: str) -> str:
    return shorten(clean_text(text), MAX_VALUE)
