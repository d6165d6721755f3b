"""Names and links of licences in running text."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dynosaur_etl.domain.licences import Condition, canonical_licence, conditions_of

_GAP = r"[\s,()/:\-–—_.\[\]]{0,3}"
_CC_PART = (
    r"(?:by|attribution|nc|non[\s-]?comm?[a-z]{4,8}l|sa|share[\s-]?a?like|nd"
    r"|no[nt]?[\s-]?deriv\w*|works?|licen[cs]es?|international|unported|generic|public|deed"
    r"|(?:version|v)?\s?\d(?:\.\d)?)(?![a-z])"
)
_CC = re.compile(
    rf"(?<![a-z0-9])(?:creative[\s-]?commons?|cc|attribution|by(?=[\s-]{{1,2}}n[cd]\b))(?![a-z])"
    rf"(?:{_GAP}{_CC_PART}){{1,14}}"
)
_CC_LINK = re.compile(r"creativecommons\.org/(?:licenses|l)/([a-z-]{2,8})(?:/(\d\.\d))?")
_CC_PARTS = {
    "by": re.compile(r"attribution|(?<![a-z])by(?![a-z])"),
    "nc": re.compile(r"non[\s-]?comm?|(?<![a-z])nc(?![a-z])"),
    "sa": re.compile(r"share[\s-]?a?like|(?<![a-z])sa(?![a-z])"),
    "nd": re.compile(r"no[nt]?[\s-]?deriv|(?<![a-z])nd(?![a-z])"),
}
_DIGITS = re.compile(r"\d(?:\.\d)?")
_GNU = re.compile(
    r"(?<![a-z])(?:gnu[\s/-]{1,2})?(?:(?P<long>lesser|affero|library)?\s?(?:gnu\s)?general\s+public"
    r"(?:\s+licen[cs]e)?|(?P<short>[al])?gpl)(?:[\s,(-]{0,3}(?:\((?:[al]?gpl)\))?\s?"
    r"(?:licen[cs]e\s)?(?:version|v\.?)?\s?(?P<version>[123](?:\.\d)?))?(?![a-z])"
)
_OTHERS = {
    "odbl": re.compile(r"(?<![a-z])(?:odbl|open[\s-]database[\s-]licen[cs]e)(?![a-z])"),
    "gfdl": re.compile(
        r"(?<![a-z])(?:gfdl|(?:gnu[\s/-]{1,2})?free[\s-]documentation[\s-]licen[cs]e|gnu\s?fdl"
        r"|licenses/fdl)(?![a-z])"
    ),
    "mpl-2.0": re.compile(r"(?<![a-z])(?:mpl[\s-]?v?2|mozilla\s+public(?:\s+licen[cs]e)?)"),
    "cdla-sharing-1.0": re.compile(r"cdla[\s-]sharing"),
    "eupl-1.2": re.compile(r"(?<![a-z])eupl(?![a-z])"),
    "osl-3.0": re.compile(r"(?<![a-z])osl[\s-]?3"),
    "cc-by-sa": re.compile(r"(?<![a-z])(?:share[\s-]?alike|copyleft)(?![a-z])"),
    "cc0-1.0": re.compile(r"(?<![a-z])cc[\s-]?0(?![\d])|creative commons zero|publicdomain/zero"),
    "public-domain": re.compile(r"public[\s-]domain|publicdomain/mark"),
    "mit": re.compile(r"(?<![a-z.])mit(?:\s+licen[cs]e)?(?![a-z.])"),
    "apache-2.0": re.compile(
        r"(?<![a-z])apache(?:\s+(?:software\s+)?licen[cs]e)?[\s,-]{0,2}v?(?:ersion\s?)?(?:2(?:\.0)?)?"
    ),
    "bsd": re.compile(r"(?<![a-z])(?:[23]-clause[\s-])?bsd(?:[\s-][23]-clause)?(?![a-z])"),
    "odc-by": re.compile(r"odc[\s-]by|open data commons attribution"),
    "cdla-permissive-2.0": re.compile(r"cdla[\s-]permissive"),
    "c-uda": re.compile(r"(?<![a-z])c-uda|computational use of data"),
}
_CHOICE = re.compile(
    r"[\s,()\]\[]*(?:licen[cs]es?)?[\s,()\]\[]*or"
    r"(?:[\s,(]+(?:the|under|at your(?:\sown)? (?:choice|option)|alternatively|else))*[\s,(]*"
)
_SAME = re.compile(
    r"[\s,:)\]]*(?:licen[cs]es?|deed|international|unported)?[\s,)\]]*[(\[<]\s?(?:https?://[a-z./]*)?"
)


@dataclass(frozen=True)
class Mention:
    """A licence that a text names: where, and under its one spelling.

    A name without a version has none here either: `gpl`, `cc-by-sa`.
    """

    start: int
    end: int
    licence: str

    @property
    def conditions(self) -> frozenset[Condition]:
        return conditions_of(self.licence)


def mentions_in(text: str) -> tuple[Mention, ...]:
    """Find the licences that a text in lower case names, from left to right, none within another.

    See `binding` for which of them bind.
    """
    found = sorted(_all(text), key=lambda item: (item.start, -item.end))
    kept: list[Mention] = []
    for mention in found:
        if not kept or mention.start >= kept[-1].end:
            kept = _with(text, kept, mention)
    return tuple(kept)


def _with(text: str, kept: list[Mention], mention: Mention) -> list[Mention]:
    """Add a mention; a name or link in brackets behind another one says the same once more."""
    if not kept or not _SAME.fullmatch(text, kept[-1].end, mention.start):
        return [*kept, mention]
    *earlier, last = kept
    has_more = mention.licence.startswith(last.licence)
    licence = mention.licence if has_more else last.licence
    return [*earlier, Mention(last.start, mention.end, licence)]


def binding(text: str, mentions: Sequence[Mention]) -> tuple[Mention, ...]:
    """Leave out what need not be taken: of `A or B` the licence that asks more."""
    outdone = set()
    for left, right in pairwise(mentions):
        if _CHOICE.fullmatch(text, left.end, right.start):
            more, less = sorted((left, right), key=lambda item: -len(item.conditions))
            if len(more.conditions) > len(less.conditions):
                outdone.add(more)
    return tuple(item for item in mentions if item not in outdone)


def hide_names(text: str, mentions: Sequence[Mention]) -> str:
    """Put a word for its conditions in the place of each licence's name."""
    for mention in reversed(mentions):
        text = f"{text[: mention.start]} {_word(mention)} {text[mention.end :]}"
    return text


