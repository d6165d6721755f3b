"""The critic: a second request that shows an LLM the tasks of a config with two filled examples.

It says of each task whether it is valid, and why. All tasks of a config go into one request: the
rules are paid for once, and the critic sees which task is meant for which field. Tasks and examples
come from the Hub and from an LLM, so they stand inside the fence like everything else.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dynosaur_etl.domain.chat import ChatRequest, Purpose
from dynosaur_etl.domain.text import clean_text, shorten
from dynosaur_etl.domain.thoughts import without_thoughts
from dynosaur_etl.proposals.fence import CLOSING_FENCE, INTRODUCTION, fenced_json
from dynosaur_etl.proposals.lenient import read_values
from dynosaur_etl.proposals.parse import MAX_CONTENT
from dynosaur_etl.proposals.schema import closed_object

VERSION = "critic-2"
EXAMPLES = 2
MAX_TASKS = 12
ANSWER_TOKENS, TOKENS_A_TASK = 40, 60
MAX_VALUE = 400
MAX_REASON = 200

SYSTEM = """\
You check instruction-tuning tasks before they are used. Answer with JSON alone: {"verdicts": \
[{"task": its number, "reason": "...", "valid": true or false}, ...]}, one verdict for each task, \
the reason in one short sentence.
A task is valid if the instruction is clear by itself and fits every row, not one of them; it asks \
for what the outputs are, not for an input; everything that it asks for can be worked out or \
sensibly written from the inputs; the output of each example is a right answer; and the answer \
does not stand in the instruction, though a list of all allowed answers may. Numbers of records, \
dates, links and names that no input tells are not valid outputs."""
SCHEMA = closed_object(
    {
        "verdicts": {
            "type": "array",
            "items": closed_object(
                {
                    "task": {"type": "integer"},
                    "reason": {"type": "string"},
                    "valid": {"type": "boolean"},
                }
            ),
        }
    }
)

_CLOSING = f"{CLOSING_FENCE}Which of these tasks are valid?"


@dataclass(frozen=True)
class CriticExample:
    """One row in the task's form."""

    input: str
    output: str


@dataclass(frozen=True)
class FilledTask:
    """An instruction with examples of it."""

    instruction: str
    examples: Sequence[CriticExample]


@dataclass(frozen=True)
class CriticVerdict:
    """What the critic says; `valid` is None where its answer holds no verdict."""

    valid: bool | None
    reason: str


def build_critic_request(tasks: Sequence[FilledTask], subject: str, model: str) -> ChatRequest:
    """Word the request about the tasks of one config; inputs and outputs are cut to 400 characters.

    Args:
        tasks: 12 at most, so that the answer stays short; they are numbered from 1.
        subject: the config, as the ledger names what was asked about.
        model: of the critic.
    """
    data = {"tasks": [_described(number, task) for number, task in enumerate(tasks, start=1)]}
    introduction = INTRODUCTION.replace("data to design tasks for", "tasks to check")
    return ChatRequest(
        purpose=Purpose.CRITIC,
        subject=subject,
        model=model,
        messages=(
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": introduction + fenced_json(data) + _CLOSING},
        ),
        schema=SCHEMA,
        max_tokens=ANSWER_TOKENS + TOKENS_A_TASK * len(tasks),
        temperature=0,
        prompt_version=VERSION,
    )


def read_verdicts(content: str | None, tasks: int) -> list[CriticVerdict]:
    """Read the critic's answer about a number of tasks; it may be anything.

    Thoughts in it are no part of it. Verdicts without numbers count in their order, if there are as
    many as tasks. Of two verdicts on one task that differ none counts.
    """
    content = without_thoughts(content or "").strip()
    found = list(_verdicts(content))
    if len(found) == tasks and not any(_number(value) for value in found):
        found = [{**value, "task": at} for at, value in enumerate(found, start=1)]
    unread = shorten(clean_text((content or "no content")[:500]), MAX_REASON)
    return [_verdict_on(number, found, unread) for number in range(1, tasks + 1)]


def _verdict_on(number: int, found: Sequence[Mapping[str, Any]], unread: str) -> CriticVerdict:
    about = [value for value in found if _number(value) == number]
    if not about or len({value["valid"] for value in about}) > 1:
        return CriticVerdict(None, unread)
    reason = about[0].get("reason")
    words = reason if isinstance(reason, str) else ""
    return CriticVerdict(about[0]["valid"], shorten(clean_text(words), MAX_REASON))


def _number(value: Mapping[str, Any]) -> int:
    """Give the number of the task that a verdict is about, 0 where it has none."""
    number = value.get("task")
    if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) < 4:
        return int(number)
    return number if isinstance(number, int) and not isinstance(number, bool) else 0


def _verdicts(content: str) -> Iterator[Mapping[str, Any]]:
    for value in _values(content[:MAX_CONTENT]):
        listed = value.get("verdicts") if isinstance(value, dict) else value
        for item in listed if isinstance(listed, list) else [value]:
            if isinstance(item, dict) and isinstance(item.get("valid"), bool):
                yield item


def _values(content: str) -> list[Any]:
    try:
        return [json.loads(content)]
    except (ValueError, RecursionError):
        values, _ = read_values(content)
        return list(values)


def _described(number: int, task: FilledTask) -> dict[str, Any]:
    return {
        "task": number,
        "instruction": task.instruction,
        "examples": [
            {"input": _shown(example.input), "output": _shown(example.output)}
            for example in task.examples[:EXAMPLES]
        ],
    }


def _shown(text: str) -> str:
    return shorten(clean_text(text), MAX_VALUE)
