"""Filling in shards: in any order, again, and beside evaluation texts, over a Hub of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.flows.runtime.services import Services, open_services
from dynosaur_etl.flows.select.pool import read_all
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.tables import CheckpointRow, RejectionRow
from tests.flows import growth
from tests.flows.hubs import notes, write_dataset
from tests.flows.support import (
    POLL_STEPS,
    Servers,
    dump_files,
    dump_tables,
    environment,
    serving,
    settings,
)

DAY = GrowthDay.parse("2026-10-05")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    hub = tmp_path_factory.mktemp("hub")
    for name in ("team/boats", "team/ships"):
        write_dataset(hub, name, str(DAY), data__train_dot_parquet=notes())
    with serving(hub, tmp_path_factory.mktemp("logs")) as running:
        yield running


@pytest.fixture
def grown(
    servers: Servers, make_database: Callable[[], str], tmp_path: Path
) -> Callable[..., tuple[Services, str, Path]]:
    """Open services whose day has its tasks; more settings may be named."""
    opened = []

    def grow(name: str, **more: str) -> tuple[Services, str, Path]:
        url, home = make_database(), tmp_path / name
        values = environment(servers, url, home, DYNOSAUR_FILL_BATCH_TASKS="1", **more)
        context = open_services(settings(values))
        opened.append(context)
        services = context.__enter__()
        for step in (*POLL_STEPS, growth.propose_all, growth.validate):
            step(DAY, services)
        return services, url, home

    yield grow
    for context in opened:
        context.__exit__(None, None, None)


def rejections(services: Services, reason: str) -> list[RejectionRow]:
    query = select(RejectionRow).where(RejectionRow.reason == reason)
    with Session(services.engine, expire_on_commit=False) as session:
        return list(session.scalars(query))


def test_shards_filled_one_by_one_in_any_order_give_what_one_run_gives(
    grown: Callable[..., tuple[Services, str, Path]],
) -> None:
    apart, apart_url, apart_home = grown("apart")
    together, together_url, together_home = grown("together")
    shards = growth.plan_fill(DAY, apart)
    assert len(shards) >= 2
    assert shards[0].label.startswith("team/boats/")
    reports = [growth.fill_shard(DAY, apart, shard.number) for shard in reversed(shards)]
    again = growth.fill_shard(DAY, apart, 0)
    assert again.counts == reports[-1].counts
    assert all(r.counts.taken == r.counts.kept + r.counts.rejected > 0 for r in reports)
    with Session(apart.engine) as session:
        assert len(list(session.scalars(select(CheckpointRow)))) == len(shards)

    filled = growth.fill(DAY, apart)
    assert filled == growth.fill(DAY, together)
    assert filled.counts.taken == sum(report.counts.taken for report in reports)
    assert growth.fill_shard(DAY, apart, 0).counts.taken == 0, "a finished day is filled again"
    with Session(apart.engine) as session:
        assert not list(session.scalars(select(CheckpointRow)))
    found = (read_all(services, FileKind.INSTANCES, [str(DAY)]) for services in (apart, together))
    first, second = (pa.concat_tables(tables) for tables in found)
    assert first.num_rows
    assert first.equals(second)
    assert dump_files(apart_home) == dump_files(together_home)
    ledger = ("llm_attempts", "llm_requests")
    assert dump_tables(apart_url, *ledger) == dump_tables(together_url, *ledger)


def test_there_is_no_shard_beyond_the_last(
    grown: Callable[..., tuple[Services, str, Path]],
) -> None:
    services, _, _ = grown("store")
    with pytest.raises(InvalidInput, match="shard: received 99"):
        growth.fill_shard(DAY, services, 99)


def test_rows_of_an_evaluation_set_are_rejected_with_the_words_they_share(
    grown: Callable[..., tuple[Services, str, Path]], tmp_path: Path
) -> None:
    folder = tmp_path / "evaluation"
    folder.mkdir()
    held_out = folder / "test.txt"
    held_out.write_text("The boat left at 7 and came back late.")
    services, _, _ = grown(
        "store",
        DYNOSAUR_EVALUATION_TEXTS=str(folder),
        DYNOSAUR_EVALUATION_WORDS="5",
        DYNOSAUR_INSTANCES_PER_TASK="40",
    )
    before = growth.fill(DAY, services)
    found = rejections(services, "in_evaluation")
    assert before.reasons["in_evaluation"] == sum(row.number for row in found)
    assert "test.txt: the boat left at 7" in {row.detail for row in found}

    held_out.write_text("Of this nothing stands anywhere in any row.")
    after = growth.fill(DAY, services)
    assert "in_evaluation" not in after.reasons
    assert after.counts.kept > before.counts.kept
    assert rejections(services, "in_evaluation") == []
