"""Sources that the Hub takes back: found by a sweep, left out of the next version, named there."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from psycopg import sql
from sqlalchemy import make_url, text

from dynosaur_etl.domain.errors import HubUnavailable, InvalidInput
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Listing, StepReport
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.flows import training_set
from dynosaur_etl.flows.runtime.services import Services, open_services
from dynosaur_etl.flows.upkeep import audit
from tests.flows.hubs import add_commit, write_dataset
from tests.flows.support import ROOT, Servers, environment, run_day, serving, settings

DAYS = ("2026-10-05", "2026-10-06")
MONDAY, TUESDAY = date(2026, 10, 12), date(2026, 10, 13)
NOBODY = "http://127.0.0.1:9"

NAMES = ("open", "deleted", "gated", "disabled", "relicensed", "silent", "copy")
CHANGES: dict[str, dict[str, Any] | None] = {
    "reed/deleted": None,
    "reed/gated": {"gated": True},
    "reed/disabled": {"disabled": True},
    "reed/relicensed": {"tags": ["license:cc-by-nc-4.0", "language:en"]},
    "reed/silent": {"tags": ["language:en"]},
}
FOUND = {
    "reed/deleted": "gone",
    "reed/disabled": "disabled",
    "reed/gated": "gated",
    "reed/relicensed": "licence_not_allowed",
}


def reviews(name: str) -> pa.Table:
    moods = ("calm", "cross", "glad")
    texts = [f"Visit {n} to the {name}: {n % 9} cups of tea, and the cake late." for n in range(30)]
    return pa.table({"review": texts, "mood": [moods[n % 3] for n in range(30)]})


def write_hub(root: Path) -> Path:
    root.mkdir()
    for name in NAMES:
        day = DAYS[1] if name == "copy" else DAYS[0]
        table = reviews(name)
        if name == "copy":  # with rows of its own, as it would be a mirror without them
            table = pa.concat_tables([reviews("deleted"), table.slice(0, 10)])
        write_dataset(root, f"reed/{name}", day, data__train_dot_parquet=table)
    return root


def change(root: Path, changes: dict[str, dict[str, Any] | None]) -> None:
    """Rewrite the index: None removes a dataset, a dictionary changes what is told of it."""
    entries = [json.loads(line) for line in (root / "index.jsonl").read_text().splitlines()]
    told = [
        entry | (changes.get(entry["id"]) or {})
        for entry in entries
        if changes.get(entry["id"], {}) is not None
    ]
    (root / "index.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in told))


@dataclass
class Grown:
    """Two grown days, their first version, and the Hub as it was and as it is now."""

    values: dict[str, str]
    before: Servers
    after: Servers
    home: Path
    hub: Path
    opened: list[Services] = field(default_factory=list)

    def services(self, servers: Servers | None = None, **more: str) -> Services:
        now = self.after if servers is None else servers
        self.opened.append(Services(settings(self.values | {"HF_ENDPOINT": now.hub} | more)))
        return self.opened[-1]


@pytest.fixture(scope="module")
def first_version(
    make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Grown]:
    home, url = tmp_path_factory.mktemp("audit"), make_database()
    first, second = write_hub(home / "first"), write_hub(home / "second")
    change(second, CHANGES)
    with serving(first, home / "a") as before, serving(second, home / "b") as after:
        # its datasets are of one form: at `strict`, all tasks would repeat those of the first
        more = {"DYNOSAUR_SELECTION_SIZE": "1000", "DYNOSAUR_VALIDITY": "paper"}
        values = environment(before, url, home, **more)
        with open_services(settings(values)) as services:
            for day in DAYS:
                run_day(day, services)
            snapshot(services)
        yield Grown(values, before, after, home, second)


@pytest.fixture
def grown(first_version: Grown, postgres_host: str, tmp_path: Path) -> Iterator[Grown]:
    """A copy of database and storage for each test."""
    source = make_url(first_version.values["DYNOSAUR_DATABASE_URL"])
    name = f"audit_{tmp_path.name}"[:60]
    with psycopg.connect(host=postgres_host, user="postgres", autocommit=True) as admin:
        statement = sql.SQL("create database {} template {}")
        admin.execute(statement.format(sql.Identifier(name), sql.Identifier(str(source.database))))
    shutil.copytree(first_version.home / "store", tmp_path / "store")
    url = source.set(database=name).render_as_string(hide_password=False)
    values = first_version.values | {
        "DYNOSAUR_DATABASE_URL": url,
        "DYNOSAUR_HOME": str(tmp_path),
    }
    copy = replace(first_version, values=values, home=tmp_path, opened=[])
    yield copy
    for services in copy.opened:
        services.close()


def snapshot(services: Services) -> StepReport:
    report = training_set.build_snapshot(GrowthDay.parse(DAYS[-1]), services)
    training_set.verify_snapshot(report.facts["version"], services)
    return report


def rows(services: Services, query: str) -> list[tuple[Any, ...]]:
    with services.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def of_version(grown: Grown, version: int, name: str) -> Path:
    return grown.home / "store" / "snapshots" / f"v{version:04d}" / name


def requests(servers: Servers) -> list[str]:
    return [json.loads(line)["path"] for line in servers.hub_log.read_text().splitlines()]


def test_the_audit_finds_what_the_hub_took_back_and_nothing_twice(grown: Grown) -> None:
    services = grown.services()
    unchanged = audit.audit_sources(MONDAY, grown.services(grown.before))
    assert (unchanged.counts.rejected, unchanged.facts["new"]) == (0, 0)
    report = audit.audit_sources(MONDAY, services)
    assert {name: reason for name, reason, _ in report.facts["found"]} == FOUND
    assert (report.counts.taken, report.counts.kept, report.counts.rejected) == (7, 3, 4)
    assert sum(report.reasons.values()) == 4
    stored = rows(services, "select * from withdrawals order by dataset_id")
    assert [(row[0], row[1], row[2], row[4]) for row in stored] == [
        (name, reason, "2026-10-12", None) for name, reason in sorted(FOUND.items())
    ]
    assert "cc-by-nc-4.0" in stored[3][3]
    again = audit.audit_sources(TUESDAY, services)
    assert again.facts["new"] == 0
    assert again.counts == report.counts
    assert rows(services, "select * from withdrawals order by dataset_id") == stored


def test_a_sweep_costs_pages_a_request_for_what_is_absent_and_each_new_head_one(
    grown: Grown,
) -> None:
    earlier = len(requests(grown.after))
    audit.audit_sources(MONDAY, grown.services())
    asked = requests(grown.after)[earlier:]
    cards = [path for path in asked if path.endswith("/README.md")]
    assert sorted(set(asked) - set(cards)) == ["/api/datasets", "/api/datasets/reed/deleted"]
    assert sorted(path.split("/")[3] for path in cards) == ["copy", "open", "silent"]
    audit.audit_sources(TUESDAY, grown.services())
    assert requests(grown.after)[earlier + len(asked) :] == ["/api/datasets"]
    other = grown.services(licences="apache-2.0, cc-by-4.0")
    assert audit.audit_sources(TUESDAY, other).counts.kept == 0, "judged anew by the new rules"


def test_a_source_is_judged_by_its_card_where_the_list_tags_no_licence(
    grown: Grown, tmp_path: Path
) -> None:
    """The tags of `silent` name none; its card says first MIT, then nothing, then MIT and more."""
    folder = tmp_path / "hub"
    shutil.copytree(grown.hub, folder)
    told = {
        "reed/open": "license: mit\nlanguage: en\n---\n## Disclaimer\nAcademic use only.\n",
        "reed/silent": "language: en\n---\n## License\nMIT, surely.\n",
        "reed/copy": "license: mit\nlanguage: en\n---\n## License\nMIT\n",
    }
    for name, text_ in told.items():
        add_commit(folder, name, "2026-10-09", f"---\n{text_}")
    with serving(folder, tmp_path / "c") as servers:
        report = audit.audit_sources(MONDAY, grown.services(servers))
    found = {name: (reason, words) for name, reason, words in report.facts["found"]}
    assert found["reed/open"][0] == "licence_conflict"
    assert "Academic use only." in found["reed/open"][1]
    assert found["reed/silent"][0] == "licence_missing"
    assert "reed/copy" not in found


def test_a_card_that_cannot_be_read_is_left_to_polling(grown: Grown, tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    shutil.copytree(grown.hub, folder)
    add_commit(folder, "reed/open", "2026-10-09", "---\nlicense: [mit\n---\n")
    with serving(folder, tmp_path / "c") as servers:
        report = audit.audit_sources(MONDAY, grown.services(servers))
    assert "reed/open" not in {name for name, _, _ in report.facts["found"]}


def test_a_source_that_the_listing_lacks_but_that_answers_is_kept(
    grown: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = grown.services(grown.before)
    whole = services.hub.list_datasets

    def with_a_gap(modified_since: datetime | None) -> Iterator[Listing]:
        return (item for item in whole(modified_since) if item.id != "reed/open")

    monkeypatch.setattr(services.hub, "list_datasets", with_a_gap)
    report = audit.audit_sources(MONDAY, services)
    assert (report.counts.rejected, report.facts["unlisted"]) == (0, 1)


def test_a_hub_that_does_not_answer_withdraws_nothing(grown: Grown) -> None:
    services = grown.services(replace(grown.after, hub=NOBODY))
    with pytest.raises(HubUnavailable):
        audit.audit_sources(MONDAY, services)
    assert rows(services, "select * from withdrawals") == []


def test_the_next_version_leaves_withdrawn_sources_out_and_says_so(grown: Grown) -> None:
    services = grown.services()
    audit.audit_sources(MONDAY, services)
    [(taken,)] = rows(services, "select taken from growth_runs where step = 'select'")
    built = snapshot(services)
    assert (built.facts["version"], built.facts["new"]) == (2, True)
    train = pq.read_table(of_version(grown, 2, "data/train-00000-of-00001.parquet"))
    assert set(train["dataset"].to_pylist()) == {"reed/open", "reed/silent", "reed/copy"}
    sources = json.loads(of_version(grown, 2, "diff.json").read_text())["sources"]
    assert sources["dropped"] == sorted(FOUND)
    rejects = pq.read_table(of_version(grown, 2, "rejects.parquet")).to_pylist()
    withdrawn = {row["subject"]: row for row in rejects if row["reason"] == "withdrawn"}
    assert sorted(withdrawn) == sorted(FOUND)
    assert withdrawn["reed/gated"]["detail"].startswith("gated since 2026-10-12: ")
    [run] = rows(
        services, "select taken, kept, rejected, reasons from growth_runs where step = 'select'"
    )
    assert run[0] == taken == run[1] + run[2]
    assert run[3]["withdrawn"] == sum(row["number"] for row in withdrawn.values())
    assert snapshot(services).facts["new"] is False


def test_what_duplicated_a_withdrawn_source_takes_its_place(grown: Grown) -> None:
    """Most of the copy's rows are those of the deleted source, which came a day earlier."""
    services = grown.services()
    before = pq.read_table(of_version(grown, 1, "data/train-00000-of-00001.parquet"))
    audit.audit_sources(MONDAY, services)
    snapshot(services)
    after = pq.read_table(of_version(grown, 2, "data/train-00000-of-00001.parquet"))
    words = ["instruction", "input", "output"]

    def of(table: pa.Table, name: str) -> set[tuple[str, ...]]:
        return {
            tuple(row[word] for word in words)
            for row in table.to_pylist()
            if row["dataset"] == name
        }  # fmt: skip

    gone = of(before, "reed/deleted")
    shared = of(after, "reed/copy") & gone
    assert not of(before, "reed/copy") & gone
    assert shared


