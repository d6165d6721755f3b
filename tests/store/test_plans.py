"""Plans of requests, and how far the ledger has answered them."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from dynosaur_etl.domain.models import Mode
from dynosaur_etl.store.answers import answer_states
from dynosaur_etl.store.database import connect
from dynosaur_etl.store.plans import Plan, PlannedRequest, plan_progress, read_plan, save_plan

DAY, OTHER = "2026-10-05", "2026-10-06"
REQUEST = text(
    "insert into llm_requests (key, purpose, day, subject, model, prompt_version, request, status,"
    " attempts, reserved_usd) values (:key, 'propose', '2026-10-05', '', 'm', '1', '{}', :status,"
    " 1, 0)"
)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url)
    yield engine
    engine.dispose()


def plan(*keys: str, fingerprint: str = "f") -> Plan:
    requests = (PlannedRequest(key, "o/a", f"config {key}", Mode.AWARE) for key in keys)
    return Plan(fingerprint, tuple(requests))


def stand(engine: Engine, **statuses: str) -> None:
    with engine.begin() as connection:
        for key, status in statuses.items():
            connection.execute(REQUEST, {"key": key, "status": status})


def test_a_plan_is_read_as_it_was_kept_and_replaced(engine: Engine) -> None:
    assert read_plan(engine, DAY, "propose") is None
    save_plan(engine, DAY, "propose", plan("b", "a", "b"))
    assert read_plan(engine, DAY, "propose") == plan("b", "a", "b")
    save_plan(engine, DAY, "propose", plan("c", fingerprint="g"))
    assert read_plan(engine, DAY, "propose") == plan("c", fingerprint="g")
    assert read_plan(engine, OTHER, "propose") is None


def test_progress_counts_each_request_once_and_answers_alone(engine: Engine) -> None:
    stand(engine, a="answered", b="answered", c="refused", d="sent", e="failed", x="answered")
    save_plan(engine, DAY, "propose", plan("a", "a", "b", "c", "d", "e", "never sent"))
    save_plan(engine, OTHER, "propose", plan("a", "b", "a"))
    save_plan(engine, "2026-10-07", "propose", plan())
    found = plan_progress(engine, [DAY, OTHER, "2026-10-07", "2026-10-08"])
    assert {key: (p.requests, p.answered) for key, p in found.items()} == {
        (DAY, "propose"): (6, 2), (OTHER, "propose"): (2, 2), ("2026-10-07", "propose"): (0, 0),
    }  # fmt: skip
    assert not found[DAY, "propose"].is_answered
    assert found[OTHER, "propose"].is_answered
    assert found["2026-10-07", "propose"].is_answered, "a day without a request has all answers"
    assert found[DAY, "propose"].asked == plan("a", "a", "b", "c", "d", "e", "never sent").asked
    states = answer_states(engine, ["a", "b", "c", "d", "e", "never sent"])
    assert states.answered == {"a", "b"}
    assert states.refused == {"c"}


def test_another_order_or_another_request_is_another_plan() -> None:
    assert plan("a", "b").asked == plan("a", "b", fingerprint="other").asked
    assert len({plan("a", "b").asked, plan("b", "a").asked, plan("a").asked}) == 3
