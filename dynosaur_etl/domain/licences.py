"""Licences under one spelling, the Hub's identifier, and the conditions that each puts on use.

Cards write the same licence as `cc-by-sa-4.0`, `CC BY-SA 4.0`, `cc-by-sa-4-0`, `Creative Commons
Attribution-ShareAlike 4.0 International`; SPDX writes `GPL-3.0-or-later` where the Hub has
`gpl-3.0`. What is no licence that is known here keeps its own words, in lower case with `-`.
"""

import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import lru_cache

_UNKNOWN = frozenset({"unknown", "unkown", "unknow", "unk"})
_OTHER = "other-"
_DASHES = re.compile(r"[‐‑‒–—−_]")
_WORDS = re.compile(r"[\s-]+")
_OPERATORS = re.compile(r"([()]|-(?:and|or|with)-)")
_OR_LATER = re.compile(r"-or-(?:later|newer|any-later-version)(?![\w.])")
_FILLERS = re.compile(
    r"-(?:licen[cs]es?|international|unported|generic|universal|agreement|version|the)(?=-|$)"
)
_VERSION = re.compile(r"(?:^|-)v?\.?(\d)(?:[.-](\d))?(?:[.-]0)?(?=$|-|\+)")

_KNOWN = {
    "mit": ("expat",),
    "isc": (),
    "zlib": (),
    "wtfpl": ("wtfpl-2.0",),
    "unlicense": ("unlicence",),
    "bsd": (),
    "bsd-2-clause": ("bsd-2", "2-clause-bsd", "simplified-bsd", "bsd-2.0-clause", "bsd-simplified"),
    "bsd-3-clause": (
        "bsd-3", "3-clause-bsd", "new-bsd", "modified-bsd", "revised-bsd", "bsd-new",
        "bsd-3.0-clause", "bsd-3-clause-new", "bsd-3-clause-new-or-revised",
    ),
    "bsd-3-clause-clear": ("clear-bsd",),
    "apache-2.0": ("apache2", "apache2.0", "asl-2.0", "al-2.0", "apache-software-2.0"),
    "cc0-1.0": (
        "cc0", "cc-0", "cc-zero", "cc0-1", "cc-0-1.0", "creative-commons-zero",
        "creative-commons-zero-1.0", "creative-commons-cc0", "creative-commons-cc0-1.0",
        "creative-commons-0", "cc0-1.0-public-domain-dedication", "cc0-public-domain",
        "cc0-public-domain-dedication", "creative-commons-public-domain-dedication",
    ),
    "pddl": ("pddl-1.0", "odc-pddl", "odc-pddl-1.0"),
    "odc-by": ("odc-by-1.0", "odcby", "open-data-commons-attribution",
               "open-data-commons-attribution-1.0"),
    "odbl": (
        "odbl-1.0", "odc-odbl", "odc-odbl-1.0", "open-database", "open-database-1.0",
        "open-data-commons-open-database", "open-data-commons-open-database-1.0",
        "open-database-odbl", "open-database-odbl-1.0", "open-data-commons-odbl",
    ),
    "gfdl": (
        "gfdl-1.1", "gfdl-1.2", "gfdl-1.3", "fdl", "gnu-fdl", "gnu-free-documentation",
        "gnu-free-documentation-1.1", "gnu-free-documentation-1.2", "gnu-free-documentation-1.3",
        "free-documentation",
    ),
    "c-uda": (
        "c-uda-1.0", "computational-use-of-data", "computational-use-of-data-c-uda",
        "computational-use-of-data-1.0",
    ),
    "cdla-permissive-1.0": ("community-data-permissive-1.0",),
    "cdla-permissive-2.0": ("community-data-permissive-2.0",),
    "cdla-sharing-1.0": ("community-data-sharing-1.0", "cdla-sharing"),
    "mpl-2.0": ("mpl2", "mozilla-public-2.0", "mozilla-public-mpl-2.0"),
    "epl-1.0": ("eclipse-public-1.0",),
    "epl-2.0": ("eclipse-public-2.0",),
    "eupl-1.1": ("european-union-public-1.1",),
    "eupl-1.2": ("european-union-public-1.2",),
    "ms-pl": ("mspl", "microsoft-public", "microsoft-public-ms-pl"),
    "afl-3.0": ("academic-free-3.0",),
    "artistic-2.0": (),
    "ecl-2.0": ("educational-community-2.0",),
    "osl-3.0": ("open-software-3.0",),
    "ofl-1.1": ("sil-open-font-1.1", "open-font-1.1"),
    "ncsa": ("university-of-illinois-ncsa",),
    "postgresql": (),
    "etalab-2.0": ("etalab-open-2.0", "lov2"),
}  # fmt: skip
_ALIASES = {alias: name for name, aliases in _KNOWN.items() for alias in (name, *aliases)}

