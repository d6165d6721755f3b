"""Words of an instruction that belong to single rows: names, and what few rows speak of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from dynosaur_etl.proposals.agreement import Sense, stem, stems
from dynosaur_etl.proposals.profiles import Profile

FEW_ROWS = 0.34
MOST_ROWS = 60
MIN_LETTERS = 3
LIKE_LABEL = 0.6

_TOKEN = re.compile(r"[A-Za-z][\w'-]*|\d[\d.,]*|[.?!:]")
_WORD = re.compile(r"[a-z0-9]+")
_ACRONYM = 5
_LETTERS = frozenset({"I", *"ABCDE"})


@dataclass(frozen=True)
class Specifics:
    """What is particular in an instruction.

    Attributes:
        words: that neither instructions in general nor the config's names use.
        names: those of them that are written like names.
    """

    words: tuple[str, ...]
    names: tuple[str, ...]


@lru_cache(maxsize=4)
def specific_words(sense: Sense) -> Specifics:
    """Find the words that speak of something particular."""
    known = common_words() | _own_words(sense)
    words = {
        stem(word.casefold()) for word in _TOKEN.findall(sense.text) if len(word) >= MIN_LETTERS
    }
    names = {name for name in _names(sense.text) if stem(name.casefold()) not in known}
    return Specifics(tuple(sorted(words - known)), tuple(sorted(names)))


@lru_cache(maxsize=4)
def row_words(sense: Sense) -> tuple[str, ...]:
    """Give the particular words that stand in some of the rows, a third at most."""
    named = {stem(name.casefold()) for name in _names(sense.text)} - _own_words(sense)
    wanted = set(specific_words(sense).words) | named
    if not wanted:
        return ()
    rows = [words & wanted for words in _rows(sense)]
    limit = max(1.0, FEW_ROWS * len(rows))
    counts = {word: sum(word in row for row in rows) for word in wanted}
    return tuple(sorted(word for word, count in counts.items() if 0 < count <= limit))


def label_named(sense: Sense) -> tuple[str, str] | None:
    """Find a label that the instruction fixes while an input tells which one it is.

    Returns:
        The input and the label; None where none is fixed, or where several are listed.
    """
    if " or " in sense.text.casefold():
        return None
    said = {stem(word) for word in _WORD.findall(sense.text.casefold())}
    for given in sense.inputs:
        if not given.is_closed or not _may_be_fixed(given):
            continue
        named = [label for label in given.labels if _is_said(label, said)]
        if len(named) == 1:
            return given.name, named[0]
        like = None if named else _like_a_label(given, sense)
        if like is not None:
            return given.name, like
    return None


def _may_be_fixed(given: Profile) -> bool:
    """Tell whether labels vary; a single one counts where no instruction would use its words."""
    words = {stem(word) for label in given.distinct for word in _WORD.findall(label.casefold())}
    return len(given.distinct) > 1 or not words & common_words()


@cache
def common_words() -> frozenset[str]:
    """Give the words that instructions of any kind use, as stems."""
    text = files("dynosaur_etl.proposals").joinpath("words.txt").read_text(encoding="utf-8")
    return frozenset(stem(word) for word in text.split())


def _own_words(sense: Sense) -> set[str]:
    """Give the words of the config's own names and labels, and of the dataset's."""
    names = (*sense.sample.field_names, sense.sample.dataset_id)
    own = {word for name in names for word in stems(name)}
    labels = (label for one in (*sense.inputs, sense.output) for label in one.field.labels)
    return own | {stem(word) for label in labels for word in _WORD.findall(label.casefold())}


def _names(text: str) -> Iterator[str]:
    """Give words with a capital letter inside a sentence, but for short acronyms."""
    begins = True
    for word in _TOKEN.findall(text):
        if word in ".?!:":
            begins = True
            continue
        acronym = word.isupper() and len(word) <= _ACRONYM
        if word[0].isupper() and not begins and not acronym and word not in _LETTERS:
            yield word
        begins = False


@lru_cache(maxsize=16)
def _words_of_rows(profiles: tuple[Profile, ...]) -> list[set[str]]:
    columns = [one.all_texts[:MOST_ROWS] for one in profiles]
    return [
        {stem(word) for text in row if text for word in _WORD.findall(text[:2_000].casefold())}
        for row in zip(*columns, strict=True)
    ]


def _rows(sense: Sense) -> list[set[str]]:
    return _words_of_rows((*sense.inputs, sense.output, *sense.others))


def _is_said(label: str, said: set[str]) -> bool:
    words = [stem(word) for word in _WORD.findall(label.casefold())]
    long_enough = any(len(word) >= MIN_LETTERS for word in words)
    return long_enough and all(any(_is_form(word, other) for other in said) for word in words)


def _is_form(word: str, other: str) -> bool:
    """Tell whether two words are the same, or forms of one: `entailment`, `entails`."""
    if word == other:
        return True
    begins = other.startswith(word[: max(5, len(word) - 4)])
    return len(word) >= 6 and begins and len(other) <= len(word) + 3


def _like_a_label(given: Profile, sense: Sense) -> str | None:
    """Find a label that says the same as a word before what is asked for: "an angry tweet"."""
    if given.names_options or given.is_numeric:
        return None
    own = _own_words(sense)
    for phrase in sense.asked:
        for word in phrase.split()[:-1]:
            if len(word) <= MIN_LETTERS or stem(word) in own:
                continue
            scored = [(sense.meanings.likeness(word, label), label) for label in given.labels]
            if max(scored)[0] > LIKE_LABEL:
                return max(scored)[1]
    return None
