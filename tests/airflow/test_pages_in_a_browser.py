"""The pages in a real browser over a store of three days; no Airflow runs."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.airflow.conftest import ROOT, clean_environment
from tests.flows.support import free_port, wait_for

CHROMIUM = shutil.which("chromium")
PAGES = (
    "/", "/instances", "/instances?picked=yes&words=word1", "/tasks", "/rejects", "/snapshots",
    "/snapshots/v0001", "/snapshots/diff?old=1&new=v0002", "/cost", "/sources", "/day/2025-01-01",
    "/datasets/owner0/set-0", "/instances?words=no-such-word", "/snapshots/rows?old=1&new=2",
    "/statistics?version=2", "/statistics?version=2&against=1",
)  # fmt: skip
pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed"),
]


@pytest.fixture(scope="module")
def server(make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Any:
    home, port = tmp_path_factory.mktemp("browser"), free_port()
    environment = {
        "DYNOSAUR_HOME": str(home),
        "DYNOSAUR_DATABASE_URL": make_database(),
        "AIRFLOW_HOME": str(home / "airflow"),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.airflow.serve", str(port)],
        cwd=ROOT, env=clean_environment() | environment,
    )  # fmt: skip
    try:
        wait_for(f"http://127.0.0.1:{port}/", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser: Any, server: str) -> Iterator[Any]:
    """A tab; a script error, a breach of a policy or a word to another host fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=server)
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    troubles: list[str] = []

    def watch(request: Any) -> None:
        if urlsplit(request.url.removeprefix("blob:")).netloc != urlsplit(server).netloc:
            troubles.append(f"a request to {request.url}")

    opened.on("console", lambda said: troubles.append(said.text) if "Policy" in said.text else None)
    opened.on("request", watch)
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    yield opened
    context.close()
    assert troubles == []


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 400), ("dark", 400), ("light", 640), ("dark", 1280)]
)
def test_no_page_shuts_anybody_out(page: Any, scheme: str, width: int) -> None:
    """axe-core finds no serious fault; only tables are wider than a phone or a page at 200%."""
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto("/training-set/instances")
    row = page.locator(".card h2 a").first.get_attribute("href")
    for place in (*PAGES, row.removeprefix("/training-set")):
        page.goto(f"/training-set{place}")
        found = Axe().run(page).response["violations"]
        serious = [fault for fault in found if fault["impact"] in ("critical", "serious")]
        assert not serious, (place, [(f["id"], f["nodes"][0]["html"]) for f in serious])
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place


def test_rows_are_found_opened_and_lead_to_their_task(page: Any) -> None:
    page.goto("/training-set/instances")
    page.get_by_label("Selection").select_option("yes")
    page.get_by_role("button", name="Show").click()
    page.get_by_text("10 of 120 rows fit").first.wait_for()
    assert "picked as number 1" in page.locator(".card").first.inner_text()
    page.locator(".card h2 a").first.click()
    page.get_by_role("heading", name="Where it comes from").wait_for()
    page.get_by_role("link", name="the task with its prompt").click()
    page.get_by_role("heading", name="Instruction task").wait_for()
    page.get_by_role("link", name="all its rows in the store").click()
    page.locator(".card").nth(1).wait_for()


def test_tasks_are_filtered_by_form(page: Any) -> None:
    page.goto("/training-set/tasks")
    everything = page.locator("tbody tr").count()
    page.locator("select[name=form]").select_option("messages")
    page.get_by_role("button", name="Show").click()
    page.get_by_text("No proposal fits").first.wait_for()
    assert page.locator("tbody tr").count() == 0 < everything


QUESTIONS = {
    "is today done": ("2", "Tonight", None),
    "what did it cost and what is left": ("Cost", "Budget of the month", None),
    "what came in and what was rejected, and why": (
        "Rejects",
        "Everything that was left out",
        None,
    ),
    "a typical row": ("Instances", "rows fit the filters", ".card h2 a"),
    "what changed": ("Snapshots", "Quality against coverage", "button:has-text('Compare')"),
    "what is withdrawn": ("Sources", "No source is withdrawn", None),
    "how to publish or roll back": ("Snapshots", "Snapshots", "tbody th a"),
}
AFTER = {
    "a typical row": "Where it comes from",
    "what changed": "Rows that came",
    "how to publish or roll back": "dynosaur publish",
}


@pytest.mark.parametrize("question", sorted(QUESTIONS.keys() - {"is today done"}))
def test_an_operator_at_night_has_an_answer_within_two_clicks(page: Any, question: str) -> None:
    name, words, further = QUESTIONS[question]
    page.goto("/training-set/")
    assert "2" in page.locator(".night").inner_text(), "the first question takes no click"
    page.get_by_role("navigation", name="Training set").get_by_role("link", name=name).click()
    page.get_by_text(words).first.wait_for()
    if further:
        page.locator(further).first.click()
        page.get_by_text(AFTER[question]).first.wait_for()


def test_a_link_of_the_frame_opens_a_tab_although_the_frame_may_not(page: Any) -> None:
    """Airflow's frame may neither open a tab nor leave itself; see `links.js`."""
    page.goto("/")
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name="Instances").click()
    frame.locator(".card h2 a").first.click()
    page.context.route("**/viewer/**", lambda route: route.fulfill(body="the row at the Hub"))
    with page.context.expect_page() as opened:
        frame.get_by_role("link", name="at the Hub").click()
    opened.value.get_by_text("the row at the Hub").wait_for()
    assert "/viewer/default/train?row=" in opened.value.url
    frame.get_by_role("heading", name="Where it comes from").wait_for()


def test_the_frame_follows_airflows_choice_of_dark_or_light(page: Any) -> None:
    page.goto("/")
    chosen = page.frame_locator("iframe").locator("html")
    for name in ("dark", "light"):
        page.evaluate(f"document.documentElement.className = '{name}'")
        page.frame_locator("iframe").locator(f"html[data-theme={name}]").wait_for()
    assert chosen.get_attribute("data-theme") == "light"


def test_a_person_who_is_not_logged_in_is_led_to_the_login_and_back(server: str) -> None:
    address = f"{server}/closed/training-set/tasks?day=2025-01-01"
    person = httpx.get(address, headers={"Accept": "text/html,*/*;q=0.8"})
    assert person.status_code == 303
    assert person.headers["location"] == (
        "/closed/api/v2/auth/login?next=%2Fclosed%2Ftraining-set%2Ftasks%3Fday%3D2025-01-01"
    )
    for accept in ("*/*", "application/json"):
        assert httpx.get(address, headers={"Accept": accept}).status_code == 401
