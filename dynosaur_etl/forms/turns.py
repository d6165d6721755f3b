"""Conversations of any convention, read as turns of the roles that chat templates know.

Rules of a conversation:

- Turns that are not to be trained (`weight` 0, `train` false) and those of the assistant before any
  question are removed; what stands beside one another of one role then is joined by a line break.
- It ends with the last turn of the assistant, and before the first empty one.
- A system turn stands first. Results of tools follow a turn of the assistant.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, pairwise
from typing import Any, NamedTuple, ParamSpec, TypeVar

from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.unforeseen import is_contained, unforeseen_words
from dynosaur_etl.forms.values import (
    Row,
    number_of,
    opened,
    structures,
    text_of,
    truth_of,
)

P = ParamSpec("P")
T = TypeVar("T")

SYSTEM, USER, ASSISTANT, TOOL = "system", "user", "assistant", "tool"

ROLE_NAMES: dict[str, str] = {
    **dict.fromkeys(("system", "developer", "system_prompt"), SYSTEM),
    **dict.fromkeys(("user", "human", "prompter", "customer", "question", "student"), USER),
    **dict.fromkeys(
        (
            "assistant", "gpt", "bot", "chatgpt", "gpt4", "model", "bing", "bard",
            "claude", "ai", "chatbot", "llm", "function_call", "tool_call", "answer",
            "agent", "teacher",
        ),
        ASSISTANT,
    ),
    **dict.fromkeys(
        (
            "tool", "function", "observation", "tool_response", "function_response", "ipython",
            "tool_result", "environment",
        ),
        TOOL,
    ),
}  # fmt: skip
ROLE_KEYS = ("role", "from", "speaker", "author", "sender", "type")
CONTENT_KEYS = ("content", "value", "text", "message", "utterance", "parts")
EXCHANGES = (
    ("user", "assistant"), ("human", "assistant"), ("human", "gpt"), ("human", "bot"),
    ("user", "bot"), ("user", "model"),
)  # fmt: skip
"""The keys of a structure that holds a question and the answer to it."""

_PLAIN_KEYS = (("role", "content"), ("from", "value"))
_CALL_ROLES = frozenset({"function_call", "tool_call"})
_SPEAKING_ROLES = {name: role for name, role in ROLE_NAMES.items() if name not in _CALL_ROLES}
_CALL_KEYS = ("tool_calls", "toolCalls", "function_call")
_TEXT_PARTS = frozenset({"text", "input_text", "output_text"})
_THOUGHT_PARTS = frozenset({"thinking", "reasoning", "redacted_thinking"})
_CALL_PARTS = frozenset({"tool_use", "tool_call"})
_RESULT_PARTS = frozenset({"tool_result"})
_REASONING_KEYS = ("reasoning_content", "reasoningContent", "thinking", "reasoning", "thought")
_UNSOUND = ("", "[")
"""How a text begins that is empty, or may only say that it was removed."""
_REMOVED = re.compile(r"\[?(?:removed|deleted|redacted)( by .{0,30})?\]?", re.IGNORECASE)


class Refusal(Exception):
    """A row gives no instance: why."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def attempted(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | Refusal:
    """Return what the work on one row gives, or why the row gives nothing.

    An error that nobody foresaw is the row's own too, and the rows beside it go on.
    """
    try:
        return work(*args, **kwargs)
    except Refusal as refusal:
        return refusal
    except Exception as error:
        if not is_contained(error):
            raise
        return Refusal(Reason.UNFORESEEN_ERROR, unforeseen_words(error))


@dataclass(frozen=True)
class Call:
    """A call of a tool; `arguments` is JSON as a text."""

    name: str
    arguments: str
    id: str = ""


class Turn(NamedTuple):
    """One turn of a conversation."""

    role: str
    content: str
    calls: tuple[Call, ...] = ()
    thought: str = ""
    is_trained: bool = True

    @property
    def is_empty(self) -> bool:
        return not self.content and not self.calls


def are_turns(value: Any) -> bool:
    """Return whether a value is a list of turns, each with a role that is known."""
    items = _items(value)
    return items is not None and all(
        _role_name(item) is not None and _has_content(item) for item in items
    )


def have_answer(value: Any) -> bool:
    """Return whether a turn of a list is the assistant's, whatever it holds."""
    return any(_role_name(item) == ASSISTANT for item in _items(value) or ())


def _items(value: Any) -> Sequence[Row] | None:
    """Return the structures of turns; one of a question and its answer is two of them."""
    items = structures(value)
    if items is None or "role" in items[0] or "from" in items[0]:
        return items
    for keys in EXCHANGES:
        if all(key in item for item in items for key in keys):
            return [{"role": key, "content": item[key]} for item in items for key in keys]
    return items


