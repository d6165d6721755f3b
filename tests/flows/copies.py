"""Copies of a grown store, which take a moment where growing takes seconds."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

_numbers = count()


@contextmanager
def copied(values: dict[str, str], host: str, folder: Path) -> Iterator[dict[str, str]]:
    """Give the settings of a copy of a store, for the length of a block.

    Args:
        values: the settings of the store, which nobody may be connected to.
        host: of its database.
        folder: that the copy's home becomes.
    """
    source = make_url(values["DYNOSAUR_DATABASE_URL"])
    name = f"copy_{os.getpid()}_{next(_numbers)}"
    shutil.copytree(Path(values["DYNOSAUR_HOME"]) / "store", folder / "store")
    with psycopg.connect(host=host, user="postgres", autocommit=True) as admin:
        statement = sql.SQL("create database {} template {}")
        admin.execute(statement.format(sql.Identifier(name), sql.Identifier(str(source.database))))
        url = source.set(database=name).render_as_string(hide_password=False)
        try:
            yield values | {"DYNOSAUR_DATABASE_URL": url, "DYNOSAUR_HOME": str(folder)}
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
