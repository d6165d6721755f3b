"""Batches over real HTTP and real PostgreSQL: each fault, each death, and the ledger after it."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from dynosaur_etl.domain.batch import BatchStatus, BatchTrouble
from dynosaur_etl.domain.errors import InvalidInput, LlmRefused, LlmUnavailable
from dynosaur_etl.domain.ledger import AttemptOutcome
from dynosaur_etl.llm.batch_client import BatchClient
from dynosaur_etl.llm.batch_server import BatchServer
from dynosaur_etl.store.answers import StoredAnswers, stored_answers
from dynosaur_etl.store.batches import PostgresBatchLedger, all_batches, batch_named
from dynosaur_etl.store.database import transaction
from dynosaur_etl.store.ledger_audit import audit, spend
from tests.llm.asking import DAY, ask, make_ledger
from tests.llm.asking import make_client as make_live_client
from tests.llm.batches import (
    BatchLlm,
    collect,
    make_batch_ledger,
    make_client,
    only_batch,
    questions,
    serve_batches,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def llm(tmp_path: Path) -> Iterator[BatchLlm]:
    with serve_batches(tmp_path) as running:
        yield running


@pytest.fixture
def batch_ledger(engine: Engine) -> Iterator[PostgresBatchLedger]:
    with closing(make_batch_ledger(engine)) as ledger:
        yield ledger


@pytest.fixture
def client(llm: BatchLlm, batch_ledger: PostgresBatchLedger) -> BatchClient:
    return make_client(llm.url, batch_ledger)


def stored(engine: Engine, number: int) -> StoredAnswers:
    return stored_answers(engine, [request.key for request in questions(number)])


def require_sound_ledger(engine: Engine, llm: BatchLlm) -> None:
    """The ledger is the server's log, to the token and at half the price."""
    found, total = audit(engine), spend(engine)
    assert found.contradictions == ()
    assert found.reserved_usd == 0
    assert total.prompt_tokens == sum(line["prompt_tokens"] for line in llm.paid())
    assert total.completion_tokens == sum(line["completion_tokens"] for line in llm.paid())
    assert total.cost_usd == llm.bill()
    assert set(llm.times_paid().values()) <= {1}
    assert set(llm.times_made().values()) <= {1}, "a batch was submitted twice"


def run_to_the_end(client: BatchClient, number: int) -> int:
    """Submit and collect; give the number of batches that it took."""
    return len(collect(client, client.submit(questions(number), DAY)))


def test_a_batch_is_answered_in_another_order_and_costs_half(
    llm: BatchLlm, client: BatchClient, engine: Engine
) -> None:
    submission = client.submit(questions(5), DAY)
    held = spend(engine).reserved_usd
    [batch] = collect(client, submission)

    assert (batch.status, batch.server_status) == (BatchStatus.CLOSED, "completed")
    assert batch.outcomes == {"answered": 5}
    assert batch.error is None
    assert len(stored(engine, 5).answered) == 5
    require_sound_ledger(engine, llm)
    assert Decimal(0) < llm.bill() < held
    assert [line["custom_id"] for line in llm.paid()] == sorted(r.key for r in questions(5))
    with transaction(engine) as session:
        versions = session.execute(text("select distinct price_version from llm_requests")).all()
    assert [version for (version,) in versions] == ["demo batch"]


def test_each_answer_is_the_one_to_its_own_request(
    llm: BatchLlm, client: BatchClient, engine: Engine
) -> None:
    run_to_the_end(client, 5)
    hashes = {line["custom_id"]: line for line in llm.paid()}
    with transaction(engine) as session:
        rows = session.execute(
            text("select key, prompt_tokens, completion_tokens from llm_requests")
        )
        for key, prompt, completion in rows:
            line = hashes[key]
            assert (prompt, completion) == (line["prompt_tokens"], line["completion_tokens"])


def test_a_second_run_sends_nothing(llm: BatchLlm, client: BatchClient, engine: Engine) -> None:
    run_to_the_end(client, 3)
    before = len(llm.paid())
    assert client.submit(questions(3), DAY).batches == ()
    assert len(llm.paid()) == before
    assert len(all_batches(engine)) == 1


def test_requests_are_cut_into_shards(
    llm: BatchLlm, batch_ledger: PostgresBatchLedger, engine: Engine
) -> None:
    assert run_to_the_end(make_client(llm.url, batch_ledger, shard_lines=2), 5) == 3
    assert sorted(batch.requests for batch in all_batches(engine)) == [1, 2, 2]
    require_sound_ledger(engine, llm)


