"""The product's store, opened once by a connection that cannot write, and charts of its figures."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from dynosaur_etl.domain.reasons import REASON_WORDS, Reason
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.settings import load_settings
from dynosaur_etl.store.database import database_url, wrapped_errors

READ_ONLY = "-c default_transaction_read_only=on -c statement_timeout=10000"
MOVES_SHOWN = 100
_opening = threading.Lock()


@contextmanager
def reading() -> Iterator[Services]:
    """Give the services; a database that does not answer is an error of ours."""
    services = _services()
    with wrapped_errors(services.engine):
        yield services


def reject_lines(rejects: Mapping[str, int]) -> list[dict[str, Any]]:
    """Put words and a bar's width (0 to 100) to each reason, the most frequent first."""
    lines = [
        {"reason": reason, "words": REASON_WORDS[Reason(reason)], "number": number}
        for reason, number in rejects.items()
    ]
    return with_bars(sorted(lines, key=lambda line: -line["number"]), "number")


def with_bars(lines: Sequence[Mapping[str, Any]], measure: str) -> list[dict[str, Any]]:
    """Add each line's share of the largest, 0 to 100, as `width`."""
    most = max((line[measure] for line in lines), default=0) or 1
    return [{**line, "width": round(100 * line[measure] / most, 1)} for line in lines]


def moves(diff: Mapping[str, Any]) -> dict[str, Any]:
    """Give the rows that came and went by reason, source, licence and type, the most moved first.

    Returns:
        By each: up to 100 `lines`, and how many more there are as `more`.
    """
    came, went = diff["added"], diff["dropped"]
    return {
        by.replace("_", " "): _moved(went[f"by_{by}"], came[f"by_{by}"])
        for by in ("reason", "source", "licence", "task_type")
    }


def _moved(went: Mapping[str, int], came: Mapping[str, int]) -> dict[str, Any]:
    names = sorted(
        came.keys() | went.keys(), key=lambda name: (-came.get(name, 0) - went.get(name, 0), name)
    )
    lines = [{"name": name, "came": came.get(name, 0), "went": went.get(name, 0)} for name in names]
    return {"lines": lines[:MOVES_SHOWN], "more": max(0, len(lines) - MOVES_SHOWN)}


def _services() -> Services:
    with _opening:
        return _open_services()


@cache
def _open_services() -> Services:
    """Open the database once a process; a failure is not remembered, the next page tries again."""
    settings = load_settings()
    url = database_url(settings)
    joint = "&" if "?" in url else "?"
    read_only = f"{url}{joint}options={READ_ONLY.replace(' ', '%20')}"
    return Services(settings.model_copy(update={"database_url": read_only}))
