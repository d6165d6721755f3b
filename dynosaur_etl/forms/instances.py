"""The instances that the rows of an instruction set are, without an LLM.

An instance is a conversation that ends with the assistant's answer. Its `instruction` is the last
request; its `input` is all that was said before, where there is more than the request; its `output`
is the answer, without the thought that led to it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dynosaur_etl.domain.models import ReasoningUse, TurnUse
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.forms.reasoning import (
    answer_alone,
    is_worked,
    split_thought,
    with_thought,
)
from dynosaur_etl.forms.turns import (
    ASSISTANT,
    SYSTEM,
    USER,
    Refusal,
    Turn,
    is_removed,
    plain_text,
)

_WORDS = {USER: "User", ASSISTANT: "Assistant", "tool": "Tool", SYSTEM: "System"}


@dataclass(frozen=True)
class NativeRules:
    """How rows become instances.

    Attributes:
        languages: that a row may have, where a column names its language.
        reasoning: what becomes of thoughts.
        turns: one instance a conversation, or one for each turn of the assistant.
    """

    languages: tuple[str, ...] = ("en",)
    reasoning: ReasoningUse = ReasoningUse.APART
    turns: TurnUse = TurnUse.CONVERSATION


class NativeDraft(NamedTuple):
    """What a row of some form holds, before the rules on turns and thoughts.

    Attributes:
        turns: a conversation, ending with the assistant.
        tools: the tools that may be called, JSON as a text; empty where there are none.
        rejected: the answer that was not preferred; empty where there is none.
        parts: instruction and input, where the row or its form has them apart.
    """

    turns: Sequence[Turn]
    tools: str = ""
    rejected: str = ""
    parts: tuple[str, str] | None = None


class NativeInstance(NamedTuple):
    """One instance of an instruction set.

    Attributes:
        row: the place of the row that holds the answer.
        messages: all turns, the answer last.
        tools: JSON as a text.
        reasoning: the thought that led to the answer.
        rejected: an answer that was not preferred, for preference training.
    """

    row: int
    instruction: str
    input: str
    output: str
    messages: tuple[Turn, ...]
    tools: str = ""
    reasoning: str = ""
    rejected: str = ""


@dataclass(frozen=True)
class RefusedRow:
    """A row that gives no instance, and why."""

    row: int
    reason: Reason
    detail: str = ""


Made = NativeInstance | RefusedRow


def finished(row: int, draft: NativeDraft, rules: NativeRules) -> list[NativeInstance]:
    """Return the instances of a draft.

    Raises:
        Refusal: a thought does not end, or nothing is asked or answered.
    """
    ends = [at for at, turn in enumerate(draft.turns) if turn.role == ASSISTANT]
    if not ends:
        raise Refusal(Reason.CONVERSATION_WITHOUT_ANSWER)
    turns = [_thought_apart(turn) if turn.role == ASSISTANT else turn for turn in draft.turns]
    whole = TurnUse.CONVERSATION
    made = []
    for end in ends[-1:] if rules.turns is whole else ends:
        rejected = draft.rejected if end == ends[-1] else ""
        cut = draft._replace(turns=turns[: end + 1], rejected=rejected)
        made.append(_instance(row, cut, rules))
    return made


def _thought_apart(turn: Turn) -> Turn:
    thought, answer = split_thought(turn.content)
    return turn._replace(content=answer, thought=thought) if thought else turn


def _instance(row: int, draft: NativeDraft, rules: NativeRules) -> NativeInstance:
    *before, last = draft.turns
    before = [turn._replace(thought="") if turn.thought else turn for turn in before]
    answer, thought = _used(last, rules.reasoning)
    final = last
    if answer is not last.content or thought is not last.thought:
        final = last._replace(content=answer, thought=thought)
    output = plain_text(final)
    _check(before, last, output)
    instruction, given = _request(before, draft)
    rejected = _rejected(draft.rejected, output)
    messages = (*before, final)
    return NativeInstance(row, instruction, given, output, messages, draft.tools, thought, rejected)


def _used(last: Turn, use: ReasoningUse) -> tuple[str, str]:
    """Return the answer and the thought that is kept apart from it."""
    if use is ReasoningUse.INLINE:
        return with_thought(last.thought, last.content), ""
    if use is ReasoningUse.DROP:
        return answer_alone(last.content) if is_worked(last.content) else last.content, ""
    return last.content, last.thought


def _check(before: Sequence[Turn], last: Turn, output: str) -> None:
    if not [turn for turn in before if turn.role == USER and turn.content]:
        raise Refusal(Reason.PROMPT_EMPTY)
    if not output or last.is_empty:
        raise Refusal(Reason.OUTPUT_EMPTY)
    if is_removed(last.content) or [turn for turn in before if is_removed(turn.content)]:
        raise Refusal(Reason.ANSWER_REMOVED)


def _request(before: Sequence[Turn], draft: NativeDraft) -> tuple[str, str]:
    if draft.parts is not None:
        return draft.parts
    said = [turn for turn in before if turn.role != SYSTEM]
    tools = [f"tools: {draft.tools}"] if draft.tools else []
    last = next(at for at in range(len(said) - 1, -1, -1) if said[at].role == USER)
    rest = _transcript(said[:last] + said[last + 1 :])
    return said[last].content, "\n\n".join([*tools, *rest])


def _transcript(turns: Iterable[Turn]) -> list[str]:
    return [f"{_WORDS[turn.role]}: {plain_text(turn)}" for turn in turns]


def _rejected(text: str, output: str) -> str:
    """Return the rejected answer without its thought; nothing where it is the answer itself."""
    try:
        _, answer = split_thought(text)
    except Refusal:
        answer = ""
    return "" if answer.strip() == output.strip() else answer