_GNU = re.compile(
    r"(?:gnu-)?(?:(?P<short>l|a)?gpl|(?P<long>lesser-|library-|affero-)?(?:gnu-)?general-public)"
    r"(?:-(?:(?:l|a)?gpl|gnu))?-?(?:v?\.?(?P<version>[123])(?:[.-](?P<minor>[01]))?)?(?:-only|\+)?"
)
_KINDS = {"lesser-": "l", "library-": "l", "affero-": "a"}

_CC = re.compile(r"cc|creative-?commons|attribution|by(?=-)")
_CC_PARTS = (
    ("by", re.compile(r"attribution|by")),
    ("nc", re.compile(r"nc|non-?comm?erc?ial|non-?commercial-use")),
    ("sa", re.compile(r"sa|share-?alike")),
    ("nd", re.compile(r"nd|no-?deriv(?:ative)?s?(?:-works)?|no-?derivates?")),
)
_CC_STEP = re.compile(r"[-/,]*")
_CC_VERSION = re.compile(r"v?(\d)(?:[.-](\d))?(?:[.-]0)?(?![\w.])")


class Condition(StrEnum):
    """What a licence asks of use, beyond naming the source."""

    SHARE_ALIKE = "share-alike"
    NON_COMMERCIAL = "non-commercial"
    NO_DERIVATIVES = "no-derivatives"


_CONDITIONS = {
    Condition.NON_COMMERCIAL: re.compile(r"(?:^|-)nc(?:-|$)|non-?commercial|research"),
    Condition.SHARE_ALIKE: re.compile(
        r"(?:^|-)sa(?:-|$)|share-?alike|gpl|^gfdl|^odbl|^cdla-sharing|^mpl|^osl|^epl|^eupl"
    ),
    Condition.NO_DERIVATIVES: re.compile(r"(?:^|-)nd(?:-|$)|no-?deriv"),
}


@lru_cache(maxsize=10_000)
def canonical_licence(text: str) -> str:
    """Return a licence's one spelling; of an SPDX expression, that of each of its licences.

    Returns:
        The Hub's identifier of a licence that is known, `unknown` for the spellings of that, else
        the words in lower case with `-` between them; empty for an empty text.
    """
    words = _dashed(text)
    if words in _UNKNOWN:
        return "unknown"
    words = _OR_LATER.sub("+", words)
    whole = _known(words)
    if whole is not None:
        return whole
    parts = _OPERATORS.split(words)
    if len(parts) > 1 and all(_known(part) for part in parts[::2] if part.strip("-")):
        return "".join(part if at % 2 else _known(part) or "" for at, part in enumerate(parts))
    return re.sub(r"-(\d)-(\d)(?=$|-)", r"-\1.\2", re.sub(r"\s+", "-", text.lower()).strip("-"))


def conditions_of(licence: str) -> frozenset[Condition]:
    """Return the conditions of a licence; of an expression, those of any part."""
    return frozenset(kind for kind, found in _CONDITIONS.items() if found.search(licence))


def is_known(text: str) -> bool:
    """Return whether a text is the name of one licence that has an identifier."""
    return _known(_OR_LATER.sub("+", _dashed(text))) is not None


