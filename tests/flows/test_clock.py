"""A clock that was once ahead hides nothing from the catalogue, once it is right again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.rate_limit import RateLimit, RateLimitRules
from dynosaur_etl.flows.poll.candidates import sync_catalogue
from dynosaur_etl.flows.poll.catalogue import follow_until, sync_now
from dynosaur_etl.flows.runtime.services import Services, open_services, silent
from dynosaur_etl.flows.upkeep.doctor import examine
from tests.flows.hubs import write_dataset
from tests.flows.support import environment, serving, settings

OLD, NEW = "owner/old", "owner/new"
YEAR = timedelta(days=365)


@pytest.fixture
def services(database_url: str, tmp_path: Path) -> Iterator[Services]:
    """A catalogue that knows one of two datasets of a Hub."""
    (tmp_path / "hub").mkdir()
    write_dataset(tmp_path / "hub", OLD, "2026-09-01")
    write_dataset(tmp_path / "hub", NEW, "2026-10-05")
    with serving(tmp_path / "hub", tmp_path / "logs") as servers:
        values = environment(servers, database_url, tmp_path)
        with open_services(settings(values)) as opened:
            sync_now(opened)
            change(opened, "delete from datasets where id = :name", name=NEW)
            yield opened


def change(services: Services, statement: str, **values: object) -> None:
    with services.engine.begin() as connection:
        connection.execute(text(statement), values)


def follow(services: Services, moment: datetime) -> None:
    """Let the last listing have begun at a moment, and another process ask for the catalogue."""
    change(services, "update catalogue set seen_at = :moment", moment=moment)
    services.records.followed = None


def known(services: Services) -> set[str]:
    with services.engine.connect() as connection:
        return set(connection.execute(text("select id from datasets")).scalars())


@pytest.mark.parametrize("ahead", [YEAR, timedelta(hours=30), timedelta(days=4000)])
def test_a_watermark_in_the_future_is_not_trusted(services: Services, ahead: timedelta) -> None:
    follow(services, datetime.now(UTC) + ahead)
    sync_catalogue(GrowthDay.parse("2026-10-05"), services)
    assert known(services) == {OLD, NEW}
    with services.engine.connect() as connection:
        assert connection.scalar(text("select seen_at from catalogue")) <= datetime.now(UTC)
    assert follow_until(services, datetime.now(UTC) - YEAR / 9, silent).seen == 0


def test_a_listing_that_began_in_the_future_begins_anew(services: Services) -> None:
    follow(services, datetime.now(UTC) + YEAR)
    started = (datetime.now(UTC) + YEAR).isoformat()
    change(
        services,
        "insert into checkpoints (day, step, item, fingerprint, result) values"
        " ('catalogue', 'list', 'hub', :endpoint, cast(:crawl as jsonb))",
        endpoint=services.settings.hf_endpoint,
        crawl=f'{{"started": "{started}", "since": "{started}", "cursor": "x"}}',
    )
    sync_now(services)
    assert known(services) == {OLD, NEW}


def test_the_doctor_tells_of_it(services: Services) -> None:
    def found() -> tuple[bool, str]:
        checks = {check.name: check for check in examine(services.settings)}
        return checks["catalogue"].warning, checks["catalogue"].found

    assert found()[0] is False
    follow(services, datetime.now(UTC) + YEAR)
    warned, words = found()
    assert warned
    assert "364 days and 23 hours ahead" in words


def test_a_pause_that_a_clock_ahead_wrote_does_not_last(services: Services) -> None:
    del services
    rules, now = RateLimitRules(requests=60, tokens=None), 1_000_000.0
    for state in (
        RateLimit(paused_until=now + 10**7),
        RateLimit(next_request=now + 10**7),
        RateLimit(next_token=now + 10**7),
    ):
        after, moment = state.take(rules, 10, now)
        assert moment == now
        assert max(after.paused_until, after.next_request, after.next_token) < now + 100
    assert RateLimit(paused_until=now + 3600).take(rules, 10, now)[1] == now + 3600
