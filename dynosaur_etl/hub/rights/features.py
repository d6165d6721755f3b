"""A statement in the form in which the classifiers weigh it."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from dynosaur_etl.hub.rights.names import Mention, hide_names
from dynosaur_etl.hub.rights.words import concept, words_of

MOST_WORDS = 60
_STEP = 30
_NEAR = 8
_TARGET = "licence_meant"
_PLACES = (
    ("LICENCE", re.compile(r"licen[cs]|rights|copyright|terms|legal|lizenz|licenc|使用|许可")),
    ("DATA", re.compile(r"\b(?:instance|field|split|structure|statist|example|format|schema)")),
    ("SCOPE", re.compile(r"out.of.scope|limit|bias|consideration|social|ethic|sensitive|risk")),
    ("USE", re.compile(r"\bus(?:e|es|age|ing)\b|access|download|disclaim|notice|restrict|faq")),
    ("CITE", re.compile(r"cit(?:e|ation)|reference|acknowledg|bibtex")),
    ("CONTACT", re.compile(r"contact|maintain|curator|contribut|takedown|author")),
    ("SOFTWARE", re.compile(r"\bcode|software|script|model|baseline|checkpoint|tool")),
    (
        "OTHER",
        re.compile(r"related|motivation|rationale|other data|comparison|history|changelog|news"),
    ),
    ("SOURCE", re.compile(r"source|collection|creation|processing|annotat")),
    ("SUMMARY", re.compile(r"summary|description|about|overview|introduction")),
)
_CLAUSE_END = re.compile(
    r"[;,|]|\s[-–—]\s|\bbut\b|\bwhile\b|\bwhereas\b|[.?!]\s|\band (?:the|our|its)\b"
)


def whole_features(place: str, text: str, mentions: Sequence[Mention]) -> Iterator[frozenset[str]]:
    """Return the features of a statement, in pieces of 60 words that overlap by half.

    Args:
        place: the heading or key that it stands under.
        text: the statement in lower case.
        mentions: of licences in it, in whose place stand words for what they ask.
    """
    words = words_of(hide_names(text, mentions))
    kind = place_of(place)
    yield features_of(kind, words[:MOST_WORDS])
    for start in range(_STEP, len(words) - _STEP, _STEP):
        yield features_of(kind, words[start : start + MOST_WORDS])


def mention_features(
    place: str, text: str, mentions: Sequence[Mention], meant: Mention
) -> frozenset[str]:
    """Return the features of one mention: its clause in full, and the concepts of the others.

    Args:
        place: the heading or key that the statement stands under.
        text: the statement in lower case.
        mentions: all of them.
        meant: the one of them that is asked about.
    """
    before, at, after = _clauses(_marked(text, mentions, meant))
    found = set(features_of(place_of(place), words_of(at)[:MOST_WORDS]))
    found |= {f"before:{word}" for word in _named(before[-1:])}
    found |= {f"around:{word}" for word in _named([*before, *after])}
    return frozenset(found)


def place_of(heading: str) -> str:
    """Return the kind of a heading or key, `NONE` where it is none of them."""
    lower = heading.lower()
    return next((name for name, pattern in _PLACES if pattern.search(lower)), "NONE")


def features_of(place: str, words: Sequence[str]) -> frozenset[str]:
    """Return the features of words under a kind of heading.

    They are pairs of neighbours, words or what they mean; the concepts alone, in runs of up to
    four; pairs of concepts in their order, near each other; and each concept with the kind of
    heading. A word by itself is none: there are too many for the wordings to tell which matter.
    """
    named = [concept(word) for word in words]
    mixed = [name or word for name, word in zip(named, words, strict=True)]
    run = [name for name in named if name]
    found = {f"b:{left} {right}" for left, right in pairwise(["<", *mixed, ">"])}
    found |= {
        f"{size}:{' '.join(run[at : at + size])}"
        for size in (1, 2, 3, 4)
        for at in range(len(run) - size + 1)
    }
    found |= {
        f"p:{left}..{right}"
        for at, left in enumerate(run)
        for right in run[at + 1 : at + _NEAR]
        if left != right
    }
    found |= {f"h:{place}", *(f"h:{place}&{name}" for name in run)}
    found.add(f"l:{min(len(words), 40) // 4}")
    return frozenset(found)


def _marked(text: str, mentions: Sequence[Mention], meant: Mention) -> str:
    """Put a word in the place of each licence; those that ask something look alike."""
    for mention in reversed(mentions):
        other = "licence_other" if mention.conditions else "licence_open"
        word = _TARGET if mention is meant else other
        text = f"{text[: mention.start]} {word} {text[mention.end :]}"
    return text


def _clauses(marked: str) -> tuple[list[str], str, list[str]]:
    """Part a statement into the clauses before the one with the mention, that one, and the rest."""
    clauses = _CLAUSE_END.split(marked)
    at = next(number for number, clause in enumerate(clauses) if _TARGET in clause)
    return clauses[:at], clauses[at], clauses[at + 1 :]


def _named(clauses: Sequence[str]) -> set[str]:
    words = words_of(" ".join(clauses))[:MOST_WORDS]
    return {concept(word) or word for word in words}
