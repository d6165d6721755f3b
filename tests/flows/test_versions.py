"""Versions as people work with them: grown, split, rebuilt, traced, collected and published."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import text

from dynosaur_etl.domain.errors import Corrupt, InvalidInput
from dynosaur_etl.domain.split import HeldOut
from dynosaur_etl.flows.snapshot import publish, version_details, versions
from dynosaur_etl.flows.snapshot.targets import aimed
from dynosaur_etl.flows.upkeep import audit
from dynosaur_etl.flows.upkeep import garbage as collect
from dynosaur_etl.snapshots.verify import verify_snapshot
from tests.flows.support import ROOT, dump_files
from tests.flows.versioned import DAYS, MONDAY, TRAIN, Grown, build


def tasks_of(table: pa.Table) -> set[str]:
    return set(table["task_key"].to_pylist())


def names_of(table: pa.Table) -> set[tuple[str, str]]:
    return set(zip(table["dataset"].to_pylist(), table["task_key"].to_pylist(), strict=True))


def test_what_is_held_out_is_neither_trained_on_nor_selected_from(grown: Grown) -> None:
    shares = {"held_out_share": "0.3", "held_out_task_share": "0.3"}
    services = grown.services(**shares, snapshot_full="true", selection_size="500")
    build(services)
    train, test = grown.table(1, TRAIN), grown.table(1, "data/test-00000-of-00001.parquet")
    full = grown.table(1, "full/train-00000-of-00001.parquet")
    rule = HeldOut(0.3, 0.3)
    assert tasks_of(train)
    assert all(rule.holds(*names) for names in names_of(test))
    assert not any(rule.holds(*names) for names in names_of(full))
    assert tasks_of(train) <= tasks_of(full)
    unseen = {name for name, key in names_of(test) if HeldOut(0.3).holds(name, key)}
    assert unseen
    assert unseen < {name for name, _ in names_of(test)}
    assert not unseen & {name for name, _ in names_of(full)}
    manifest = json.loads(grown.of(1, "manifest.json").read_text())
    counts = manifest["counts"]
    assert (counts["held_out"], counts["pool"]) == (len(test), len(full) + len(test))
    assert {name: manifest["parameters"][name] for name in shares} == dict.fromkeys(shares, 0.3)
    everything = grown.services(selection_size="500")
    build(everything)
    assert tasks_of(grown.table(2, TRAIN)) == tasks_of(train) | tasks_of(test)


def test_full_and_messages_are_there_by_setting_alone(grown: Grown) -> None:
    build(grown.services())
    assert not grown.of(1, "full").exists()
    assert "messages" not in grown.table(1, TRAIN).column_names
    build(grown.services(snapshot_full="true", snapshot_messages="true"))
    row = grown.table(2, TRAIN).to_pylist()[0]
    assert row["messages"] == [
        {"role": "user", "content": f"{row['instruction']}\n\n{row['input']}"},
        {"role": "assistant", "content": row["output"]},
    ]
    full = grown.table(2, "full/train-00000-of-00001.parquet")
    assert full.num_rows == json.loads(grown.of(2, "manifest.json").read_text())["counts"]["pool"]
    from datasets import load_dataset

    cache = str(grown.home / "cache")
    rows = load_dataset(str(grown.of(2, "")), split="train", cache_dir=cache)
    assert rows[0]["messages"] == row["messages"]
    whole = load_dataset(str(grown.of(2, "")), "full", split="train", cache_dir=cache)
    assert len(whole) == full.num_rows


def test_stable_growth_keeps_the_living_picks_first_and_adds(grown: Grown) -> None:
    build(grown.services(), DAYS[0], k=12)
    stable = grown.services(selection_growth="stable")
    facts = build(stable, k=30)
    before, after = (grown.table(n, TRAIN)["instance_key"].to_pylist() for n in (1, 2))
    assert after[:12] == before
    assert len(set(after)) == 30
    diff = json.loads(grown.of(2, "diff.json").read_text())
    assert (diff["kept"]["number"], diff["dropped"]["number"]) == (12, 0)
    coverage = grown.table(2, "selection.parquet")["coverage"].to_pylist()
    assert coverage == sorted(coverage)
    assert build(stable, k=30) == {**facts, "new": False}, "selecting again makes no version"
    audit.withdraw("reed/lake", "asked to", MONDAY, stable)
    build(stable, k=30)
    alive = [row["instance_key"] for row in grown.table(2, TRAIN).to_pylist()
             if row["dataset"] != "reed/lake"]  # fmt: skip
    now = grown.table(3, TRAIN)["instance_key"].to_pylist()
    assert now[: len(alive)] == alive
    assert len(now) == 30


def test_fresh_growth_looks_at_no_version(grown: Grown) -> None:
    build(grown.services(selection_growth="stable"), DAYS[0], k=12)
    build(grown.services(), k=30)
    build(grown.services(selection_growth="stable"), DAYS[0], k=12)
    selections = [grown.of(n, "selection.parquet").read_bytes() for n in (1, 2)]
    other = grown.services(selection_growth="fresh")
    build(other, DAYS[0], k=12)
    assert selections[0] == grown.of(1, "selection.parquet").read_bytes()


def test_a_withdrawn_source_is_named_in_the_diff_with_the_reason(grown: Grown) -> None:
    services = grown.services()
    build(services)
    name = grown.table(1, TRAIN)["dataset"][0].as_py()
    audit.withdraw(name, "its author asked us to", MONDAY, services)
    build(services)
    changes = version_details.diff_versions(1, 2, services)
    words = "withdrawn since 2026-10-12: its author asked us to"
    assert changes.diff.sources.withdrawn == {name: words}
    assert changes.diff.dropped.by_reason["withdrawn"] == changes.diff.dropped.by_source[name]
    back = version_details.diff_versions(2, 1, services)
    assert back.diff.added.by_reason["readmitted"] > 0
    assert words in grown.of(2, "README.md").read_text().replace("\\", "").replace("&#58;", ":")


def test_a_version_is_rebuilt_from_the_store_byte_by_byte(grown: Grown) -> None:
    services = grown.services(snapshot_full="true", held_out_share="0.3", snapshot_messages="true")
    build(services)
    build(services, k=9)
    before = {name: sha for name, sha in dump_files(grown.home).items() if "snapshots/v" in name}
    assert versions.restore_version(2, services).written is False
    shutil.rmtree(grown.of(1, ""))
    grown.of(2, "tasks.parquet").unlink()
    with pytest.raises(Corrupt, match="dynosaur restore v0001"):
        versions.restore_version(2, services)
    plain = grown.services()
    assert versions.restore_version(1, plain).written
    assert versions.restore_version(2, plain).written
    after = {name: sha for name, sha in dump_files(grown.home).items() if "snapshots/v" in name}
    assert after == before


def test_a_store_that_gives_other_bytes_replaces_nothing(grown: Grown) -> None:
    services = grown.services()
    build(services)
    grown.of(1, "tasks.parquet").unlink()
    with services.engine.begin() as connection:
        connection.execute(
            text("update snapshots set facts = jsonb_set(facts, '{recipe,counts,pool}', '999')")
        )
    left = dump_files(grown.home)
    with pytest.raises(Corrupt, match="rebuilt with manifest"):
        versions.restore_version(1, services)
    assert dump_files(grown.home) == left


def test_deep_verification_follows_rows_to_the_store_and_sources_to_their_revision(
    grown: Grown,
) -> None:
    services = grown.services()
    build(services)
    versions.verify_deeply(1, services)
    with services.engine.begin() as connection:
        connection.execute(
            text("update candidates set revision = 'moved' where dataset_id = 'reed/lake'")
        )
    with pytest.raises(Corrupt, match=r"sources\.parquet: found reed/lake at .* in row"):
        versions.verify_deeply(1, services)


def test_deep_verification_names_a_row_that_the_store_does_not_hold(
    grown: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = grown.services()
    build(services, k=9)
    recipe = versions._recipe(versions.version_record(1, services))
    first, *rest = recipe.instances
    table = services.storage.read_table(first)
    answers = [f"{answer} or not" for answer in table["output"].to_pylist()]
    at = table.schema.get_field_index("output")
    changed = table.set_column(at, table.schema.field(at), pa.array(answers))
    other = services.storage.write_table("instances", changed).path
    made_of_another = replace(recipe, instances=[other, *rest])
    monkeypatch.setattr(versions, "_recipe", lambda _: made_of_another)
    versions.verify_snapshot(1, services)
    with pytest.raises(Corrupt, match=r"of-00001\.parquet: found another output in row"):
        versions.verify_deeply(1, services)


def test_builds_at_the_same_time_queue_and_make_one_version(grown: Grown) -> None:
    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(lambda _: build(grown.services()), range(3)))
    assert [report["version"] for report in reports] == [1, 1, 1]
    assert sorted(report["new"] for report in reports) == [False, False, True]


def test_the_collector_takes_what_nothing_needs_and_never_a_versions(grown: Grown) -> None:
    services = grown.services()
    build(services, k=9)
    build(services, k=8)  # the step's files of k=9 have no row now, but version 1 needs them
    store = grown.home / "store"
    orphans = {f"instances/aa/{'a' * 64}.parquet": "old pool",
               f"snapshot_parts/bb/{'b' * 64}.parquet": "orphan",
               f"scores/cc/{'c' * 64}.parquet.{'d' * 32}": "unfinished",
               "snapshots/.unfinished-x/v0009/tasks.parquet": "unfinished",
               "notes.txt": None}  # fmt: skip
    for name in orphans:
        (store / name).parent.mkdir(parents=True, exist_ok=True)
        (store / name).write_text("x")
    waiting = f"samples/ee/{'e' * 64}.parquet"
    (store / waiting).parent.mkdir(parents=True, exist_ok=True)
    (store / waiting).write_text("of a part of a step that is not committed yet")
    with services.engine.begin() as connection:
        connection.execute(
            text(
                "insert into checkpoints (day, step, item, fingerprint, result) "
                "values ('2026-10-05', 'examine', 'x', 'f', cast(:result as jsonb))"
            ),
            {"result": json.dumps({"files": [{"path": waiting}]})},
        )
    later = datetime.now(UTC) + timedelta(hours=1)
    day = timedelta(hours=24)
    assert collect.find_garbage(services, day, later) == []
    found = collect.find_garbage(services, timedelta(0), later)
    assert {item.path: item.why for item in found} == {
        name: why for name, why in orphans.items() if why
    }
    collect.collect(services, timedelta(0), later)
    assert (store / "notes.txt").exists()
    assert collect.find_garbage(services, timedelta(0), later) == []
    for version in (1, 2):
        versions.verify_deeply(version, services)
        shutil.rmtree(grown.of(version, ""))
        assert versions.restore_version(version, services).written


def test_what_a_killed_build_left_goes_with_the_next_one(grown: Grown) -> None:
    services = grown.services()
    left = grown.home / "store" / "snapshots" / ".unfinished-y" / "v0001"
    left.mkdir(parents=True)
    (left / "README.md").write_text("half")
    build(services)
    assert [path.name for path in (grown.home / "store" / "snapshots").iterdir()] == ["v0001"]


def test_publishing_to_a_folder_moves_its_pointer_last_and_never_back(
    grown: Grown, tmp_path: Path
) -> None:
    services = grown.services(publish_url=str(tmp_path / "shared"))
    build(services, k=9)
    build(services, k=8)
    assert publish.publish_version(2, services).facts["copy_new"] is True
    assert publish.publish_version(1, services).facts["copy_new"] is True
    pointer = json.loads((tmp_path / "shared" / "latest.json").read_text())
    assert (pointer["version"], pointer["path"]) == (2, "snapshots/v0002")
    assert publish.publish_version(2, services).facts["copy_new"] is False
    sha256 = versions.version_record(2, services).manifest_sha256
    assert verify_snapshot(tmp_path / "shared" / pointer["path"], sha256) == []


def test_an_unsound_version_is_not_published(grown: Grown, tmp_path: Path) -> None:
    services = grown.services(publish_url=str(tmp_path / "shared"))
    build(services)
    grown.of(1, "tasks.parquet").write_bytes(b"")
    with pytest.raises(Corrupt, match=r"tasks\.parquet"):
        publish.publish_version(1, services)
    assert not (tmp_path / "shared").exists()


def test_no_target_is_told(grown: Grown) -> None:
    services = grown.services()
    assert publish.publish_version(build(services)["version"], services).counts.taken == 0
    with pytest.raises(InvalidInput, match="DYNOSAUR_PUBLISH_REPO"):
        aimed(services.settings, "")


def full_disk() -> None:
    """Let the kernel refuse every byte past 6 kB of a file, as a full disk refuses them."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))


