"""The growth day: one UTC day of the Hub, the partition key of every run."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

from dynosaur_etl.domain.errors import InvalidInput, not_allowed


@dataclass(frozen=True, order=True)
class GrowthDay:
    """One UTC day of the Hub, ordered by time; `str()` gives its partition key `YYYY-MM-DD`."""

    date: date

    @classmethod
    def parse(cls, text: str) -> "GrowthDay":
        """Read a partition key.

        Raises:
            InvalidInput: the text is not a calendar day written `YYYY-MM-DD`.
        """
        try:
            day = date.fromisoformat(text)
        except ValueError:
            day = None
        if day is None or day.isoformat() != text:
            raise InvalidInput(not_allowed("growth day", text, "a calendar day as YYYY-MM-DD"))
        return cls(day)

    @cached_property
    def start(self) -> datetime:
        return datetime(self.date.year, self.date.month, self.date.day, tzinfo=UTC)

    @cached_property
    def end(self) -> datetime:
        """The first instant that is no longer part of the day."""
        return self.start + timedelta(days=1)

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def __str__(self) -> str:
        return self.date.isoformat()

    def ensure_over(self, now: datetime) -> None:
        """Refuse a day that still changes: its view would not be the same tomorrow.

        Raises:
            InvalidInput: the day ends after `now`.
        """
        if self.end > now:
            last = (now.astimezone(UTC) - timedelta(days=1)).date().isoformat()
            allowed = f"days that are over in UTC, up to {last}"
            raise InvalidInput(not_allowed("growth day", str(self), allowed))
