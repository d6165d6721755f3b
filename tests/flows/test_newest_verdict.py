"""The newest verdict on a source decides about all of its revisions, and its licence about rows."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.reasons import EarlierRows, Reason, earlier_rows
from dynosaur_etl.flows import training_set
from dynosaur_etl.flows.runtime.services import Services, open_services
from dynosaur_etl.flows.snapshot.versions import restore_version, verify_deeply
from dynosaur_etl.flows.upkeep import audit
from tests.flows.hubs import CARD, add_commit, notes, write_dataset
from tests.flows.support import POLL_STEPS, Servers, environment, run_day, serving, settings

pytestmark = pytest.mark.xdist_group("newest_verdict")

FIRST, SECOND, THIRD = "2026-10-05", "2026-10-06", "2026-10-07"
OPEN = CARD.replace("license: mit", "license: {licence}")


def card(licence: str, body: str = "", name: str = "notes") -> str:
    return OPEN.format(name=name, licence=licence) + body


@dataclass(frozen=True)
class Later:
    """What a dataset's second revision does, and what becomes of the rows of the first."""

    facts: dict[str, Any]
    card: str | None
    reason: str | None
    licence: str = "mit"


LATER = {
    "kept": Later({}, None, None),
    "typo": Later({}, card("mit", "\nA typo is mended.\n"), None),
    "closed": Later({}, card("cc-by-nc-4.0"), "licence_not_allowed"),
    "silent": Later({}, CARD.replace("license: mit\n", "").format(name="x"), "licence_missing"),
    "restricted": Later({}, card("mit", "\n## Usage\nFor research only.\n"), "licence_conflict"),
    "gated": Later({"gated": True}, card("mit", "\nAsk first.\n"), "gated"),
    "german": Later(
        {}, card("mit").replace("language: en", "language: de"), "language_not_allowed"
    ),
    "shared": Later({}, card("cc-by-sa-4.0"), None, "cc-by-sa-4.0"),
    "lifted": Later({}, card("mit", "\n## License\nCC BY-SA 3.0\n"), None, "cc-by-sa-3.0"),
}  # fmt: skip


def write_hub(root: Path) -> Path:
    root.mkdir()
    for number, (name, later) in enumerate(LATER.items()):
        table = notes(20 + number).slice(number)
        write_dataset(
            root, f"ivy/{name}", FIRST, card("mit", name=name), data__train_dot_parquet=table
        )
        if later.card is not None:
            add_commit(root, f"ivy/{name}", SECOND, later.card)
            change(root, f"ivy/{name}", later.facts)
    return root


def change(root: Path, name: str, facts: dict[str, Any]) -> None:
    index = root / "index.jsonl"
    entries = [json.loads(line) for line in index.read_text().splitlines()]
    told = [entry | facts if entry["id"] == name else entry for entry in entries]
    index.write_text("".join(json.dumps(entry) + "\n" for entry in told))


@dataclass
class Grown:
    """Two grown days; the first version was made after the first."""

    services: Services
    servers: Servers
    home: Path

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        with self.services.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]

    def version(self, number: int, name: str) -> Path:
        return self.home / "store" / "snapshots" / f"v{number:04d}" / name

    def train(self, number: int) -> list[dict[str, Any]]:
        path = self.version(number, "data/train-00000-of-00001.parquet")
        return list(pq.read_table(path).to_pylist())


def snapshot(services: Services, day: str) -> Any:
    report = training_set.build_snapshot(GrowthDay.parse(day), services)
    training_set.verify_snapshot(report.facts["version"], services)
    return report


@pytest.fixture(scope="module")
def grown(
    make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Grown]:
    home = tmp_path_factory.mktemp("newest")
    more = {"DYNOSAUR_SELECTION_SIZE": "1000", "DYNOSAUR_VALIDITY": "paper",
            "DYNOSAUR_SNAPSHOT_FULL": "true"}  # fmt: skip
    with serving(write_hub(home / "hub"), home / "logs") as servers:
        values = environment(servers, make_database(), home, **more)
        with open_services(settings(values)) as services:
            run_day(FIRST, services)
            snapshot(services, FIRST)
            for step in POLL_STEPS:
                step(GrowthDay.parse(SECOND), services)
            snapshot(services, SECOND)
            yield Grown(services, servers, home)


def test_the_second_day_gives_the_verdicts_that_were_meant(grown: Grown) -> None:
    found = dict(grown.rows("select dataset_id, reason from verdicts where day = :day", day=SECOND))
    wanted = {f"ivy/{name}": later.reason for name, later in LATER.items() if later.card}
    assert found == wanted


def test_rows_of_a_source_whose_newest_revision_is_rejected_leave(grown: Grown) -> None:
    before = {row["dataset"] for row in grown.train(1)}
    assert before == {f"ivy/{name}" for name in LATER} - {"ivy/gated"}, (
        "the list tells today's gate"
    )
    after = {row["dataset"] for row in grown.train(2)}
    assert after == {f"ivy/{name}" for name, later in LATER.items() if later.reason is None}


