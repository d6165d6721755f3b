"""What `doctor --deep` holds database and storage to, and that each breach is found."""

import random
from pathlib import Path

import pytest
from sqlalchemy import text

from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.upkeep.invariants import examine_deeply
from dynosaur_etl.store.facts.named_files import named_paths
from tests.flows.versioned import Grown, build
from tests.store.test_checksums import flip


def wrong(services: Services) -> dict[str, str]:
    return {check.name: check.found for check in examine_deeply(services.settings) if not check.ok}


def test_a_sound_installation_is_sound(grown: Grown) -> None:
    services = grown.services()
    build(services)
    checks = list(examine_deeply(services.settings))
    assert [check.name for check in checks] == ["files", "orphans", "steps", "ledger"]
    assert wrong(services) == {}


BREACHES = {
    "steps": "update growth_runs set kept = kept + 1 where step = 'fill'",
    "ledger": "update llm_budgets set used_usd = used_usd + 1",
}


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_of_the_database_is_found(grown: Grown, name: str) -> None:
    services = grown.services()
    with services.engine.begin() as connection:
        connection.execute(text(BREACHES[name]))
    assert set(wrong(services)) == {name}


@pytest.mark.parametrize("lost", [True, False])
def test_a_lost_or_damaged_file_is_found(grown: Grown, lost: bool) -> None:
    services = grown.services()
    path = grown.home / "store" / named_paths(services.engine)[0].path
    Path.unlink(path) if lost else flip(path, random.Random(1))
    assert path.name in wrong(services)["files"]
