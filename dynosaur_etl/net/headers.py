"""Reads what servers report of their rate limits, and how long they ask to wait.

| header | who sends it | form |
|---|---|---|
| `Retry-After` | RFC 9110, section 10.2.3 | seconds, or an HTTP date |
| `retry-after-ms` | OpenAI, Azure | milliseconds |
| `RateLimit`, `RateLimit-Policy` | the Hub | `"api";r=489;t=271`, `"window";"api";q=500;w=300` |
| `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` | OpenAI | numbers; `6m0s`, `12ms` |
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from dynosaur_etl.domain.rate_limit import ReportedLimits

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")
_UNITS = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)
_LONGEST = 1e9
_NUMBERS = re.compile(r"\b([rtqw])\s*=\s*(\d{1,9})")


@dataclass(frozen=True)
class Window:
    """A count of requests that starts anew after a while; None where a header does not report it.

    Attributes:
        quota: requests of a whole window; `seconds` is its length.
        remaining: requests until `reset` seconds from now.
    """

    quota: int | None = None
    seconds: float | None = None
    remaining: int | None = None
    reset: float | None = None


def asked_wait(headers: Mapping[str, str], now: datetime, tokens: int = 1) -> float | None:
    """Return the seconds from `now` that an answer asks to wait; None where it asks nothing.

    The Hub's own client lets `RateLimit` go before `Retry-After`, and so does this.

    Args:
        headers: of an answer, with names in any case if the mapping allows it.
        now: the moment from which an HTTP date is counted.
        tokens: that the next request needs; with fewer remaining there is nothing left.
    """
    window = read_window(headers)
    if window.remaining == 0 and window.reset is not None:
        return window.reset
    asked = read_retry_after(headers, now)
    return asked if asked is not None else read_reported_limits(headers, tokens).wait


def read_retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return what `retry-after-ms` or `Retry-After` ask for, in seconds from `now`, or None."""
    milliseconds = _seconds(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _seconds(value)
    return seconds if seconds is not None else _until(value, now)


def read_window(headers: Mapping[str, str]) -> Window:
    """Return what `RateLimit` and `RateLimit-Policy` report."""
    policy = dict(_NUMBERS.findall(headers.get("ratelimit-policy", "")))
    limit = dict(_NUMBERS.findall(headers.get("ratelimit", "")))
    is_whole = limit.keys() >= {"r", "t"}
    return Window(
        quota=int(policy["q"]) if int(policy.get("q", 0)) else None,
        seconds=float(policy["w"]) if "w" in policy else None,
        remaining=int(limit["r"]) if is_whole else None,
        reset=float(limit["t"]) if is_whole else None,
    )


def read_reported_limits(headers: Mapping[str, str], tokens: int) -> ReportedLimits:
    """Return what `x-ratelimit-*` report; the limits are those of a minute.

    Args:
        headers: as in `asked_wait`.
        tokens: that one request needs; with fewer remaining there is nothing left.
    """
    waits = (
        _reset_of_used_up(headers, "requests", least=1),
        _reset_of_used_up(headers, "tokens", least=tokens),
    )
    return ReportedLimits(
        requests=_number(headers.get("x-ratelimit-limit-requests")),
        tokens=_number(headers.get("x-ratelimit-limit-tokens")),
        wait=max((wait for wait in waits if wait is not None), default=None),
    )


def _reset_of_used_up(headers: Mapping[str, str], kind: str, least: int) -> float | None:
    remaining = _number(headers.get(f"x-ratelimit-remaining-{kind}"))
    if remaining is None or remaining >= least:
        return None
    return _duration(headers.get(f"x-ratelimit-reset-{kind}"))


def _number(value: str | None) -> int | None:
    return int(value) if value and value.isascii() and value.isdigit() and len(value) < 16 else None


def _duration(value: str | None) -> float | None:
    """Read `6m0s`, `1.5s`, `12ms` or plain seconds."""
    match = _DURATION.fullmatch(value or "")
    if not value or match is None:
        return _seconds(value)
    return sum(float(part or 0) * unit for part, unit in zip(match.groups(), _UNITS, strict=True))


def _seconds(value: str | None) -> float | None:
    try:
        seconds = float(value or "")
    except ValueError:
        return None
    return None if math.isnan(seconds) else max(0.0, min(seconds, _LONGEST))


def _until(value: str | None, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(value or "")
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
