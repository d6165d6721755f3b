"""Many rows in one statement: every value comes back as it went in."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, func, select
from sqlalchemy.orm import Session

from dynosaur_etl.domain.text import clean_json
from dynosaur_etl.store.bulk import insert_rows, put_rows
from dynosaur_etl.store.database import connect
from dynosaur_etl.store.tables import CandidateRow, CheckpointRow

TEXTS = st.text(st.characters(codec=None), max_size=20)  # lone surrogates and NUL too
FLOATS = st.floats(-1e15, 1e15) | st.sampled_from(
    [float("nan"), float("inf")]
)  # 1e16 is read as int
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def engine(make_database: Any) -> Engine:
    return connect(make_database())


def candidate(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "day": "2024-01-02",
        "dataset_id": f"o/'; drop table candidates; -- {number} :rows %s",
        "revision": None,
        "committed_at": datetime(2024, 1, 2, 3, 4, 5, 678901, UTC),
        "change": "created",
        "deferred_from": None,
    } | changes


def test_rows_of_any_number_keep_their_texts_times_and_nulls(engine: Engine) -> None:
    rows = [candidate(number) for number in range(2_345)]
    with Session(engine) as session:
        insert_rows(session, CandidateRow, rows)
        found = session.scalars(select(CandidateRow).order_by(CandidateRow.dataset_id)).all()
        wanted = sorted(rows, key=lambda row: str(row["dataset_id"]))
        assert [{name: getattr(row, name) for name in rows[0]} for row in found] == wanted
        insert_rows(session, CandidateRow, [])


def test_rows_in_the_place_of_others(engine: Engine) -> None:
    rows = [
        {"day": "d", "step": "s", "item": f"i{n}", "fingerprint": "f", "result": {"n": n}}
        for n in range(3)
    ]
    with Session(engine) as session:
        put_rows(session, CheckpointRow, rows)
        put_rows(session, CheckpointRow, [rows[1] | {"result": {"n": [None]}, "fingerprint": "g"}])
        query = select(CheckpointRow.item, CheckpointRow.fingerprint, CheckpointRow.result)
        found = [tuple(row) for row in session.execute(query.order_by(CheckpointRow.item))]
    assert found == [("i0", "f", {"n": 0}), ("i1", "g", {"n": [None]}), ("i2", "f", {"n": 2})]


@given(st.dictionaries(TEXTS, JSON, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_any_json_comes_back_as_it_can_be_stored(engine: Engine, value: dict[str, Any]) -> None:
    row = {"day": "d", "step": "any", "item": "i", "fingerprint": "f", "result": value}
    with Session(engine) as session:
        put_rows(session, CheckpointRow, [row])
        found = session.scalar(select(CheckpointRow.result).where(CheckpointRow.step == "any"))
        session.execute(delete(CheckpointRow))
        assert session.scalar(select(func.count()).select_from(CheckpointRow)) == 0
    assert found == clean_json(value)
