"""Every page and file that the pages lead to, over a store of three days; no Airflow runs."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.airflow.conftest import ROOT, clean_environment


@pytest.fixture(scope="module")
def crawled(make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Any:
    home = tmp_path_factory.mktemp("pages")
    environment = {
        "DYNOSAUR_HOME": str(home),
        "DYNOSAUR_DATABASE_URL": make_database(),
        "AIRFLOW_HOME": str(home / "airflow"),
    }
    ended = subprocess.run(
        [sys.executable, "-m", "tests.airflow.crawl"],
        cwd=ROOT, env=clean_environment() | environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def test_no_link_of_the_pages_is_broken(crawled: Any) -> None:
    found = crawled["found"]
    assert len(found) > 60
    assert {address: status for address, status in found.items() if status != 200} == {}


def test_each_list_is_given_as_a_file_too(crawled: Any) -> None:
    names = ("days", "instances", "tasks", "rejects", "snapshots", "cost", "sources")
    files = {f"/{name}.{form}" for name in names for form in ("csv", "parquet")}
    assert files | {"/style.css"} <= set(crawled["files"])


def test_without_its_database_every_page_says_what_to_do(crawled: Any) -> None:
    assert set(crawled["lost"].values()) == {503}
    assert "The product&#39;s database does not answer" in crawled["words"]
    assert "dynosaur doctor" in crawled["words"]
