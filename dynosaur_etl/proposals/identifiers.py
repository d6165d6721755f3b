"""Whether a field names its rows instead of saying something: seen by its values.

An identifier's values differ from row to row and hold no words: UUIDs, hashes, addresses, paths,
numbers of books and articles, points in time, counters, codes of one pattern. What a field is
called may support a finding about whole numbers and codes, never make one about words.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np

from dynosaur_etl.domain.references import KINDS

MIN_ROWS = 2
MIN_UNNAMED = 5
MIN_SORTED = 8
"""Rows from which numbers that only rise are a counter: by chance, one sample in 20,000 does."""
MOST = 0.9
FEW_CLASSES = 10
MIN_CLASS_ROWS = 30
MIN_RUN = 3
LONG_NUMBER = 15
MIN_TOKEN = 8
MIN_CODES = 3
STRAIGHT = 0.97

_INTEGER = re.compile(r"[+-]?\d+(?:\.0)?")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_TOKEN = re.compile(r"[A-Za-z0-9_#@:./\\-]+")
_DIGITS = re.compile(r"\d+")
_FORMULA = re.compile(r"(?:[A-Z][a-z]?\d{0,2}){2,}")
_EPOCH = (1e9, 2e9)

NAME_WORDS = frozenset(
    {"id", "ids", "idx", "index", "uid", "uuid", "guid", "pid", "qid", "oid", "identifier"}
)
_COUNT_WORDS = frozenset(
    {"row", "rownum", "rowid", "line", "number", "no", "nr", "num", "sequence"}
)
_CLASS_WORDS = frozenset(
    {"label", "class", "category", "genre", "topic", "intent", "type", "kind", "act", "emotion"}
    | {"answer", "correct", "option", "choice", "gold", "target", "best", "language", "relation"}
)


def identifier_kind(name: str, texts: Sequence[str]) -> str | None:
    """Tell what kind of identifier a field's values are, in words; None where they are none.

    Args:
        name: of the field; its words support a finding about numbers and codes.
        texts: its values in the order of the rows, without empty ones and repeated rows.
    """
    if len(texts) < MIN_ROWS or len(set(texts)) < MIN_ROWS:
        return None
    for kind, is_of in KINDS:
        if _most(texts, is_of) and (kind in _WHATEVER_REPEATS or _mostly_distinct(texts)):
            return kind
    if all(_INTEGER.fullmatch(text) for text in texts):
        return _of_integers(name, [int(text.removesuffix(".0")) for text in texts])
    if all(_NUMBER.fullmatch(text) for text in texts):
        return "steps of a clock" if _is_even([float(text) for text in texts]) else None
    return _of_codes(name, texts)


def words_of(name: str) -> tuple[str, ...]:
    """Split a field's name into its words in lower case: `answerStart` is `answer`, `start`."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return tuple(re.findall(r"[^\W_]+", spaced.casefold()))


def _most(texts: Sequence[str], is_of: Callable[[str], bool]) -> bool:
    return sum(map(is_of, texts)) >= MOST * len(texts)


def _mostly_distinct(values: Sequence[object], share: float = MOST) -> bool:
    return len(set(values)) >= share * len(values)


_WHATEVER_REPEATS = frozenset(
    {"UUIDs", "addresses", "DOIs", "numbers of books", "numbers of articles", "file names", "paths"}
)


def _of_integers(name: str, numbers: Sequence[int]) -> str | None:
    words = words_of(name)
    if _counts_in_runs(numbers) or (_COUNT_WORDS.intersection(words) and _counts_up(numbers)):
        return "a counter"
    if _names_records(words) and not _are_classes(numbers):
        return "numbers of records"
    if not _mostly_distinct(numbers):
        return None
    if all(_EPOCH[0] <= abs(n) / scale < _EPOCH[1] for n in numbers for scale in _scales(n)):
        return "points in time" if len(numbers) >= MIN_UNNAMED or "time" in words else None
    if all(len(str(abs(number))) >= LONG_NUMBER for number in numbers):
        return "numbers of records"
    return "a counter" if _is_straight(numbers) else None


def _names_records(words: Sequence[str]) -> bool:
    return bool(NAME_WORDS.intersection(words[-1:])) and not _CLASS_WORDS.intersection(words)


def _are_classes(numbers: Sequence[int]) -> bool:
    return len(numbers) >= MIN_CLASS_ROWS and len(set(numbers)) <= FEW_CLASSES


def _scales(number: int) -> tuple[float, ...]:
    """Give by what a number of seconds or milliseconds is divided; neither gives what fails."""
    return {10: (1.0,), 13: (1e3,)}.get(len(str(abs(number))), (float("inf"),))


def _counts_in_runs(numbers: Sequence[int]) -> bool:
    """Tell whether numbers go up by one, in one run or in a few that begin alike."""
    if len(numbers) < MIN_UNNAMED or len(set(numbers)) < MIN_RUN:
        return False
    begins = [0, *(at for at in range(1, len(numbers)) if numbers[at] <= numbers[at - 1])]
    steps = {
        numbers[at] - numbers[at - 1] for at in range(1, len(numbers)) if at not in set(begins)
    }
    alike = len({numbers[at] for at in begins}) == 1
    return steps == {1} and alike and len(begins) * MIN_RUN <= len(numbers)


def _counts_up(numbers: Sequence[int]) -> bool:
    return len(numbers) >= MIN_RUN and set(np.diff(numbers).tolist()) == {1}


def _is_straight(numbers: Sequence[int]) -> bool:
    """Tell whether numbers rise or fall throughout, by steps that are about even."""
    values = np.array(numbers, np.float64)
    steps = np.diff(values)
    if len(values) < MIN_SORTED or not ((steps > 0).all() or (steps < 0).all()):
        return False
    return abs(float(np.corrcoef(np.arange(len(values)), values)[0, 1])) >= STRAIGHT


def _is_even(numbers: Sequence[float]) -> bool:
    """Tell whether decimals go up by one and the same step."""
    steps = np.diff(np.array(numbers))
    if len(numbers) < MIN_UNNAMED or steps[0] <= 0:
        return False
    return bool(np.allclose(steps, steps[0], rtol=1e-3))


def _of_codes(name: str, texts: Sequence[str]) -> str | None:
    """Know codes such as `DB00773` or `train_q0`: one pattern, and only its digits differ."""
    if not _most(texts, lambda text: bool(_TOKEN.fullmatch(text))):
        return None
    if _names_records(words_of(name)):
        with_digits = sum(any(c.isdigit() for c in text) for text in texts)
        many = with_digits >= len(texts) / 2 and _mostly_distinct(texts, 0.5)
        return "codes of records" if many else None
    if len(texts) < MIN_CODES or not _mostly_distinct(texts) or not _most(texts, _is_code):
        return None
    patterns = {_DIGITS.sub("0", text) for text in texts}
    if any(map(_FORMULA.fullmatch, texts)):
        return None
    of_one_length = len({len(text) for text in texts}) == 1 and len(texts[0]) >= MIN_TOKEN
    begin_with_letters = not any(text[0].isdigit() for text in texts)
    of_one_pattern = len(patterns) <= max(1, 0.3 * len(texts))
    if (of_one_pattern and begin_with_letters) or of_one_length:
        return "codes of one pattern"
    return None


def _is_code(text: str) -> bool:
    return any(c.isdigit() for c in text) and any(c.isalpha() for c in text)