def _all(text: str) -> Iterator[Mention]:
    for link in _CC_LINK.finditer(text):
        version = f"-{link[2]}" if link[2] else ""
        yield Mention(link.start(), link.end(), canonical_licence(f"cc-{link[1]}{version}"))
    for span in _CC.finditer(text):
        yield from _creative_commons(span)
    for gnu in _GNU.finditer(text):
        yield _gnu(gnu)
    for licence, pattern in _OTHERS.items():
        for other in pattern.finditer(text):
            yield Mention(other.start(), other.end(), licence)


def _creative_commons(span: re.Match[str]) -> Iterator[Mention]:
    """Read the parts that stand in a span, whatever their order; `Attribution` alone is a word."""
    words = span[0]
    parts = [name for name, part in _CC_PARTS.items() if part.search(words)]
    is_named = words.startswith("c") or len(parts) > 1
    if parts and is_named:
        named = parts if "by" in parts else ["by", *parts]
        version = _DIGITS.search(words)
        number = f"-{version[0] if '.' in version[0] else version[0] + '.0'}" if version else ""
        yield Mention(span.start(), span.end(), f"cc-{'-'.join(named)}{number}")


def _gnu(found: re.Match[str]) -> Mention:
    kind = found["short"] or {"lesser": "l", "library": "l", "affero": "a"}.get(
        found["long"] or "", ""
    )
    number = found["version"] or ""
    version = f"-{number if '.' in number else number + '.0'}" if number else ""
    return Mention(found.start(), found.end(), f"{kind}gpl{version}")


def _word(mention: Mention) -> str:
    conditions = mention.conditions
    if conditions & {Condition.NON_COMMERCIAL, Condition.NO_DERIVATIVES}:
        return "licence_nc"
    return "licence_sa" if conditions else "licence_open"
