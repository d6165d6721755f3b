"""Asks for every page and file that the pages lead to, in this process and without a login.

`python -m tests.airflow.crawl` prints one JSON object: the answers' status by address, and after
the database has been lost.
"""

import html
import json
import re
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "plugins"))

from dynosaur_airflow.ui.app import LOGGED_IN, create_app
from sqlalchemy import create_engine
from starlette.testclient import TestClient

from benchmarks.ui_store import Size, make_store
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views import read_only
from dynosaur_etl.settings import Settings

FIRST = (
    "/",
    "/live",
    "/instances",
    "/instances?picked=yes",
    "/tasks",
    "/rejects",
    "/snapshots",
    "/cost",
    "/sources",
    "/day/2001-01-01",
)
MOST_OF_A_KIND = 4
OF_AIRFLOW = "/dags/"
"""Pages of Airflow itself, which is not there."""


def crawl(client: TestClient) -> dict[str, int]:
    """Ask for what is linked, a few addresses of each kind."""
    pending, seen, kinds = list(FIRST), {}, Counter[str]()
    while pending:
        address = pending.pop(0)
        kind = re.sub(r"[0-9a-f]{32}|\d+", "N", re.sub(r"=[^&]*", "", address))
        kinds[kind] += 1
        if address in seen or kinds[kind] > MOST_OF_A_KIND:
            continue
        answer = client.get(address)
        seen[address] = answer.status_code
        links = re.findall(r'href="(/[^"]*)"', answer.text) if "html" in _type(answer) else []
        ours = (link for link in links if not link.startswith(OF_AIRFLOW))
        pending += map(html.unescape, ours)
    return seen


def _type(answer: object) -> str:
    return str(answer.headers.get("content-type"))  # type: ignore[attr-defined]


def main() -> None:
    services = Services(Settings())
    make_store(services, Size(days=3, requests=8, instances=40, selected=10))
    services.close()
    app = create_app()
    app.dependency_overrides[LOGGED_IN] = lambda: None
    client = TestClient(app)
    found = crawl(client)
    with read_only.read_only_services() as reader:
        reader.engine = create_engine("postgresql+psycopg://postgres@127.0.0.1:9/none")
    lost = {address: client.get(address).status_code for address in found if "." not in address}
    words = client.get("/").text
    files = {urlsplit(address).path for address in found if "." in urlsplit(address).path}
    print(json.dumps({"found": found, "lost": lost, "words": words, "files": sorted(files)}))  # noqa: T201


if __name__ == "__main__":
    main()
