"""What is read of a store of a few rows: days, datasets, rejections, requests, versions, files."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine, text

from dynosaur_etl.domain.models import StepName
from dynosaur_etl.store.database import connect
from dynosaur_etl.store.facts import (
    funnel,
    growth_steps,
    hub_datasets,
    llm_requests,
    pool_tables,
    rejections,
    snapshot_versions,
    stored_files,
    withdrawals,
)
from dynosaur_etl.store.facts.funnel import Funnel
from dynosaur_etl.store.facts.hub_datasets import KeptDataset
from dynosaur_etl.store.facts.rejections import RejectionFilter
from dynosaur_etl.store.facts.stored_files import FileSums
from dynosaur_etl.store.facts.withdrawals import Withdrawal
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.withdrawing import lift_withdrawals, record_withdrawal
from tests.store import factories as make
from tests.store.factories import DAY, NEXT_DAY, NOON, SHA, put


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = connect(database_url)
    yield opened
    opened.dispose()


def test_steps_are_read_by_day_and_in_the_order_of_their_commits(engine: Engine) -> None:
    put(
        engine,
        make.step("fill", NEXT_DAY),
        make.step("examine", finished_at=NOON + timedelta(hours=1)),
        make.step("validate", kept=5, reasons={"output_missing": 2}),
    )
    every = [(record.day, record.step) for record in growth_steps.step_records(engine)]
    assert every == [(DAY, "validate"), (DAY, "examine"), (NEXT_DAY, "fill")]
    [record] = growth_steps.step_records(engine, DAY, [StepName.VALIDATE])
    assert (record.kept, record.reasons) == (5, {"output_missing": 2})
    assert growth_steps.step_records(engine, "2001-01-01") == []


def test_a_step_that_nobody_knows_any_more_is_read_all_the_same(engine: Engine) -> None:
    put(engine, make.step("shake"), make.step("fill"))
    assert {record.step for record in growth_steps.step_records(engine)} == {"shake", "fill"}


def test_alarms_are_those_of_all_steps_and_days_without_one_are_not_there(engine: Engine) -> None:
    put(
        engine,
        make.step("validate", facts={"alarm": "4 of 16"}),
        make.step("validate", NEXT_DAY, facts={"alarm": None}),
        make.step("embed", NEXT_DAY, facts={}),
        make.step("fill", "2026-10-07", facts={"alarm": "1 unforeseen error"}),
        make.step("score", "2026-10-07", facts={"alarm": ""}),
    )
    assert growth_steps.alarms(engine) == {DAY: "4 of 16", "2026-10-07": "1 unforeseen error"}
    assert growth_steps.alarms(engine, DAY) == {DAY: "4 of 16"}


def test_a_day_has_grown_once_it_is_embedded_and_counts_once_it_has_an_instance(
    engine: Engine,
) -> None:
    assert growth_steps.newest_grown_day(engine) is None
    put(engine, make.step("embed"), make.step("embed", NEXT_DAY), make.step("fill", "2026-10-07"))
    assert growth_steps.newest_grown_day(engine) is None, "there is no instance yet"
    put(engine, make.file("instances", "empty", rows=0))
    assert growth_steps.newest_grown_day(engine) is None
    put(engine, make.file("instances", "some"))
    assert growth_steps.newest_grown_day(engine) == NEXT_DAY
    assert growth_steps.grown_days(engine, "2026-10-09") == [DAY, NEXT_DAY]
    assert growth_steps.grown_days(engine, DAY) == [DAY]


def test_what_is_open_is_a_day_and_not_the_listing_of_the_catalogue(engine: Engine) -> None:
    put(engine, make.checkpoint("list", "hub", day="catalogue", cursor="x"))
    assert growth_steps.open_day(engine) is None
    put(
        engine,
        make.step("examine", NEXT_DAY),
        make.checkpoint("examine", "owner/a"),
        make.checkpoint("examine", "owner/b"),
        make.checkpoint("fill", "shard 0"),
    )
    assert growth_steps.open_day(engine) == DAY
    assert growth_steps.last_committed_day(engine) == NEXT_DAY
    assert growth_steps.finished_parts(engine, DAY) == {"examine": 2, "fill": 1}
    assert {"cursor": "x"} in growth_steps.open_results(engine)


def test_the_funnel_of_days_together_is_the_sum_of_each(engine: Engine) -> None:
    put(
        engine,
        make.verdict("a/kept"),
        make.verdict("a/left", "gated"),
        make.verdict("b/kept", day=NEXT_DAY),
        make.verdict("c/elsewhere", day="2026-10-07"),
        make.step("validate", taken=7, kept=4),
        make.step("fill", kept=40),
        make.step("fill", NEXT_DAY, kept=2),
        make.step("score", taken=99, kept=99),
    )
    days = [NEXT_DAY, DAY]
    assert funnel.funnels(engine, days) == {
        DAY: Funnel(2, 1, 7, 4, 40),
        NEXT_DAY: Funnel(1, 1, 0, 0, 2),
    }
    assert list(funnel.funnels(engine, days)) == [DAY, NEXT_DAY]
    assert funnel.funnel(engine, days) == Funnel(3, 2, 7, 4, 42)
    assert funnel.funnel(engine, []) == Funnel()


def test_the_catalogue_is_counted_and_a_large_one_estimated(engine: Engine) -> None:
    put(engine, make.dataset("a/a"), make.dataset("b"))
    assert hub_datasets.count_catalogue(engine) == hub_datasets.estimate_catalogue(engine) == 2
    assert hub_datasets.is_catalogued(engine, "b")
    assert not hub_datasets.is_catalogued(engine, "B")
    with engine.begin() as connection:
        connection.execute(text("update pg_class set reltuples = 3e6 where relname = 'datasets'"))
    assert hub_datasets.estimate_catalogue(engine) == 3_000_000
    assert hub_datasets.count_catalogue(engine) == 2


def test_what_a_day_kept_is_read_at_its_revision(engine: Engine) -> None:
    put(
        engine,
        make.verdict("b/b"), make.verdict("a/a"), make.verdict("c/c", "gated"),
        make.revision("b/b", sha="b" * 40), make.revision("a/a", pretty_name="Ä <b>"),
        make.revision("a/a", NEXT_DAY),
        make.config("a/a"), make.config("b/b", path="samples/bb/2.parquet"),
        make.candidate("a/a"), make.candidate("d/d", revision=None),
    )  # fmt: skip
    assert hub_datasets.kept_names(engine, DAY) == ["a/a", "b/b"]
    assert hub_datasets.kept_datasets(engine, DAY) == [
        KeptDataset("a/a", SHA), KeptDataset("b/b", "b" * 40)
    ]  # fmt: skip
    assert hub_datasets.pretty_name(engine, DAY, "a/a") == "Ä <b>"
    assert hub_datasets.pretty_name(engine, DAY, "c/c") == ""
    assert hub_datasets.count_samples(engine, DAY) == 2
    assert hub_datasets.count_samples(engine, NEXT_DAY) == 0
    assert hub_datasets.sample_paths(engine) == {"samples/aa/1.parquet", "samples/bb/2.parquet"}
    assert hub_datasets.pinned_revisions(engine, [DAY]) == {("a/a", SHA), ("d/d", None)}


def test_rejections_are_found_by_what_is_named_and_listed_from_a_place_on(engine: Engine) -> None:
    subjects = ["a_b/set", "a%b/set", "axb/set", "t 1 "]
    put(
        engine,
        *(make.rejection(subject, "gated") for subject in subjects),
        make.rejection("axb/set", "no_card", 3, day=NEXT_DAY, stage="fill"),
    )

    def found(after: rejections.RejectionPlace | None = None, **wanted: str) -> list[str]:
        listed = rejections.list_rejections(engine, RejectionFilter(**wanted), after, 10)
        return [record.subject for record in listed]

    in_order = found(day=DAY)
    assert sorted(in_order) == sorted(subjects)
    assert found() == ["axb/set", *in_order], "the newest day goes first"
    assert found(subject="a_") == ["a_b/set"], "a wildcard is a letter"
    assert found(subject="a%") == ["a%b/set"]
    assert found(stage="fill") == found(reason="no_card") == ["axb/set"]
    assert found(stage="fill", reason="gated") == []
    for number, subject in enumerate(in_order):
        assert found((DAY, "examine", subject, "gated")) == in_order[number + 1 :]


def test_rejections_are_counted_by_what_each_stands_for(engine: Engine) -> None:
    put(
        engine,
        make.rejection("a", "gated"), make.rejection("b", "gated"), make.rejection("c", "no_card"),
        make.rejection("t1", "input_null", 30, stage="fill"),
        make.rejection("t1", "output_null", 40, stage="fill"),
        make.rejection("t1", "output_null", 5, stage="fill", day=NEXT_DAY),
        make.rejection("t1", "not_scored", 9, stage="select"),
    )  # fmt: skip
    assert list(rejections.count_by_reason(engine).items()) == [
        ("output_null", 45), ("input_null", 30), ("not_scored", 9), ("gated", 2), ("no_card", 1)
    ]  # fmt: skip
    assert rejections.count_by_reason(engine, NEXT_DAY) == {"output_null": 5}
    assert list(rejections.count_rows_of_task(engine, DAY, "t1").items()) == [
        ("output_null", 40), ("input_null", 30)
    ]  # fmt: skip


def test_requests_are_summed_up_as_far_as_they_are_known(engine: Engine) -> None:
    put(
        engine,
        make.request("r1"),
        make.request("r2", cost_usd=None, prompt_tokens=None, completion_tokens=None),
        make.request("r3", status="failed", response=None, cost_usd=None, error="no route"),
        make.request("r4", day=NEXT_DAY, cost_usd=Decimal("1.5")),
    )
    sums = llm_requests.request_sums(engine)
    assert sums.requests == {"answered": 3, "failed": 1}
    assert sums.cost_usd == Decimal("1.5003")
    assert (sums.tokens.prompt, sums.tokens.completion) == (27, 6)
    assert llm_requests.request_sums(engine, "2001-01-01").cost_usd == 0
    assert llm_requests.count_by_status(engine, DAY) == {"answered": 2, "failed": 1}
    assert llm_requests.cost_by_day(engine) == {DAY: Decimal("0.0003"), NEXT_DAY: Decimal("1.5")}
    failed = llm_requests.find_request(engine, "r3")
    assert failed is not None
    assert (failed.response, failed.error, failed.cost_usd) == ({}, "no route", None)
    assert failed.messages[0]["role"] == "user"
    assert llm_requests.find_request(engine, "r9") is None


def test_versions_are_read_newest_first_and_old_ones_without_what_they_lack(
    engine: Engine,
) -> None:
    assert snapshot_versions.newest_versions(engine) == []
    assert snapshot_versions.head_version(engine) is None
    facts = {
        "counts": {"selected": 7}, "parameters": {"selection": {"alpha": 0.5}},
        "recipe": {"full": False}, "tradeoff": [{"alpha": 0.0, "quality": 0.5, "coverage": 0.9}],
    }  # fmt: skip
    put(engine, make.version(1), make.version(2, facts=facts), make.version(3))
    assert [v.version for v in snapshot_versions.newest_versions(engine)] == [3, 2, 1]
    assert [v.version for v in snapshot_versions.newest_versions(engine, 2)] == [3, 2]
    newest = snapshot_versions.head_version(engine)
    assert newest is not None
    assert (newest.version, newest.parent, newest.alpha) == (3, 2, None)
    assert (newest.counts, newest.recipe, newest.tradeoff) == ({}, None, [])
    second = snapshot_versions.find_version(engine, 2)
    assert second is not None
    assert (second.alpha, second.counts, second.tradeoff[0].coverage) == (0.5, {"selected": 7}, 0.9)
    assert snapshot_versions.find_version(engine, 10**9) is None


def test_files_of_a_kind_are_those_of_all_its_versions(engine: Engine) -> None:
    put(
        engine,
        make.file("embeddings/new", "day", path="n1"),
        make.file("embeddings/old", "day", path="o1"),
        make.file("embeddings/new", "day", NEXT_DAY, path="n2"),
        make.file("task_embeddings/new", "day", path="t1"),
        make.file("instances", "shard-0", path="i1"),
    )  # fmt: skip
    assert stored_files.sum_files(engine, FileKind.EMBEDDINGS, None) == FileSums(3, 30, 300)
    assert stored_files.sum_files(engine, FileKind.EMBEDDINGS, DAY) == FileSums(2, 20, 200)
    assert stored_files.sum_files(engine, FileKind.SCORES, DAY) == FileSums(0, 0, 0)
    assert stored_files.paths_by_version(engine, FileKind.EMBEDDINGS, [NEXT_DAY, DAY]) == {
        "embeddings/new": ["n1", "n2"], "embeddings/old": ["o1"]
    }  # fmt: skip
    assert stored_files.all_paths(engine) == {"n1", "o1", "n2", "t1", "i1"}


def test_withdrawals_are_in_force_until_they_are_lifted_and_again_after_that(
    engine: Engine,
) -> None:
    put(engine, make.withdrawal("b/b"), make.withdrawal("a/a", "of another version"))
    put(engine, make.withdrawal("c/c", lifted_on=DAY))

    def names() -> list[tuple[str, str]]:
        found = withdrawals.withdrawals_in_force(engine)
        return [(item.dataset_id, item.reason) for item in found]

    assert names() == [("a/a", "of another version"), ("b/b", "gone")]
    record_withdrawal(engine, Withdrawal("c/c", "gone", DAY, "a\x00b"))
    assert names()[-1] == ("c/c", "gone")
    assert withdrawals.withdrawals_in_force(engine)[-1].detail == "a�b"
    lift_withdrawals(engine, "b/b", NEXT_DAY)
    assert names() == [("a/a", "of another version"), ("c/c", "gone")]


def test_a_version_records_each_task_as_its_first_day_has_it(engine: Engine) -> None:
    put(
        engine,
        make.task("a/a", "t1", instruction="first"),
        make.task("a/a", "t1", day=NEXT_DAY, instruction="later"),
        make.task("a/a", "t2", day=NEXT_DAY),
        make.task("a/a", "t3"),
        make.revision("a/a", licences=["mit", "odbl"], languages=[]),
        make.rejection("x", "gated"),
        make.rejection("y", "not_scored", stage="select"),
        make.rejection("z", "not_scored", stage="select", day=NEXT_DAY),
    )
    keys = {"t1", "t2"}
    tasks = pool_tables.pool_tasks(engine, keys, [DAY, NEXT_DAY], {}, str.upper).to_pylist()
    assert [(row["task_key"], row["instruction"]) for row in tasks] == [
        ("t1", "first"), ("t2", "Decide.")
    ]  # fmt: skip
    now = pool_tables.pool_tasks(
        engine, {"t1"}, [DAY], {"a/a": "cc-by-sa-4.0"}, str.upper
    ).to_pylist()
    assert [row["licence"] for row in now] == ["cc-by-sa-4.0"]
    card = pool_tables.source_cards(engine, [DAY])["a/a", SHA]
    assert (card.licence, card.languages, card.pretty_name) == ("mit, odbl", "", "A set")
    rejects = pool_tables.pool_rejects(engine, [DAY, NEXT_DAY], NEXT_DAY).to_pylist()
    assert [row["subject"] for row in rejects] == ["x", "z"], "of selections that of one day"
