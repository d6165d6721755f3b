"""Which of a row's choices is the right one."""

from collections.abc import Iterable, Sequence
from typing import Any

from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.forms.turns import Refusal
from dynosaur_etl.forms.values import number_of

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def right_choice(answer: Any, marks: Sequence[str], texts: Sequence[str], base: int) -> int:
    """Return the place of the right choice, by its mark, its letter, its number or its text.

    Args:
        answer: as the row holds it.
        marks: of the choices; empty where they have none of their own.
        texts: of the choices.
        base: the number of the first choice, as `first_number` finds it.

    Raises:
        Refusal: OUTPUT_NOT_IN_LABELS.
    """
    said = answer.strip() if isinstance(answer, str) else answer
    if isinstance(said, list):
        said = said[0] if len(said) == 1 else None
    if str(said) in marks:
        return marks.index(str(said))
    if isinstance(said, str) and said in texts:
        return texts.index(said)
    if isinstance(said, str) and len(said.rstrip(".)")) == 1 and said[0].upper() in LETTERS:
        return _within(LETTERS.index(said[0].upper()), texts)
    number = number_of(said)
    if number is not None and number == int(number):
        return _within(int(number) - base, texts)
    raise Refusal(Reason.OUTPUT_NOT_IN_LABELS, f"{str(said)[:40]!r} is none of the choices")


def first_number(answers: Iterable[Any], most_choices: int) -> int:
    """Return 1 where answers are numbers from 1 to the most choices of a row, else 0."""
    numbers = [int(number) for answer in answers if (number := number_of(answer)) is not None]
    return int(bool(numbers) and min(numbers) >= 1 and max(numbers) == most_choices)


def _within(at: int, texts: Sequence[str]) -> int:
    if not 0 <= at < len(texts):
        raise Refusal(Reason.OUTPUT_NOT_IN_LABELS, f"no choice stands at place {at}")
    return at