def test_failed_lines_go_back_and_malformed_ones_are_refused(
    llm: BatchLlm, client: BatchClient, engine: Engine
) -> None:
    llm.faults.statuses = {1: 500, 2: 429, 3: 400}
    llm.faults.garbled = {4}
    [batch] = collect(client, client.submit(questions(6), DAY))
    assert batch.outcomes == {"answered": 2, "failed": 3, "refused": 1}
    assert audit(engine).requests == {"answered": 2, "failed": 3, "refused": 1}
    assert len(stored(engine, 6).refused) == 1
    require_sound_ledger(engine, llm)

    llm.faults.statuses, llm.faults.garbled = {}, ()
    assert run_to_the_end(client, 6) == 1
    assert audit(engine).requests == {"answered": 6}
    require_sound_ledger(engine, llm)


def test_a_line_that_nobody_tells_of_counts_as_lost(
    llm: BatchLlm, client: BatchClient, engine: Engine
) -> None:
    llm.faults.missing = {2}
    [batch] = collect(client, client.submit(questions(3), DAY))
    assert batch.outcomes == {"answered": 2, "lost": 1}
    assert audit(engine).lost == 1
    assert audit(engine).lost_usd > 0, "what may have been paid stays in the budget"
    assert audit(engine).contradictions == ()
    assert len(llm.paid()) == 3, "the answer was paid, and the ledger says that one is lost"


def test_an_expired_batch_keeps_its_answers_and_gives_the_rest_back(
    llm: BatchLlm, client: BatchClient, engine: Engine
) -> None:
    llm.faults.expire_after = 2
    [batch] = collect(client, client.submit(questions(5), DAY))
    assert (batch.server_status, batch.outcomes) == ("expired", {"answered": 2, "failed": 3})
    with transaction(engine) as session:
        words = session.execute(
            text("select error from llm_requests where status = 'failed'")
        ).all()
    assert all("batch_expired" in word for (word,) in words)
    require_sound_ledger(engine, llm)

    llm.faults.expire_after = None
    run_to_the_end(client, 5)
    assert audit(engine).requests == {"answered": 5}
    require_sound_ledger(engine, llm)


@pytest.mark.parametrize("answered", [0, 2])
def test_a_cancelled_batch_keeps_what_was_paid(
    llm: BatchLlm, client: BatchClient, engine: Engine, answered: int
) -> None:
    llm.faults.cancel_after, llm.faults.slow_looks = answered, 99
    [key] = client.submit(questions(3), DAY).batches
    client.look(key)
    batch = client.cancel(key).batch
    assert (batch.status, batch.server_status) == (BatchStatus.CLOSED, "cancelled")
    assert audit(engine).requests.get("answered", 0) == len(llm.paid()) == answered
    assert audit(engine).requests["failed"] == 3 - answered
    require_sound_ledger(engine, llm)
    assert client.cancel(key).batch == batch


def test_a_batch_that_ended_before_it_was_cancelled_is_collected(
    llm: BatchLlm, client: BatchClient, engine: Engine
) -> None:
    [key] = client.submit(questions(3), DAY).batches
    for _ in range(2):
        client.look(key)
    assert client.cancel(key).batch.outcomes == {"answered": 3}
    require_sound_ledger(engine, llm)


@pytest.mark.parametrize(
    ("code", "refused", "outcome"),
    [("model_not_found", True, "refused"), ("token_limit_exceeded", False, "failed")],
)
def test_a_batch_that_fails_as_a_whole_pays_nothing(
    llm: BatchLlm, client: BatchClient, engine: Engine, code: str, refused: bool, outcome: str
) -> None:
    llm.faults.refused = (code, "not today")
    [key] = client.submit(questions(3), DAY).batches
    look = client.look(key)
    assert (look.refusal is not None) == refused
    assert look.batch.outcomes == {outcome: 3}
    assert look.batch.error == f"{code}: not today"
    assert audit(engine).requests == {"failed": 3}
    require_sound_ledger(engine, llm)


def test_lines_that_all_miss_the_model_refuse_the_run(
    llm: BatchLlm, client: BatchClient, engine: Engine
) -> None:
    [key] = client.submit(questions(2, model="gpt-4o-mini"), DAY).batches
    looks = [client.look(key) for _ in range(3)]
    assert "HTTP 404" in str(looks[-1].refusal)
    assert audit(engine).requests == {"failed": 2}
    require_sound_ledger(engine, llm)


