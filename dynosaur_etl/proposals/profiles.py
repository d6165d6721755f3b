"""What a field's values look like over the sampled rows: how long, how many, of what form."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from dynosaur_etl.domain.features import Field, FieldKind
from dynosaur_etl.proposals.identifiers import NAME_WORDS, identifier_kind, words_of

SHORT_WORDS = 4
CLOSED_SHARE = 0.6
MOST = 0.8
SHOWN_LABELS = 8
MAX_SHOWN = 160

_MERE_TEXT = frozenset({"text", "texts", "value", "content"})
_NUMBER = re.compile(r"[+-]?[\d.,]+%?(?:e[+-]?\d+)?", re.IGNORECASE)
_WORDS = re.compile(r"[^\W\d_]{3,}|[^\W\d_]{2,}\s+[^\W\d_]{2,}")
_SUM = re.compile(r"\d\s*[-+*/^=×÷]\s*\d|[=<>]\s*\d")
_LETTER = re.compile(r"\(?[A-Ha-h]\)?\.?")
_DIGIT = re.compile(r"-?\d")
_DATE = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4}$|\w{3} \w{3} \d\d")
_CODE = re.compile(r"[(){};=]")
_BLANK = re.compile(r"_{2,}|X{3,}|BLANK|\[?MASK|<mask>|\.{4,}|\[blank\]", re.IGNORECASE)
_LETTERED = re.compile(r"\b[aA]\s?[).:].*\b[bB]\s?[).:]|\n", re.DOTALL)


@dataclass(frozen=True)
class Profile:
    """A field with the texts of its values.

    Attributes:
        all_texts: of every distinct row, None where it has no value.
    """

    field: Field
    all_texts: tuple[str | None, ...]

    @property
    def name(self) -> str:
        return self.field.name

    @cached_property
    def texts(self) -> tuple[str, ...]:
        return tuple(text for text in self.all_texts if text is not None)

    @cached_property
    def distinct(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.texts))

    @cached_property
    def name_words(self) -> tuple[str, ...]:
        return words_of(self.name)

    @property
    def spoken(self) -> str:
        """The name as words of a sentence: `answerKey` is spoken `answer key`.

        A part that is but the text of something is spoken as that: `answers.text[*]` is `answers`.
        """
        words = [word for word in self.name_words if not (self.field.part_of and word.isdigit())]
        if self.field.part_of and len(words) > 1 and words[-1] in _MERE_TEXT:
            words.pop()
        return " ".join(words) or self.name

    @cached_property
    def words(self) -> float:
        """Words of a value, on average."""
        return sum(len(text.split()) for text in self.texts) / max(1, len(self.texts))

    @property
    def is_short(self) -> bool:
        return self.words <= SHORT_WORDS

    @property
    def is_listed(self) -> bool:
        """It holds several values a row."""
        return self.field.kind in {FieldKind.TEXT_LIST, FieldKind.NUMBER_LIST, FieldKind.NESTED}

    @property
    def is_class(self) -> bool:
        return self.field.kind in {FieldKind.LABEL, FieldKind.BOOLEAN}

    @cached_property
    def is_closed(self) -> bool:
        """Its values are classes, or few short words that repeat."""
        few = len(self.distinct) <= max(2, CLOSED_SHARE * len(self.texts))
        return self.is_class or (self.is_short and few and not self.is_numeric)

    @cached_property
    def is_numeric(self) -> bool:
        return not self.is_class and self._most(_matches(_NUMBER))

    @cached_property
    def is_dated(self) -> bool:
        return self._most(lambda text: _DATE.match(text) is not None)

    @cached_property
    def has_words(self) -> bool:
        """Its values hold words, or calculations."""
        says = (_WORDS, _SUM)
        return self.is_listed or self._most(lambda text: any(p.search(text) for p in says), 0.5)

    @cached_property
    def asks(self) -> bool:
        """Its values are questions."""
        return self._most(lambda text: text.rstrip().endswith("?"), 0.5)

    @cached_property
    def is_code(self) -> bool:
        return self.words > 2 and self._most(lambda text: _CODE.search(text) is not None, 0.6)

    @cached_property
    def has_blanks(self) -> bool:
        return self._most(lambda text: _BLANK.search(text) is not None, 0.5)

    @cached_property
    def names_options(self) -> bool:
        """Its values are letters of options, such as `A` and `D`."""
        return not self.is_class and len(self.distinct) > 1 and self._most(_matches(_LETTER))

    @cached_property
    def numbers_options(self) -> bool:
        few = 1 < len(self.distinct) <= 6
        return not self.is_class and few and self._most(_matches(_DIGIT))

    @cached_property
    def holds_options(self) -> bool:
        """Its values list what there is to choose from."""
        return self.is_listed or self._most(lambda text: _LETTERED.search(text) is not None, 0.5)

    @cached_property
    def identifier(self) -> str | None:
        """What kind of identifier its values are, in words."""
        return identifier_kind(self.name, self.texts) if self.field.can_be_output else None

    @cached_property
    def names_records(self) -> bool:
        """It is called an identifier and holds no words, or its values are identifiers."""
        called = bool(NAME_WORDS.intersection(self.name_words[-1:])) and not self.has_words
        return self.identifier is not None or called

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The values of a closed field, as they are spoken."""
        found = self.field.labels or self.distinct
        return tuple(label.replace("_", " ")[:30] for label in found[:12] if label)

    @property
    def labels_text(self) -> str:
        return ", ".join(self.labels[:SHOWN_LABELS])[:MAX_SHOWN] if self.is_closed else ""

    def _most(self, is_so: Callable[[str], bool], share: float = MOST) -> bool:
        return bool(self.texts) and sum(map(is_so, self.texts)) >= share * len(self.texts)


def share_held(output: Profile, inputs: Sequence[Profile]) -> float:
    """Give the share of rows whose output stands in an input, or whose date does in parts."""
    rows = [row for row, text in enumerate(output.all_texts) if text]
    if not rows:
        return 0.0
    holds = _holds_date if output.is_dated else _holds
    return sum(
        any(holds(given, output.all_texts[row] or "") for given in _texts_of(inputs, row))
        for row in rows
    ) / len(rows)


def _texts_of(inputs: Sequence[Profile], row: int) -> list[str]:
    return [text for profile in inputs if (text := profile.all_texts[row])]


def _holds(given: str, text: str) -> bool:
    if len(text) > 3:
        return text.casefold() in given.casefold()
    return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", given, re.IGNORECASE) is not None


def _holds_date(given: str, text: str) -> bool:
    parts = re.match(r"(\d{4})-(\d\d)-(\d\d)", text)
    if parts is None:
        return _holds(given, text)
    year, month, day = parts.groups()
    rest = given.replace(year, " ")
    return year in given and (month in rest or day in rest or str(int(day)) in rest)


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None
