"""The head: what the next version follows and publishing takes, and how operators move it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from dynosaur_etl.domain.errors import Corrupt, InvalidInput
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.jsonable import to_json
from dynosaur_etl.flows import training_set
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.snapshot import heads, publish, version_details, versions
from dynosaur_etl.flows.snapshot.targets import address, aimed, without_login
from dynosaur_etl.flows.upkeep import audit
from dynosaur_etl.flows.views import version_figures as views
from dynosaur_etl.flows.views.overview import overview
from dynosaur_etl.flows.views.source_shares import SourceSearch, find_sources
from dynosaur_etl.snapshots.manifest import read_manifest
from dynosaur_etl.snapshots.verify import verify_snapshot
from dynosaur_etl.store.facts.snapshot_versions import head_version
from tests.flows.support import dump_files, run_day, settings
from tests.flows.versioned import DAYS, MONDAY, TRAIN, Grown, build


def head(services: Services) -> int:
    found = head_version(services.engine)
    assert found is not None
    return found.version


def heal(services: Services, name: str = "reed/lake") -> None:
    audit.readmit(name, MONDAY, services)


def spoil(services: Services, name: str = "reed/lake") -> None:
    audit.withdraw(name, "a mistake", MONDAY, services)


def files_of(grown: Grown) -> dict[str, str]:
    return {name: sha for name, sha in dump_files(grown.home).items() if "snapshots/v" in name}


def test_what_heals_becomes_the_head_by_a_new_number_with_the_same_files(grown: Grown) -> None:
    services = grown.services()
    good = build(services)
    spoil(services)
    bad = build(services)
    heal(services)
    before = files_of(grown)
    healed = build(services)
    assert (good["version"], bad["version"], healed["version"]) == (1, 2, 3)
    assert (healed["new"], healed["same_as"], healed["path"]) == (True, 1, good["path"])
    assert files_of(grown) == before, "no file is written twice"
    assert head(services) == 3
    assert build(services)["version"] == 3, "selecting again makes no version"
    row = versions.version_record(3, services)
    assert (row.parent, row.manifest_sha256) == (
        2,
        versions.version_record(1, services).manifest_sha256,
    )
    versions.verify_deeply(3, services)


def test_a_version_after_one_with_borrowed_files_names_it_as_its_parent(grown: Grown) -> None:
    services = grown.services()
    build(services)
    spoil(services)
    build(services)
    heal(services)
    build(services)
    fourth = build(services, k=15)
    manifest = read_manifest(grown.of(4, ""))
    assert manifest.parent is not None
    assert (fourth["version"], manifest.parent.version) == (4, 3)
    assert manifest.parent.manifest_sha256 == versions.version_record(1, services).manifest_sha256
    stored = views.compare(services, 3, 4)
    assert to_json(stored) == json.loads(grown.of(4, "diff.json").read_text())
    borrowed = views.compare(services, 2, 3)
    assert borrowed.added.by_source["reed/lake"] > 0, "not the diff that v0001 was made with"
    for version in (1, 3, 4):
        shutil.rmtree(grown.of(versions.version_record(version, services).same_as or version, ""))
        with pytest.raises(Corrupt, match=f"restore v{version:04d}"):
            versions.verify_snapshot(version, services)
        assert versions.restore_version(version, services).written
        versions.verify_snapshot(version, services)


@pytest.mark.parametrize("target", [1, 2])
def test_a_rollback_makes_a_chosen_version_the_head_and_holds(grown: Grown, target: int) -> None:
    services = grown.services()
    build(services)
    build(services, k=15)
    spoil(services)
    build(services)
    before = files_of(grown)
    facts = heads.rollback(target, services).facts
    assert (facts["version"], facts["new"], facts["same_as"]) == (4, True, target)
    assert heads.rollback(4, services).facts["new"] is False, "it is the head already"
    assert heads.rollback(target, services).facts["version"] == 4
    assert head(services) == 4
    held = build(services)
    assert (held["version"], held["new"], held["set_aside"]) == (4, False, 3)
    assert files_of(grown) == before
    spoil(services, "reed/hill")
    moved = build(services)
    assert (moved["version"], moved["new"]) == (5, True), "something else was selected"
    assert head(services) == 5
    forward = heads.rollback(3, services).facts
    assert (forward["version"], forward["same_as"]) == (6, 3)


def test_a_rollback_to_what_is_not_there_or_not_whole_moves_nothing(grown: Grown) -> None:
    services = grown.services()
    with pytest.raises(InvalidInput, match="no snapshot has been made"):
        heads.rollback(1, services)
    build(services)
    build(services, k=15)
    with pytest.raises(InvalidInput, match="1 to 2"):
        heads.rollback(9, services)
    grown.of(1, TRAIN).write_bytes(b"not what was written")
    with pytest.raises(Corrupt, match="v0001"):
        heads.rollback(1, services)
    assert head(services) == 2


def test_a_stable_growth_goes_on_from_the_head(grown: Grown) -> None:
    stable = grown.services(selection_growth="stable")
    build(stable, DAYS[0], k=12)
    build(stable, DAYS[0], k=18)
    heads.rollback(1, stable)
    facts = build(stable, k=25)
    first, fourth = (grown.table(n, TRAIN)["instance_key"].to_pylist() for n in (1, 4))
    assert facts["version"] == 4
    assert fourth[:12] == first


def test_a_trial_is_a_version_but_never_the_head(grown: Grown) -> None:
    services = grown.services()
    assert heads.is_trial(services.settings, 19)
    assert not heads.is_trial(services.settings, 20)
    assert not heads.is_trial(services.settings, None)
    with pytest.raises(InvalidInput, match="no version is the head yet"):
        publish.head_number(services)
    first = build(services, k=5, trial=True)
    assert (first["version"], first["trial"]) == (1, True)
    assert head_version(services.engine) is None
    whole = build(services)
    assert versions.version_record(2, services).parent is None, "a trial is nobody's parent"
    trial = build(services, k=7, trial=True)
    assert (trial["version"], trial["new"], head(services)) == (3, True, whole["version"])
    assert build(services, k=7, trial=True)["new"] is False
    asked = build(services, k=7)
    assert (asked["version"], asked["same_as"], head(services)) == (4, 3, 4)
    assert publish.head_number(services) == 4
    assert build(services)["same_as"] == 2
    status = {line.version: line for line in overview(services).snapshots}
    assert [number for number, line in status.items() if line.trial] == [1, 3]
    assert [number for number, line in status.items() if line.head] == [5]
    assert find_sources(services, SourceSearch()).version == 5


def test_a_rollback_to_a_trial_holds_and_so_do_those_before_it(grown: Grown) -> None:
    services = grown.services()
    build(services, k=17)
    build(services)
    assert heads.rollback(1, services).facts["version"] == 3
    trial = build(services, k=15, trial=True)["version"]
    assert heads.rollback(trial, services).facts["version"] == 5
    for _ in range(2):
        held = build(services)
        assert (held["version"], held["new"], held["set_aside"]) == (5, False, 2)
    assert build(services, k=17)["set_aside"] == 3, "the head that was moved off"
    assert heads.rollback(2, services).facts["version"] == 6
    assert build(services)["new"] is False
    assert head(services) == 6


def test_a_trial_that_is_the_head_already_is_no_version(grown: Grown) -> None:
    services = grown.services()
    build(services, k=7)
    trial = build(services, k=7, trial=True)
    assert (trial["version"], trial["new"], trial["trial"]) == (1, False, False)
    assert heads.rollback(1, services).facts["new"] is False


@pytest.mark.parametrize("growth", ["fresh", "stable"])
@pytest.mark.parametrize("empty", ["2026-09-30", "2026-10-09"], ids=["before", "after"])
def test_an_empty_day_makes_no_identical_version(
    grown: Grown, days_hub: Any, growth: str, empty: str
) -> None:
    services = days_hub(grown, selection_growth=growth)
    first = build(services)
    run_day(empty, services)
    last = max(empty, DAYS[-1])
    again = build(services, last)
    assert (again["version"], again["new"]) == (first["version"], False)
    assert [line.version for line in version_details.list_versions(services)] == [1]
    spoil(services)
    assert build(services, last)["new"] is True, "what changes the content makes a version"


@pytest.fixture
def days_hub(days_grown: Grown, tmp_path: Path) -> Any:
    """Services whose Hub is served again, as it was when the days were grown."""
    from contextlib import ExitStack

    from tests.flows.support import environment, serving

    with ExitStack() as stack:

        def services(copy: Grown, **values: str) -> Services:
            servers = stack.enter_context(serving(days_grown.home / "hub", tmp_path / "logs"))
            url, home = copy.values["DYNOSAUR_DATABASE_URL"], copy.home
            copy.values.update(environment(servers, url, home))
            return copy.services(**values)

        yield services


def test_every_version_shows_where_it_was_published(grown: Grown, tmp_path: Path) -> None:
    folder = str(tmp_path / "shared")
    services = grown.services(publish_url=folder)
    build(services, k=9)
    build(services, k=8)
    assert not publish.is_published(1, services)
    report = publish.publish_version(1, services)
    assert (report.facts["published"], report.facts["latest"]) == (1, "latest.json names it now")
    assert publish.publish_version(1, services).facts["published"] == 0
    assert publish.is_published(1, services)
    lines = version_details.list_versions(services)
    assert [part.target for part in lines[0].published] == [folder]
    assert lines[0].published[0].place == "snapshots/v0001"
    assert lines[1].published == []
    assert version_details.show_version(1, services).summary.published == lines[0].published
    assert views.version_report(services, 1).figures.published == lines[0].published
    assert views.version_lines(services)[0].published == []


def test_publishing_says_what_it_does_with_the_pointer(grown: Grown, tmp_path: Path) -> None:
    services = grown.services(publish_url=str(tmp_path / "shared"))
    build(services, k=9)
    build(services, k=8)
    first = publish.publish_version(2, services).facts["latest"]
    assert first == "latest.json names it now"
    older = publish.publish_version(1, services).facts["latest"]
    assert older == "latest.json stays at v0002, which is newer"
    assert publish.publish_version(2, services).facts["latest"] == "latest.json names it"
    rolled = heads.rollback(1, services).facts["version"]
    told = publish.publish_version(rolled, services)
    assert told.facts["latest"] == "latest.json names it now in place of v0002"
    assert told.facts["published"] == 1
    pointer = json.loads((tmp_path / "shared" / "latest.json").read_text())
    assert (pointer["version"], pointer["path"]) == (3, "snapshots/v0001")
    sha256 = versions.version_record(3, services).manifest_sha256
    assert verify_snapshot(tmp_path / "shared" / pointer["path"], sha256) == []
    assert sorted(path.name for path in (tmp_path / "shared" / "snapshots").iterdir()) == [
        "v0001", "v0002",
    ]  # fmt: skip


def test_what_a_run_does_not_publish_it_gives_a_reason_for(grown: Grown, tmp_path: Path) -> None:
    silent = grown.services()
    build(silent)
    build(silent, k=7, trial=True)
    build(silent, k=9)
    assert "neither DYNOSAUR_PUBLISH_REPO" in str(publish.why_not_published(3, silent))
    services = grown.services(publish_url=str(tmp_path / "shared"))
    assert publish.why_not_published(1, services) == "v0001 is not the head; v0003 is"
    assert publish.why_not_published(2, services) == "v0002 is a trial"
    assert publish.why_not_published(3, services) is None


def test_more_than_the_pool_has_is_told(grown: Grown) -> None:
    services = grown.services()
    facts = build(services, k=100_000)
    assert facts["asked"] == 100_000
    assert facts["pool"] == facts["rows"] < 200
    for more in (facts["pool"], facts["pool"] + 1):
        again = build(services, k=more)
        assert (again["version"], again["new"]) == (1, False), "the whole pool is the whole pool"
    assert build(services, k=facts["pool"] - 1)["new"]


def test_tasks_of_a_revision_that_is_examined_no_more_are_cited(grown: Grown) -> None:
    services = grown.services()
    build(services)
    with services.engine.begin() as connection:
        moved = "update revisions set sha = repeat('f', 40) where dataset_id = 'reed/lake'"
        assert connection.execute(text(moved)).rowcount == 1
    build(services, k=15)
    before, after = (grown.table(version, "sources.parquet").to_pylist() for version in (1, 2))
    known = [row["licence"] for row in before if row["dataset"] == "reed/lake"]
    assert [row["licence"] for row in after if row["dataset"] == "reed/lake"] == known
    assert len(after) == len(before)


def test_a_version_of_an_older_store_is_followed_and_rolled_back_to(grown: Grown) -> None:
    services = grown.services()
    build(services)
    build(services, k=15)
    with services.engine.begin() as connection:  # as the rows were before heads
        connection.execute(text("update snapshots set facts = facts - 'recipe' where version = 1"))
    assert heads.rollback(1, services).facts["version"] == 3
    assert build(services, k=12)["version"] == 4


REFUSED = [
    "mysets", "team/set/more", "team", "/", "set name/x", "https://huggingface.co/datasets",
    "https://example.org/team/set", "s4://bucket/x", "s3:/bucket/x", "s3://", "C:\\sets",
    "team//set",
    "http://127.0.0.1:1/x", "-x/y", "team/..", "hf://team/set", "memory://x", "~", "..", ".",
]  # fmt: skip


@pytest.mark.parametrize("to", [to for to in REFUSED if to != "/"])
def test_a_target_that_is_not_surely_one_is_refused(to: str) -> None:
    with pytest.raises(InvalidInput, match="--to: received"):
        aimed(settings({}), to)


@pytest.mark.parametrize(
    ("to", "repo", "url"),
    [
        ("team/set", "team/set", ""),
        ("hf://datasets/team/set", "team/set", ""),
        ("https://hub.example/datasets/team/set.v1", "team/set.v1", ""),
        ("/srv/sets", "", "/srv/sets"),
        ("./sets", "", "sets"),
        ("../sets/x", "", "../sets/x"),
        ("file:///srv/sets", "", "file:///srv/sets"),
        ("s3://bucket/folder?region=eu-west-1", "", "s3://bucket/folder?region=eu-west-1"),
        ("gs://bucket/folder", "", "gs://bucket/folder"),
    ],
)
def test_a_target_is_a_repository_a_folder_or_a_url(to: str, repo: str, url: str) -> None:
    found = aimed(settings({"HF_ENDPOINT": "https://hub.example"}), to)
    assert (found.publish_repo, found.publish_url) == (repo, url)


def test_a_name_that_is_a_folder_here_too_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "team" / "set").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput, match=r"\./team/set for the folder"):
        aimed(settings({}), "team/set")
    assert aimed(settings({}), "./team/set").publish_url == "team/set"


def test_a_login_is_never_shown() -> None:
    assert without_login("s3://key:secret@bucket/x?endpoint_override=h") == "s3://bucket/x"
    assert without_login("/srv/sets") == "/srv/sets"
    assert without_login("./sets") == "./sets"


def test_an_address_is_the_same_from_every_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert address("sets") == address("./sets") == str(tmp_path.resolve() / "sets")
    assert address("s3://key:secret@bucket/x") == "s3://bucket/x"


def test_the_day_of_the_head_is_that_of_its_content(grown: Grown) -> None:
    services = grown.services()
    build(services, DAYS[0])
    build(services)
    report = heads.rollback(1, services)
    assert report.day == DAYS[0]
    assert training_set.newest_grown_day(services) == DAYS[1]
    assert str(GrowthDay.parse(report.day)) == DAYS[0]
