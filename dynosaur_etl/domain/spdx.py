"""Licences and expressions of SPDX against an allow list.

In an expression (SPDX 2.3, annex D), `A OR B` leaves the choice, `A AND B` binds to both, and
`A WITH exception` allows more than `A` does. How single licences are spelled is no matter; see
`dynosaur_etl.domain.licences`.
"""

import re
from collections.abc import Collection
from functools import cache

from dynosaur_etl.domain.licences import canonical_licence

_TOKENS = re.compile(r"([()]|-(?:and|or|with)-)")
_VERSION = re.compile(r"-\d\.\d$")
_IDENTIFIER = re.compile(r"[a-z0-9][\w.+-]*(?<!-and)(?<!-or)(?<!-with)(?<!-)")
_OPERATORS = frozenset({"(", ")", "-and-", "-or-", "-with-"})


def is_allowed(licence: str, allowed: Collection[str]) -> bool:
    """Tell whether an identifier or an expression is allowed; a malformed one is not."""
    names = _canonical(frozenset(allowed))
    tokens = [token for token in _TOKENS.split(canonical_licence(licence)) if token.strip("-")]
    try:
        verdict = _any_of(tokens, names)
    except (IndexError, ValueError):
        return False
    return verdict and not tokens


def is_allowed_in_some_version(licence: str, allowed: Collection[str]) -> bool:
    """Tell the same; a licence without a version is allowed where one of its versions is."""
    versions = (
        name for name in _canonical(frozenset(allowed)) if _VERSION.sub("", name) == licence
    )
    return is_allowed(licence, allowed) or any(versions)


@cache
def _canonical(allowed: frozenset[str]) -> frozenset[str]:
    return frozenset(map(canonical_licence, allowed))


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
    return canonical_licence(word) in names
