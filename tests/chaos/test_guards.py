"""Each guard holds, and what looks for damage notices where the guard is broken on purpose."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from decimal import Decimal
from pathlib import Path
from random import Random
from threading import Barrier, BrokenBarrierError
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import text

from dynosaur_etl.domain.errors import Corrupt, CountsDoNotReconcile
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.ledger import Claimed
from dynosaur_etl.flows.poll import candidates as poll
from dynosaur_etl.flows.poll.examine import examine_candidates
from dynosaur_etl.flows.runtime.services import open_services
from dynosaur_etl.flows.upkeep.invariants import examine_deeply
from dynosaur_etl.store.database import connect
from dynosaur_etl.store.durable import settle
from dynosaur_etl.store.steps import commit_step
from dynosaur_etl.store.storage import Storage
from tests.chaos.faults import flip
from tests.chaos.mutants import MUTANTS, lose_count
from tests.flows.hubs import write_dataset
from tests.flows.support import environment, serving, settings
from tests.llm.asking import DAY as ASKED
from tests.llm.asking import make_ledger, make_request
from tests.store.power_cut import Disk

DAY = "2026-10-05"
BROKEN = pytest.mark.parametrize("broken", [False, True], ids=["held", "broken"])


@pytest.fixture(scope="module")
def hub_and_llm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("servers")
    (folder / "hub").mkdir()
    write_dataset(folder / "hub", "reed/lake", DAY)
    with serving(folder / "hub", folder / "logs") as servers:
        yield servers


def guard(name: str, broken: bool, patch: pytest.MonkeyPatch) -> None:
    if broken:
        MUTANTS[name](patch)


@BROKEN
@pytest.mark.parametrize("name", ["sync", "settling"])
def test_a_power_cut_takes_what_is_not_synced(
    name: str, broken: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    guard(name, broken, monkeypatch)
    disk = Disk(tmp_path / "store")
    with disk.recording():
        stored = Storage(str(tmp_path / "store")).write_table("samples", pa.table({"n": [1]}))
        settle()
    assert disk.keeps(stored.path) is not broken


@BROKEN
def test_a_flipped_bit_is_read_by_nobody(
    broken: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    guard("checksum", broken, monkeypatch)
    storage = Storage(str(tmp_path / "store"))
    stored = storage.write_table("samples", pa.table({"n": [1]}))
    flip(tmp_path / "store" / stored.path, Random(1))
    if broken:
        storage.require_sound(stored.path)
    else:
        with pytest.raises(Corrupt, match=stored.sha256):
            storage.require_sound(stored.path)


@BROKEN
def test_two_processes_are_never_at_one_step(
    broken: bool,
    monkeypatch: pytest.MonkeyPatch,
    hub_and_llm: Any,
    database_url: str,
    tmp_path: Path,
) -> None:
    guard("lock", broken, monkeypatch)
    both, met = Barrier(2, timeout=3), []

    def meeting(*arguments: Any) -> Any:
        with suppress(BrokenBarrierError):
            both.wait()
            met.append(True)
        return commit_step(*arguments)

    values, day = settings(environment(hub_and_llm, database_url, tmp_path)), GrowthDay.parse(DAY)
    with (
        open_services(values) as one,
        open_services(values) as other,
        ThreadPoolExecutor(2) as pool,
    ):
        poll.sync_catalogue(day, one)
        poll.find_candidates(day, one)
        monkeypatch.setattr("dynosaur_etl.flows.runtime.step.commit_step", meeting)
        ended = [pool.submit(examine_candidates, day, services) for services in (one, other)]
        errors = [future.exception() for future in ended]
    assert bool(met) is broken, errors
    assert broken or errors == [None, None]


@BROKEN
def test_a_step_that_lost_count_is_seen(
    broken: bool,
    monkeypatch: pytest.MonkeyPatch,
    hub_and_llm: Any,
    database_url: str,
    tmp_path: Path,
) -> None:
    values = settings(environment(hub_and_llm, database_url, tmp_path))
    day = GrowthDay.parse(DAY)
    with open_services(values) as services:
        poll.sync_catalogue(day, services)
        lose_count(monkeypatch)
        guard("reconciling", broken, monkeypatch)
        refused = nullcontext() if broken else pytest.raises(CountsDoNotReconcile)
        with refused:
            poll.find_candidates(day, services)
    wrong = [check.name for check in examine_deeply(values) if not check.ok]
    assert wrong == (["steps"] if broken else [])


@BROKEN
def test_a_request_in_flight_is_sent_by_one_process(
    broken: bool, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    guard("claim", broken, monkeypatch)
    engine = connect(database_url)
    ledgers = [make_ledger(engine), make_ledger(engine)]
    claims = [ledger.claim([make_request("lakes")], ASKED)[0] for ledger in ledgers]
    assert sum(isinstance(claim, Claimed) for claim in claims) == (2 if broken else 1)
    for ledger in ledgers:
        ledger.close()
    engine.dispose()


@BROKEN
def test_the_cap_is_never_passed(
    broken: bool, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    guard("cap", broken, monkeypatch)
    engine, cap = connect(database_url), Decimal("0.00004")
    ledger = make_ledger(engine, str(cap), str(cap))
    ledger.claim([make_request(f"lake {n}") for n in range(9)], ASKED)
    with engine.connect() as connection:
        used = connection.execute(text("select max(used_usd) from llm_budgets")).scalar() or 0
    assert (used > cap) is broken
    ledger.close()
    engine.dispose()
