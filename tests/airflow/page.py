"""Prints a page of the plugin, without login and Airflow: python -m tests.airflow.page PATH."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def read_page(address: str, values: Mapping[str, str]) -> str:
    """Return the HTML of a page over a store, which a process of its own renders."""
    home = {"AIRFLOW_HOME": str(Path(values["DYNOSAUR_HOME"]) / "airflow")}
    ended = subprocess.run(
        [sys.executable, "-m", "tests.airflow.page", address],
        cwd=ROOT, env=os.environ | home | dict(values), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def main(address: str) -> None:
    sys.path.insert(0, str(ROOT / "plugins"))
    from dynosaur_airflow.ui.app import LOGGED_IN, create_app
    from starlette.testclient import TestClient

    app = create_app()
    app.dependency_overrides[LOGGED_IN] = lambda: None
    answer = TestClient(app).get(address)
    sys.stdout.write(answer.text)
    sys.exit(answer.status_code != 200)


if __name__ == "__main__":
    main(sys.argv[1])
