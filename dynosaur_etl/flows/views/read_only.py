"""The services of whoever only looks: opened once a process, over connections that cannot write."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from sqlalchemy import Connection, event

from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.settings import load_settings
from dynosaur_etl.store.database import wrapped_errors

READ_ONLY = "set transaction read only; set local statement_timeout = 10000"
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
    event.listen(services.engine, "begin", _cannot_write)
    return services


def _cannot_write(connection: Connection) -> None:
    """Begin every transaction so; what a session is told at its start, a pooler may not pass on."""
    connection.exec_driver_sql(READ_ONLY)
