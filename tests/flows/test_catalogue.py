"""The catalogue: listed once, gone on with where it was cut short, added to from a file."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from dynosaur_etl.domain.errors import HubRefused, HubUnavailable, InvalidInput
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.flows.poll import candidates as poll
from dynosaur_etl.flows.poll.catalogue import follow_until, import_statistics, sync_now
from dynosaur_etl.flows.runtime.services import Services, open_services, silent
from dynosaur_etl.hub.listing import FIRST_PAGE
from dynosaur_etl.net import hub_session
from tests.flows.hubs import write_dataset
from tests.flows.support import (
    DEMO_HUB,
    POLL_STEPS,
    ROOT,
    Servers,
    dump_tables,
    environment,
    serving,
    settings,
)
from tests.hub.faulty_hub import SHA, Answer, FaultyHub, as_json, faulty_hub, listed

LIST = "/api/datasets"
TODAY = ("datasets", "commits", "catalogue")  # tell of the Hub as it is now
KILLED = """
from tests.flows.killed_run import arm
from dynosaur_etl.flows.runtime.services import open_services
arm("dynosaur_etl.flows.poll.catalogue:_keep_page", 2, "after")
from dynosaur_etl.flows.poll import catalogue
with open_services() as services:
    catalogue.sync_now(services)
