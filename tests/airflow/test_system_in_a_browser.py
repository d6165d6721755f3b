"""What an operator does in a real browser over the real Airflow, with the demo's data.

Screenshots go to the folder that `SCREENSHOTS_FOLDER` names; `docs/img` holds those of a release.
"""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from demo.run import DAYS
from dynosaur_etl.local.growth import set_paused
from tests.airflow.conftest import Demo
from tests.airflow.test_system import run_path, runs_of, states_of
from tests.airflow.test_system_pages import HOSTILE, hostile_task

CHROMIUM = shutil.which("chromium")
AXE_LEVELS = ("critical", "serious")

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.browser,
    pytest.mark.timeout(1200),
    pytest.mark.xdist_group("airflow"),
    pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def context(browser: Any, demo: Demo) -> Iterator[Any]:
    """A browser window in which an operator has logged in through Airflow's own form."""
    made = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=demo.url)
    page = made.new_page()
    page.goto("/")
    page.locator("input[name=username]").fill("admin")
    page.locator("input[name=password]").fill(demo.password("admin"))
    page.locator("button[type=submit]").click()
    page.wait_for_url(lambda url: "/login" not in url, timeout=60_000)
    page.close()
    yield made
    made.close()


@pytest.fixture
def page(context: Any, demo: Demo) -> Iterator[Any]:
    """A tab; a script error, a breach of a policy or a word to another host fails the test."""
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    troubles: list[str] = []

    def listen(message: Any) -> None:
        if "Content Security Policy" in message.text:
            troubles.append(message.text)

    def watch(request: Any) -> None:
        if urlsplit(request.url.removeprefix("blob:")).netloc != urlsplit(demo.url).netloc:
            troubles.append(f"a request to {request.url}")

    opened.on("console", listen)
    opened.on("request", watch)
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on("dialog", lambda dialog: troubles.append(f"dialog: {dialog.message}"))
    yield opened
    opened.close()
    assert troubles == []


@pytest.fixture(scope="module")
def shot() -> Callable[[Any, str], None]:
    folder = os.environ.get("SCREENSHOTS_FOLDER")

    def take(page: Any, name: str) -> None:
        if folder:
            page.screenshot(path=Path(folder) / f"{name}.png")

    return take


def test_three_days_are_backfilled_by_hand(
    demo: Demo, page: Any, shot: Callable[..., None]
) -> None:
    figures, paid = _figures(demo), demo.paid_requests()
    known = {run["dag_run_id"] for run in runs_of(demo, "hub_poll")}
    page.goto("/dags/hub_poll")
    page.get_by_role("button", name="Trigger").first.click()
    form = page.locator("[role=dialog][data-scope=dialog][data-state=open]")
    form.get_by_text("Backfill", exact=True).click()
    for day in (DAYS[0], DAYS[-1]):
        form.get_by_text("Select date and time").first.click()
        page.get_by_placeholder("YYYY/MM/DD").fill(day.replace("-", "/"))
        page.get_by_placeholder("HH:mm").fill("00:00")
        form.get_by_text("Date Range").click()
        page.get_by_placeholder("HH:mm").wait_for(state="hidden")
    form.get_by_text("All Runs", exact=True).click()
    form.get_by_text(f"{len(DAYS)} runs will be triggered.").wait_for()
    shot(page, "backfill")
    form.get_by_role("button", name="Run Backfill").click()
    form.wait_for(state="hidden")

    def made() -> list[dict[str, Any]]:
        runs = [run for run in runs_of(demo, "hub_poll") if run["dag_run_id"] not in known]
        return [run for run in runs if run["run_type"] == "backfill"]

    try:
        _await(lambda: [run["state"] for run in made()] == ["success"] * len(DAYS))
    finally:
        set_paused(demo.api(), "hub_poll", paused=True)
    assert sorted(run["partition_key"] for run in made()) == list(DAYS)
    _await(lambda: all(_is_over(demo, dag) for dag in ("hub_poll", "task_growth", "training_set")))
    assert len(figures) == len(DAYS)
    assert (_figures(demo), demo.paid_requests()) == (figures, paid)


