"""Compare what two checkouts make of the same days: tables, files, request keys and ledger.

    git worktree add ../before REVISION
    python -m tests.compare_checkouts ../before

Each checkout grows the same days with its own code, on a new database and in a new home, against
the same servers; then every row (without what tells the clock) and every file's SHA-256 are
compared. Days of the demo's Hub, and of the recorded Hub where it is beside the checkout. Exits
with 1, naming tables and files, where they differ.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dynosaur_etl.store.embedded import embedded_url, start_embedded, stop_embedded
from tests.conftest import RECORDED_HUB
from tests.flows.support import DEMO_HUB, ROOT, Servers, environment, serving

Made = dict[str, dict[str, Any]]

HUBS = {
    DEMO_HUB: ("2026-10-05", "2026-10-06"),
    RECORDED_HUB: ("2020-12-03", "2020-12-04", "2020-12-07"),
}
GROW = """
import json, os, sys
from pathlib import Path
from dynosaur_etl.flows.runtime.services import open_services
from dynosaur_etl.store.database import connect, upgrade
from tests.flows.support import dump_files, dump_tables, run_all, settings
values = json.loads(sys.argv[1])
engine = connect(values["DYNOSAUR_DATABASE_URL"])
upgrade(engine)
engine.dispose()
with open_services(settings(values)) as services:
    run_all(tuple(sys.argv[2:]), services)
tables = dump_tables(values["DYNOSAUR_DATABASE_URL"])
print(json.dumps({"table": tables, "file": dump_files(Path(values["DYNOSAUR_HOME"]))}))
"""


def grow(checkout: Path, values: dict[str, str], days: tuple[str, ...]) -> Made:
    """Grow days by a checkout's own code, and return its tables and files."""
    paths = os.pathsep.join((str(checkout), str(checkout / "plugins")))
    run = subprocess.run(
        [sys.executable, "-c", GROW, json.dumps(values), *days],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": paths, **values},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    made: Made = json.loads(run.stdout.splitlines()[-1])
    return made


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL of its own for the length of a block; yield its URL."""
    folder.mkdir(mode=0o755)
    start_embedded(folder / "data")
    try:
        yield embedded_url(folder / "data", "dynosaur")
    finally:
        stop_embedded(folder / "data")


def made_by(checkout: Path, servers: Servers, days: tuple[str, ...], folder: Path) -> Made:
    with database(folder) as url:
        return grow(checkout, environment(servers, url, folder / "home"), days)


def differences(before: Made, after: Made) -> list[str]:
    """Name each table and file that is not the same, or that one of the two lacks."""
    return [
        f"{kind} {name}"
        for kind in before
        for name in sorted(before[kind].keys() | after[kind].keys())
        if before[kind].get(name) != after[kind].get(name)
    ]


def compare(other: Path, hub: Path, days: tuple[str, ...]) -> list[str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        with serving(hub, folder / "logs") as servers:
            before = made_by(other, servers, days, folder / "before")
            after = made_by(ROOT, servers, days, folder / "after")
    found = differences(before, after)
    rows = sum(len(rows) for rows in after["table"].values())
    counts = f"{len(after['table'])} tables with {rows} rows, {len(after['file'])} files"
    print(f"{hub.name}, {', '.join(days)}: {counts}, {len(found)} differ")  # noqa: T201
    return found


def main() -> None:
    other = Path(sys.argv[1]).resolve()
    found = [
        difference
        for hub, days in HUBS.items()
        if hub.is_dir()
        for difference in compare(other, hub, days)
    ]
    for difference in found:
        print(difference)  # noqa: T201
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
