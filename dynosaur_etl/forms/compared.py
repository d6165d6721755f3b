"""Two answers in columns of their own, and a column that says which of them is the better one."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.forms import names as known
from dynosaur_etl.forms.form import Form, FoundForm
from dynosaur_etl.forms.right_choice import first_number
from dynosaur_etl.forms.sampled import SampledRows, is_filled
from dynosaur_etl.forms.turns import Refusal, are_turns
from dynosaur_etl.forms.values import Row, number_of

_ANSWER = re.compile(
    r"(?P<name>response|answer|output|completion|conversation|reply|generation)_?(?P<end>0|1|a)"
)
_FOLLOWS = {"0": "1", "1": "2", "2": "3", "a": "b", "b": "c"}
_PLACES = {"a": 0, "b": 1}


def compared(sample: SampledRows) -> FoundForm | None:
    """Find two answers, and which of them won."""
    winner = next((sample.names[n] for n in known.WINNERS if n in sample.names), None)
    if winner is None:
        return None
    for first, second in _pairs(sample):
        prompt = sample.prompt(*known.STRONG_PROMPTS, *known.WEAK_PROMPTS)
        are_said = all(sample.holds(name, _is_said) for name in (first, second))
        if not are_said or (prompt is None and not sample.holds(first, are_turns)):
            continue
        roles = {"first": first, "second": second, **sample.extras}
        form = Form.IMPLICIT_PREFERENCE if prompt is None else Form.PREFERENCE
        roles |= {} if prompt is None else {"prompt": prompt}
        base = first_number((row.get(winner) for row in sample.rows), 2)
        return FoundForm(form, {**roles, "winner": winner}, base=base)
    return None


def decided(found: FoundForm, row: Row) -> tuple[FoundForm, Row]:
    """Return the form and the row of a preference with its chosen and rejected answer.

    Raises:
        Refusal: NOT_PREFERRED, where none of two answers won.
    """
    if "winner" not in found.roles:
        return found, row
    answers = [found.roles["first"], found.roles["second"]]
    at = _place(row.get(found.roles["winner"]), answers, found.base)
    if at is None:
        raise Refusal(Reason.NOT_PREFERRED, "none of the two answers won")
    roles = {**found.roles, "chosen": answers[at], "rejected": answers[1 - at]}
    return replace(found, roles=roles), row


def _pairs(sample: SampledRows) -> Iterator[tuple[str, str]]:
    for lowered, name in sample.names.items():
        read = _ANSWER.fullmatch(lowered)
        if read is not None:
            stem, end = lowered[: read.start("end")], _FOLLOWS[read["end"]]
            more = {stem + _FOLLOWS[end], f"{stem}0"} - {lowered}  # of more, they are choices
            if stem + end in sample.names and more.isdisjoint(sample.names):
                yield name, sample.names[stem + end]


def _place(said: Any, answers: list[str], base: int) -> int | None:
    """Return the place of the answer that is named by its column, its letter or its number."""
    word = said.strip().lower() if isinstance(said, str) else ""
    names = [answer.lower() for answer in answers]
    if word in names:
        return names.index(word)
    letter = re.fullmatch(r"(?:\w+[ _])?([ab])", word)
    if letter is not None:
        return _PLACES[letter[1]]
    number = number_of(said)
    return int(number) - base if number in (base, base + 1) else None


def _is_said(value: Any) -> bool:
    return are_turns(value) or is_filled(value)