def test_a_version_is_published_once_a_person_approves(
    demo: Demo, page: Any, shot: Callable[..., None]
) -> None:
    published = demo.home / "published" / "snapshots"
    for alpha, word, after in ((0.35, "Reject", "skipped"), (0.45, "Approve", "success")):
        conf = {"approval_hours": 1, "alpha": alpha}
        body = {"logical_date": None, "partition_key": "all", "conf": conf}
        run = demo.api().call("POST", "/dags/training_set/dagRuns", json=body).json()
        _await(lambda run=run: states_of(demo, run)["approve"] == "awaiting_input")
        version = demo.command("status")["snapshots"][-1]["version"]
        run_id = quote(run["dag_run_id"], safe="")
        page.goto(f"/dags/training_set/runs/{run_id}/tasks/approve/required_actions")
        page.get_by_text(f"Publish v{version:04d}?").wait_for()
        assert not (published / f"v{version:04d}").exists()
        shot(page, "approval")
        page.get_by_role("button", name=word, exact=True).click()
        _await(lambda run=run: demo.api().get(run_path(run))["state"] == "success")
        assert states_of(demo, run)["publish_version"] == after
        assert (published / f"v{version:04d}").exists() == (word == "Approve")


def test_the_page_stands_in_airflows_navigation(page: Any, shot: Callable[..., None]) -> None:
    page.goto("/plugin/training-set")
    frame = page.frame_locator("iframe")
    frame.get_by_role("heading", name="Training set").wait_for()
    frame.locator("figure.plot svg.main-svg").first.wait_for()
    assert "Airflow was not asked" not in frame.locator(".night").inner_text()
    shot(page, "training-set")


def test_a_run_leads_to_its_report(demo: Demo, page: Any, shot: Callable[..., None]) -> None:
    [run] = [run for run in runs_of(demo, "task_growth") if run["partition_key"] == DAYS[0]][:1]
    page.goto(f"/dags/task_growth/runs/{quote(run['dag_run_id'], safe='')}")
    page.get_by_role("link", name="Growth report").click()
    frame = page.frame_locator("iframe")
    frame.get_by_role("heading", name=f"Growth day {DAYS[0]}").wait_for()
    assert "success" in frame.locator(".run").inner_text()
    shot(page, "run-report")


def test_tasks_are_filtered_and_one_is_opened(page: Any, shot: Callable[..., None]) -> None:
    page.goto("/training-set/tasks")
    everything = page.locator("tbody tr").count()
    page.get_by_label("Verdict").select_option("kept")
    page.get_by_label("Mode").select_option("aware")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url(re.compile(r"verdict=kept"))
    kept = page.locator("tbody tr").count()
    assert 0 < kept < everything
    shot(page, "tasks")
    page.reload()
    assert page.locator("tbody tr").count() == kept, "the address keeps the filters"
    instruction = page.locator("tbody th a").first.inner_text()
    page.locator("tbody th a").first.click()
    page.get_by_role("heading", name="Instruction task").wait_for()
    assert instruction[:40] in page.locator("blockquote").inner_text()
    assert page.get_by_role("link", name="files at this revision").get_attribute("href")
    shot(page, "task")


def test_two_snapshots_are_compared(demo: Demo, page: Any, shot: Callable[..., None]) -> None:
    demo.command("snapshot", "--alpha", "0.2")
    page.goto("/training-set/snapshots")
    page.locator("figure.plot svg.main-svg").first.wait_for()
    shot(page, "snapshots")
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("heading", name=re.compile(r"From v\d+ to v\d+")).wait_for()
    assert page.get_by_role("region", name="By reason").locator("tbody tr").count() >= 1
    shot(page, "snapshots-compared")


