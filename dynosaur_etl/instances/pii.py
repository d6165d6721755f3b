"""Personal data and secrets in texts: e-mail addresses, phone numbers, IP addresses and keys.

Arrow's linear-time expressions pick the texts that may hold any, and only those are read closely:

- phone numbers that begin with + or are written in groups as in the USA, if Google's phonenumbers
  knows them to be valid; a bare run of digits is no phone number.
- keys by the patterns of detect-secrets that name their issuer (AWS, GitHub, Slack, ...), and
  private keys from their first to their last line. Patterns that guess by entropy are left out.
- e-mail and IP addresses by a pattern each, the latter checked by `ipaddress`. Loopback and
  unspecified addresses are nobody's.

Names and postal addresses are not looked for: that takes a language model for each language
(presidio with spaCy), at a hundredth of the speed.
"""

import functools
import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

PII_VERSION = "pii-1"
REGION = "US"


class Handling(StrEnum):
    """What becomes of an instance with personal data."""

    OFF = "off"
    FLAG = "flag"
    MASK = "mask"
    DROP = "drop"


@dataclass(frozen=True, order=True)
class Span:
    """Where something stands in a text, and what it is: email, phone, ip or key."""

    start: int
    end: int
    kind: str


_EMAIL = re.compile(
    r"(?<![\w.+%-])[A-Za-z0-9_%+-](?:[A-Za-z0-9._%+-]{0,62}[A-Za-z0-9_%+-])?"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}(?![\w@])"
)
_IP_4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\w)")
_IP_6 = re.compile(
    r"(?<![\w:.])(?=[0-9A-Fa-f:]*\d)(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{0,4}(?![\w:])"
)
_PHONE = re.compile(
    r"(?<![\w+.-])(?:\+\d(?:[ ().-]{0,2}\d){6,14}"
    r"|(?:1[-. ])?(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4})(?![\w]|[.-]\d)"
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[\s\S]{0,20000}?-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|[\s\S]{0,20000})"
)
_MAY_HOLD = "|".join(
    (
        "@",
        r"\d\.\d{1,3}\.\d{1,3}\.\d",
        r"[0-9A-Fa-f]{1,4}:[0-9A-Fa-f:]*:",
        r"[+]\d[ ().-]{0,2}\d|\d{3}[-. )]{1,2}\d{3}[-. ]\d{4}",
        "PRIVATE KEY|A3T|A[BCKS][CIK]A|gh[pousr]_|gl[a-z]{2,6}-|GR1348941|xox|hooks.slack|k_live_",
        "T3BlbkFJ|eyJ|AccountKey|_authToken|pypi-Ag|SG[.]|[AS][CK][a-z0-9]{32}|:[0-9A-Za-z_-]{35}",
    )
)
_KEY_DETECTORS = (
    ("aws", "AWSKeyDetector"),
    ("azure_storage_key", "AzureStorageKeyDetector"),
    ("github_token", "GitHubTokenDetector"),
    ("gitlab_token", "GitLabTokenDetector"),
    ("jwt", "JwtTokenDetector"),
    ("npm", "NpmDetector"),
    ("openai", "OpenAIDetector"),
    ("pypi_token", "PypiTokenDetector"),
    ("sendgrid", "SendGridDetector"),
    ("slack", "SlackDetector"),
    ("stripe", "StripeDetector"),
    ("telegram_token", "TelegramBotTokenDetector"),
    ("twilio", "TwilioKeyDetector"),
)


def find_pii(text: str) -> list[Span]:
    """Find what a text holds, in order; where two overlap, the one that starts first."""
    found: list[Span] = []
    for span in sorted(span for finder in _FINDERS for span in finder(text)):
        if not found or span.start >= found[-1].end:
            found.append(span)
    return found


def rows_with_pii(texts: pa.Array) -> dict[int, list[Span]]:
    """Find the rows of a column that hold any, with what they hold; null holds nothing."""
    may = pc.fill_null(pc.match_substring_regex(texts, _MAY_HOLD), fill_value=False)
    rows = np.flatnonzero(may.to_numpy(zero_copy_only=False))
    found = {int(row): find_pii(texts[int(row)].as_py()) for row in rows}
    return {row: spans for row, spans in found.items() if spans}


def masked(text: str, spans: list[Span]) -> str:
    """Replace what was found by its kind in capitals: `<EMAIL>`, `<PHONE>`, `<IP>`, `<KEY>`."""
    pieces, done = [], 0
    for span in spans:
        pieces += [text[done : span.start], f"<{span.kind.upper()}>"]
        done = span.end
    return "".join([*pieces, text[done:]])


def _emails(text: str) -> Iterator[Span]:
    if "@" in text:
        for match in _EMAIL.finditer(text):
            yield Span(match.start(), match.end(), "email")


def _addresses(text: str) -> Iterator[Span]:
    for pattern in (_IP_4, _IP_6):
        for match in pattern.finditer(text):
            if _is_somebodys(match.group()):
                yield Span(match.start(), match.end(), "ip")


def _is_somebodys(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def _phones(text: str) -> Iterator[Span]:
    for match in _PHONE.finditer(text):
        if _is_phone(match.group()):
            yield Span(match.start(), match.end(), "phone")


def _is_phone(text: str) -> bool:
    import phonenumbers

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, REGION))
    except phonenumbers.NumberParseException:
        return False


def _keys(text: str) -> Iterator[Span]:
    for match in _PRIVATE_KEY.finditer(text):
        yield Span(match.start(), match.end(), "key")
    for pattern in _key_patterns():
        for match in pattern.finditer(text):
            yield Span(match.start(), match.end(), "key")


@functools.cache
def _key_patterns() -> tuple[re.Pattern[str], ...]:
    from importlib import import_module

    detectors = (
        getattr(import_module(f"detect_secrets.plugins.{module}"), name)
        for module, name in _KEY_DETECTORS
    )
    return tuple(pattern for detector in detectors for pattern in detector.denylist)


_FINDERS: tuple[Callable[[str], Iterator[Span]], ...] = (_emails, _addresses, _phones, _keys)
