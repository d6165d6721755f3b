"""What the sentences of a card say of the rights to use its data."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from dynosaur_etl.domain.licences import Condition
from dynosaur_etl.domain.models import Statement
from dynosaur_etl.domain.text import shorten
from dynosaur_etl.hub.rights.features import mention_features, place_of, whole_features
from dynosaur_etl.hub.rights.names import Mention, binding, mentions_in
from dynosaur_etl.hub.rights.weights import RightsModel, packaged_model
from dynosaur_etl.hub.rights.words import concept, words_of

RIGHTS_VERSION = "rights-2"
MAX_SENTENCE = 200
_PART = 28
_LEAST = {"LICENCE": -0.3, "USE": -0.3, "NONE": 0.2}
_ELSEWHERE = 0.7
"""What a sentence has to score, by the kind of its heading: among ordinary prose more."""

_COMMERCE = frozenset(
    {
        "COMMERCE", "NONCOMMERCE", "SALE", "RESEARCH", "TEACHING", "PERSONAL", "COMPANY",
        "LICENCE_NC",
    }
)  # fmt: skip
_SUBJECTS = _COMMERCE | {
    "PAY", "PERMISSION", "RIGHTS", "LICENCE", "LICENCE_SA", "LICENCE_OPEN", "PLATFORM", "COMPETE",
    "CHALLENGE", "ASK", "FORBID", "WITHOUT_ASKING",
}  # fmt: skip
_LIMITS = frozenset({"NOT", "ONLY", "FORBID", "EXCEPT", "MUST", "PURPOSE", "ANSWER_NO"})
_GRANT = re.compile(
    r"redistribution and use in source and binary forms|permission is hereby granted"
    r"|permission to use, copy, modify|licensed under the (?:mit|apache|bsd)|\bmit licen[cs]e"
    r"|apache licen[cs]e"
)
_BOUND_BY_ITSELF = re.compile(
    r"\b(?:other(?:wise)? than|except|unless|only|but)\b[^.;:]{0,40}"
    r"\b(?:authori[sz]ed|permitted|allowed|granted|provided|compliance|accordance)\b"
    r"[^.;:]{0,30}\b(?:this|the) licen[cs]e\b"
)
"""A licence that names itself as the bound, as legal codes do, says no more than its name."""
_RESERVED = re.compile(r"all rights (?:are )?reserved")


@dataclass(frozen=True)
class Restriction:
    """A sentence that binds the use of the data more than an open licence does.

    Attributes:
        score: log-odds that it does.
        condition: the one that it amounts to; None where no licence of the Hub has it, such as a
            permission that has to be asked for.
    """

    sentence: str
    score: float
    condition: Condition | None


@dataclass(frozen=True)
class NamedLicence:
    """A licence with conditions that a sentence names for the data, or for a part of them."""

    sentence: str
    licence: str


@dataclass(frozen=True)
class Rights:
    """All that a card's text says; the clearest restriction first, licences in the card's order."""

    restrictions: tuple[Restriction, ...] = ()
    licences: tuple[NamedLicence, ...] = ()


@lru_cache(maxsize=16)
def rights_of(statements: tuple[Statement, ...]) -> Rights:
    """Read a card's rights by the packaged classifiers; the last cards are remembered."""
    return read_rights(statements, packaged_model())


def read_rights(statements: Sequence[Statement], model: RightsModel) -> Rights:
    """Weigh each sentence of a card, see `statements_of`, by the two classifiers."""
    granted = {item.place for item in statements if _GRANT.search(item.text.lower())}
    restrictions: list[Restriction] = []
    licences: dict[str, NamedLicence] = {}
    for statement in statements:
        lower = statement.text.lower()
        mentions = mentions_in(lower)
        is_formula = statement.place in granted and _RESERVED.search(lower) is not None
        if not is_formula:
            restrictions += _restriction(model, statement, lower, mentions)
        for named in _licences(model, statement, lower, mentions):
            licences.setdefault(named.licence, named)
    restrictions.sort(key=lambda item: -item.score)
    return Rights(tuple(restrictions), tuple(licences.values()))


def _restriction(
    model: RightsModel, statement: Statement, lower: str, mentions: Sequence[Mention]
) -> Iterator[Restriction]:
    if not _can_restrict(lower) or _is_bound_by_itself(lower):
        return
    score = _score(model, statement.place, lower, mentions)
    if score > _LEAST.get(place_of(statement.place), _ELSEWHERE):
        sentence = _deciding(statement, model)
        yield Restriction(sentence, round(score, 3), _condition(lower, mentions))


def _can_restrict(lower: str) -> bool:
    """Return whether a sentence says whose, what for, or what not; `train` in a table does not."""
    found = {name for word in words_of(lower) if (name := concept(word))}
    return bool(found & _SUBJECTS) or (bool(found & _LIMITS) and len(found) > 1)


def _is_bound_by_itself(lower: str) -> bool:
    """Return whether a sentence only sends the reader to the licence, without a purpose of its own.

    "Any use other than as authorised under this licence is prohibited" is in the text of every
    Creative Commons licence.
    """
    purposes = {name for word in words_of(lower) if (name := concept(word))} & _COMMERCE
    return not purposes and _BOUND_BY_ITSELF.search(lower) is not None


def _licences(
    model: RightsModel, statement: Statement, lower: str, mentions: Sequence[Mention]
) -> Iterator[NamedLicence]:
    for mention in binding(lower, mentions):
        if mention.conditions:
            features = mention_features(statement.place, lower, mentions, mention)
            if model.applies.score(features) > 0:
                yield NamedLicence(_short(statement.text), mention.licence)


def _condition(lower: str, mentions: Sequence[Mention]) -> Condition | None:
    """Return which condition of a licence the words amount to, if there is one."""
    found = {name for word in words_of(lower) if (name := concept(word))}
    if "PERMISSION" in found or "PASSON" in found:
        return None
    if found & _COMMERCE or any(Condition.NON_COMMERCIAL in item.conditions for item in mentions):
        return Condition.NON_COMMERCIAL
    return Condition.NO_DERIVATIVES if "CHANGE" in found else None


def _deciding(statement: Statement, model: RightsModel) -> str:
    """Return the sentence, or of a long one the part that says it."""
    words = statement.text.split()
    if len(statement.text) <= MAX_SENTENCE:
        return statement.text
    parts = [
        " ".join(words[start : start + _PART])
        for start in range(0, max(len(words) - _PART // 2, 1), _PART // 2)
    ]
    return _short(max(parts, key=lambda part: _score_alone(model, statement.place, part)))


def _score_alone(model: RightsModel, place: str, part: str) -> float:
    lower = part.lower()
    return _score(model, place, lower, mentions_in(lower))


def _score(model: RightsModel, place: str, lower: str, mentions: Sequence[Mention]) -> float:
    return max(model.restricts.score(piece) for piece in whole_features(place, lower, mentions))


def _short(sentence: str) -> str:
    return shorten(sentence, MAX_SENTENCE)