def test_the_diff_names_what_left_with_the_reason(grown: Grown) -> None:
    diff = json.loads(grown.version(2, "diff.json").read_text())
    rejected = {
        name: later.reason for name, later in LATER.items() if later.reason not in (None, "gated")
    }
    assert diff["sources"]["dropped"] == sorted(f"ivy/{name}" for name in rejected)
    for name, reason in rejected.items():
        assert diff["sources"]["withdrawn"][f"ivy/{name}"].startswith(f"{reason} since {SECOND}: ")
    dropped = diff["dropped"]
    assert dropped["by_reason"] == {"newest_rejected": dropped["number"]}
    assert "For research only." in diff["sources"]["withdrawn"]["ivy/restricted"]
    assert "For research only" in grown.version(2, "README.md").read_text()


def test_rows_that_stay_carry_the_licence_that_holds_now(grown: Grown) -> None:
    licences = {(row["dataset"], row["licence"]) for row in grown.train(2)}
    wanted = {(f"ivy/{name}", later.licence) for name, later in LATER.items() if not later.reason}
    assert licences == wanted
    full = pq.read_table(grown.version(2, "full/train-00000-of-00001.parquet")).to_pylist()
    assert {(row["dataset"], row["licence"]) for row in full} == wanted
    for name in ("tasks.parquet", "sources.parquet"):
        table = pq.read_table(grown.version(2, name)).to_pylist()
        assert {(row["dataset"], row["licence"]) for row in table} == wanted
    assert {row["licence"] for row in grown.train(1)} == {"mit"}, "a version stays what it was"


def test_the_card_tells_of_share_alike_and_of_the_conflict(grown: Grown) -> None:
    card = grown.version(2, "README.md").read_text()
    [box] = [line for line in card.splitlines() if line.startswith("> **Share-alike")]
    assert "ivy/lifted" in box
    assert "ivy/shared" in box
    assert "2 of 4 sources" in box
    assert "license: other" in card


def test_the_counts_reconcile_and_the_same_again_is_no_new_version(grown: Grown) -> None:
    [(taken, kept, rejected, reasons)] = grown.rows(
        "select taken, kept, rejected, reasons from growth_runs where step = 'select' and day = :d",
        d=SECOND,
    )
    assert taken == kept + rejected
    assert reasons["newest_rejected"] > 0
    assert snapshot(grown.services, SECOND).facts["new"] is False


def test_the_verdicts_of_a_later_day_do_not_reach_back(grown: Grown) -> None:
    assert snapshot(grown.services, FIRST).facts["same_as"] == 1


def test_both_versions_can_be_rebuilt_and_checked_to_the_last_row(grown: Grown) -> None:
    for version in (1, 2):
        verify_deeply(version, grown.services)
        assert restore_version(version, grown.services).written is False


def test_a_source_that_is_open_again_comes_back(
    grown: Grown, make_database: Callable[[], str], tmp_path: Path
) -> None:
    root = tmp_path / "hub"
    shutil.copytree(grown.home / "hub", root)
    add_commit_again(root, "ivy/closed", THIRD, card("mit", "\nOpen again.\n"))
    values = environment(grown.servers, make_database(), tmp_path, DYNOSAUR_VALIDITY="paper")
    with (
        serving(root, tmp_path / "logs") as servers,
        open_services(settings(values | {"HF_ENDPOINT": servers.hub})) as services,
    ):
        run_day(FIRST, services)
        for day in (SECOND, THIRD):
            for step in POLL_STEPS:
                step(GrowthDay.parse(day), services)
            report = training_set.select(GrowthDay.parse(day), services)
            assert ("ivy/closed" in report.facts["newest_rejected"]) is (day == SECOND)


def add_commit_again(root: Path, name: str, day: str, text: str) -> None:
    """Add a third revision, whose two earlier cards both stay readable."""
    index = root / "index.jsonl"
    entries = [json.loads(line) for line in index.read_text().splitlines()]
    entry = next(item for item in entries if item["id"] == name)
    newest = root / "datasets" / name / "README.md"
    older = newest.parent / "history" / f"{entry['sha']}.md"
    newest.rename(older)
    newest.write_text(text)
    sha, moment = "7" * 40, f"{day}T09:00:00Z"
    path = str(newest.relative_to(root))
    versions = entry["card_versions"]
    versions[0] |= {"path": str(older.relative_to(root))}
    commit = {"sha": sha, "date": moment, "title": "open", "files": ["README.md"]}
    entry |= {
        "sha": sha,
        "last_modified": moment,
        "commits": [commit, *entry["commits"]],
        "card_versions": [{"sha": sha, "date": moment, "path": path}, *versions],
    }
    index.write_text("".join(json.dumps(item) + "\n" for item in entries))


