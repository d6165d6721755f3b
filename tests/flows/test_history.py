"""The recorded history of the Hub, polled day by day: nothing is missed, nothing counted twice.

By default every ninth day that has a commit is polled, among them the one that touched most
datasets; with `WHOLE_HISTORY=1` in the environment all of them are, which takes some minutes.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import StepReport
from dynosaur_etl.flows.runtime.services import Services, open_services
from dynosaur_etl.settings import Settings
from tests.flows.support import POLL_STEPS, environment, serving, settings

pytestmark = [pytest.mark.recording, pytest.mark.timeout(1800), pytest.mark.xdist_group("history")]

OWNER = "legacy-datasets"
WHOLE = "WHOLE_HISTORY" in os.environ
EVERY = 1 if WHOLE else 9
QUIET_DAY = "2020-12-25"

# What the cards decide, and what is left for the files to decide: of all 5,851 revisions, and of
# the 840 of every ninth day.
REASONS = {
    True: {
        "licence_missing": 3297,
        "licence_not_allowed": 575,
        "language_not_allowed": 499,
        "multilingual": 479,
        "licence_conflict": 46,
        "card_unreadable": 23,
        "language_unknown": 3,
        "unchanged": 5,
        "by files": 924,
    },
    False: {
        "licence_missing": 413,
        "licence_not_allowed": 90,
        "multilingual": 84,
        "language_not_allowed": 81,
        "licence_conflict": 9,
        "card_unreadable": 4,
        "language_unknown": 1,
        "by files": 158,
    },
}
BY_FILES = {
    "kept", "modality", "too_few_fields", "no_data_files", "no_usable_config", "no_training_split",
}  # fmt: skip


@dataclass
class History:
    """The store after the days, and the recording that they came from."""

    services: Services
    days: list[str]
    reports: list[StepReport]
    recorded: dict[str, dict[str, Any]]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.services.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]


def newest_by_day(entry: Mapping[str, Any]) -> dict[str, str]:
    """The newest commit of each day of a dataset, read off the recording's own dates."""
    found: dict[str, str] = {}
    for commit in entry["commits"]:
        found.setdefault(commit["date"][:10], commit["sha"])
    return found


@pytest.fixture(scope="module")
def history(
    recorded_hub: Path,
    make_database: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[History]:
    home = tmp_path_factory.mktemp("history")
    entries = [json.loads(line) for line in (recorded_hub / "index.jsonl").read_text().splitlines()]
    recorded = {f"{OWNER}/{entry['id']}": entry for entry in entries}
    days = sorted({day for entry in entries for day in newest_by_day(entry)})[::EVERY]
    with (
        serving(recorded_hub, home / "logs") as servers,
        open_services(settings(environment(servers, make_database(), home))) as services,
    ):
        reports = [
            step(GrowthDay.parse(day), services)
            for day in [*days, QUIET_DAY]
            for step in POLL_STEPS
        ]
        yield History(services, days, reports, recorded)


def test_the_counts_of_each_day_reconcile(history: History) -> None:
    for report in history.reports:
        counts = report.counts
        assert counts.taken == counts.kept + counts.rejected, report
        assert counts.deferred == 0, report
        if report.step == "examine":
            assert sum(report.reasons.values()) == counts.rejected, report


def test_each_revision_of_the_recording_has_one_verdict_on_its_day(history: History) -> None:
    expected = {
        (day, name, sha)
        for name, entry in history.recorded.items()
        for day, sha in newest_by_day(entry).items()
        if day in history.days
    }
    found = history.rows("select day, dataset_id, revision from verdicts")
    assert len(found) == len(set(found))
    assert set(found) == expected


def test_verdicts_and_rejections_are_the_same_story(history: History) -> None:
    told = history.rows(
        "select day, dataset_id, reason, detail from verdicts where reason is not null"
    )
    stored = history.rows(
        "select day, subject, reason, detail from rejections where stage = 'examine'"
    )
    assert sorted(told) == sorted(stored)
    [(kept, with_card, with_rows)] = history.rows(
        "select (select count(*) from verdicts where reason is null),"
        " (select count(*) from revisions),"
        " (select count(distinct (day, dataset_id)) from configs)"
    )
    assert kept == with_card == with_rows > 0


def test_a_day_without_a_commit_has_no_candidate(history: History) -> None:
    days = {day for (day,) in history.rows("select distinct day from candidates")}
    assert days == set(history.days)
    assert QUIET_DAY not in days
    assert [report.counts.taken for report in history.reports[-2:]] == [0, 0]


def test_every_reason_stands_as_often_as_was_counted(history: History) -> None:
    counted = Counter(
        {
            str(reason): number
            for reason, number in history.rows(
                "select coalesce(reason, 'kept'), count(*) from verdicts group by 1"
            )
        }
    )
    by_files = sum(counted.pop(reason, 0) for reason in BY_FILES)
    assert {**counted, "by files": by_files} == REASONS[WHOLE]


def test_the_newest_verdict_agrees_with_what_the_recording_says_of_the_card(
    history: History,
) -> None:
    """The index was read off the newest cards by other code; its licences judge ours."""
    allowed = set(Settings.model_fields["licences"].default)
    newest = {name: max(newest_by_day(entry)) for name, entry in history.recorded.items()}
    judged = 0
    for day, name, reason in history.rows("select day, dataset_id, reason from verdicts"):
        if day != newest[name]:
            continue
        judged += 1
        licences = set(history.recorded[name]["license"])
        if not licences or "unknown" in licences:
            assert reason == "licence_missing", name
        elif reason is None:
            assert len(licences - allowed) == 0, name
        else:
            assert reason != "licence_missing", name
    assert judged > 0
