"""The ledger's own lock, over real PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from sqlalchemy import Engine, text

from dynosaur_etl.store.ledger_transaction import LEDGER_LOCK, open_transaction


def moment_alone(engine: Engine) -> datetime:
    with open_transaction(engine, alone=True) as batch_ledger:
        return batch_ledger.now


def test_who_is_alone_waits_for_the_lock_and_reads_the_clock_after_it(engine: Engine) -> None:
    lock = {"lock": LEDGER_LOCK}
    with engine.connect() as holder, ThreadPoolExecutor(1) as beside:
        holder.execute(text("select pg_advisory_xact_lock(:lock)"), lock)
        waiting = beside.submit(moment_alone, engine)
        with pytest.raises(TimeoutError):
            waiting.result(0.5)
        freed: datetime = holder.execute(text("select clock_timestamp()")).scalar_one()
        holder.commit()
        assert waiting.result(5) >= freed
