"""Whatever reads or writes the database says that it is an outage where the server has died."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
from sqlalchemy import Engine

import dynosaur_etl.store
from dynosaur_etl.domain.errors import StoreUnavailable, Transient
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.llm.batch_client import Submission
from dynosaur_etl.llm.prices import load_prices
from dynosaur_etl.store.batches import PostgresBatchLedger
from dynosaur_etl.store.embedded import embedded_url, stop_embedded
from dynosaur_etl.store.ledger import PostgresLedger
from dynosaur_etl.store.storage import Storage
from tests.flows.support import settings
from tests.store.outage import call, entries, functions_of

OF_THE_STORE = dict(functions_of(dynosaur_etl.store, Engine))
OF_THE_FLOWS = dict(entries(Services))
WITHOUT_A_QUERY = {"dynosaur_etl.store.database.wrapped_errors"}
MODELS_FIRST = {"dynosaur_etl.flows.train.evaluate.judge"}
"""What looks for the models that it is about before it asks the database."""


@pytest.fixture(scope="module")
def orphaned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Services whose PostgreSQL has died since they were opened."""
    folder = Path(tempfile.mkdtemp(prefix="dynosaur-pg-"))
    folder.chmod(0o755)
    values = {
        "DYNOSAUR_HOME": str(tmp_path_factory.mktemp("orphaned")),
        "DYNOSAUR_DATABASE_URL": embedded_url(folder / "data", "orphaned"),
        "DYNOSAUR_PUBLISH_REPO": "owner/name",
        "DYNOSAUR_PUBLISH_GATE": "true",
        "DYNOSAUR_TRAINING_MODEL": "owner/model",
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
    }
    opened = Services(settings(values))
    with opened.engine.connect():  # there is a connection that does not know of it yet
        pass
    stop_embedded(folder / "data")
    yield opened
    opened.close()
    rmtree(folder, ignore_errors=True)


def test_there_is_much_to_ask() -> None:
    assert len(OF_THE_STORE) > 50
    assert len(OF_THE_FLOWS) > 60
    assert {"select", "fill_shard", "version_report", "polled"} <= {
        name.rpartition(".")[2] for name in OF_THE_FLOWS
    }


@pytest.mark.parametrize("name", sorted(OF_THE_STORE.keys() - WITHOUT_A_QUERY))
def test_every_function_of_the_store_names_the_outage(orphaned: Services, name: str) -> None:
    with pytest.raises(StoreUnavailable, match="database postgresql"):
        call(OF_THE_STORE[name], {Engine: orphaned.engine, Storage: orphaned.storage})


@pytest.mark.parametrize("name", sorted(OF_THE_FLOWS.keys() - MODELS_FIRST))
def test_every_entry_of_the_flows_names_the_outage(orphaned: Services, name: str) -> None:
    given: dict[type, Any] = {Services: orphaned, Submission: Submission(())}
    with pytest.raises(StoreUnavailable, match="database postgresql"):
        call(OF_THE_FLOWS[name], given)


@pytest.mark.parametrize("owner", [PostgresLedger, PostgresBatchLedger])
def test_nobody_becomes_an_owner_of_claims(
    orphaned: Services, owner: Callable[..., object]
) -> None:
    with pytest.raises(StoreUnavailable, match="database postgresql"):
        owner(orphaned.engine, run_budget=None, month_budget=None, prices=load_prices())


def test_an_outage_is_worth_another_try() -> None:
    assert issubclass(StoreUnavailable, Transient)
