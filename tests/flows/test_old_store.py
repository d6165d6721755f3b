"""A store of the first release, taken over: its version is followed, and its days are told of."""

import json
import logging

import pytest
from sqlalchemy import text

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.flows.propose.propose import propose_all
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.snapshot.version_details import diff_versions, list_versions, show_version
from dynosaur_etl.flows.snapshot.versions import restore_version, verify_deeply, verify_snapshot
from dynosaur_etl.snapshots.layout import MANIFEST
from dynosaur_etl.store.database import upgrade
from dynosaur_etl.store.storage import file_sha256
from tests.flows.versioned import DAYS, Grown, build
from tests.snapshots.test_first_format import first_format
from tests.store.test_migrations import migrate_back

VERSION = text(
    "insert into snapshots (version, parent, day, fingerprint, path, manifest_sha256, facts)"
    " values (1, null, :day, 'old', 'snapshots/v0001', :sha256, cast(:facts as jsonb))"
)
FACTS = {"counts": {"pool": 9, "selected": 5}, "parameters": {"seed": 0, "asked": 5}}


def take_over(grown: Grown, services: Services) -> None:
    """Put a version of the first release into the store, with its row in a database of before."""
    folder = first_format(grown.of(1, MANIFEST).parent)
    migrate_back(services.engine, "0006")
    row = {"sha256": file_sha256(folder / MANIFEST), "day": DAYS[0], "facts": json.dumps(FACTS)}
    with services.engine.begin() as connection:
        connection.execute(VERSION, row)
    upgrade(services.engine)


def test_a_store_of_the_first_release_goes_on(grown: Grown) -> None:
    services = grown.services()
    take_over(grown, services)
    made = build(services)
    assert made["version"] == 2
    assert verify_snapshot(1, services).facts == {"version": 1}
    assert verify_deeply(2, services).facts == {"version": 2}
    manifest = json.loads(grown.of(2, "manifest.json").read_bytes())
    assert (manifest["format"], manifest["parent"]["version"]) == (2, 1)
    assert [row.version for row in list_versions(services)] == [1, 2]
    assert show_version(1, services).sources == 2
    assert diff_versions(1, 2, services).diff.dropped.number == 5
    for act in (verify_deeply, restore_version):
        with pytest.raises(InvalidInput, match="come back from a backup alone"):
            act(1, services)


def test_requests_that_are_paid_once_more_are_announced(
    grown: Grown, caplog: pytest.LogCaptureFixture
) -> None:
    day = GrowthDay.parse(DAYS[0])
    with caplog.at_level(logging.WARNING):
        propose_all(day, grown.services())
        assert "anew" not in caplog.text
        propose_all(day, grown.services(prompt="paper"))
    assert f"{DAYS[0]} was grown before" in caplog.text
    assert "asked and paid anew" in caplog.text
