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

DatasetChange = Literal["created", "changed"]


def change_on(
    day: GrowthDay, listing_created_at: datetime, commits: Sequence[Commit]
) -> tuple[DatasetChange, Commit] | None:
    """Tell what the day did to a dataset, with the newest commit that counts by the day's end.

    A dataset is created on the day that the Hub names; where the Hub does not know it, on the day
    of its first commit. A history pushed into a new repository counts from the repository's
    creation.

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
    created_at = counted[0] if _is_old(listing_created_at) else listing_created_at
    return _kind(day, created_at), oldest_first[on_the_day[-1]]


def stood_before(
    day: GrowthDay, listing_created_at: datetime, commits: Sequence[Commit]
) -> Commit | None:
    """Give the newest commit that counts from before the day, None where there is none.

    Args:
        day: the growth day.
        listing_created_at: as in `change_on`.
        commits: as in `change_on`.
    """
    oldest_first = commits[::-1]
    counted = _counted_from(listing_created_at, oldest_first)
    earlier = [commit for commit, at in zip(oldest_first, counted, strict=True) if at < day.start]
    return earlier[-1] if earlier else None


def change_told(
    day: GrowthDay, created_at: datetime, last_modified: datetime, sha: str | None
) -> tuple[DatasetChange, Commit] | None:
    """Tell what `change_on` would, from the listing alone, where no commit can say otherwise.

    That is so where the Hub knows the creation and nothing was pushed after the day: the head of
    the branch is the newest commit of the day, and the Hub's `lastModified` is its date.

    Returns:
        None where the commits have to be read.
    """
    if sha is None or _is_old(created_at) or max(last_modified, created_at) not in day:
        return None
    return _kind(day, created_at), Commit(sha, last_modified, "")


def _is_old(created_at: datetime) -> bool:
    return created_at <= HUB_FLOOR


def _kind(day: GrowthDay, created_at: datetime) -> DatasetChange:
    return "created" if created_at in day else "changed"


def _counted_from(created_at: datetime, oldest_first: Sequence[Commit]) -> list[datetime]:
    dates = [commit.date for commit in oldest_first]
    if not _is_old(created_at):
        dates = [max(date, created_at) for date in dates]
    return list(accumulate(dates, max))