@pytest.mark.parametrize("licence", ["cc-by-nc-4.0", "cc-by-sa-4.0"])
def test_a_source_that_was_renamed_answers_for_its_rows(
    licence: str, grown: Grown, make_database: Callable[[], str], tmp_path: Path
) -> None:
    """It is listed under its new id, the old one leads on to it, and its licence is another one."""
    root = tmp_path / "hub"
    shutil.copytree(grown.home / "hub", root)
    move(root, "ivy/kept", "oak/kept", THIRD, card(licence))
    values = environment(grown.servers, make_database(), tmp_path, DYNOSAUR_VALIDITY="paper")
    with open_services(settings(values)) as services:
        run_day(FIRST, services)
    with (
        serving(root, tmp_path / "logs") as servers,
        open_services(settings(values | {"HF_ENDPOINT": servers.hub})) as services,
    ):
        report = audit.audit_sources(date(2026, 10, 12), services)
        with services.engine.begin() as connection:
            connection.execute(text("delete from catalogue"))  # as if nothing was listed yet
        for step in POLL_STEPS:
            step(GrowthDay.parse(THIRD), services)
        selected = training_set.select(GrowthDay.parse(THIRD), services)
    found = {name: (reason, words) for name, reason, words in report.facts["found"]}
    assert report.facts["renamed"] == 1
    if licence == "cc-by-sa-4.0":
        assert "ivy/kept" not in found
        assert selected.facts["licences"]["ivy/kept"] == "cc-by-sa-4.0"
    else:
        reason, words = found["ivy/kept"]
        assert reason == "licence_not_allowed"
        assert words.startswith("now oak/kept: cc-by-nc-4.0")
        assert "ivy/kept" in selected.facts["withdrawn"]


def move(root: Path, name: str, new_name: str, day: str, text: str) -> None:
    """Rename a dataset, and give it another card under the new name."""
    add_commit(root, name, day, text)
    old, new = (root / "datasets" / item for item in (name, new_name))
    new.parent.mkdir(exist_ok=True)
    old.rename(new)
    index = root / "index.jsonl"
    moved = [json.loads(line.replace(f"datasets/{name}/", f"datasets/{new_name}/"))
             for line in index.read_text().splitlines()]  # fmt: skip
    told = [
        entry
        | (
            {"id": new_name, "former_ids": [name], "tags": [], "license": []}
            if entry["id"] == name
            else {}
        )
        for entry in moved
    ]
    index.write_text("".join(json.dumps(entry) + "\n" for entry in told))


@pytest.mark.recording
def test_the_recorded_case(
    recorded_hub: Path, make_database: Callable[[], str], tmp_path: Path
) -> None:
    case = recorded_hub.parent / "cases" / "c12_newer_revision_dropped"
    if not case.is_dir():
        pytest.skip("the cases are not beside the checkout")
    root = tmp_path / "hub"
    root.mkdir()
    for folder in sorted((case / "datasets").iterdir()):
        name = folder.name.replace("__", "/")
        [first] = (folder / "history").iterdir()
        table = pq.read_table(folder / "default" / "train.parquet")
        write_dataset(root, name, "2022-01-10", first.read_text(), data__train_dot_parquet=table)
        add_commit(root, name, "2022-02-10", (folder / "README.md").read_text())
    with serving(root, tmp_path / "logs") as servers:
        values = environment(servers, make_database(), tmp_path, DYNOSAUR_VALIDITY="paper",
                             DYNOSAUR_SELECTION_SIZE="1000")  # fmt: skip
        with open_services(settings(values)) as services:
            run_day("2022-01-10", services)
            snapshot(services, "2022-01-10")
            run_day("2022-02-10", services)
            snapshot(services, "2022-02-10")
    version = tmp_path / "store" / "snapshots"
    before, after = (
        pq.read_table(version / name / "data" / "train-00000-of-00001.parquet").to_pylist()
        for name in ("v0001", "v0002")
    )
    assert {row["dataset"] for row in before} == {"u/relic", "u/confl", "u/nolic", "u/share"}
    assert {(row["dataset"], row["licence"]) for row in after} == {("u/share", "cc-by-sa-4.0")}


@pytest.mark.parametrize(
    ("reason", "of_configs", "wanted"),
    [
        (None, (), EarlierRows.STAY),
        (Reason.UNCHANGED, (), EarlierRows.AS_BEFORE),
        (Reason.ROWS_UNREADABLE, (), EarlierRows.STAY),
        (Reason.TOO_MANY_FILES, (), EarlierRows.STAY),
        (Reason.NO_USABLE_CONFIG, (Reason.NO_ROWS, Reason.ROWS_UNREADABLE), EarlierRows.STAY),
        (Reason.NO_USABLE_CONFIG, (Reason.NO_ROWS, Reason.MODALITY), EarlierRows.LEAVE),
        (Reason.NO_ROWS, (Reason.ROWS_UNREADABLE,), EarlierRows.LEAVE),
        (Reason.NO_DATA_FILES, (), EarlierRows.LEAVE),
        (Reason.CARD_UNREADABLE, (), EarlierRows.LEAVE),
        (Reason.NO_CARD, (), EarlierRows.LEAVE),
        (Reason.GONE, (), EarlierRows.LEAVE),
        (Reason.LICENCE_CONFLICT, (), EarlierRows.LEAVE),
    ],
)
def test_what_a_verdict_means_for_earlier_rows(
    reason: Reason | None, of_configs: tuple[Reason, ...], wanted: EarlierRows
) -> None:
    assert earlier_rows(reason, of_configs) is wanted
