"""Batches that do not end, over real HTTP and real PostgreSQL: none holds its requests for ever."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from dynosaur_etl.domain.batch import Batch, BatchStatus, BatchTrouble
from dynosaur_etl.domain.errors import LlmRefused
from dynosaur_etl.llm.batch_rules import BatchRules
from dynosaur_etl.llm.batch_server import ENDED, ServerBatch
from dynosaur_etl.store.batches import PostgresBatchLedger
from dynosaur_etl.store.database import transaction
from dynosaur_etl.store.ledger_audit import audit, spend
from tests.llm.asking import DAY
from tests.llm.batches import (
    BatchLlm,
    collect,
    make_batch_ledger,
    make_client,
    questions,
    serve_batches,
)

PATIENT = BatchRules(overdue=timedelta(hours=30), grace=timedelta(hours=2))
AT_ONCE = BatchRules(overdue=timedelta(hours=30), grace=timedelta(0))
LATE = BatchRules(overdue=timedelta(0), grace=timedelta(hours=2))
LATE_AT_ONCE = BatchRules(overdue=timedelta(0), grace=timedelta(0))


@pytest.fixture
def llm(tmp_path: Path) -> Iterator[BatchLlm]:
    with serve_batches(tmp_path) as running:
        yield running


@pytest.fixture
def batch_ledger(engine: Engine) -> Iterator[PostgresBatchLedger]:
    with closing(make_batch_ledger(engine)) as ledger:
        yield ledger


def submitted(
    llm: BatchLlm, batch_ledger: PostgresBatchLedger, number: int = 3, looks: int = 0
) -> str:
    client = make_client(llm.url, batch_ledger)
    [key] = client.submit(questions(number), DAY).batches
    for _ in range(looks):
        client.look(key)
    return key


def require_closed_as_lost(batch: Batch, engine: Engine, lost: int) -> None:
    assert batch.status == BatchStatus.CLOSED
    assert batch.outcomes.get("lost") == lost
    assert "counts as lost" in str(batch.error)
    found = audit(engine)
    assert found.contradictions == ()
    assert found.lost_usd > 0, "what may have been paid stays in the budget"
    assert spend(engine).reserved_usd == 0


def test_a_file_that_is_absent_once_is_asked_for_again(
    llm: BatchLlm, batch_ledger: PostgresBatchLedger, engine: Engine
) -> None:
    llm.faults.absent_downloads = 1
    [batch] = collect(
        make_client(llm.url, batch_ledger),
        make_client(llm.url, batch_ledger).submit(questions(3), DAY),
    )
    assert (batch.outcomes, batch.trouble) == ({"answered": 3}, None)
    assert audit(engine).lost == 0


def test_files_that_are_absent_for_a_while_cost_nothing(
    llm: BatchLlm, batch_ledger: PostgresBatchLedger, engine: Engine
) -> None:
    key = submitted(llm, batch_ledger, looks=2)
    llm.faults.absent_downloads = 5
    client = make_client(llm.url, batch_ledger, attempts=3, rules=PATIENT)
    seen = client.look(key).batch
    assert (seen.status, seen.trouble) == (BatchStatus.SUBMITTED, BatchTrouble.RESULTS_GONE)
    assert spend(engine).reserved_usd > 0
    seen = client.look(key).batch
    assert (seen.status, seen.trouble, seen.outcomes) == (BatchStatus.CLOSED, None, {"answered": 3})


def test_results_that_stay_gone_are_lost_and_asked_for_anew(
    llm: BatchLlm, batch_ledger: PostgresBatchLedger, engine: Engine
) -> None:
    key = submitted(llm, batch_ledger, looks=2)
    llm.faults.absent_downloads = 99
    require_closed_as_lost(
        make_client(llm.url, batch_ledger, rules=AT_ONCE).look(key).batch, engine, 3
    )
    llm.faults.absent_downloads = 0
    client = make_client(llm.url, batch_ledger)
    [again] = collect(client, client.submit(questions(3), DAY))
    assert (again.outcomes, again.key != key) == ({"answered": 3}, True)


def test_what_one_of_two_files_says_is_kept(
    llm: BatchLlm, batch_ledger: PostgresBatchLedger, engine: Engine
) -> None:
    llm.faults.statuses = {2: 500}
    key = submitted(llm, batch_ledger, looks=2)
    rules = make_client(llm.url, batch_ledger, attempts=1, rules=AT_ONCE)
    server = rules._server
    lines, files = server.lines, iter(range(9))

    def only_the_first(file_id: str) -> Iterator[bytes]:
        return lines(file_id if next(files) == 0 else "file-that-is-gone")

    server.lines = only_the_first  # type: ignore[method-assign]
    batch = rules.look(key).batch
    assert batch.outcomes == {"answered": 2, "lost": 1}


def test_an_ended_batch_gets_its_file_ids_a_little_later(
    llm: BatchLlm, batch_ledger: PostgresBatchLedger
) -> None:
    llm.faults.unnamed_files = 2
    key = submitted(llm, batch_ledger, looks=2)
    client = make_client(llm.url, batch_ledger, rules=PATIENT)
    seen = [client.look(key).batch for _ in range(3)]
    assert [batch.trouble for batch in seen] == [BatchTrouble.RESULTS_GONE] * 2 + [None]
    assert seen[-1].outcomes == {"answered": 3}


def test_a_forgotten_batch_is_closed_after_the_grace_and_not_before(
    llm: BatchLlm, batch_ledger: PostgresBatchLedger, engine: Engine
) -> None:
    key = submitted(llm, batch_ledger)
    llm.faults.forgotten = True
    client = make_client(llm.url, batch_ledger, rules=PATIENT)
    first, second = (client.look(key).batch for _ in range(2))
    assert first.status == second.status == BatchStatus.SUBMITTED
    assert first.trouble == second.trouble == BatchTrouble.UNKNOWN
    assert first.trouble_since == second.trouble_since is not None
    with transaction(engine) as session:
        session.execute(
            text("update llm_batches set trouble_since = trouble_since - interval '121 minutes'")
        )
    require_closed_as_lost(client.look(key).batch, engine, 3)


def test_a_forgotten_batch_that_is_remembered_is_collected(
    llm: BatchLlm, batch_ledger: PostgresBatchLedger
) -> None:
    client = make_client(llm.url, batch_ledger, rules=PATIENT)
    submission = client.submit(questions(3), DAY)
    llm.faults.forgotten = True
    client.look(submission.batches[0])
    llm.faults.forgotten = False
    assert client.look(submission.batches[0]).batch.trouble_since is None
    [batch] = collect(client, submission)
    assert (batch.outcomes, batch.trouble) == ({"answered": 3}, None)


@pytest.mark.parametrize(("answered", "given_back"), [(0, 3), (2, 1)])
def test_an_overdue_batch_is_cancelled_and_what_the_server_did_not_do_is_given_back(
    llm: BatchLlm, batch_ledger: PostgresBatchLedger, engine: Engine, answered: int, given_back: int
) -> None:
    llm.faults.slow_looks, llm.faults.cancel_after = 999, answered
    key = submitted(llm, batch_ledger, looks=2)
    client = make_client(llm.url, batch_ledger, rules=LATE)
    assert client.look(key).batch.trouble == BatchTrouble.OVERDUE
    batch = client.look(key).batch
    assert (batch.status, batch.server_status) == (BatchStatus.CLOSED, "cancelled")
    assert batch.outcomes.get("failed") == given_back
    assert batch.outcomes.get("answered", 0) == len(llm.paid()) == answered
    assert audit(engine).lost == 0
    assert spend(engine).reserved_usd == 0


def test_an_overdue_batch_that_will_not_end_is_closed(
    llm: BatchLlm, batch_ledger: PostgresBatchLedger, engine: Engine
) -> None:
    llm.faults.slow_looks, llm.faults.never_cancelled = 999, True
    key = submitted(llm, batch_ledger, looks=2)
    assert (
        make_client(llm.url, batch_ledger, rules=LATE).look(key).batch.status
        == BatchStatus.SUBMITTED
    )
    client = make_client(llm.url, batch_ledger, rules=LATE_AT_ONCE)
    require_closed_as_lost(client.look(key).batch, engine, 3)


def test_a_batch_that_is_cancelling_for_ever_is_closed(
    llm: BatchLlm, batch_ledger: PostgresBatchLedger, engine: Engine
) -> None:
    llm.faults.slow_looks, llm.faults.never_cancelled = 999, True
    key = submitted(llm, batch_ledger, looks=2)
    client = make_client(llm.url, batch_ledger, rules=PATIENT)
    cancelled = client.cancel(key).batch
    assert (cancelled.server_status, cancelled.trouble) == ("cancelling", "cancelling")
    assert cancelled.status == BatchStatus.SUBMITTED
    require_closed_as_lost(
        make_client(llm.url, batch_ledger, rules=AT_ONCE).look(key).batch, engine, 3
    )


def test_another_server_closes_no_batch(
    llm: BatchLlm, batch_ledger: PostgresBatchLedger, engine: Engine
) -> None:
    key = submitted(llm, batch_ledger)
    other = make_client(llm.url.replace("127.0.0.1", "localhost"), batch_ledger, rules=LATE_AT_ONCE)
    with pytest.raises(LlmRefused, match="OPENAI_BASE_URL"):
        other.look(key)
    assert audit(engine).requests == {"sent": 3}


def test_a_person_closes_a_batch_whose_server_is_no_more(
    llm: BatchLlm, batch_ledger: PostgresBatchLedger, engine: Engine
) -> None:
    key = submitted(llm, batch_ledger)
    gone = make_client("http://127.0.0.1:9/v1", batch_ledger)
    require_closed_as_lost(gone.abandon(key).batch, engine, 3)
    assert gone.abandon(key).batch.outcomes == {"lost": 3}


def test_an_intended_batch_is_abandoned_for_nothing(
    batch_ledger: PostgresBatchLedger, engine: Engine
) -> None:
    batch_ledger.open(questions(2), DAY, "http://127.0.0.1:9/v1")
    with transaction(engine) as session:
        key = session.scalar(text("select key from llm_batches"))
    batch = make_client("http://127.0.0.1:9/v1", batch_ledger).abandon(str(key)).batch
    assert batch.outcomes == {"failed": 2}
    assert audit(engine).lost == spend(engine).reserved_usd == 0


def test_credit_that_runs_out_line_by_line_ends_the_run(
    llm: BatchLlm, batch_ledger: PostgresBatchLedger, engine: Engine
) -> None:
    llm.faults.statuses = {2: 402, 3: 402}
    key = submitted(llm, batch_ledger, looks=2)
    look = make_client(llm.url, batch_ledger).look(key)
    assert "HTTP 402" in str(look.refusal)
    assert look.batch.outcomes == {"answered": 1, "refused": 2}
    assert audit(engine).requests == {"answered": 1, "failed": 2}, "a later run asks them again"


NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
STATUSES = [*sorted(ENDED), "validating", "in_progress", "finalizing", "cancelling", "odd", ""]


def make_batch(sent: float | None, troubled: float | None) -> Batch:
    ago = [None if hours is None else NOW - timedelta(hours=hours) for hours in (sent, troubled)]
    return Batch(
        "k", DAY, "propose", "m", "s", BatchStatus.SUBMITTED, "b", "", 3, 0, None, ago[0],
        trouble_since=ago[1],
    )  # fmt: skip


HOURS = st.none() | st.floats(0, 100)


@given(HOURS, HOURS, st.sampled_from(STATUSES), st.booleans(), st.integers(0, 3))
def test_the_rules_end_every_batch_that_the_server_does_not(
    sent: float | None, troubled: float | None, status: str, has_files: bool, done: int
) -> None:
    seen = ServerBatch("b", status, ("f",) if has_files else (), done, ())
    batch = make_batch(sent, troubled)
    trouble = PATIENT.trouble(batch, seen, NOW)
    if status not in ENDED and sent is not None and sent > 30:
        assert trouble == BatchTrouble.OVERDUE
    if status in ENDED and has_files:
        assert trouble is None
    assert PATIENT.trouble(batch, None, NOW) == BatchTrouble.UNKNOWN
    assert PATIENT.gives_up(batch, NOW) == (troubled is not None and troubled > 2)
