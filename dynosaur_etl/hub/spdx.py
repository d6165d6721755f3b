"""Licences as SPDX writes them, against an allow list of the Hub's identifiers.

`GPL-3.0-or-later` and `GPL-3.0+` stand for `gpl-3.0`, `ODC-By-1.0` for `odc-by`. In an expression
(SPDX 2.3, annex D), `A OR B` leaves the choice, `A AND B` binds to both, and `A WITH exception`
allows more than `A` does. Cards give identifiers in lower case with `-` for each blank.
"""

import re
from collections.abc import Collection
from functools import cache

_HUB_NAMES = {
    "odc-by-1.0": "odc-by",
    "odbl-1.0": "odbl",
    "pddl-1.0": "pddl",
    "c-uda-1.0": "c-uda",
    "other-c-uda": "c-uda",
    "gfdl-1.1": "gfdl",
    "gfdl-1.2": "gfdl",
    "gfdl-1.3": "gfdl",
    "gnu-gpl-v3.0": "gpl-3.0",
}
_OR_LATER = re.compile(r"-or-later(?![\w.])")
_SUFFIX = re.compile(r"(?:-only|\+)$")
_TOKENS = re.compile(r"([()]|-(?:and|or|with)-)")
_IDENTIFIER = re.compile(r"[a-z0-9][\w.+-]*(?<!-and)(?<!-or)(?<!-with)(?<!-)")
_OPERATORS = frozenset({"(", ")", "-and-", "-or-", "-with-"})


def is_allowed(licence: str, allowed: Collection[str]) -> bool:
    """Tell whether an identifier or an expression is allowed; a malformed one is not."""
    names = _hub_names(frozenset(allowed))
    tokens = [token for token in _TOKENS.split(_plus(licence)) if token.strip("-")]
    try:
        verdict = _any_of(tokens, names)
    except (IndexError, ValueError):
        return False
    return verdict and not tokens


@cache
def _hub_names(allowed: frozenset[str]) -> frozenset[str]:
    return frozenset(_hub_name(_plus(name)) for name in allowed)


def _plus(licence: str) -> str:
    """Write `-or-later` as `+`, so that `-or-` is an operator only."""
    return _OR_LATER.sub("+", re.sub(r"\s+", "-", licence.strip().lower()))


def _hub_name(identifier: str) -> str:
    base = _SUFFIX.sub("", identifier)
    return _HUB_NAMES.get(base, base)


def _any_of(tokens: list[str], names: Collection[str]) -> bool:
    """Read alternatives from the front of the tokens, and take them away."""
    verdict = _all_of(tokens, names)
    while tokens and tokens[0] == "-or-":
        tokens.pop(0)
        verdict |= _all_of(tokens, names)
    return verdict


def _all_of(tokens: list[str], names: Collection[str]) -> bool:
    verdict = _one(tokens, names)
    while tokens and tokens[0] == "-and-":
        tokens.pop(0)
        verdict &= _one(tokens, names)
    return verdict


def _one(tokens: list[str], names: Collection[str]) -> bool:
    word = tokens.pop(0)
    if word == "(":
        verdict = _any_of(tokens, names)
        if tokens.pop(0) != ")":
            raise ValueError("a bracket that is not closed")
        return verdict
    if not _IDENTIFIER.fullmatch(word):
        raise ValueError(f"{word!r} where a licence has to stand")
    if tokens and tokens[0] == "-with-" and tokens[1] not in _OPERATORS:
        del tokens[:2]
    return _hub_name(word) in names