def test_a_slow_batch_is_open_until_it_ends(llm: BatchLlm, client: BatchClient) -> None:
    llm.faults.slow_looks = 3
    [key] = client.submit(questions(2), DAY).batches
    seen = [client.look(key).batch for _ in range(6)]
    assert [batch.server_status for batch in seen] == ["in_progress"] * 4 + [
        "finalizing",
        "completed",
    ]
    assert [batch.completed for batch in seen][-1] == 2


def test_a_busy_server_is_asked_again(llm: BatchLlm, client: BatchClient, engine: Engine) -> None:
    llm.faults.busy_submits = 2
    assert run_to_the_end(client, 3) == 1
    require_sound_ledger(engine, llm)


def test_a_server_that_stays_busy_leaves_the_batch_for_the_next_run(
    llm: BatchLlm, client: BatchClient, engine: Engine
) -> None:
    llm.faults.busy_submits = 4
    with pytest.raises(LlmUnavailable, match="429"):
        client.submit(questions(3), DAY)
    assert only_batch(engine).status == BatchStatus.INTENDED
    assert run_to_the_end(client, 3) == 1
    assert len(all_batches(engine)) == 1
    require_sound_ledger(engine, llm)


def test_a_batch_whose_making_was_not_answered_is_found_and_not_made_again(
    llm: BatchLlm, client: BatchClient, engine: Engine
) -> None:
    llm.faults.lost_submits, llm.faults.forgets_keys = 1, True
    assert run_to_the_end(client, 3) == 1
    require_sound_ledger(engine, llm)


def test_it_is_found_on_a_later_page_of_the_list(
    llm: BatchLlm, batch_ledger: PostgresBatchLedger, engine: Engine
) -> None:
    llm.faults.lost_submits, llm.faults.forgets_keys = 1, True
    with pytest.raises(LlmUnavailable, match="500"):
        make_client(llm.url, batch_ledger, attempts=1).submit(questions(1), DAY)
    with closing(BatchServer(llm.url, "sk-other", 10)) as other:
        file_id = other.upload("other.jsonl", b"no line of ours")
        for number in range(101):
            other.create(file_id, f"other {number}")
    assert run_to_the_end(make_client(llm.url, batch_ledger), 1) == 1
    assert len(stored(engine, 1).answered) == 1
    require_sound_ledger(engine, llm)


def test_a_download_that_breaks_off_is_done_again(
    llm: BatchLlm, client: BatchClient, engine: Engine
) -> None:
    llm.faults.cut_downloads = 2
    run_to_the_end(client, 4)
    assert audit(engine).attempts == {"answered": 4}
    require_sound_ledger(engine, llm)


def test_only_what_the_budget_has_room_for_is_submitted(llm: BatchLlm, engine: Engine) -> None:
    bound = make_batch_ledger(engine)._prices.upper_bound(questions(1)[0])
    with closing(make_batch_ledger(engine, run=str(bound * 3))) as batch_ledger:
        submission = make_client(llm.url, batch_ledger).submit(questions(5), DAY)
        assert submission.over_budget == 2
        assert "budget of the run" in submission.notes[0]
        [batch] = collect(make_client(llm.url, batch_ledger), submission)
    assert batch.requests == len(llm.paid()) == 3
    require_sound_ledger(engine, llm)


def test_a_key_that_is_refused_ends_the_batch_before_it_began(
    llm: BatchLlm, batch_ledger: PostgresBatchLedger, engine: Engine
) -> None:
    client = make_client(llm.url.removesuffix("/v1"), batch_ledger)
    with pytest.raises(LlmRefused, match="404"):
        client.submit(questions(2), DAY)
    assert only_batch(engine).status == BatchStatus.CLOSED
    assert audit(engine).requests == {"failed": 2}
    require_sound_ledger(engine, llm)


def test_another_server_is_never_asked_for_a_batch(
    llm: BatchLlm, client: BatchClient, batch_ledger: PostgresBatchLedger, engine: Engine
) -> None:
    llm.faults.lost_submits = 1
    with pytest.raises(LlmUnavailable):
        make_client(llm.url, batch_ledger, attempts=1).submit(questions(2), DAY)
    other = make_client(llm.url.replace("127.0.0.1", "localhost"), batch_ledger)
    with pytest.raises(LlmRefused, match="OPENAI_BASE_URL"):
        other.submit(questions(2), DAY)
    assert run_to_the_end(client, 2) == 1
    require_sound_ledger(engine, llm)


