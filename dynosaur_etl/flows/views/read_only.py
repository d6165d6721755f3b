"""The services of whoever only looks: opened once a process, over connections that cannot write."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.settings import load_settings
from dynosaur_etl.store.database import connect, database_url, prepare, wrapped_errors

READ_ONLY = "-c default_transaction_read_only=on -c statement_timeout=10000"
_opening = threading.Lock()


@contextmanager
def read_only_services() -> Iterator[Services]:
    """Open the services for the length of a block.

    Raises:
        StoreUnavailable: the database does not answer.
        WrongSchema: its tables are of an older or a newer version of the product.
    """
    with _opening:
        services = _services()
    with wrapped_errors(services.engine):
        yield services


@cache
def _services() -> Services:
    """Open the database; a failure is not remembered, the next page tries again."""
    settings = load_settings()
    url = database_url(settings)
    _make_tables(url)
    joint = "&" if "?" in url else "?"
    read_only = f"{url}{joint}options={READ_ONLY.replace(' ', '%20')}"
    return Services(settings.model_copy(update={"database_url": read_only}))


def _make_tables(url: str) -> None:
    """Make the tables of an empty database, as nobody may have run a step or a command yet."""
    engine = connect(url)
    try:
        prepare(engine)
    finally:
        engine.dispose()
