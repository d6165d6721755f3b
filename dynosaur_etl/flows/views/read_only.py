"""The services of whoever only looks: opened once a process, over connections that cannot write."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.settings import load_settings
from dynosaur_etl.store.database import only_read, wrapped_errors

STATEMENT_SECONDS = 10
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
    services = Services(settings)
    only_read(services.engine, STATEMENT_SECONDS)
    return services