def test_a_batch_that_the_server_has_forgotten_may_be_closed_by_a_person(
    llm: BatchLlm, client: BatchClient, batch_ledger: PostgresBatchLedger, engine: Engine
) -> None:
    [key] = client.submit(questions(2), DAY).batches
    batch_ledger.submitted(key, "batch_nobody_knows")
    look = client.look(key).batch
    assert (look.status, look.trouble) == (BatchStatus.SUBMITTED, BatchTrouble.UNKNOWN)
    assert client.cancel(key).batch.outcomes == {AttemptOutcome.LOST: 2}
    require_sound_ledger(engine, llm)


def test_a_batch_that_was_never_sent_is_cancelled_without_the_server(
    llm: BatchLlm, batch_ledger: PostgresBatchLedger, engine: Engine
) -> None:
    batch_ledger.open(questions(2), DAY, llm.url)
    [batch] = all_batches(engine)
    assert audit(engine).consistent, "a batch that is written down owns its requests"
    assert make_client("http://127.0.0.1:9/v1", batch_ledger).cancel(batch.key).batch.error
    assert spend(engine).reserved_usd == 0


def test_a_live_run_leaves_what_is_in_a_batch_alone(
    llm: BatchLlm, client: BatchClient, engine: Engine
) -> None:
    submission = client.submit(questions(2), DAY)
    with closing(make_ledger(engine)) as ledger:
        outcomes = ask(make_live_client(llm.url, ledger), questions(3))
    assert sorted(outcomes.deferred.values()) == ["held", "held"]
    assert "dynosaur batches resume" in outcomes.notes[0]
    assert len(outcomes.answered) == 1
    collect(client, submission)
    assert set(llm.times_paid().values()) == {1}
    assert audit(engine).consistent


def test_a_name_stands_for_one_batch(client: BatchClient, engine: Engine) -> None:
    with pytest.raises(InvalidInput, match="no batch yet"):
        batch_named(engine, "x")
    [key] = client.submit(questions(1), DAY).batches
    batch = only_batch(engine)
    assert batch_named(engine, key[:8]) == batch_named(engine, batch.server_id or "") == batch
    with pytest.raises(InvalidInput, match=str(batch.server_id)):
        batch_named(engine, key[:5])


DEATHS = [
    ("dynosaur_etl.store.batches:PostgresBatchLedger.open", 1, "after"),
    ("dynosaur_etl.llm.batch_server:BatchServer.upload", 1, "after"),
    ("dynosaur_etl.store.batches:PostgresBatchLedger.sending", 1, "after"),
    ("dynosaur_etl.llm.batch_server:BatchServer.create", 2, "after"),
    ("dynosaur_etl.store.batches:PostgresBatchLedger.submitted", 1, "after"),
    ("dynosaur_etl.llm.batch_server:BatchServer.look", 2, "after"),
    ("dynosaur_etl.store.batches:PostgresBatchLedger.settle_lines", 1, "before"),
    ("dynosaur_etl.store.batches:PostgresBatchLedger.settle_lines", 1, "after"),
    ("dynosaur_etl.store.batches:PostgresBatchLedger.finish", 1, "before"),
    ("dynosaur_etl.store.batches:PostgresBatchLedger.finish", 1, "after"),
]


def test_a_process_that_dies_anywhere_is_taken_over_and_nothing_is_paid_twice(
    llm: BatchLlm, engine: Engine, database_url: str
) -> None:
    llm.faults.forgets_keys = True
    command = [sys.executable, "-m", "tests.llm.dying", database_url, llm.url]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as dying:
        assert dying.stdin is not None
        assert dying.stdout is not None
        for number, (target, nth, moment) in enumerate(DEATHS, start=1):
            dying.stdin.write(f"{6 * number} {target} {nth} {moment}\n")
            dying.stdin.flush()
            assert int(dying.stdout.readline()) == -signal.SIGKILL, target
            assert set(llm.times_paid().values()) <= {1}, target
            assert audit(engine).contradictions == (), target
        dying.stdin.close()
    with closing(make_batch_ledger(engine)) as batch_ledger:
        run_to_the_end(make_client(llm.url, batch_ledger), 6 * len(DEATHS))
    assert audit(engine).attempts == {"answered": 6 * len(DEATHS)}
    require_sound_ledger(engine, llm)