def test_a_full_disk_leaves_the_last_version_and_a_rerun_finishes(grown: Grown) -> None:
    services = grown.services()
    build(services, k=9)
    before = {name: sha for name, sha in dump_files(grown.home).items() if "snapshots/" in name}
    values = {**os.environ, **grown.values, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "dynosaur_etl", "snapshot", "-k", "20", "--json"]
    run = {"cwd": ROOT, "env": values, "capture_output": True, "text": True}
    ended = subprocess.run(command, preexec_fn=full_disk, **run)
    assert ended.returncode == 4, ended.stderr
    assert json.loads(ended.stdout)["error"]["kind"] == "StoreUnavailable"
    after = {name: sha for name, sha in dump_files(grown.home).items() if "snapshots/" in name}
    assert after == before
    versions.verify_snapshot(1, services)
    assert build(services, k=20)["version"] == 2


KILLED = """
import sys
from tests.flows.killed_run import arm
target, nth, moment = sys.argv[1:]
arm(target, int(nth), moment)
from dynosaur_etl.cli.main import app
app(["snapshot", "-k", "20"])
"""

KILLS = [
    ("dynosaur_etl.snapshots.build:write_features_parquet", 2, "after"),
    ("dynosaur_etl.store.storage:Storage._put_files", 1, "after"),
    ("dynosaur_etl.flows.snapshot.versions:add_version", 1, "before"),
]


