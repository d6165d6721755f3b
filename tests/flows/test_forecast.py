"""What a day would ask and cost, told before it is polled, after it, and after it has grown."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.jsonable import to_json
from dynosaur_etl.flows.forecast import backfill_forecast, growth_forecast, poll_forecast
from dynosaur_etl.flows.poll.candidates import sync_catalogue
from dynosaur_etl.flows.runtime.services import Services, open_services
from dynosaur_etl.flows.views.metric_totals import totals
from tests.flows.hubs import notes, write_dataset
from tests.flows.support import (
    GROW_STEPS,
    POLL_STEPS,
    Servers,
    dump_tables,
    environment,
    run_day,
    serving,
    settings,
)

DAY, NEXT_DAY = GrowthDay.parse("2026-10-05"), GrowthDay.parse("2026-10-06")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    root = tmp_path_factory.mktemp("hub")
    for name in ("a/notes", "b/notes"):
        write_dataset(root, name, str(DAY), data__train_dot_parquet=notes())
    write_dataset(root, "c/notes", str(NEXT_DAY), data__train_dot_parquet=notes(of="ferry"))
    with serving(root, tmp_path_factory.mktemp("logs")) as running:
        yield running


@pytest.fixture
def services(servers: Servers, database_url: str, tmp_path: Path) -> Iterator[Services]:
    with open_services(settings(environment(servers, database_url, tmp_path))) as services:
        yield services


def test_before_the_first_listing_nothing_is_known(services: Services) -> None:
    told = to_json(backfill_forecast([DAY, NEXT_DAY], services))
    assert [line["candidates"] for line in told["days"]] == [None, None]
    assert (told["hub_requests"], told["dollars"]) == (None, None)


def test_a_listed_day_is_told_without_asking_or_changing_anything(
    services: Services, servers: Servers, database_url: str
) -> None:
    sync_catalogue(NEXT_DAY, services)
    asked, before = servers.hub_requests(), dump_tables(database_url)
    told = to_json(poll_forecast(DAY, services))
    assert servers.hub_requests() == asked
    assert dump_tables(database_url) == before
    assert (told["candidates"], told["finished"]) == (2, False)
    for step in POLL_STEPS:
        step(DAY, services)
    polled = servers.hub_requests() - asked
    assert polled <= told["hub_requests"], "before the first day as many configs as may be"
    assert poll_forecast(DAY, services).hub_requests == 0


def test_a_polled_day_is_told_by_its_requests_and_another_by_its_means(
    services: Services, servers: Servers
) -> None:
    run_day(str(DAY), services)
    spent = Decimal(str(totals(services)["dollars"]))
    told = to_json(backfill_forecast([DAY, NEXT_DAY], services))
    grown, listed = told["days"]
    assert (grown["llm_requests"], Decimal(grown["dollars"])) == (0, 0)
    assert listed["candidates"] == 1
    assert Decimal(listed["dollars"]) == pytest.approx(spent / 2, abs=Decimal("1e-6"))
    assert told["hub_requests"] == listed["hub_requests"] == listed["commits"] + 3
    for step in POLL_STEPS:
        step(NEXT_DAY, services)
    sent = len(servers.paid_requests())
    to_send = growth_forecast(NEXT_DAY, services).to_send
    GROW_STEPS[0](NEXT_DAY, services)
    assert len(servers.paid_requests()) == sent + to_send


def test_a_day_that_is_not_over_is_refused(services: Services) -> None:
    with pytest.raises(InvalidInput, match="days that are over"):
        backfill_forecast([GrowthDay.parse("2999-01-01")], services)


def test_totals_are_those_of_the_steps_however_often_they_run(services: Services) -> None:
    first = totals(services)
    assert set(first.values()) == {0.0}
    reports = {report.step: report for report in run_day(str(DAY), services)}
    found = totals(services)
    for step, name in (("examine", "datasets"), ("validate", "proposals"), ("fill", "instances")):
        counts = reports[step].counts
        assert (found[f"{name}.kept"], found[f"{name}.rejected"]) == (counts.kept, counts.rejected)
    for reason, number in reports["validate"].reasons.items():
        assert found[f"proposals.reason.{reason}"] == number
    assert min(found["tokens.prompt"], found["tokens.completion"], found["dollars"]) > 0
    run_day(str(DAY), services)
    assert totals(services) == found
