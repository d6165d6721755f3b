"""Migrations over a store that is in use."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.orm import Session

from dynosaur_etl.domain.models import StepName
from dynosaur_etl.domain.rate_limit import RateLimit
from dynosaur_etl.store.batches import all_batches
from dynosaur_etl.store.database import MIGRATIONS, connect, upgrade
from dynosaur_etl.store.facts.snapshot_versions import (
    head_version,
    newest_versions,
    publications,
)
from dynosaur_etl.store.ledger_audit import audit
from dynosaur_etl.store.steps import finished_step
from dynosaur_etl.store.tables import LlmRateLimitRow
from dynosaur_etl.store.versions import next_number

REQUEST = text(
    "insert into llm_requests (key, purpose, day, subject, model, prompt_version, request, status,"
    " attempts, response, cost_usd, reserved_usd) values (:key, :purpose, :day, '', 'm', '1', '{}',"
    " :status, :attempts, cast(:response as jsonb), :cost, :reserved)"
)
ATTEMPT = text(
    "insert into llm_attempts (key, number, outcome, cost_usd, sent_at)"
    " values (:key, :number, :outcome, :cost, :sent_at)"
)
OCTOBER, NOVEMBER = "2026-10-31T23:59:59Z", "2026-10-31T23:30:00-02:00"
"""Of one calendar day where they were written, and of two months (UTC)."""


@dataclass(frozen=True)
class Old:
    """A request of the old ledger; an attempt is its outcome, its cost and when it was sent."""

    key: str
    purpose: str
    day: str
    status: str
    cost: str | None
    reserved: str
    attempts: list[tuple[str, str | None, str]]


REQUESTS = [
    Old("paid", "propose", "2026-10-30", "answered", "0.25", "0", [("answered", "0.25", OCTOBER)]),
    Old("next month", "propose", "2026-10-30", "answered", "0.5", "0",
        [("lost", None, OCTOBER), ("answered", "0.5", NOVEMBER)]),
    Old("another run", "judge", "2026-10-31", "answered", "2", "0", [("answered", "2", NOVEMBER)]),
    Old("without usage", "propose", "2026-10-31", "answered", None, "0.125",
        [("failed", None, OCTOBER), ("answered", None, OCTOBER)]),
    Old("given up", "propose", "2026-10-31", "failed", None, "0", [("failed", None, NOVEMBER)]),
]  # fmt: skip
TOTALS = {
    "month 2026-10": Decimal("0.375"),
    "month 2026-11": Decimal("2.5"),
    "run 2026-10-30 propose": Decimal("0.75"),
    "run 2026-10-31 judge": Decimal(2),
    "run 2026-10-31 propose": Decimal("0.125"),
}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url)
    yield engine
    engine.dispose()


def migrate_back(engine: Engine, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def fill(connection: Connection) -> None:
    for old in REQUESTS:
        response = "{}" if old.status == "answered" else None
        counted = {"attempts": len(old.attempts), "response": response}
        connection.execute(REQUEST, {**old.__dict__, **counted})
        for number, (outcome, cost, sent_at) in enumerate(old.attempts, start=1):
            attempt = {"key": old.key, "number": number, "outcome": outcome}
            connection.execute(ATTEMPT, attempt | {"cost": cost, "sent_at": sent_at})


def test_the_totals_of_an_old_ledger_are_those_of_its_attempts(engine: Engine) -> None:
    migrate_back(engine, "0003")
    with engine.begin() as connection:
        name = connection.dialect.identifier_preparer.quote(str(engine.url.database))
        connection.execute(text(f"alter database {name} set timezone to 'America/Noronha'"))
        fill(connection)
    engine.dispose()  # new connections have the zone
    upgrade(engine)
    with engine.connect() as connection:
        found = connection.execute(text("select scope, used_usd from llm_budgets")).all()
        held = connection.execute(
            text("select key, number from llm_attempts where reserved_usd > 0")
        )
        assert [tuple(row) for row in held] == [("without usage", 2)]
    assert {scope: used for scope, used in found if used} == TOTALS
    assert audit(engine).contradictions == ()


def test_limits_that_a_server_reported_are_known_after_the_migration(engine: Engine) -> None:
    migrate_back(engine, "0010")
    stored = '{"next_request": 7.5, "told_requests": 500, "told_tokens": null, "found": 9}'
    with engine.begin() as connection:
        connection.execute(
            text("insert into llm_paces values ('http://s', 'm', cast(:pace as jsonb))"),
            {"pace": stored},
        )
    upgrade(engine)
    with Session(engine) as session:
        row = session.scalars(select(LlmRateLimitRow)).one()
        state = RateLimit(**row.pace)
    assert (state.reported_requests, state.reported_tokens) == (500, None)
    assert (state.next_request, state.found) == (7.5, 9)
    migrate_back(engine, "0010")
    with engine.connect() as connection:
        back = connection.execute(text("select pace from llm_paces")).scalar()
    assert back == json.loads(stored)


def test_batches_from_before_their_troubles_were_noted_are_read(engine: Engine) -> None:
    migrate_back(engine, "0006")
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into llm_batches (key, day, purpose, model, server, status, requests,"
                " worked_off) values ('k', '2026-10-31', 'propose', 'm', 's', 'submitted', 3, 1)"
            )
        )
    upgrade(engine)
    [batch] = all_batches(engine)
    assert (batch.completed, batch.trouble, batch.trouble_since) == (1, None, None)


STEP = text(
    "insert into growth_runs (day, step, fingerprint, output, taken, kept, rejected, deferred,"
    " reasons, facts) values ('2026-10-05', 'fill', 'f', 'o', 5, 3, 2, 0, '{}', '{}')"
)
SNAPSHOT = text(
    "insert into snapshots (version, parent, day, fingerprint, path, manifest_sha256, facts)"
    " values (:version, :parent, '2026-10-05', :fingerprint, :path, 'sum', '{}')"
)


def test_the_versions_and_steps_of_an_old_store_are_read(engine: Engine) -> None:
    migrate_back(engine, "0006")
    with engine.begin() as connection:
        connection.execute(STEP)
        for version in (1, 2):
            about = {"version": version, "parent": version - 1 or None}
            row = about | {"fingerprint": f"of {version}", "path": f"snapshots/v{version:04d}"}
            connection.execute(SNAPSHOT, row)
    upgrade(engine)
    done = finished_step(engine, "2026-10-05", StepName.FILL)
    assert done is not None
    assert (done.report.counts.kept, done.held_back) == (3, None)
    head = head_version(engine)
    assert head is not None
    assert (head.version, head.parent, head.trial, head.same_as) == (2, 1, False, None)
    assert [row.version for row in newest_versions(engine)] == [2, 1]
    assert next_number(engine) == 3
    assert publications(engine, [1, 2]) == {}
