"""The services of whoever only looks: opened once a process, over connections that cannot write."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.settings import load_settings
from dynosaur_etl.store.database import database_url, wrapped_errors

READ_ONLY = "-c default_transaction_read_only=on -c statement_timeout=10000"
_opening = threading.Lock()


@contextmanager
def reading() -> Iterator[Services]:
    """Open the services for the length of a block.

    Raises:
        StoreUnavailable: the database does not answer.
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
    joint = "&" if "?" in url else "?"
    read_only = f"{url}{joint}options={READ_ONLY.replace(' ', '%20')}"
    return Services(settings.model_copy(update={"database_url": read_only}))