def read_turns(value: Any) -> list[Turn]:
    """Return the turns of a list, as they stand there.

    Raises:
        Refusal: it is no list of turns, a role is unknown, or a turn holds more than text.
    """
    items = _items(value)
    if items is None:
        raise Refusal(Reason.FORM_BROKEN, "no list of turns")
    return [_read_turn(item) for item in items]


def conversation(turns: Sequence[Turn], system: str = "") -> list[Turn]:
    """Return turns as a conversation by the rules above, ending with the assistant.

    Args:
        turns: as they stand in the row.
        system: of a column beside them; used where the turns have none.

    Raises:
        Refusal: nothing of it could be taught.
    """
    if not system and _is_sound(turns):
        return list(turns)
    head, rest = _parted(turns)
    if not head and system:
        head = [Turn(SYSTEM, system)]
    if _is_sound(rest):
        return [*head, *rest]
    joined = list(_joined(_trained(rest)))
    whole = joined[: _end(joined)]
    if not whole and any(is_removed(turn.content) for turn in joined):
        raise Refusal(Reason.ANSWER_REMOVED)
    _check(whole)
    return [*head, *whole]


def _is_sound(turns: Sequence[Turn]) -> bool:
    """Return whether turns are questions and answers, as most are, that no rule changes."""
    for turn, role in zip(turns, cycle((USER, ASSISTANT)), strict=False):
        if turn.role != role or turn.content[:1] in _UNSOUND or not turn.is_trained:
            return False
    return len(turns) > 0 and len(turns) % 2 == 0


def plain_text(turn: Turn) -> str:
    """Return a turn as one text: what is said, and the calls as JSON."""
    if not turn.calls:
        return turn.content
    calls = calls_text(turn.calls)
    return "\n".join(filter(None, (turn.content, calls)))


def calls_text(calls: Sequence[Call]) -> str:
    """Return calls as a JSON list of {name, arguments}; empty where there are none."""
    if not calls:
        return ""
    listed = [{"name": call.name, "arguments": opened(call.arguments)} for call in calls]
    return json.dumps(listed, ensure_ascii=False)


def is_removed(text: str) -> bool:
    """Return whether a text only says that it was removed."""
    return text[:1] == "[" and len(text) < 60 and _REMOVED.fullmatch(text) is not None


def read_calls(value: Any) -> tuple[Call, ...]:
    """Return the calls of a list such as OpenAI's, or of one call; raises `Refusal`."""
    known = opened(value)
    if known is None or known == [] or known == "":
        return ()
    items = structures([known] if isinstance(known, Mapping) else known)
    if items is None:
        raise Refusal(Reason.FORM_BROKEN, "calls that are no structures")
    return tuple(_read_call(item) for item in items)


def _read_call(item: Row) -> Call:
    function = opened(item.get("function"))
    inner = function if isinstance(function, Mapping) else item
    name = text_of(inner.get("name")) or text_of(inner.get("tool_name"))
    if not name:
        raise Refusal(Reason.FORM_BROKEN, "a call without a name")
    keys = (key for key in ("arguments", "input", "parameters") if key in inner)
    given: Any = inner.get(next(keys, ""), {})
    arguments = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    return Call(name, arguments, text_of(item.get("id")))


def _role_name(item: Row) -> str | None:
    found = [item[key] for key in ROLE_KEYS if key in item]
    if not found or not isinstance(found[0], str):
        return None
    name = found[0].strip().lower()
    return ROLE_NAMES.get(name) or ROLE_NAMES.get(name.replace("-", ""))


def _has_content(item: Row) -> bool:
    return any(key in item for key in (*CONTENT_KEYS, *_CALL_KEYS))


def _read_turn(item: Row) -> Turn:
    if len(item) == 2 and (plain := _plain_turn(item)) is not None:
        return plain
    role = _role_name(item)
    if role is None:
        found = next((str(item[key]) for key in ROLE_KEYS if key in item), "none")
        raise Refusal(Reason.ROLE_UNKNOWN, found[:40])
    _check_marks(item)
    value = next((item[key] for key in CONTENT_KEYS if item.get(key) is not None), "")
    calls = tuple(call for key in _CALL_KEYS for call in read_calls(item.get(key)))
    given = next((str(item[key]) for key in ROLE_KEYS if key in item), "").strip().lower()
    if given in _CALL_ROLES and not calls:
        calls, value = read_calls(value), ""
    thought = next((text_of(item[key]) for key in _REASONING_KEYS if item.get(key)), "")
    turn = Turn(role, "", calls, thought, _is_trained(item))
    return _with_content(turn, value)


def _plain_turn(item: Row) -> Turn | None:
    """Return the turn of a role and a text, as most are; None where there is more to read."""
    role_key, text_key = _PLAIN_KEYS["from" in item]
    role, text = item.get(role_key), item.get(text_key)
    known = _SPEAKING_ROLES.get(role) if isinstance(role, str) else None
    if known is None or not isinstance(text, str) or text[:2] == "[{":
        return None
    return Turn(known, text_of(text))