def split_licences(joined: str) -> tuple[str, ...]:
    """Return the licences of a source, which are joined by `, `, each under its one spelling."""
    return tuple(dict.fromkeys(canonical_licence(part) for part in joined.split(", ") if part))


def join_licences(licences: Iterable[str]) -> str:
    """Join the licences of a source, as rows and sources show them."""
    return ", ".join(licences)


def _dashed(text: str) -> str:
    words = _DASHES.sub("-", text.strip().lower())
    words = _WORDS.sub("-", words).strip("-.")
    return re.sub(r"-(\d)-(\d)(?=$|-)", r"-\1.\2", words)


def _known(words: str) -> str | None:
    """Return the identifier of one licence, None where it is none that is known."""
    if words.count("(") != words.count(")") or words.startswith("("):
        return None
    candidates = [words]
    if words.startswith(_OTHER):
        candidates.append(words.removeprefix(_OTHER))
    for candidate in candidates:
        for read in _READERS:
            found = read(candidate)
            if found is not None:
                return found
    return None


def _by_name(text: str) -> str | None:
    bare = re.sub(r"[(),:;\"']", "", text)
    bare = re.sub(r"-only$|\+$", "", bare)
    plain = _FILLERS.sub("", f"-{bare}").strip("-")
    for words in (bare, plain):
        name = _VERSION.sub(lambda found: f"-{found[1]}.{found[2] or 0}", words).strip("-")
        for spelled in (name, name.removesuffix(".0")):
            if spelled in _ALIASES:
                return _ALIASES[spelled]
    return _ALIASES.get(bare) or _ALIASES.get(plain)


def _gnu(words: str) -> str | None:
    plain = _FILLERS.sub("", re.sub(r"[(),]", "", words)).strip("-")
    found = _GNU.fullmatch(plain)
    if found is None:
        return None
    kind = found["short"] or _KINDS.get(found["long"] or "", "")
    version = f"-{found['version']}.{found['minor'] or 0}" if found["version"] else ""
    return f"{kind}gpl{version}"


def _creative_commons(words: str) -> str | None:
    """Read a licence of Creative Commons but CC0: its parts in any order, then its version.

    A version that was ported to one country is a licence of its own, and is not known here.
    """
    plain = _FILLERS.sub("", re.sub(r"[(),/:-]+", "-", words)).strip("-")
    plain = re.sub(r"(?<=cc)(?=by)|(?<=by|nc|sa|nd)(?=\d)", "-", plain).removesuffix("+")
    plain = plain.removesuffix("-public")
    start = _CC.match(plain)
    if start is None:
        return None
    at = start.end() if plain.startswith(("cc", "creative")) else 0
    parts, version, end = _parts(plain, at)
    if end < len(plain) or not parts:
        return None
    named = [name for name, _ in _CC_PARTS if name in parts]
    if "by" not in named:
        named.insert(0, "by")
    return "-".join(["cc", *named, *([version] if version else [])])


def _parts(plain: str, at: int) -> tuple[set[str], str, int]:
    """Read parts and version from a place on; give them, and where what is left begins."""
    parts: set[str] = set()
    version = ""
    while at < len(plain):
        step = _CC_STEP.match(plain, at)
        here = step.end() if step else at
        number = _CC_VERSION.match(plain, here)
        if number is not None:
            if version and version != f"{number[1]}.{number[2] or 0}":
                return set(), "", at
            version, at = f"{number[1]}.{number[2] or 0}", number.end()
            continue
        matched = [(name, found) for name, part in _CC_PARTS if (found := part.match(plain, here))]
        if not matched:
            repeated = _CC.match(plain, here)
            if repeated is None or not plain.startswith(("cc", "creative"), here):
                return parts, version, here
            at = repeated.end()
            continue
        name, longest = max(matched, key=lambda item: item[1].end())
        if longest.end() < len(plain) and plain[longest.end()] not in "-/,":
            return parts, version, here
        parts.add(name)
        at = longest.end()
    return parts, version, at


_READERS: tuple[Callable[[str], str | None], ...] = (_by_name, _gnu, _creative_commons)
