"""The pages over a store of 800,000 instances and 100,000 tasks: how long the server takes.

Usage: python -m benchmarks.ui [--quick] [--json]

Each page is asked for 40 times in one process, by other filters, days, tasks and places in the
list each time; what counts is the 95th percentile beside the limit of 300 ms. The first request of
a kind is counted too, and told in the notes: it fills what is kept in memory. The first looks at a
version's rows and statistics have a figure of their own. Airflow's login is left out.
"""

import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.harness import ROOT, Figure, main
from benchmarks.ui_store import FULL, QUICK, Size, make_store

if TYPE_CHECKING:
    from dynosaur_etl.flows.views.row_search import RowLine

TIMES = 40
LIMIT_MS = 300
FIRST_LOOK_MS = 10_000
PAGES_OF_SETS = ("instances", "statistics")
WORDS = ("word7", "estimate", "word500 text", "no-such-word", "of the from")


def measure(quick: bool) -> list[Figure]:
    from dynosaur_etl.settings import Settings
    from dynosaur_etl.store.embedded import stop_embedded

    with tempfile.TemporaryDirectory(prefix="dynosaur-bench-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        home.chmod(0o755)
        os.environ |= {"DYNOSAUR_HOME": name, "DYNOSAUR_DATABASE_URL": ""}
        os.environ |= {"AIRFLOW_HOME": f"{name}/airflow", "DYNOSAUR_STORAGE_URL": f"{name}/store"}
        try:
            return _measured(Settings(), QUICK if quick else FULL)
        finally:
            stop_embedded(home / "postgres")


def _measured(settings: Any, size: Size) -> list[Figure]:
    from dynosaur_etl.flows.runtime.services import Services

    services = Services(settings)
    make_store(services, size)
    _index_words(services)
    requests = _pages(services, size)
    services.close()
    get = _client()
    get("/style.css")
    looks = [_timed(get, f"/{page}?version={n}") for page in PAGES_OF_SETS for n in (0, 1, 2)]
    first = Figure("first look at a set of rows", max(looks), "ms", "at most", FIRST_LOOK_MS, {})
    return [first] + [
        _figure(name, size, [_timed(get, ask(n)) for n in range(TIMES)])
        for name, ask in requests.items()
    ]


def _index_words(services: Any) -> None:
    """Make the index of words, which in use a thread beside the pages makes."""
    from dynosaur_etl.flows.views.instance_pages import word_index
    from dynosaur_etl.flows.views.row_set import EVERYTHING, row_set

    word_index(services).build(row_set(services, EVERYTHING))


def _figure(name: str, size: Size, times: list[float]) -> Figure:
    notes = {
        "first ms": round(times[0]),
        "median ms": round(float(np.median(times))),
        "instances": size.days * size.instances,
        "tasks": size.tasks,
    }
    return Figure(name, float(np.percentile(times, 95)), "ms", "at most", LIMIT_MS, notes)


def _timed(get: Callable[[str], int], address: str) -> float:
    began = time.perf_counter()
    status = get(address)
    took = time.perf_counter() - began
    if status != 200:
        raise SystemExit(f"{address} answers {status}")
    return 1000 * took


def _client() -> Callable[[str], int]:
    """Open the pages in this process, with the login left out."""
    sys.path.insert(0, str(ROOT / "plugins"))
    logging.disable(logging.INFO)
    from dynosaur_airflow.ui.app import LOGGED_IN, create_app
    from starlette.testclient import TestClient

    app = create_app()
    app.dependency_overrides[LOGGED_IN] = lambda: None
    client = TestClient(app)
    return lambda address: client.get(address).status_code


def _pages(services: Any, size: Size) -> dict[str, Callable[[int], str]]:
    """Give each page's address by the number of the request."""
    from dynosaur_etl.flows.views.instance_pages import list_instances
    from dynosaur_etl.flows.views.paging import cursor
    from dynosaur_etl.flows.views.reject_list import RejectSearch, find_rejects
    from dynosaur_etl.flows.views.row_search import RowSearch
    from dynosaur_etl.flows.views.task_list import TaskSearch, find_tasks

    def day(number: int) -> str:
        return size.names[number * 37 % size.days]

    def task(number: int) -> str:
        row = find_tasks(services, TaskSearch(day=day(number), verdict="kept")).rows[number]
        return f"/tasks/{row.day}/{row.request_key}/{row.position}"

    def tasks_after(number: int) -> str:
        row = find_tasks(services, TaskSearch(day=day(number))).rows[number]
        return f"/tasks?after={cursor(row.place)}"

    def row(number: int) -> "RowLine":
        found = list_instances(services, RowSearch(day=day(number), least=0.5))
        return found.rows[number % len(found.rows)]

    def rejects_after(number: int) -> str:
        row = find_rejects(services, RejectSearch(day=day(number))).rows[number]
        return f"/rejects?after={cursor(row.place)}&reason=output_constant"

    tasks, afters = [task(n) for n in range(TIMES)], [tasks_after(n) for n in range(TIMES)]
    left = [rejects_after(n) for n in range(TIMES)]
    rows = [row(n) for n in range(TIMES)]
    licences = ("mit", "bsd", "none-such", "cc0-1.0")
    return {
        "growth": lambda n: f"/?before={day(n)}",
        "now": lambda _: "/live",
        "one day": lambda n: f"/day/{day(n)}",
        **_instance_pages(rows, day),
        "statistics": lambda n: f"/statistics?version={1 + n % 2}",
        "one instance": lambda n: f"/instances/{rows[n].instance_key}",
        "tasks": lambda n: f"/tasks?day={day(n)}&size=200",
        "tasks, further on": lambda n: afters[n],
        "tasks by words": lambda n: f"/tasks?words={WORDS[n % len(WORDS)]}&verdict=kept",
        "tasks by source": lambda n: f"/tasks?source=owner{n * 97 % 5000}/&mode=aware",
        "tasks by licence": lambda n: f"/tasks?licence={licences[n % 4]}&verdict=rejected",
        "tasks by reason": lambda n: "/tasks?reason=" + ("output_missing", "gone")[n % 2],
        "one task": lambda n: tasks[n],
        "rejects": lambda n: left[n],
        "rejects by name": lambda n: f"/rejects?subject=owner{n}/left-{n}",
        "snapshots": lambda _: "/snapshots",
        "one snapshot": lambda n: f"/snapshots/{1 + n % 2}",
        "two snapshots compared": lambda n: f"/snapshots/diff?old={1 + n % 2}&new={2 - n % 2}",
        "two snapshots row by row": lambda n: (
            f"/snapshots/rows?old={1 + n % 2}&new={2 - n % 2}&kind={('added', 'moved')[n % 2]}"
        ),
        "map": lambda n: f"/snapshots/{1 + n % 2}/map",
        "cost": lambda _: "/cost",
        "sources": lambda n: f"/sources?owner=owner{n}",
    }


def _instance_pages(
    rows: "Sequence[RowLine]", day: Callable[[int], str]
) -> dict[str, Callable[[int], str]]:
    """Return the addresses of the lists of instances by the number of the request."""
    from dynosaur_etl.flows.views.paging import cursor

    return {
        "instances": lambda n: f"/instances?version={n % 3}",
        "instances, further on": lambda n: (
            f"/instances?sort=best&after={cursor((rows[n].instance_key,))}"
        ),
        "instances picked": lambda n: f"/instances?picked=yes&version={1 + n % 2}&size=50",
        "instances by source": lambda n: f"/instances?source=owner{n * 97 % 5000}/&sort=best",
        "instances by task": lambda n: f"/instances?task={rows[n].task_key}",
        "instances by quality": lambda n: f"/instances?least=0.9{n}&most=0.9{n}5&sort=worst",
        "instances by words": lambda n: f"/instances?words=word{(1, 7, 900, 40_000)[n % 4] + n}",
        "instances by words and day": lambda n: f"/instances?words=word{1 + n}&day={day(n)}",
    }


if __name__ == "__main__":
    main(measure, "the pages over a large store")
