"""What the pages show, read from the product's database by a connection that cannot write."""

import threading
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.reasons import REASON_WORDS, Reason
from dynosaur_etl.flows.services import Services
from dynosaur_etl.flows.status import day_report, overview
from dynosaur_etl.settings import load_settings
from dynosaur_etl.store.database import database_url, wrapped_errors

READ_ONLY = "-c default_transaction_read_only=on -c statement_timeout=10000"
DAYS_SHOWN = 60
_opening = threading.Lock()


def overview_content() -> dict[str, Any]:
    """Give the first page's content: the newest days first, each with a bar's width."""
    services = _services()
    with wrapped_errors(services.engine):
        state = overview(services)
    days = state["days"][::-1][:DAYS_SHOWN]
    return {
        "state": state,
        "days": _with_bars(days, "instances"),
        "rejects": reject_lines(state["rejects"]),
        "snapshots": state["snapshots"][::-1],
    }


def day_content(day: str) -> dict[str, Any]:
    """Give a growth day's report.

    Raises:
        InvalidInput: it is not a calendar day written `YYYY-MM-DD`.
    """
    key, services = str(GrowthDay.parse(day)), _services()
    with wrapped_errors(services.engine):
        report = day_report(key, services)
    return {"report": report, "rejects": reject_lines(report["rejects"])}


def reject_lines(rejects: Mapping[str, int]) -> list[dict[str, Any]]:
    """Put words and a bar's width (0 to 100) to each reason, the most frequent first."""
    lines = [
        {"reason": reason, "words": REASON_WORDS[Reason(reason)], "number": number}
        for reason, number in rejects.items()
    ]
    return _with_bars(sorted(lines, key=lambda line: -line["number"]), "number")


def _with_bars(lines: Sequence[Mapping[str, Any]], measure: str) -> list[dict[str, Any]]:
    most = max((line[measure] for line in lines), default=0) or 1
    return [{**line, "width": round(100 * line[measure] / most, 1)} for line in lines]


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
