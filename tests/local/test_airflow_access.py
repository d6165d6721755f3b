"""A backfill through an Airflow of elsewhere, here a server that speaks its API."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dynosaur_etl.domain.errors import InvalidInput, InvalidSetting
from dynosaur_etl.local.access import airflow_api
from dynosaur_etl.local.errors import SystemDown
from dynosaur_etl.local.growth import create_backfill
from dynosaur_etl.settings import Settings

DAYS = ["2026-10-01", "2026-10-02"]
PREFIX = "/airflow"


@dataclass
class Elsewhere:
    """Airflow behind a proxy's path; `seen` are the requests by method, path and authorization."""

    url: str
    seen: list[tuple[str, str, str | None]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    found = Elsewhere("")

    class Handler(BaseHTTPRequestHandler):
        def answer(self, status: int, body: object) -> None:
            content = json.dumps(body).encode() if not isinstance(body, bytes) else body
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            if status == 308:
                self.send_header("Location", "https://other.example/airflow")
            self.end_headers()
            self.wfile.write(content)

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"null")
            path = self.path.partition("?")[0]
            found.seen.append((self.command, path, self.headers.get("Authorization")))
            found.bodies.append(body)
            if path.startswith("/moved"):
                return self.answer(308, {})
            if not path.startswith(PREFIX):
                return self.answer(200, b"<html>welcome</html>")
            known = {
                f"{PREFIX}/auth/token": {"access_token": "made"},
                f"{PREFIX}/api/v2/backfills": {"backfills": [], "id": 7, "dag_id": "hub_poll"},
                f"{PREFIX}/api/v2/dags/hub_poll": {"is_paused": False},
            }
            if path.endswith("/auth/token") and body["password"] != "right":
                return self.answer(401, {"detail": "Invalid credentials"})
            return self.answer(200, known[path])

        do_GET = do_POST = do_PATCH = handle_any  # noqa: N815 - the library's names

        def log_message(self, *words: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found.url = f"http://127.0.0.1:{server.server_port}"
        yield found
        server.shutdown()


def settings(home: Path, **values: str) -> Settings:
    return Settings(home=home, **values)  # type: ignore[arg-type]


def test_it_is_made_at_the_configured_address_as_the_user(
    elsewhere: Elsewhere, tmp_path: Path
) -> None:
    chosen = settings(
        tmp_path, airflow_url=elsewhere.url + PREFIX, airflow_user="ops", airflow_password="right"
    )
    with closing(airflow_api(chosen)) as api:
        assert create_backfill(api, DAYS, 2)["id"] == 7
    assert elsewhere.seen[0] == ("POST", f"{PREFIX}/auth/token", None)
    assert elsewhere.bodies[0] == {"username": "ops", "password": "right"}
    assert {told for _, _, told in elsewhere.seen[1:]} == {"Bearer made"}
    [made] = [body for body in elsewhere.bodies if body and "from_date" in body]
    assert (made["from_date"][:10], made["to_date"][:10]) == (DAYS[0], DAYS[1])
    assert made["max_active_runs"] == 2


def test_a_token_goes_in_place_of_user_and_password(elsewhere: Elsewhere, tmp_path: Path) -> None:
    chosen = settings(tmp_path, airflow_url=elsewhere.url + PREFIX, airflow_token="given")
    with closing(airflow_api(chosen)) as api:
        create_backfill(api, DAYS)
    assert {told for _, _, told in elsewhere.seen} == {"Bearer given"}


@pytest.mark.parametrize(
    ("path", "password", "words"),
    [
        (PREFIX, "wrong", "401"),
        ("", "right", "that is not Airflow's API"),
        ("/moved", "right", "https://other.example/airflow"),
    ],
)
def test_what_is_wrong_is_said(
    elsewhere: Elsewhere, tmp_path: Path, path: str, password: str, words: str
) -> None:
    chosen = settings(tmp_path, airflow_url=elsewhere.url + path, airflow_password=password)
    with (
        closing(airflow_api(chosen)) as api,
        pytest.raises(InvalidInput, match=words),
    ):
        create_backfill(api, DAYS)


def test_an_address_without_a_login_and_no_address_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="DYNOSAUR_AIRFLOW_TOKEN"):
        airflow_api(settings(tmp_path, airflow_url="http://127.0.0.1:9"))
    with pytest.raises(SystemDown, match="DYNOSAUR_AIRFLOW_URL"):
        airflow_api(settings(tmp_path))


def test_an_airflow_that_does_not_answer_is_named(tmp_path: Path) -> None:
    chosen = settings(tmp_path, airflow_url="http://127.0.0.1:9/a", airflow_password="x")
    with closing(airflow_api(chosen)) as api, pytest.raises(SystemDown, match=r"127\.0\.0\.1:9/a"):
        create_backfill(api, DAYS)
