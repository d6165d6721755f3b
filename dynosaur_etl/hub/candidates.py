"""Which commit a dataset stood at when a growth day ended, and whether that day touched it.

A commit carries the date of its author's clock, so a branch can hold dates that run backwards.
A commit counts from the moment from which it can have been on the Hub: no earlier than any commit
below it, and no earlier than the repository itself.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import Literal

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Commit

HUB_FLOOR = datetime(2022, 3, 2, 23, 29, 22, tzinfo=UTC)
"""The Hub gives this `createdAt`, or an earlier one, to everything that is older."""

Change = Literal["created", "changed"]


def change_on(
    day: GrowthDay, listing_created_at: datetime, commits: Sequence[Commit]
) -> tuple[Change, Commit] | None:
    """Tell what the day did to a dataset, with the newest commit that counts by the day's end.

    A dataset is created on the day on which its first commit counts, so that a history pushed
    into a new repository counts from the repository's creation. Where the Hub does not know the
    creation, the first commit's own date stands.

    Args:
        day: the growth day.
        listing_created_at: the Hub's `createdAt`; at or below `HUB_FLOOR` it says nothing.
        commits: of the main branch, newest first, as the Hub lists them.

    Returns:
        None where no commit counts on the day.
    """
    oldest_first = commits[::-1]
    counted = _counted_from(listing_created_at, oldest_first)
    on_the_day = [index for index, moment in enumerate(counted) if moment in day]
    if not on_the_day:
        return None
    return "created" if on_the_day[0] == 0 else "changed", oldest_first[on_the_day[-1]]


def _counted_from(created_at: datetime, oldest_first: Sequence[Commit]) -> list[datetime]:
    dates = [commit.date for commit in oldest_first]
    if created_at > HUB_FLOOR:
        dates = [max(date, created_at) for date in dates]
    return list(accumulate(dates, max))