def test_a_failed_run_is_seen_and_then_healed(
    demo: Demo, page: Any, shot: Callable[..., None]
) -> None:
    with demo.connect() as connection:
        [(path,)] = connection.execute(
            "select sample_path from configs where day = %s order by 1 limit 1", [DAYS[0]]
        )
        connection.execute(
            "delete from growth_runs where day = %s and step = 'fill'", [DAYS[0]]
        )  # a day that is finished would stop before it reads anything
    file = demo.home / "store" / path
    away = file.with_suffix(".away")
    file.rename(away)
    api = demo.api()
    try:
        body = {"logical_date": None, "partition_key": DAYS[0]}
        run = api.call("POST", "/dags/task_growth/dagRuns", json=body).json()
        _await(lambda: api.get(run_path(run))["state"] == "failed")
        report = f"/training-set/run/task_growth/{quote(run['dag_run_id'], safe='')}"
        page.goto(report)
        assert "failed" in page.locator(".run").inner_text()
        why = page.get_by_role("region", name=re.compile("Failure of ")).first.inner_text()
        assert "Corrupt: " in why
        assert "the file is missing" in why
        assert "What to do: run dynosaur doctor" in why
        assert "It has finished no step" in page.locator("main").inner_text()
        shot(page, "failed-run")
        assert "the file is missing" in demo.command("status")["tonight"]["lines"][0]["words"]
    finally:
        away.rename(file)
    clear = {"dry_run": False, "dag_run_id": run["dag_run_id"], "only_failed": True}
    api.call("POST", "/dags/task_growth/clearTaskInstances", json=clear)
    _await(lambda: api.get(run_path(run))["state"] == "success")
    page.goto(report)
    assert "success" in page.locator(".run").inner_text()


def test_markup_runs_nowhere(demo: Demo, page: Any) -> None:
    with hostile_task(demo) as address:
        pages = (address, "/training-set/tasks", "/training-set/rejects", "/training-set/")
        for there in pages:
            page.goto(there)
            assert page.locator("script", has_text="alert").count() == 0
        page.goto(address)
        assert page.locator("pre", has_text=HOSTILE).count() >= 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_shuts_anybody_out(demo: Demo, context: Any, page: Any, scheme: str) -> None:
    """axe-core finds no serious fault, and nothing but tables is wider than a phone."""
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto("/training-set/tasks?verdict=kept")
    task = page.locator("tbody th a").first.get_attribute("href")
    places = (
        "/training-set/", "/training-set/tasks", task, "/training-set/rejects",
        "/training-set/snapshots", "/training-set/snapshots/1", "/training-set/snapshots/1/map",
        "/training-set/snapshots/diff?old=1&new=2", "/training-set/cost", "/training-set/sources",
        f"/training-set/day/{DAYS[0]}", "/training-set/tasks?words=no-such-word",
        "/training-set/instances", "/training-set/statistics",
    )  # fmt: skip
    for place in places:
        page.goto(place)
        found = Axe().run(page).response["violations"]
        serious = [fault for fault in found if fault["impact"] in AXE_LEVELS]
        assert not serious, (place, [(f["id"], f["nodes"][0]["html"]) for f in serious])
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place


def test_the_keyboard_reaches_filters_and_rows(page: Any) -> None:
    page.goto("/training-set/tasks")
    seen = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.tagName + document.activeElement.className"))
    assert {"Askip", "INPUT", "SELECT", "BUTTON", "DIVscroll", "A"} <= seen


def _is_over(demo: Demo, dag: str) -> bool:
    return {run["state"] for run in runs_of(demo, dag)} <= {"success", "failed"}


def _figures(demo: Demo) -> list[dict[str, Any]]:
    """Give what the demo's days came to; the scheduler may have polled yesterday meanwhile."""
    return [day for day in demo.command("status")["days"] if day["day"] in DAYS]


def _await(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.5)
