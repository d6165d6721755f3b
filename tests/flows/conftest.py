"""Fixtures that several files of these tests share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dynosaur_etl.flows.runtime.services import open_services
from tests.flows.copies import copied
from tests.flows.hubs import write_dataset
from tests.flows.support import environment, run_day, serving, settings
from tests.flows.versioned import DAYS, NAMES, Grown, diary


@pytest.fixture(scope="session")
def days_grown(
    make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Grown]:
    home, url = tmp_path_factory.mktemp("versions"), make_database()
    (home / "hub").mkdir()
    for number, name in enumerate(NAMES):
        write_dataset(
            home / "hub", f"reed/{name}", DAYS[number % 2], data__train_dot_parquet=diary(name)
        )
    with serving(home / "hub", home / "logs") as servers:
        values = environment(servers, url, home)
        with open_services(settings(values)) as services:
            for day in DAYS:
                run_day(day, services)
        yield Grown(values, home)


@pytest.fixture
def grown(days_grown: Grown, postgres_host: str, tmp_path: Path) -> Iterator[Grown]:
    with copied(days_grown.values, postgres_host, tmp_path) as values:
        copy = Grown(values, tmp_path)
        yield copy
        for services in copy.opened:
            services.close()