def of_version_one(grown: Grown) -> dict[str, str]:
    files = dump_files(grown.home).items()
    return {name: sha256 for name, sha256 in files if name.startswith("snapshots/v0001/")}


def test_builds_that_are_killed_leave_the_last_version_and_a_rerun_finishes(grown: Grown) -> None:
    services = grown.services()
    build(services, k=9)
    before = of_version_one(grown)
    values = {**os.environ, **grown.values}
    for target, nth, moment in KILLS:
        command = [sys.executable, "-c", KILLED, target, str(nth), moment]
        ended = subprocess.run(command, cwd=ROOT, env=values, capture_output=True, text=True)
        assert ended.returncode == -signal.SIGKILL, f"{target}: {ended.stderr}"
        assert [line.version for line in version_details.list_versions(services)] == [1]
        assert of_version_one(grown) == before
        versions.verify_snapshot(1, services)
    assert before
    assert build(services, k=20)["version"] == 2
    folders = (grown.home / "store" / "snapshots").iterdir()
    assert sorted(path.name for path in folders) == ["v0001", "v0002"]


def test_each_command_prints_one_object(grown: Grown) -> None:
    services = grown.services()
    build(services, k=9)
    build(services, k=8)
    values = {**os.environ, **grown.values}

    def dynosaur(*arguments: str) -> Any:
        command = [sys.executable, "-m", "dynosaur_etl", *arguments]
        ended = subprocess.run(command, cwd=ROOT, env=values, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    listed = json.loads(dynosaur("snapshots", "--json"))["snapshots"]
    assert [row["version"] for row in listed] == [1, 2]
    shown = json.loads(dynosaur("show", "v0002", "--json"))
    assert shown["files"][TRAIN]["rows"] == 8
    assert shown["licences"]["mit"]["rows"] == 8
    assert json.loads(dynosaur("diff", "1", "2", "--json"))["kept"]["number"] <= 8
    assert "rows of v0001 stayed in v0002" in dynosaur("diff", "1", "2")
    assert json.loads(dynosaur("gc", "--dry-run", "--json")) == {"removed": False, "files": []}
