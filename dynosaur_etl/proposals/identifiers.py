"""Whether a field names its rows instead of saying something: seen by its values.

An identifier's values differ from row to row and hold no words: UUIDs, hashes, addresses, paths,
numbers of books and articles, points in time, counters, codes of one pattern. What a field is
called may support a finding about whole numbers and codes, never make one about words.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np

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

_UUID = re.compile(
    r"\{?[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\}?(?:_+\w{1,4})?", re.IGNORECASE
)
_HASH = re.compile(r"(?:\w{1,8}[:_-])?(?:0x)?[0-9a-f]{8,}(?:_+\w{1,4})?", re.IGNORECASE)
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]{1,9}://|www\.)\S+", re.IGNORECASE)
_PAGE = re.compile(r"[\w-]+(?:\.[\w-]+)*\.[a-z]{2,6}/\S*", re.IGNORECASE)
_EXTENSION = (
    r"\.(?:txt|csv|tsv|jsonl?|xml|html?|pdf|png|jpe?g|gif|svg|bmp|tiff?|wav|mp[34]|flac|ogg|m4a|avi|mov"
    r"|py|ipynb|js|ts|java|cc?|cpp|hpp?|cs|go|rs|rb|php|sh|sql|md|rst|ya?ml|toml|ini|cfg|conf|log"
    r"|zip|gz|bz2|xz|zst|tar|parquet|arrow|npy|npz|pkl|bin|dat|docx?|xlsx?|pptx?|out|utt|ann|srt|vtt)"
)
_FILE = re.compile(rf"(?=.*[^\W\d_])[^\n?!;]*?[\w)\]]{_EXTENSION}", re.IGNORECASE)
_PATH = re.compile(r"(?=.*[^\W\d_])(?:[A-Za-z]:\\|\.{0,2}/)?[^\s/\\]+(?:[/\\][^\s/\\]+){2,}/?")
_DOI = re.compile(r"(?:doi:\s*)?10\.\d{4,9}/\S+", re.IGNORECASE)
_BOOK = re.compile(r"(?:ISBN[\s:-]*)?(?:97[89][- ]?)?\d{1,5}[- ]?\d{1,7}[- ]?\d{1,7}[- ]?[\dXx]")
_SERIAL = re.compile(r"(?:ISSN[\s:-]*)?\d{4}-\d{3}[\dXx]")
_ARTICLE = re.compile(r"(?:arxiv:\s*)?\d{4}\.\d{4,5}(?:v\d+)?", re.IGNORECASE)
_CLOCK = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?\s*(?:Z|UTC|[+-]\d\d:?\d\d)?"
    r"|\w{3},? (?:\w{3} \d\d?|\d\d? \w{3}),?(?: \d{4})? \d\d:\d\d:\d\d(?: \S+)?(?: \d{4})?"
)
_MIDNIGHT = re.compile(r"[T ]00:00(?::00(?:[.,]0+)?)?\s*(?:Z|UTC|[+-]00:?00)?$")
_INTEGER = re.compile(r"[+-]?\d+(?:\.0)?")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_TOKEN = re.compile(r"[A-Za-z0-9_#@:./\\-]+")
_DIGITS = re.compile(r"\d+")
_FORMULA = re.compile(r"(?:[A-Z][a-z]?0?){2,}")
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
    for kind, is_of in _KINDS:
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


def _is_hash(text: str) -> bool:
    plain = _HASH.fullmatch(text)
    digits, letters = any(c.isdigit() for c in text), any(c.isalpha() for c in text)
    return plain is not None and digits and letters


def _is_file(text: str) -> bool:
    return len(text.split()) <= 8 and _FILE.fullmatch(text) is not None


def _is_path(text: str) -> bool:
    return _PATH.fullmatch(text) is not None


def _is_url(text: str) -> bool:
    return _URL.fullmatch(text) is not None or _PAGE.fullmatch(text) is not None


def _is_book(text: str) -> bool:
    digits = sum(c.isdigit() for c in text) + text.upper().endswith("X")
    marked = "-" in text or text.upper().startswith("ISBN") or text.startswith(("978", "979"))
    return _BOOK.fullmatch(text) is not None and digits in {10, 13} and marked


def _is_clock(text: str) -> bool:
    return _CLOCK.fullmatch(text) is not None and _MIDNIGHT.search(text) is None


_KINDS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("UUIDs", lambda text: _UUID.fullmatch(text) is not None),
    ("file names", _is_file),
    ("DOIs", lambda text: _DOI.fullmatch(text) is not None),
    ("addresses", _is_url),
    ("numbers of books", _is_book),
    ("numbers of periodicals", lambda text: _SERIAL.fullmatch(text) is not None),
    ("numbers of articles", lambda text: _ARTICLE.fullmatch(text) is not None),
    ("points in time", _is_clock),
    ("paths", _is_path),
    ("hashes", _is_hash),
)
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
    if any(map(_FORMULA.fullmatch, patterns)):
        return None
    of_one_length = len({len(text) for text in texts}) == 1 and len(texts[0]) >= MIN_TOKEN
    begin_with_letters = not any(text[0].isdigit() for text in texts)
    of_one_pattern = len(patterns) <= max(1, 0.3 * len(texts))
    if (of_one_pattern and begin_with_letters) or of_one_length:
        return "codes of one pattern"
    return None


def _is_code(text: str) -> bool:
    return any(c.isdigit() for c in text) and any(c.isalpha() for c in text)
