"""What a running system shows nobody, and what its pages cannot do."""

import os
import subprocess
import sys

import psutil
import pytest

from tests.airflow.conftest import ROOT, Demo, clean_environment

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1200), pytest.mark.xdist_group("airflow")]

HOSTILE = "<script>alert(1)</script>"


def test_no_secret_stands_on_a_command_line(demo: Demo) -> None:
    keys = (demo.home / "airflow" / "keys.json").read_text()
    secrets = [part for part in keys.split('"') if len(part) > 20]
    assert len(secrets) == 3
    lines = [
        " ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])
    ]
    assert not [line for line in lines for secret in secrets if secret in line]


def test_markup_from_the_hub_is_shown_as_text(demo: Demo) -> None:
    row = ("2001-01-01", "examine", f"evil/{HOSTILE}", "no_card", 1, HOSTILE)
    with demo.connect() as connection:
        connection.execute("insert into rejections values (%s, %s, %s, %s, %s, %s)", row)
        try:
            with demo.client("viewer") as viewer:
                page = viewer.get("/training-set/day/2001-01-01").text
        finally:
            connection.execute("delete from rejections where day = %s", [row[0]])
    assert "&lt;script&gt;" in page
    assert HOSTILE not in page


def test_the_pages_cannot_write(demo: Demo) -> None:
    code = (
        "from dynosaur_etl.flows.views.growth_history import growth_history\n"
        "from dynosaur_etl.flows.views.read_only import read_only_services\n"
        "with read_only_services() as services:\n"
        "    growth_history(services)\n"
        "    with services.engine.begin() as c: c.exec_driver_sql('delete from datasets')\n"
    )
    environment = clean_environment() | {
        "DYNOSAUR_HOME": str(demo.home),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")]),
    }
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert "read-only transaction" in ended.stderr
