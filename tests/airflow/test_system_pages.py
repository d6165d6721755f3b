"""The pages as strangers and readers meet them: the login, hostile parameters, hostile content."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pyarrow.parquet as pq
import pytest
from psycopg import sql

from demo.run import DAYS
from tests.airflow.conftest import ROOT, Demo, clean_environment

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1200), pytest.mark.xdist_group("airflow")]

HOSTILE = "<script>alert(1)</script>"
TRAVERSAL = "../../../../etc/passwd"
VALUES = (
    HOSTILE,
    "' or 1=1; drop table tasks; --",
    "%' union select usename, passwd from pg_shadow --",
    TRAVERSAL,
    "\x00",
    "\ud800".encode("utf-8", "surrogatepass"),
    "9" * 400,
    "-1",
    "{{ 7 * 7 }}",
    "*" * 5000,
    "WyJhIl0=",
    "\u202e\U0001f995",
)  # fmt: skip
LEAKS = ("Traceback", "psycopg", "sqlalchemy", "root:x:0", "SELECT ", "<script>alert")


@dataclass(frozen=True)
class Route:
    """A route of the application with the names of its parameters."""

    path: str
    methods: list[str]
    names: list[str]

    def address(self, value: str | bytes = "x") -> str:
        """Fill the path with a value wherever it has room for one."""
        return "/training-set" + re.sub(r"\{[^}]+\}", quote(value, safe=""), self.path)

    def usual(self) -> str:
        """Fill the path with what exists."""
        path = self.path
        for name, value in {
            "day": DAYS[0], "kind": "csv", "version": "1", "dag_id": "hub_poll",
            "run_id:path": "none", "request_key": "none", "position": "0", "path:path": "none",
        }.items():  # fmt: skip
            path = path.replace(f"{{{name}}}", value)
        return f"/training-set{path}"


@pytest.fixture(scope="module")
def routes(demo: Demo) -> list[Route]:
    """All routes, read from the application itself, so that a new one cannot be forgotten."""
    code = (
        "import json\n"
        "from dynosaur_airflow.ui.app import create_app\n"
        "def names(field):\n"
        "    model = field.field_info.annotation\n"
        "    return list(getattr(model, 'model_fields', [field.alias]))\n"
        "print(json.dumps([(r.path, sorted(r.methods), [n for f in r.dependant.query_params"
        " for n in names(f)]) for r in create_app().routes]))"
    )
    environment = clean_environment() | {
        "AIRFLOW_HOME": str(demo.home / "airflow"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")]),
    }
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return [Route(*found) for found in json.loads(ended.stdout.splitlines()[-1])]


def rows_of(page: str) -> int:
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    return body.count("<tr>")


@pytest.fixture(scope="module")
def viewer(demo: Demo) -> Iterator[httpx.Client]:
    with demo.client("viewer") as client:
        yield client


def test_every_route_is_guarded_and_reads_only(demo: Demo, routes: list[Route]) -> None:
    assert len(routes) >= 20
    with httpx.Client(base_url=demo.url, timeout=30) as stranger:
        for route in routes:
            assert route.methods == ["GET"], "the pages are read-only"
            for address in (route.usual(), route.address(), route.address(HOSTILE)):
                assert stranger.get(address).status_code == 401, address
            for name in route.names:
                answer = stranger.get(route.usual(), params={name: HOSTILE})
                assert answer.status_code == 401, (route.path, name)


@pytest.mark.parametrize("page", ["/openapi.json", "/docs", "/redoc", "/no/such/page"])
def test_what_is_no_page_is_closed_too(demo: Demo, page: str) -> None:
    assert httpx.get(f"{demo.url}/training-set{page}").status_code == 401


def test_no_parameter_breaks_a_page_or_comes_back_as_markup(
    demo: Demo, routes: list[Route], viewer: httpx.Client
) -> None:
    demo.wait_until_quiet()
    before = demo.contents()["tables"]
    asked = 0
    for route in routes:
        for value in VALUES:
            addresses = [(route.usual(), {name: value}) for name in route.names]
            if "{" in route.path:
                addresses.append((route.address(value), {}))
            for address, parameters in addresses:
                query = "&".join(f"{name}={quote(text)}" for name, text in parameters.items())
                answer = viewer.get(f"{address}?{query}")
                asked += 1
                told = (address, query[:120], answer.status_code)
                assert answer.status_code in (200, 307, 400, 403, 404, 422), told
                if "text/html" in answer.headers.get("content-type", ""):
                    assert not [leak for leak in LEAKS if leak in answer.text], told
                    assert rows_of(answer.text) <= 200, told
    assert asked > 300
    assert demo.contents()["tables"] == before


def test_every_answer_names_no_foreign_host(routes: list[Route], viewer: httpx.Client) -> None:
    for route in routes:
        answer = viewer.get(route.usual())
        if answer.status_code != 200:
            continue
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'"), route.path
        assert "http" not in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        if "html" in answer.headers["content-type"]:
            assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)=.?https?:", answer.text)
            assert " style=" not in answer.text, "inline styles are forbidden by the policy"
            assert not re.search(r"<[^>]+ on[a-z]+=", answer.text)


def test_a_page_has_a_limit(viewer: httpx.Client) -> None:
    assert viewer.get("/training-set/tasks?size=200").status_code == 200
    for size in ("0", "201", "1e9", "99999999999999999999"):
        assert viewer.get(f"/training-set/tasks?size={size}").status_code == 422


def test_each_number_of_the_funnel_leads_to_its_rows(demo: Demo, viewer: httpx.Client) -> None:
    page = viewer.get("/training-set/").text
    links = re.findall(
        r'href="(/training-set/rejects\?stage=(\w+)&amp;reason=(\w+))">([\d,]+)<', page
    )
    assert {"licence_missing", "card_unreadable"} <= {reason for _, _, reason, _ in links}
    for link, stage, reason, number in links:
        query = link.replace("&amp;", "&").replace("/rejects?", "/rejects.csv?")
        rows = list(csv.DictReader(io.StringIO(viewer.get(query).text)))
        assert {(row["stage"], row["reason"]) for row in rows} == {(stage, reason)}
        if stage != "select":  # it counts each day's selection anew, the funnel the newest one
            assert sum(int(row["number"]) for row in rows) == int(number.replace(",", ""))


def test_filters_find_what_they_say_and_stay_in_the_links(viewer: httpx.Client) -> None:
    kept = _tasks(viewer, verdict="kept")
    assert kept
    assert {row["verdict"] for row in kept} == {"kept"}
    reason = next(row["reason"] for row in _tasks(viewer, verdict="rejected"))
    assert {row["reason"] for row in _tasks(viewer, reason=reason)} == {reason}
    for name, key in (("source", "dataset"), ("mode", "mode"), ("licence", "licence")):
        found = _tasks(viewer, **{name: kept[0][key]})
        assert found
        assert {row[key] for row in found} == {kept[0][key]}
    word = max(re.findall(r"\b[a-z]+\b", kept[0]["instruction"]), key=len)
    found = _tasks(viewer, words=word)
    assert kept[0] in found
    assert all(word in row["instruction"].lower() for row in found)
    page = viewer.get("/training-set/tasks?verdict=kept&size=2").text
    assert re.search(r'rel="next" href="[^"]*verdict=kept[^"]*after=[^"]+size=2"', page)
    assert 'href="/training-set/tasks.parquet?verdict=kept"' in page


def test_parts_of_a_list_make_up_the_whole(viewer: httpx.Client) -> None:
    seen: list[str] = []
    address: str | None = "/training-set/tasks?size=7"
    while address:
        page = viewer.get(address).text
        seen += re.findall(r'scope="row"><a href="(/training-set/tasks/[^"]+)"', page)
        found = re.search(r'rel="next" href="([^"]+)"', page)
        address = found.group(1).replace("&amp;", "&") if found else None
    assert len(seen) == len(set(seen)) == len(_tasks(viewer))


def test_both_kinds_of_download_hold_the_same(viewer: httpx.Client) -> None:
    for path in ("tasks", "rejects", "sources", "snapshots", "cost", "days"):
        rows = list(csv.DictReader(io.StringIO(viewer.get(f"/training-set/{path}.csv").text)))
        table = pq.read_table(io.BytesIO(viewer.get(f"/training-set/{path}.parquet").content))
        assert table.column_names == list(rows[0])
        assert table.num_rows == len(rows) > 0


def test_a_task_shows_all_that_is_known_of_it(demo: Demo, viewer: httpx.Client) -> None:
    row = _tasks(viewer, verdict="kept")[0]
    page = viewer.get(_address(row)).text
    with demo.connect() as connection:
        [(request, response)] = connection.execute(
            "select request, response from llm_requests where key = %s", [row["request_key"]]
        )
    for text in (request["messages"][-1]["content"], response["content"], row["instruction"]):
        assert _escaped(text)[:200] in page
    assert f"/datasets/{row['dataset']}/tree/{row['revision']}" in page
    assert page.count("<td>passed</td>") > 10
    assert "<td>rejected</td>" not in page
    examples = page.partition("Filled examples</h2>")[2].partition("</table>")[0]
    assert examples.count("<tr>") >= 2
    left_out = next(row for row in _tasks(viewer, verdict="rejected"))
    shown = viewer.get(_address(left_out)).text
    assert shown.count("<td>rejected</td>") == 1


def test_two_snapshots_are_compared(demo: Demo, viewer: httpx.Client) -> None:
    demo.command("snapshot", "--alpha", "0.2")
    versions = [line["version"] for line in demo.command("status")["snapshots"]]
    page = viewer.get(f"/training-set/snapshots/diff?old={versions[-2]}&new={versions[-1]}").text
    came, went = (
        int(re.search(rf"<dt>Rows that {what}</dt><dd>([\d,]+)", page).group(1).replace(",", ""))  # type: ignore[union-attr]
        for what in ("came", "went")
    )
    assert came > 0
    assert came == went
    kinds = page.partition('aria-label="By task type"')[2].partition("</table>")[0]
    moved = re.findall(r">(classification|generation)</th><td[^>]*>([\d,]+)<", kinds)
    assert sum(int(number.replace(",", "")) for _, number in moved) == came
    for version in versions:
        shown = viewer.get(f"/training-set/snapshots/{version}").text
        assert "The manifest is the recorded one" in shown
        tradeoff = shown.partition('aria-label="Quality against coverage over alpha"')[2]
        alphas = re.findall(r'<tr><td class="number">([\d.]+)<', tradeoff.partition("</table>")[0])
        assert alphas == ["0.0", "0.3", "0.5", "0.7", "0.9", "1.0"]
        assert viewer.get(f"/training-set/snapshots/{version}/map").status_code == 200


def test_a_damaged_snapshot_is_told(demo: Demo, viewer: httpx.Client) -> None:
    newest = demo.command("status")["snapshots"][-1]
    file = demo.home / "store" / newest["path"] / "tasks.parquet"
    file.rename(file.with_suffix(".away"))
    try:
        page = viewer.get(f"/training-set/snapshots/{newest['version']}").text
    finally:
        file.with_suffix(".away").rename(file)
    assert "Missing, or of another size: tasks.parquet." in page


def test_markup_in_cards_names_and_answers_is_shown_as_text(
    demo: Demo, viewer: httpx.Client
) -> None:
    with hostile_task(demo) as address:
        for page in (address, f"/training-set/tasks?source={quote(f'evil/{HOSTILE}')}"):
            text = viewer.get(page).text
            assert "&lt;script&gt;" in text
            assert HOSTILE not in text
    assert _disarmed(demo, viewer) == f"'=cmd|{HOSTILE}"


class hostile_task:  # noqa: N801 - it is used as a block
    """A task whose dataset, card, prompt, answer and reject all hold markup; gone at the end."""

    day, key = "2001-01-01", "hostile"

    def __init__(self, demo: Demo) -> None:
        self.demo = demo

    def __enter__(self) -> str:
        name = f"evil/{HOSTILE}"
        body = json.dumps({"messages": [{"role": "user", "content": HOSTILE}]})
        answer = json.dumps({"content": HOSTILE})
        payload = json.dumps([{"instruction": HOSTILE}])
        with self.demo.connect() as connection:
            connection.execute(
                "insert into llm_requests (key, purpose, day, subject, model, prompt_version,"
                " request, status, attempts, response, reserved_usd)"
                " values (%s, %s, %s, %s, %s, %s, %s, 'answered', 1, %s, 0)",
                (self.key, "propose", self.day, name, HOSTILE, HOSTILE, body, answer),
            )
            connection.execute(
                "insert into proposals values (%s, %s, 0, %s, %s, %s, 'aware', %s,"
                " 'output_constant', %s, null)",
                (self.day, self.key, name, HOSTILE, HOSTILE, payload, HOSTILE),
            )
            connection.execute(
                "insert into revisions values (%s, %s, %s, %s, '[]', %s, %s, 'x', '')",
                (self.day, name, HOSTILE, json.dumps([HOSTILE]), HOSTILE, HOSTILE),
            )
            connection.execute(
                "insert into rejections values (%s, 'examine', %s, 'no_card', 1, %s)",
                (self.day, f"=cmd|{HOSTILE}", HOSTILE),
            )
        return f"/training-set/tasks/{self.day}/{self.key}/0"

    def __exit__(self, *_: object) -> None:
        with self.demo.connect() as connection:
            for table in ("proposals", "revisions", "rejections", "llm_requests"):
                query = sql.SQL("delete from {} where day = %s").format(sql.Identifier(table))
                connection.execute(query, [self.day])


def _disarmed(demo: Demo, viewer: httpx.Client) -> str:
    """Give the cell that a spreadsheet gets for a name that begins like a formula."""
    with hostile_task(demo):
        text = viewer.get(f"/training-set/rejects.csv?day={hostile_task.day}").text
    [row] = csv.DictReader(io.StringIO(text))
    return row["subject"]


def _tasks(viewer: httpx.Client, **filters: str) -> list[dict[str, Any]]:
    answer = viewer.get("/training-set/tasks.csv", params=filters).raise_for_status()
    return list(csv.DictReader(io.StringIO(answer.text)))


def _address(row: dict[str, Any]) -> str:
    return f"/training-set/tasks/{row['day']}/{row['request_key']}/{row['position']}"


def _escaped(text: str) -> str:
    from markupsafe import escape

    return str(escape(text))
