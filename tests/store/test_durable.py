import os
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pyarrow as pa
import pytest
from sqlalchemy import text

from dynosaur_etl.domain.errors import StoreUnavailable
from dynosaur_etl.store import durable
from dynosaur_etl.store.database import connect, transaction
from dynosaur_etl.store.storage import Storage
from tests.store.power_cut import Disk


def table(number: int) -> pa.Table:
    return pa.table({"x": [number]})


def test_a_file_is_synced_then_named_then_its_folders_then_the_row_is_committed(
    database_url: str, tmp_path: Path
) -> None:
    disk, engine = Disk(tmp_path / "new" / "store"), connect(database_url)
    with disk.recording():
        storage = Storage(str(disk.root))
        with transaction(engine) as session:
            path = storage.write_table("k", table(1)).path
            assert not disk.keeps(path)
            session.execute(text("select 1"))
        assert disk.keeps(path)
    final = disk.root / path
    at = {call: number for number, call in enumerate(disk.calls)}
    [synced] = [at[call] for call in at if ".unfinished-" in call]
    folders = [at[f"fsync {folder}"] for folder in final.parents if folder >= tmp_path]
    assert synced < at[f"replace {final}"] < min(folders)
    assert len(folders) == 5  # two below the store, the store, the folder it is in, and above


def test_many_files_of_a_folder_cost_one_sync_of_it(tmp_path: Path) -> None:
    storage, disk = Storage(str(tmp_path)), Disk(tmp_path)
    durable.settle()
    with disk.recording():
        for number in range(300):
            storage.write_table("k", table(number))
        durable.settle()
        durable.settle()
    folders = [call for call in disk.calls if not call.endswith(".parquet")]
    assert len(folders) == len(set(folders)) <= 258


def test_a_file_that_is_there_already_is_on_the_disk_all_the_same(tmp_path: Path) -> None:
    """Whoever wrote it may have died before it could sync it."""
    first, disk = Storage(str(tmp_path)).write_table("k", table(1)), Disk(tmp_path)
    with disk.recording():
        Storage(str(tmp_path)).write_table("k", table(1))
        durable.settle()
    assert f"fsync {(tmp_path / first.path).parent}" in disk.calls
    assert any(".unfinished-" in call for call in disk.calls)


def test_a_folder_and_a_small_file_are_on_the_disk_as_a_whole(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "store")
    (tmp_path / "made" / "data").mkdir(parents=True)
    (tmp_path / "made" / "data" / "a").write_text("a")
    (tmp_path / "made" / "last").write_text("last")
    with disk.recording():
        storage = Storage(str(disk.root))
        storage.place_folder(tmp_path / "made", "snapshots/v0001", "last")
        assert not disk.keeps("snapshots/v0001")
        storage.write_bytes("latest.json", b"{}")
        assert disk.keeps("snapshots/v0001")
        assert disk.keeps("latest.json")
    calls = [call.removeprefix(f"fsync {disk.root}") for call in disk.calls]
    assert calls.index("/snapshots") < calls.index(f"replace {disk.root}/latest.json")


def test_who_commits_while_another_syncs_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    storage, real = Storage(str(tmp_path)), os.fsync
    durable.settle()
    storage.write_table("k", table(1))

    def slowly(handle: int) -> None:
        if not second.is_alive() and not done:
            second.start()
            second.join(0.3)
        real(handle)
        done.append("synced")

    def commit() -> None:
        durable.settle()
        done.append("committed")

    second = Thread(target=commit)
    monkeypatch.setattr(os, "fsync", slowly)
    durable.settle()
    second.join()
    assert done[-1] == "committed"
    assert done.count("synced") >= 3


def test_what_the_disk_does_not_take_is_no_commit_and_is_tried_again(
    make_database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, storage, disk = connect(make_database()), Storage(str(tmp_path)), Disk(tmp_path)

    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    durable.settle()
    path = storage.write_table("k", table(1)).path
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        with pytest.raises(StoreUnavailable, match="Input/output error"), transaction(engine) as s:
            s.execute(text("create table lost (n int)"))
        with pytest.raises(StoreUnavailable, match="Input/output error"):
            storage.write_table("k", table(2))
    with disk.recording(), transaction(engine) as session:
        assert session.scalar(text("select to_regclass('lost')")) is None
    assert f"fsync {(tmp_path / path).parent}" in disk.calls
