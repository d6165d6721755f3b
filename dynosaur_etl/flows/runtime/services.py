"""What every step works with: settings, database, storage and the clients, opened when needed."""

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from dynosaur_etl.domain.models import StepName
from dynosaur_etl.domain.rate_limit import RateLimitRules
from dynosaur_etl.flows.runtime.records import DayRecords
from dynosaur_etl.settings import PACKAGED_MODEL, Settings, cap, load_settings
from dynosaur_etl.store.database import connect, database_url, prepare

if TYPE_CHECKING:  # each of these loads a library; a step pays for those that it uses
    from dynosaur_etl.hub.client import HubClient
    from dynosaur_etl.inference.embedding import Embedder
    from dynosaur_etl.llm.batch_client import BatchClient
    from dynosaur_etl.llm.batch_server import BatchServer
    from dynosaur_etl.llm.client import LlmClient
    from dynosaur_etl.llm.prices import PriceTable
    from dynosaur_etl.proposals.meanings import Meanings
    from dynosaur_etl.quality.causal import CausalModel
    from dynosaur_etl.quality.reward import RewardModel
    from dynosaur_etl.store.forms import PostgresForms
    from dynosaur_etl.store.ledger import PostgresLedger
    from dynosaur_etl.store.storage import Storage

Progress = Callable[[int, int | None], None]
"""Called with how much of a step is done, of how much in all (None: not known)."""


def silent(done: int, of: int | None) -> None:
    """Show no progress."""


def hub_client(settings: Settings) -> "HubClient":
    """Make the Hub's client; nothing is sent yet."""
    from dynosaur_etl.hub.client import HubClient

    return HubClient(
        endpoint=settings.hf_endpoint,
        token=settings.hf_token.get_secret_value() or None,
        viewer_url=settings.viewer_url,
        timeout=settings.hub_timeout,
        concurrency=settings.hub_concurrency,
    )


def batch_server(settings: Settings) -> "BatchServer":
    """Make the client of the Batch API; nothing is sent yet."""
    from dynosaur_etl.llm.batch_server import BatchServer

    return BatchServer(
        settings.openai_base_url,
        settings.openai_api_key.get_secret_value(),
        settings.llm_timeout,
    )


def embedder(settings: Settings) -> "Embedder":
    """Make the embedder; its model is loaded on first use.

    Raises:
        InvalidInput: the settings name a packaged model that is unknown, or not fetched yet.
    """
    from dynosaur_etl.inference.embedding import Embedder
    from dynosaur_etl.inference.packaged import local_model

    named = settings.embedding_model
    model = None if named == PACKAGED_MODEL else local_model(named, settings.home)
    return Embedder(model, precision=settings.embedding_precision)


def rate_limit_rules(settings: Settings) -> RateLimitRules:
    """Return the limits that the settings name; 0 stands for none."""
    return RateLimitRules(
        requests=settings.llm_requests_per_minute or None,
        tokens=settings.llm_tokens_per_minute or None,
    )


def keep_loaded() -> None:
    """Spare full collections the objects of loaded modules, which take them 0.1 to 0.2 s each."""
    gc.freeze()


@dataclass(frozen=True)
class Replay:
    """A committed step that is done again for its files alone: nothing of it is committed.

    Attributes:
        lost: paths of files that are to be made again; nobody reads them.
    """

    day: str
    step: StepName
    lost: frozenset[str]


