"""Texts that only refer to something: identifiers, addresses, paths, numbers of books, times."""

import re
from collections.abc import Callable

MIN_HEX_DIGITS = 8
MAX_FILE_WORDS = 8

_UUID = re.compile(
    r"\{?[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\}?(?:_+\w{1,4})?", re.IGNORECASE
)
_HASH = re.compile(r"(?:\w{1,8}[:_-])?(?:0x)?[0-9a-f]{8,}(?:_+\w{1,4})?", re.IGNORECASE)
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]{1,9}://|www\.)\S+", re.IGNORECASE)
_PAGE = re.compile(r"[\w-]+(?:\.[\w-]+)*\.[a-z]{2,6}/\S*", re.IGNORECASE)
_EXTENSION = (
    r"\.(?:txt|csv|tsv|jsonl?|xml|html?|pdf|png|jpe?g|gif|svg|bmp|tiff?|wav|mp[34]|flac|ogg|m4a|avi"
    r"|mov|py|ipynb|js|ts|java|cc?|cpp|hpp?|cs|go|rs|rb|php|sh|sql|md|rst|ya?ml|toml|ini|cfg|conf"
    r"|log|zip|gz|bz2|xz|zst|tar|parquet|arrow|npy|npz|pkl|bin|dat|docx?|xlsx?|pptx?|out|utt|ann"
    r"|srt|vtt)"
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


def reference_kind(text: str) -> str | None:
    """Tell what kind of reference a text is as a whole, in the plural; None where it is none."""
    return next((kind for kind, is_of in KINDS if is_of(text)), None)


def _full(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


def _is_hash(text: str) -> bool:
    digits, letters = any(c.isdigit() for c in text), any(c.isalpha() for c in text)
    return digits and letters and _HASH.fullmatch(text) is not None


def _is_file(text: str) -> bool:
    return len(text.split()) <= MAX_FILE_WORDS and _FILE.fullmatch(text) is not None


def _is_address(text: str) -> bool:
    return _URL.fullmatch(text) is not None or _PAGE.fullmatch(text) is not None


def _is_book(text: str) -> bool:
    digits = sum(c.isdigit() for c in text) + text.upper().endswith("X")
    marked = "-" in text or text.upper().startswith("ISBN") or text.startswith(("978", "979"))
    return _BOOK.fullmatch(text) is not None and digits in {10, 13} and marked


def _is_clock(text: str) -> bool:
    return _CLOCK.fullmatch(text) is not None and _MIDNIGHT.search(text) is None


KINDS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("UUIDs", _full(_UUID)),
    ("file names", _is_file),
    ("DOIs", _full(_DOI)),
    ("addresses", _is_address),
    ("numbers of books", _is_book),
    ("numbers of periodicals", _full(_SERIAL)),
    ("numbers of articles", _full(_ARTICLE)),
    ("points in time", _is_clock),
    ("paths", _full(_PATH)),
    ("hashes", _is_hash),
)
