from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from dynosaur_etl.store.database import connect
from dynosaur_etl.store.ledger import PostgresLedger
from tests.llm.asking import make_ledger
from tests.llm.faulty_llm import FaultyLlm, serve


@pytest.fixture
def llm() -> Iterator[FaultyLlm]:
    with serve() as server:
        yield server


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def ledger(engine: Engine) -> Iterator[PostgresLedger]:
    ledger = make_ledger(engine)
    yield ledger
    ledger.close()