class Services:
    """One process's settings, database, storage and clients; each client is made on first use.

    Attributes:
        replay: the step that is being done again for its files, if any.
    """

    def __init__(self, settings: Settings) -> None:
        """Open the database; an empty one gets its tables.

        Raises:
            StoreUnavailable: the database does not answer.
            WrongSchema: its tables are of an older or a newer version of the product.
        """
        self.settings = settings
        self.replay: Replay | None = None
        self.engine: Engine = connect(database_url(settings))
        try:
            prepare(self.engine)
        except BaseException:
            self.engine.dispose()
            raise
        self._closing = ExitStack()
        self._closing.callback(self.engine.dispose)

    def close(self) -> None:
        self._closing.close()

    @cached_property
    def storage(self) -> "Storage":
        from dynosaur_etl.store.storage import Storage

        return Storage(self.settings.storage)

    @cached_property
    def records(self) -> DayRecords:
        return DayRecords(self.engine)

    @cached_property
    def hub(self) -> "HubClient":
        client = hub_client(self.settings)
        keep_loaded()
        return client

    @cached_property
    def prices(self) -> "PriceTable":
        from dynosaur_etl.llm.prices import load_prices

        return load_prices(self.settings.llm_prices, self.settings.openai_base_url)

    @cached_property
    def forms(self) -> "PostgresForms":
        from dynosaur_etl.store.forms import PostgresForms

        return PostgresForms(self.engine, self.settings.openai_base_url)

    @cached_property
    def ledger(self) -> "PostgresLedger":
        from dynosaur_etl.store.ledger import LimitedServer, PostgresLedger

        ledger = PostgresLedger(
            self.engine,
            run_budget=cap(self.settings.llm_budget_run_usd),
            month_budget=cap(self.settings.llm_budget_month_usd),
            prices=self.prices,
            server=LimitedServer(self.settings.openai_base_url, rate_limit_rules(self.settings)),
        )
        self._closing.callback(ledger.close)
        return ledger

    @cached_property
    def llm(self) -> "LlmClient":
        from dynosaur_etl.llm.client import LlmClient

        client = LlmClient(
            base_url=self.settings.openai_base_url,
            api_key=self.settings.openai_api_key.get_secret_value(),
            timeout=self.settings.llm_timeout,
            concurrency=self.settings.llm_concurrency,
            attempts=self.settings.llm_attempts,
            ledger=self.ledger,
            forms=self.forms,
        )
        keep_loaded()
        return client

    @cached_property
    def batches(self) -> "BatchClient":
        from dynosaur_etl.llm.batch_client import BatchClient
        from dynosaur_etl.llm.batch_rules import BatchRules
        from dynosaur_etl.store.batches import PostgresBatchLedger

        settings = self.settings
        ledger = PostgresBatchLedger(
            self.engine,
            run_budget=cap(settings.llm_budget_run_usd),
            month_budget=cap(settings.llm_budget_month_usd),
            prices=self.prices.in_batch(),
        )
        self._closing.callback(ledger.close)
        server = batch_server(settings)
        self._closing.callback(server.close)
        return BatchClient(
            server,
            ledger,
            self.forms,
            settings.llm_shard_lines,
            settings.llm_attempts,
            rules=BatchRules(
                overdue=timedelta(hours=settings.llm_batch_hours),
                grace=timedelta(minutes=settings.llm_batch_grace_minutes),
            ),
        )

    @cached_property
    def meanings(self) -> "Meanings":
        """Compare phrases by the packaged model, on which the filters' limits were set."""
        from dynosaur_etl.inference.embedding import Embedder
        from dynosaur_etl.proposals.meanings import Meanings

        return Meanings(Embedder(precision="float32").embed)

    @cached_property
    def embedder(self) -> "Embedder":
        return embedder(self.settings)

    @cached_property
    def reward_model(self) -> "RewardModel":
        from dynosaur_etl.quality.reward import RewardModel

        return RewardModel(self.settings.reward_model, device=self.settings.reward_device)

    @cached_property
    def causal_model(self) -> "CausalModel":
        from dynosaur_etl.quality.causal import CausalModel

        return CausalModel(self.settings.causal_model)


@contextmanager
def open_services(settings: Settings | None = None) -> Iterator[Services]:
    """Open the services for the length of a block."""
    services = Services(settings or load_settings())
    keep_loaded()
    try:
        yield services
    finally:
        services.close()
        gc.unfreeze()
