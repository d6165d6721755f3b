"""Reads what a server tells of its rate limits, in the headers that OpenAI and its likes send."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from dynosaur_etl.domain.pace import Told

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")
_UNITS = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)
_LONGEST = 1e9


def read_told(headers: Mapping[str, str], tokens: int) -> Told:
    """Read `x-ratelimit-limit-*`, `-remaining-*` and `-reset-*`; the limits are those of a minute.

    Args:
        headers: of an answer, with names in any case if the mapping allows it.
        tokens: that one request needs; with fewer remaining there is nothing left.
    """
    waits = (
        _wait(headers, "requests", least=1),
        _wait(headers, "tokens", least=tokens),
    )
    return Told(
        requests=_number(headers.get("x-ratelimit-limit-requests")),
        tokens=_number(headers.get("x-ratelimit-limit-tokens")),
        wait=max((wait for wait in waits if wait is not None), default=None),
    )


def read_retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Read `retry-after-ms` or `Retry-After`, in seconds or as an HTTP date.

    Returns:
        Seconds from `now`, never negative; None where neither can be read.
    """
    milliseconds = _seconds(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _seconds(value)
    return seconds if seconds is not None else _until(value, now)


def _wait(headers: Mapping[str, str], kind: str, least: int) -> float | None:
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