def _check_marks(item: Row) -> None:
    for name in ("toxic", "redacted", "flagged", "deleted"):
        if truth_of(item.get(name)):
            raise Refusal(Reason.FLAGGED, f"a turn is {name}")


def _is_trained(item: Row) -> bool:
    weight = number_of(item.get("weight"))
    marks = (truth_of(item.get(name)) for name in ("train", "trainable", "is_trained"))
    return weight != 0 and False not in marks


def _with_content(turn: Turn, value: Any) -> Turn:
    if isinstance(value, str) and not (value[:2] == "[{" and _are_parts(opened(value))):
        return turn._replace(content=text_of(value))
    parts = opened(value)
    if isinstance(parts, Mapping):
        parts = [parts]
    if not _are_parts(parts):
        raise Refusal(Reason.FORM_BROKEN, "content that is neither a text nor a list of parts")
    return _with_parts(turn, parts)


def _are_parts(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(part, Mapping) and isinstance(_part_kind(part), str) for part in value
    )


def _part_kind(part: Row) -> Any:
    """Return the type of a part; one that says none, and holds a text, is a text."""
    kind = part.get("type")
    return "text" if kind is None and isinstance(part.get("text"), str) else kind


def _with_parts(turn: Turn, parts: Sequence[Row]) -> Turn:
    texts: list[str] = []
    thoughts, calls, role = [turn.thought], list(turn.calls), turn.role
    for part in parts:
        kind = str(_part_kind(part))
        if kind in _TEXT_PARTS:
            texts.append(text_of(part.get("text")))
        elif kind in _THOUGHT_PARTS:
            thoughts.append(text_of(part.get("thinking")) or text_of(part.get("text")))
        elif kind in _CALL_PARTS:
            calls.append(_read_call(part))
        elif kind in _RESULT_PARTS:
            texts.append(_result_text(part.get("content")))
            role = TOOL
        else:
            raise Refusal(Reason.MODALITY, f"a turn holds a part of type {kind[:40]}")
    content = "\n".join(filter(None, texts))
    thought = "\n".join(filter(None, thoughts))
    return turn._replace(role=role, content=content, calls=tuple(calls), thought=thought)


def _result_text(value: Any) -> str:
    parts = opened(value)
    if isinstance(parts, list):
        return "\n".join(text_of(part.get("text")) for part in parts if isinstance(part, Mapping))
    return text_of(parts) if isinstance(parts, str) else json.dumps(parts, ensure_ascii=False)


def _parted(turns: Sequence[Turn]) -> tuple[list[Turn], Sequence[Turn]]:
    """Part the system turns at the beginning from the rest."""
    first = next((at for at, turn in enumerate(turns) if turn.role != SYSTEM), len(turns))
    text = "\n".join(filter(None, (turn.content for turn in turns[:first])))
    return ([Turn(SYSTEM, text)] if text else []), turns[first:]


def _trained(turns: Sequence[Turn]) -> Iterator[Turn]:
    """Yield turns without those of the assistant that are not to be trained, or that begin."""
    has_begun = False
    for turn in turns:
        has_begun = has_begun or turn.role == USER
        if turn.role == ASSISTANT and not (turn.is_trained and has_begun):
            continue
        yield turn


def _joined(turns: Iterator[Turn]) -> Iterator[Turn]:
    """Yield turns with those of one role that follow each other made one."""
    waiting: Turn | None = None
    for turn in turns:
        if waiting is not None and waiting.role == turn.role and turn.role != TOOL:
            waiting = _together(waiting, turn)
            continue
        if waiting is not None:
            yield waiting
        waiting = turn
    if waiting is not None:
        yield waiting


def _together(first: Turn, second: Turn) -> Turn:
    content = "\n".join(filter(None, (first.content, second.content)))
    thought = "\n".join(filter(None, (first.thought, second.thought)))
    return first._replace(content=content, calls=first.calls + second.calls, thought=thought)


def _end(turns: Sequence[Turn]) -> int:
    """Return how many turns stand up to the last of the assistant before an empty one."""
    end = 0
    for at, turn in enumerate(turns):
        if turn.is_empty or is_removed(turn.content):
            break
        if turn.role == ASSISTANT:
            end = at + 1
    return end


def _check(turns: Sequence[Turn]) -> None:
    if not turns:
        raise Refusal(Reason.CONVERSATION_WITHOUT_ANSWER)
    if turns[0].role != USER:
        raise Refusal(Reason.CONVERSATION_BROKEN, f"it begins with the role {turns[0].role}")
    for before, turn in pairwise(turns):
        if turn.role == SYSTEM:
            raise Refusal(Reason.CONVERSATION_BROKEN, "a system turn in its middle")
        if turn.role == TOOL and before.role == USER:
            raise Refusal(Reason.CONVERSATION_BROKEN, "a result of a tool that nobody called")
