"""Which commit counts on which day, and whether the day created or changed a dataset."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Commit
from dynosaur_etl.hub.candidates import HUB_FLOOR, change_on, change_told

DAY = GrowthDay.parse("2023-05-10")


def commit(sha: str, moment: str) -> Commit:
    return Commit(sha, datetime.fromisoformat(moment).replace(tzinfo=UTC), "title")


def seen(day: str, created_at: datetime, *newest_first: Commit) -> tuple[str, str] | None:
    change = change_on(GrowthDay.parse(day), created_at, newest_first)
    return None if change is None else (change[0], change[1].sha)


def test_a_dataset_is_created_once_and_changed_later() -> None:
    commits = (
        commit("d", "2023-05-12T00:00:00"),
        commit("c", "2023-05-11T23:59:59"),
        commit("b", "2023-05-11T08:00:00"),
        commit("a", "2023-05-10T12:00:00"),
    )
    born = commits[-1].date
    assert seen("2023-05-09", born, *commits) is None
    assert seen("2023-05-10", born, *commits) == ("created", "a")
    assert seen("2023-05-11", born, *commits) == ("changed", "c")
    assert seen("2023-05-12", born, *commits) == ("changed", "d")
    assert seen("2023-05-13", born, *commits) is None
    assert seen("2023-05-13", born) is None


def test_below_the_floor_the_first_commit_tells_the_creation() -> None:
    commits = (commit("b", "2020-12-04T01:00:00"), commit("a", "2020-12-03T10:00:00"))
    assert seen("2020-12-03", HUB_FLOOR, *commits) == ("created", "a")
    assert seen("2020-12-04", HUB_FLOOR, *commits) == ("changed", "b")
    assert seen("2022-03-02", HUB_FLOOR, *commits) is None


def test_a_history_pushed_into_a_new_repository_counts_from_its_creation() -> None:
    commits = (commit("b", "2023-05-10T09:00:00"), commit("a", "2019-01-01T00:00:00"))
    born = datetime(2023, 5, 10, 8, tzinfo=UTC)
    assert seen("2019-01-01", born, *commits) is None
    assert seen("2023-05-10", born, *commits) == ("created", "b")


def test_a_commit_does_not_count_before_those_below_it() -> None:
    commits = (
        commit("late push", "2023-05-01T00:00:00"),
        commit("b", "2023-05-10T09:00:00"),
        commit("a", "2023-04-01T00:00:00"),
    )
    born = commits[-1].date
    assert seen("2023-05-01", born, *commits) is None
    assert seen("2023-05-10", born, *commits) == ("changed", "late push")


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2020, 1, 20), timezones=st.just(UTC))  # noqa: DTZ001


@given(dates=st.lists(MOMENTS, min_size=1, max_size=8), more=st.integers(0, 3))
def test_later_commits_change_no_past_day(dates: list[datetime], more: int) -> None:
    commits = [Commit(str(i), date, "") for i, date in enumerate(reversed(dates))][::-1]
    end = max(dates) + timedelta(days=2)
    later = [Commit(f"later {i}", end + timedelta(hours=i), "") for i in range(more)][::-1]
    for number in range(22):
        day = GrowthDay((datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=number)).date())
        if day.end <= end:
            before = change_on(day, HUB_FLOOR, commits)
            assert change_on(day, HUB_FLOOR, [*later, *commits]) == before


@given(dates=st.lists(MOMENTS, min_size=1, max_size=8))
def test_every_dataset_is_created_on_exactly_one_day(dates: list[datetime]) -> None:
    commits = [Commit(str(i), date, "") for i, date in enumerate(dates)]
    days = [GrowthDay.parse(f"2020-01-{number:02d}") for number in range(1, 22)]
    changes = [change for day in days if (change := change_on(day, HUB_FLOOR, commits))]
    assert [kind for kind, _ in changes].count("created") == 1
    assert changes[-1][1] == commits[0]


@pytest.mark.parametrize("moment", ["2023-05-10T00:00:00", "2023-05-10T23:59:59.999999"])
def test_the_day_holds_its_first_and_its_last_moment(moment: str) -> None:
    only = commit("a", moment)
    assert change_on(DAY, only.date, [only]) == ("created", only)


FIRST, LAST = datetime(2023, 5, 8), datetime(2023, 5, 13)  # noqa: DTZ001 - hypothesis wants them so
AFTER_FLOOR = st.datetimes(FIRST, LAST, timezones=st.just(UTC))


@given(created_at=AFTER_FLOOR, pushes=st.lists(AFTER_FLOOR, min_size=1, max_size=5))
def test_the_listing_tells_what_the_commits_would(
    created_at: datetime, pushes: list[datetime]
) -> None:
    """Whatever the day, where the listing tells at all."""
    commits = [Commit(str(i), date, "") for i, date in enumerate(sorted(pushes, reverse=True))]
    for number in range(8, 14):
        day = GrowthDay.parse(f"2023-05-{number:02d}")
        told = change_told(day, created_at, commits[0].date, commits[0].sha)
        if told is not None:
            change = change_on(day, created_at, commits)
            assert change is not None
            assert (told[0], told[1].sha, told[1].date) == (
                change[0], change[1].sha, change[1].date
            )  # fmt: skip


def test_the_listing_tells_nothing_of_what_moved_on_or_is_older_than_the_hub_knows() -> None:
    noon, later = DAY.start + timedelta(hours=12), DAY.end
    assert change_told(DAY, noon, noon, "a") == ("created", Commit("a", noon, ""))
    assert change_told(DAY, DAY.start - timedelta(days=1), noon, "a") == (
        "changed", Commit("a", noon, "")
    )  # fmt: skip
    assert change_told(DAY, noon, later, "a") is None
    assert change_told(DAY, HUB_FLOOR, noon, "a") is None
    assert change_told(DAY, noon, noon, None) is None