"""


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[Servers]:
    """A Hub of 250 datasets, which the embedded server lists on three pages."""
    root = tmp_path / "hub"
    root.mkdir()
    for number in range(250):
        write_dataset(root, f"owner/set-{number:03d}", f"2026-09-{1 + number % 30:02d}")
    with serving(root, tmp_path / "logs") as servers:
        yield servers


def listed_pages(servers: Servers) -> list[str]:
    lines = [json.loads(line) for line in servers.hub_log.read_text().splitlines()]
    return [line["query"] for line in lines if line["path"] == LIST and "expand" in line["query"]]


def rows(services: Services, query: str) -> list[tuple[Any, ...]]:
    with services.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_a_killed_first_listing_goes_on_behind_its_last_page(
    crowded: Servers, database_url: str, tmp_path: Path
) -> None:
    values = environment(crowded, database_url, tmp_path)
    run = [sys.executable, "-c", KILLED]
    killed = subprocess.run(run, cwd=ROOT, env={**os.environ, **values}, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    told: list[int] = []
    with open_services(settings(values)) as services:
        assert rows(services, "select count(*) from datasets") == [(200,)]
        report = sync_now(services, lambda done, _: told.append(done))
        assert rows(services, "select count(*) from datasets") == [(250,)]
        assert rows(services, "select * from checkpoints") == []
    pages = listed_pages(crowded)
    assert len(set(pages[:3])) == 3, "a page was asked for twice"
    assert len(pages) == 4, "then one page, for what was modified since the listing began"
    assert told == [250, 0]
    assert report.counts.taken == 50


def test_days_and_backfills_list_the_hub_once(
    crowded: Servers, database_url: str, tmp_path: Path
) -> None:
    with open_services(settings(environment(crowded, database_url, tmp_path))) as services:
        for number in range(30):
            poll.sync_catalogue(GrowthDay.parse(f"2026-09-{1 + number:02d}"), services)
        assert services.hub.requests == {"list": 3}
        for number in (4, 9):
            report = poll.find_candidates(GrowthDay.parse(f"2026-09-{number:02d}"), services)
            assert report.counts.kept == sum(n % 30 == number - 1 for n in range(250))
        assert services.hub.requests == {"list": 3}, "the listing alone tells of untouched heads"
        assert sync_now(services).counts.taken == 0
        assert services.hub.requests == {"list": 4}


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyHub]:
    monkeypatch.setattr(hub_session, "FIRST_WAIT", 0.01)
    with faulty_hub() as hub:
        first = [listed("o/a", "2023-03-03T00:00:00Z"), listed("o/b", "2023-03-02T00:00:00Z")]
        link = {"Link": '<https://elsewhere.example/api/more?cursor=x>; rel="next"'}
        hub.answers[LIST] = [Answer(body=as_json(first), headers=link)]
        second = [listed("o/b", "2023-03-02T00:00:00Z"), listed("o/c", "2023-03-01T00:00:00Z")]
        hub.answers["/api/more"] = [Answer(body=as_json(second))]
        yield hub


@pytest.fixture
def services(scripted: FaultyHub, database_url: str, tmp_path: Path) -> Iterator[Services]:
    servers = Servers(scripted.endpoint, scripted.endpoint, tmp_path / "h", tmp_path / "l")
    with open_services(settings(environment(servers, database_url, tmp_path))) as opened:
        yield opened


def names(services: Services) -> list[str]:
    return [name for (name,) in rows(services, "select id from datasets order by id")]


def test_an_outage_keeps_the_pages_before_it(scripted: FaultyHub, services: Services) -> None:
    sound = scripted.answers["/api/more"]
    scripted.answers["/api/more"] = [Answer(503)]
    moment = datetime.now(UTC)
    with pytest.raises(HubUnavailable):
        follow_until(services, moment, silent)
    assert names(services) == ["o/a", "o/b"]
    assert rows(services, "select * from catalogue") == []
    scripted.answers["/api/more"], scripted.asked[:] = sound, []
    follow_until(services, moment - timedelta(minutes=1), silent)
    assert names(services) == ["o/a", "o/b", "o/c"]
    assert scripted.paths() == ["/api/more"], "the first page was asked for again"


def test_a_page_that_the_hub_has_forgotten_begins_the_listing_anew(
    scripted: FaultyHub, services: Services
) -> None:
    sound = scripted.answers["/api/more"]
    scripted.answers["/api/more"] = [Answer(400, b"{}")]
    with pytest.raises(HubRefused):
        follow_until(services, datetime.now(UTC), silent)
    scripted.answers["/api/more"], scripted.asked[:] = [Answer(400, b"{}"), *sound], []
    follow_until(services, datetime.now(UTC), silent)
    assert names(services) == ["o/a", "o/b", "o/c"]
    assert scripted.paths() == ["/api/more", LIST, "/api/more"]


def test_a_listing_that_leads_back_to_its_page_ends(
    scripted: FaultyHub, services: Services
) -> None:
    link = {"Link": f'<{scripted.endpoint}{LIST}{FIRST_PAGE}&cursor=x>; rel="next"'}
    page = Answer(body=as_json([listed("o/a", "2023-03-03T00:00:00Z")]), headers=link)
    scripted.answers[LIST] = [page]
    with pytest.raises(HubUnavailable, match="leads back"):
        follow_until(services, datetime.now(UTC), silent)


def add_later_commits(root: Path, day: str) -> None:
    """Let every dataset move on after a day: another licence, language, downloads and card."""
    lines = []
    for line in (root / "index.jsonl").read_text().splitlines():
        entry = json.loads(line)
        card = root / "datasets" / entry["id"] / "README.md"
        older = card.parent / "history" / f"{entry['sha']}.md"
        older.parent.mkdir(exist_ok=True)
        if not older.exists():
            shutil.copy(card, older)
        card.write_text("---\nlicense: cc-by-nc-4.0\nlanguage: de\n---\n# Anders\n")
        versions = [
            {**version, "path": str(older.relative_to(root))}
            if version["sha"] == entry["sha"]
            else version
            for version in entry["card_versions"]
        ]
        sha, date = entry["sha"][::-1], f"{day}T06:00:00Z"
        newest = {"sha": sha, "date": date, "path": str(card.relative_to(root))}
        commit = {"sha": sha, "date": date, "title": "later", "files": ["README.md"]}
        entry |= {
            "sha": sha,
            "last_modified": date,
            "tags": ["license:cc-by-nc-4.0", "language:de"],
            "downloads": 1,
            "commits": [commit, *entry["commits"]],
            "card_versions": [newest, *versions],
        }
        lines.append(json.dumps(entry) + "\n")
    (root / "index.jsonl").write_text("".join(lines))


def polled(root: Path, day: str, url: str, home: Path) -> tuple[dict[str, list[str]], int]:
    """Poll a day in a fresh database; give the tables of the day, and how many asked for commits.

    The dataset viewer knows heads alone, so it is left out.
    """
    with serving(root, home / "logs") as servers:
        values = environment(servers, url, home, DYNOSAUR_VIEWER_URL=f"{servers.hub}/no-viewer")
        with open_services(settings(values)) as services:
            for step in POLL_STEPS:
                step(GrowthDay.parse(day), services)
            return dump_tables(url, *TODAY), services.hub.requests["commits"]


@pytest.mark.parametrize("day", ["2026-10-05", "2026-10-08"])
def test_a_day_polled_later_is_what_it_was_on_the_day(
    make_database: Callable[[], str], tmp_path: Path, day: str
) -> None:
    root = tmp_path / "hub"
    shutil.copytree(DEMO_HUB, root)
    then, asked_then = polled(root, day, make_database(), tmp_path / "then")
    add_later_commits(root, "2026-10-09")
    now, asked_now = polled(root, day, make_database(), tmp_path / "now")
    assert len(then["candidates"]) >= 4
    assert then["configs"]
    assert asked_then < asked_now
    assert now == then


FILE_ROW = {
    "id": "gone/since",
    "author": "gone",
    "createdAt": datetime(2023, 5, 1, tzinfo=UTC),
    "lastModified": datetime(2023, 5, 2, tzinfo=UTC),
    "sha": SHA,
    "tags": ["license:mit"],
    "gated": "False",
    "private": False,
    "disabled": False,
    "downloads": 7,
    "likes": 1,
}


def statistics(path: Path, *changes: dict[str, Any]) -> Path:
    pq.write_table(pa.Table.from_pylist([FILE_ROW | change for change in changes]), path)
    return path


def test_a_file_of_the_past_adds_what_the_catalogue_does_not_know(
    services: Services, tmp_path: Path
) -> None:
    sync_now(services)
    file = statistics(
        tmp_path / "stats.parquet",
        {},
        {"id": "o/a", "sha": "b" * 40},
        {"id": "bare"},
        {"id": "no/commit", "sha": None},
        {"id": "../../etc", "gated": "manual"},
        {"id": "old/gated", "gated": "manual", "createdAt": None, "likes": None, "tags": None},
    )
    day = GrowthDay.parse("2023-05-02")
    report = import_statistics(file, day, services)
    assert report.facts == {"added": 2, "known": 1, "unusable": 3}
    assert names(services) == ["gone/since", "o/a", "o/b", "o/c", "old/gated"]
    assert rows(services, "select sha from datasets where id = 'o/a'") == [(SHA,)]
    found = rows(services, "select gated, likes, created_at < '2022-03-03' from datasets "
                           "where id = 'old/gated'")  # fmt: skip
    assert found == [(True, 0, True)]
    assert import_statistics(file, day, services).facts["added"] == 0


def test_what_was_deleted_since_is_a_candidate_of_its_day_and_told_as_gone(
    services: Services, tmp_path: Path
) -> None:
    day = GrowthDay.parse("2023-05-02")
    import_statistics(statistics(tmp_path / "stats.parquet", {}), day, services)
    for step in POLL_STEPS:
        step(day, services)
    assert rows(services, "select dataset_id, revision, change from candidates") == [
        ("gone/since", SHA, "changed")
    ]
    assert len(rows(services, "select * from verdicts where reason is not null")) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lastModified": datetime(2023, 5, 3, tzinfo=UTC)}, "of that day"),
        ({"createdAt": "soon"}, "row 1"),
        ({"likes": "many"}, "row 1"),
        ({"lastModified": 5}, "no moment"),
    ],
)
def test_a_file_with_a_bad_value_is_refused(
    services: Services, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    file = statistics(tmp_path / "stats.parquet", change)
    with pytest.raises(InvalidInput, match=words):
        import_statistics(file, GrowthDay.parse("2023-05-02"), services)
    assert names(services) == []


def test_what_is_no_file_of_statistics_is_refused(services: Services, tmp_path: Path) -> None:
    day = GrowthDay.parse("2023-05-02")
    with pytest.raises(InvalidInput, match="exists"):
        import_statistics(tmp_path / "nowhere.parquet", day, services)
    (tmp_path / "text.parquet").write_text("id,author\n")
    with pytest.raises(InvalidInput, match="sound Parquet"):
        import_statistics(tmp_path / "text.parquet", day, services)
    pq.write_table(pa.table({"id": ["a/b"]}), tmp_path / "short.parquet")
    with pytest.raises(InvalidInput, match="createdAt"):
        import_statistics(tmp_path / "short.parquet", day, services)


def test_the_commands_report_what_they_did(
    scripted: FaultyHub, database_url: str, tmp_path: Path
) -> None:
    servers = Servers(scripted.endpoint, scripted.endpoint, tmp_path / "h", tmp_path / "l")
    values = {**os.environ, **environment(servers, database_url, tmp_path)}
    file = statistics(tmp_path / "stats.parquet", {})
    for arguments, found in (
        (("sync",), {"catalogue": 3, "requests": 2}),
        (("import", str(file), "--as-of", "2023-05-02"), {"added": 1, "known": 0, "unusable": 0}),
    ):
        command = [sys.executable, "-m", "dynosaur_etl", "catalogue", *arguments, "--json"]
        result = subprocess.run(command, cwd=ROOT, env=values, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout)["steps"][0]["facts"] == found
