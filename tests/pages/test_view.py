"""`dynosaur view` as a process: real HTTP, no settings, no database, no Airflow."""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.snapshots.factories import snapshot


@dataclass
class Viewer:
    process: Any
    address: str

    @property
    def base(self) -> str:
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"


def started(*arguments: str) -> Viewer:
    process = subprocess.Popen(
        [sys.executable, "-m", "dynosaur_etl", "view", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={"PATH": "/usr/bin:/bin", "DYNOSAUR_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"},
    )  # fmt: skip
    return Viewer(process, process.stdout.readline().strip() if process.stdout else "")


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    found = started(str(snapshot(tmp_path_factory.mktemp("view") / "a version")))
    yield found
    found.process.kill()
    found.process.communicate()


@pytest.fixture
def client(viewer: Viewer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=viewer.base, follow_redirects=True, trust_env=False) as opened:
        assert opened.get(viewer.address).status_code == 200
        yield opened


def test_the_token_becomes_a_cookie_that_scripts_and_other_sites_do_not_get(viewer: Viewer) -> None:
    answer = httpx.get(viewer.address, trust_env=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


@pytest.mark.parametrize("path", ["/", "/instances", "/style.css", "/nowhere", "/files/README.md"])
@pytest.mark.parametrize("token", ["", "?token=", "?token=wrong", "?token=%C3%A9", "?token=%ED%A0"])
def test_without_the_token_nothing_is_shown(viewer: Viewer, path: str, token: str) -> None:
    answer = httpx.get(f"{viewer.base}{path}{token}", trust_env=False)
    assert answer.status_code == 401
    assert "dynosaur view" in answer.text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "localhost.evil"])
def test_another_host_is_refused_with_the_token_too(client: httpx.Client, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_written(client: httpx.Client, method: str) -> None:
    assert client.request(method, "/instances").status_code == 405


def test_every_link_leads_somewhere_and_none_but_the_hub_s_outside(client: httpx.Client) -> None:
    pending, seen = ["/", "/instances?words=topic&size=1"], dict[str, int]()
    while pending:
        address = pending.pop()
        if address not in seen:
            answer = client.get(address)
            seen[address] = answer.status_code
            links = re.findall(r'(?:href|src)="(/[^"#]*)"', answer.text)
            pending += [link.replace("&amp;", "&") for link in links]
    assert {address: status for address, status in seen.items() if status != 200} == {}
    kinds = {address.split("?")[0].split("/")[1] for address in seen}
    assert kinds >= {"instances", "statistics", "sources", "datasets", "tasks", "day", "files"}


def test_the_card_is_rendered_and_words_find_rows(client: httpx.Client) -> None:
    page = client.get("/")
    assert "<h3>" in page.text.split('class="rendered"')[1]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    found = client.get("/instances", params={"source": "bob/weather"}).text
    assert "3 of 5 rows" in found
    assert "0 of 5 rows" in client.get("/instances", params={"words": "nosuchword"}).text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/instances?version=2", 404),
        ("/instances?form=chat", 422),
        ("/instances?size=0", 422),
        ("/instances/0123456789abcdef", 404),
        ("/tasks/of/0123456789abcdef", 404),
        ("/datasets/no/such", 404),
        ("/files/..%2F..%2Fetc%2Fpasswd", 404),
        ("/files/%2Fetc%2Fpasswd", 404),
        ("/day/today", 422),
        ("/nowhere", 404),
    ],
)
def test_what_is_not_there_is_said(client: httpx.Client, path: str, status: int) -> None:
    assert client.get(path).status_code == status


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_and_leaves_nothing(tmp_path: Path, by: int) -> None:
    found = started(str(snapshot(tmp_path / "folder")))
    with httpx.Client(trust_env=False) as client:
        assert client.get(found.address).status_code == 303
        found.process.send_signal(by)
        _, errors = found.process.communicate(timeout=10)
    assert "Traceback" not in errors
    assert found.process.returncode in (0, -signal.SIGTERM)


def test_what_is_no_version_is_named(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        found = started(str(folder))
        _, errors = found.process.communicate(timeout=60)
        assert found.process.returncode == 3
        assert str(folder) in errors
        assert "manifest.json" in errors


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        found = started(str(snapshot(tmp_path / "folder")), "--port", port)
        _, errors = found.process.communicate(timeout=60)
    assert found.process.returncode == 3
    assert port in errors


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="Debian's chromium is not installed")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_goes_from_the_address_to_a_row_and_asks_nobody_else(
    viewer: Viewer, scheme: Any
) -> None:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = chromium.new_page(color_scheme=scheme)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        said: list[str] = []
        page.on("console", lambda line: said.append(line.text))
        page.goto(viewer.address)
        page.wait_for_selector(".plot svg")
        assert "token" not in page.url
        assert _serious(Axe().run(page).response) == []
        page.click("nav >> text=Instances")
        page.fill("input[name=source]", "ann/news")
        page.click("text=Show")
        page.click(".card h2 a")
        assert "ann/news" in page.inner_text("main")
        assert _serious(Axe().run(page).response) == []
        chromium.close()
    assert [line for line in said if "Policy" in line] == []
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(viewer.base).netloc}


def _serious(found: Any) -> list[str]:
    return [v["id"] for v in found["violations"] if v["impact"] in ("serious", "critical")]


def test_the_address_comes_as_json_too(tmp_path: Path) -> None:
    folder = snapshot(tmp_path / "folder")
    found = started(str(folder), "--json")
    lines = [found.address, *(found.process.stdout.readline() for _ in range(4))]
    found.process.send_signal(signal.SIGINT)
    found.process.communicate(timeout=20)
    assert found.process.returncode == 0
    assert json.loads("".join(lines))["folder"] == str(folder)