def test_a_withdrawal_by_hand_is_lifted_by_hand_alone(grown: Grown) -> None:
    services = grown.services(grown.before)
    found = audit.withdraw("reed/open", "its author asked us to", MONDAY, services)
    assert (found.reason, found.found_on) == (Reason.WITHDRAWN, "2026-10-12")
    assert audit.withdraw("reed/open", "other words", TUESDAY, services) == found
    assert snapshot(services).facts["version"] == 2
    assert [item.version for item in audit.versions_with("reed/open", services)] == [1]
    assert [item.version for item in audit.versions_with("reed/copy", services)] == [1, 2]
    report = audit.audit_sources(TUESDAY, services)
    assert (report.counts.rejected, report.facts["lift"]) == (1, [])
    assert audit.readmit("reed/open", TUESDAY, services) == [found]
    assert audit.in_force(services) == {}
    again = snapshot(services).facts
    assert (again["version"], again["same_as"]) == (3, 1), "the pool is that of the first version"


def test_a_source_that_is_open_again_is_told_and_can_be_withdrawn_again(grown: Grown) -> None:
    audit.audit_sources(MONDAY, grown.services())
    services = grown.services(grown.before)
    report = audit.audit_sources(TUESDAY, services)
    assert report.facts["lift"] == sorted(FOUND)
    assert report.counts.rejected == 4
    audit.readmit("reed/gated", MONDAY, services)
    assert audit.audit_sources(MONDAY, grown.services()).facts["new"] == 1
    [(lifted,)] = rows(
        services, "select lifted_on from withdrawals where dataset_id = 'reed/gated'"
    )
    assert lifted is None


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda s: audit.withdraw("reed/none", "why", MONDAY, s), "reed/none"),
        (lambda s: audit.withdraw("reed/\x00", "why", MONDAY, s), "catalogued"),
        (lambda s: audit.withdraw("reed/open", "  ", MONDAY, s), "why"),
        (lambda s: audit.readmit("reed/open", MONDAY, s), "withdrawn"),
    ],
)
def test_a_wrong_name_or_no_reason_is_refused(
    database_url: str, tmp_path: Path, act: Callable[[Services], Any], words: str
) -> None:
    nobody = Servers(NOBODY, NOBODY, tmp_path / "none", tmp_path / "none")
    with open_services(settings(environment(nobody, database_url, tmp_path))) as services:
        with pytest.raises(InvalidInput, match=words):
            act(services)
        assert audit.versions_with("reed/open", services) == []


def test_each_command_prints_one_object(grown: Grown) -> None:
    values = {**os.environ, **grown.values, "HF_ENDPOINT": grown.after.hub}

    def dynosaur(*arguments: str) -> Any:
        command = [sys.executable, "-m", "dynosaur_etl", *arguments, "--json"]
        ended = subprocess.run(command, cwd=ROOT, env=values, capture_output=True, text=True)
        return ended.returncode, json.loads(ended.stdout)

    code, report = dynosaur("audit")
    assert (code, report["rejected"], report["facts"]["new"]) == (0, 4, 4)
    code, found = dynosaur("withdraw", "reed/open", "--why", "its author asked us to")
    assert (code, found["reason"], found["detail"]) == (0, "withdrawn", "its author asked us to")
    code, lifted = dynosaur("readmit", "reed/open")
    assert (code, [item["dataset_id"] for item in lifted["lifted"]]) == (0, ["reed/open"])
    code, held = dynosaur("where", "reed/gated")
    assert (code, [item["version"] for item in held["versions"]]) == (0, [1])
    assert held["versions"][0]["selected_instances"] > 0
    code, error = dynosaur("readmit", "reed/open")
    assert (code, error["error"]["kind"]) == (3, "InvalidInput")
