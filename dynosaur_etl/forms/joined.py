"""Forms whose conversations stand in several rows: trees of messages, and sessions of agents."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.forms.form import FoundForm
from dynosaur_etl.forms.instances import NativeDraft
from dynosaur_etl.forms.turns import (
    ASSISTANT,
    ROLE_NAMES,
    TOOL,
    USER,
    Refusal,
    Turn,
    attempted,
    conversation,
    read_turns,
)
from dynosaur_etl.forms.values import Row, number_of, opened, text_of

Numbered = tuple[int, Row]


def tree_drafts(
    found: FoundForm, rows: Sequence[Numbered]
) -> Iterator[tuple[int, NativeDraft | Refusal]]:
    """Yield the best conversation that ends with each answer which nobody answered in turn.

    A row that is used as context of a later answer gives none of its own, and is not refused.

    Args:
        found: the form.
        rows: with their numbers, without those that guards refuse.
    """
    tree = _Tree(found, rows)
    used: set[str] = set()
    finals = []
    for number, row in rows:
        if tree.role(row) == ASSISTANT and not tree.goes_on(row):
            result = tree.draft(row)
            finals.append((number, result))
            if isinstance(result, NativeDraft):
                used.update(tree.path_ids(row))
    yield from finals
    for number, row in rows:
        is_final = tree.role(row) == ASSISTANT and not tree.goes_on(row)
        if not is_final and tree.id(row) not in used:
            yield number, Refusal(Reason.CONVERSATION_WITHOUT_ANSWER)


class _Tree:
    """The messages of a config by their ids."""

    def __init__(self, found: FoundForm, rows: Sequence[Numbered]) -> None:
        self._roles = found.roles
        self._by_id = {self.id(row): row for _, row in rows}
        self._children: dict[str, list[Row]] = {}
        for _, row in rows:
            self._children.setdefault(self.parent(row), []).append(row)

    def id(self, row: Row) -> str:
        return str(row.get(self._roles["id"]))

    def parent(self, row: Row) -> str:
        value = row.get(self._roles["parent"])
        return "" if value is None else str(value)

    def role(self, row: Row) -> str | None:
        return ROLE_NAMES.get(text_of(row.get(self._roles["role"])).lower())

    def text(self, row: Row) -> str:
        return text_of(row.get(self._roles["text"]))

    def goes_on(self, row: Row) -> bool:
        """Return whether an answer is followed by a question that has a good answer."""
        questions = self._children.get(self.id(row), [])
        return any(
            self._is_best(answer)
            for question in questions
            for answer in self._children.get(self.id(question), [])
        )

    def path(self, row: Row) -> list[Row]:
        """Return the messages from the root to a row; raises `Refusal` where one is missing."""
        path, seen = [row], {self.id(row)}
        while parent := self.parent(path[0]):
            if parent not in self._by_id or parent in seen:
                raise Refusal(Reason.PARENT_MISSING)
            seen.add(parent)
            path.insert(0, self._by_id[parent])
        return path

    def path_ids(self, row: Row) -> list[str]:
        return [self.id(part) for part in self.path(row)]

    def draft(self, row: Row) -> NativeDraft | Refusal:
        return attempted(lambda: self._draft(self.path(row)))

    def _draft(self, path: Sequence[Row]) -> NativeDraft:
        if not all(self._is_best(part) for part in path if self.role(part) == ASSISTANT):
            raise Refusal(Reason.NOT_PREFERRED, "another answer has the better rank")
        turns = [Turn(self.role(part) or USER, self.text(part)) for part in path]
        whole = conversation(turns)
        if len(whole) != len(turns):
            raise Refusal(Reason.CONVERSATION_BROKEN, "an empty message, or two of one role")
        return NativeDraft(whole, rejected=self._worst_beside(path[-1]))

    def _is_best(self, row: Row) -> bool:
        return self.role(row) == ASSISTANT and self._rank(row) in (0, None)

    def _rank(self, row: Row) -> float | None:
        return number_of(row.get("rank"))

    def _worst_beside(self, row: Row) -> str:
        ranked = [
            (rank, self.text(other))
            for other in self._children.get(self.parent(row), [])
            if (rank := self._rank(other)) is not None and rank > 0
        ]
        return max(ranked)[1] if ranked and self.parent(row) else ""


def trace_drafts(
    found: FoundForm, rows: Sequence[Numbered]
) -> Iterator[tuple[int, NativeDraft | Refusal]]:
    """Yield the conversation of each session: what the user wrote and the last word on it.

    Calls of tools, their results and thoughts are left out: they hold paths, and files of others.
    """
    if "messages" in found.roles:
        for number, row in rows:
            yield number, _session_draft(read_turns, row.get(found.roles["messages"]))
        return
    session = found.roles.get("session")
    if session is None:
        for number, _ in rows:
            yield number, Refusal(Reason.CONVERSATION_BROKEN, "lines without a session")
        return
    sessions: dict[str, list[Numbered]] = {}
    for number, row in rows:
        sessions.setdefault(str(row.get(session)), []).append((number, row))
    for lines in sessions.values():
        yield lines[-1][0], _session_draft(partial(_line_turns, found), lines)


def _session_draft(read: Callable[[Any], Iterable[Turn]], value: Any) -> NativeDraft | Refusal:
    return attempted(lambda: NativeDraft(conversation(list(_spoken(read(value))))))


def _line_turns(found: FoundForm, lines: Sequence[Numbered]) -> Iterator[Turn]:
    known = {str(row.get("uuid")) for _, row in lines}
    for _, row in lines:
        parent = row.get("parentUuid")
        if parent is not None and str(parent) not in known:
            raise Refusal(Reason.PARENT_MISSING, "a line of the session was not sampled")
        message = opened(row.get(found.roles["message"]))
        if isinstance(message, Mapping) and not row.get("isSidechain"):
            yield from read_turns([message])


def _spoken(turns: Iterable[Turn]) -> Iterator[Turn]:
    """Yield what was said: each text of the user, and the last of the assistant after it."""
    answer: Turn | None = None
    for turn in turns:
        if turn.role == USER:
            if answer is not None:
                yield answer
            answer = None
            yield Turn(USER, turn.content)
        elif turn.role not in (ASSISTANT, TOOL):
            yield Turn(turn.role, turn.content)
        elif turn.role == ASSISTANT and turn.content:
            answer = Turn(ASSISTANT, turn.content)
    if answer is not None:
        yield answer
