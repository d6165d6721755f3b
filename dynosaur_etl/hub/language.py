"""The language that sampled rows are written in, for cards that name none."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from dynosaur_etl.domain.features import FieldKind
from dynosaur_etl.domain.language import text_language
from dynosaur_etl.hub.rows import ConfigSample

MAX_ROWS = 100
MAX_ROW = 1_000
PARTS = 10
LEAST_LETTERS = 60

_TEXT_KINDS = frozenset({FieldKind.TEXT, FieldKind.TEXT_LIST})


def detect_language(sample: ConfigSample) -> str | None:
    """Give the ISO 639 code of the language of a config's text, None where it is open.

    The text of up to 100 rows is put together into ten parts, each of which has a vote if its
    language is clear; one language has to have more than half of the parts. The same rows always
    give the same answer: the model comes with the `py3langid` package.
    """
    return detect_text_language(list(_texts(sample)))


def detect_text_language(texts: Sequence[str]) -> str | None:
    """Return the code of the language of texts, as `detect_language` does of a config's rows."""
    parts = _parts([text[:MAX_ROW] for text in texts if text])
    letters = sum(character.isalpha() for part in parts for character in part)
    if letters < LEAST_LETTERS:
        return None
    votes = Counter(code for part in parts if (code := text_language(part)))
    code, count = next(iter(votes.most_common(1)), (None, 0))
    return code if 2 * count > len(parts) else None


def _parts(rows: Sequence[str]) -> list[str]:
    size = -(-len(rows) // PARTS) or 1
    return [" \n".join(rows[start : start + size]) for start in range(0, len(rows), size)]


def _texts(sample: ConfigSample) -> Iterator[str]:
    """Yield the text of rows spread over the sample, one for each row."""
    names = [field.name for field in sample.config.fields if field.kind in _TEXT_KINDS]
    step = max(sample.table.num_rows // MAX_ROWS, 1)
    table = sample.table.select(names)
    for index in islice(range(0, table.num_rows, step), MAX_ROWS):
        cells = (column[index].as_py() for column in table.columns)
        yield " ".join(filter(None, map(_words, cells)))[:MAX_ROW].strip()


def _words(cell: Any) -> str:
    if isinstance(cell, list):
        return " ".join(item for item in cell if isinstance(item, str))
    return cell if isinstance(cell, str) else ""
