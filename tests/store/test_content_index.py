"""The index of content keys: what it finds, what it reads, and when it forgets."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, text
from sqlalchemy.exc import ProgrammingError

from dynosaur_etl.store import content_index
from dynosaur_etl.store.content_index import content_hash, files_with, forget_unused_files
from dynosaur_etl.store.database import connect
from dynosaur_etl.store.storage import Storage
from dynosaur_etl.store.tables import FileRow
from tests.store.factories import put

KIND, OTHER = "scores/one/1", "scores/other/1"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = connect(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(str(tmp_path))


def add_file(engine: Engine, storage: Storage, day: str, keys: list[str], kind: str = KIND) -> str:
    table = pa.table({"content_key": pa.array(keys, pa.string()), "day": [day] * len(keys)})
    file = storage.write_table(kind, table)
    put(engine, FileRow(kind=kind, day=day, name="0", **vars(file)))
    return file.path


def test_only_files_of_the_kind_that_hold_a_key_are_named(engine: Engine, storage: Storage) -> None:
    first = add_file(engine, storage, "2026-10-05", ["a", "b", "b"])
    second = add_file(engine, storage, "2026-10-06", ["b", "ü\x00", ""])
    add_file(engine, storage, "2026-10-06", ["a", "c"], OTHER)
    add_file(engine, storage, "2026-10-07", [])
    assert files_with(engine, storage, KIND, ["a"]) == [first]
    assert files_with(engine, storage, KIND, ["ü\x00", "c"]) == [second]
    assert files_with(engine, storage, KIND, ["b", "b"]) == sorted([first, second])
    assert files_with(engine, storage, KIND, ["c"]) == []
    assert files_with(engine, storage, KIND, []) == []


def test_a_file_is_read_once(engine: Engine, storage: Storage) -> None:
    add_file(engine, storage, "2026-10-05", ["a"])
    files_with(engine, storage, KIND, ["a"])
    second = add_file(engine, storage, "2026-10-06", ["a", "x"])
    reading = mock.Mock(wraps=storage.read_table)
    with mock.patch.object(storage, "read_table", reading):
        assert len(files_with(engine, storage, KIND, ["a"])) == 2
        files_with(engine, storage, KIND, ["x"])
    assert [call.args[0] for call in reading.call_args_list] == [second]


def test_more_keys_than_one_query_takes_are_all_looked_for(
    engine: Engine, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_index, "_AT_ONCE", 3)
    paths = [add_file(engine, storage, f"2026-10-{day:02d}", [f"k{day}"]) for day in range(1, 11)]
    keys = [f"k{day}" for day in range(1, 11)]
    assert files_with(engine, storage, KIND, keys) == sorted(paths)


def test_a_file_that_no_day_has_any_more_is_passed_over_and_forgotten(
    engine: Engine, storage: Storage
) -> None:
    old = add_file(engine, storage, "2026-10-05", ["a"])
    assert files_with(engine, storage, KIND, ["a"]) == [old]
    with engine.begin() as connection:
        connection.execute(delete(FileRow).where(FileRow.path == old))
    storage.remove_older(old, datetime.now(UTC) + timedelta(hours=1))
    assert files_with(engine, storage, KIND, ["a"]) == []
    assert (forget_unused_files(engine), forget_unused_files(engine)) == (1, 0)
    with engine.connect() as connection:
        assert connection.scalar(text("select count(*) from content_keys")) == 0


def test_a_file_that_two_days_share_is_indexed_once(engine: Engine, storage: Storage) -> None:
    table = pa.table({"content_key": ["a"]})
    file = storage.write_table(KIND, table)
    for day in ("2026-10-05", "2026-10-06"):
        put(engine, FileRow(kind=KIND, day=day, name="0", **vars(file)))
    assert files_with(engine, storage, KIND, ["a"]) == [file.path]
    with engine.begin() as connection:
        connection.execute(delete(FileRow).where(FileRow.day == "2026-10-05"))
    assert forget_unused_files(engine) == 0
    assert files_with(engine, storage, KIND, ["a"]) == [file.path]


def test_an_indexing_that_was_cut_short_leaves_nothing_behind(
    engine: Engine, storage: Storage
) -> None:
    path = add_file(engine, storage, "2026-10-05", ["a"])
    with engine.begin() as connection:
        connection.execute(text("alter table content_keys rename to elsewhere"))
    with pytest.raises(ProgrammingError, match="content_keys"):
        files_with(engine, storage, KIND, ["a"])
    with engine.begin() as connection:
        connection.execute(text("alter table elsewhere rename to content_keys"))
        assert connection.scalar(text("select count(*) from indexed_files")) == 0
    assert files_with(engine, storage, KIND, ["a"]) == [path]


@given(st.lists(st.text(max_size=12), unique=True, max_size=30))
@hypothesis_settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_hashes_fit_into_the_column_and_differ(keys: list[str]) -> None:
    hashes = [content_hash(key) for key in keys]
    assert len(set(hashes)) == len(keys)
    assert all(-(2**63) <= number < 2**63 for number in hashes)
