"""Moments as people read them: always with their date, and always in UTC."""

from datetime import UTC, datetime


def moment(value: datetime | None) -> str:
    """Return a moment to the minute, such as `2026-11-30 02:14 UTC`; `not yet` for None."""
    return "not yet" if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def lasted(begin: datetime, end: datetime) -> str:
    """Return how long something took, in its two largest units."""
    minutes, seconds = divmod(max(0, int((end - begin).total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    while len(parts) > 1 and not parts[0][0]:
        parts.pop(0)
    return " ".join(f"{number} {unit}" for number, unit in parts[:2] if number) or "0 s"
