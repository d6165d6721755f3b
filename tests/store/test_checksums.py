"""A file of the store is what was written, or it is refused by name: never other rows."""

import os
import random
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest

from dynosaur_etl.domain.errors import Corrupt, StoreUnavailable
from dynosaur_etl.store import checksums
from dynosaur_etl.store.content_index import files_with
from dynosaur_etl.store.database import connect, transaction
from dynosaur_etl.store.storage import Storage
from dynosaur_etl.store.tables import FileRow

FLIPS = 400


def wide_table() -> pa.Table:
    rng = np.random.default_rng(1)
    texts = [f"Day {n}: the {word} came in." for n in range(300) for word in ("boat", "train")]
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(rng.random(600 * 8).astype(np.float16)), 8)
    return pa.table(
        {
            "instance_key": [f"{n:08x}" for n in range(600)],
            "content_key": texts,
            "number": rng.integers(0, 9, 600),
            "labels": [["a", "b"][: n % 3] for n in range(600)],
            "vector": vectors,
        }
    )


def read_whole(storage: Storage, path: str) -> None:
    storage.read_table(path)


def read_a_column(storage: Storage, path: str) -> None:
    storage.read_table(path, ["number"])


def read_batches(storage: Storage, path: str) -> None:
    with storage.batches(path, shared=["content_key"]) as (_, batches):
        list(batches)


def read_bytes(storage: Storage, path: str) -> None:
    with storage.open(path) as file:
        file.read()


READERS = (read_whole, read_a_column, read_batches, read_bytes)


def flip(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("url", ["", "memory://flips-"], ids=["disk", "elsewhere"])
def test_each_of_hundreds_of_flipped_bits_is_found_by_each_way_of_reading(
    read: Callable[[Storage, str], None], url: str, tmp_path: Path
) -> None:
    rng = random.Random(7)
    storage = Storage(f"{url}{read.__name__}" if url else str(tmp_path))
    stored = storage.write_table("k", wide_table())
    with storage.open(stored.path) as file:
        sound = file.read()
    for _ in range(FLIPS // 4):
        damaged = bytearray(sound)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        storage.write_bytes(stored.path, bytes(damaged))
        with pytest.raises(Corrupt, match=rf"{stored.sha256}.*dynosaur repair"):
            read(storage, stored.path)
    storage.write_bytes(stored.path, sound)
    read(storage, stored.path)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("left", [0, 4, 100, -1])
def test_a_file_that_was_cut_or_is_gone_is_refused_by_name(
    read: Callable[[Storage, str], None], left: int, tmp_path: Path
) -> None:
    storage = Storage(str(tmp_path))
    path = storage.write_table("k", wide_table()).path
    (tmp_path / path).write_bytes((tmp_path / path).read_bytes()[:left])
    with pytest.raises(Corrupt, match=path):
        read(storage, path)
    (tmp_path / path).unlink()
    with pytest.raises(Corrupt, match=f"{path}: the file is missing; `dynosaur repair`"):
        read(storage, path)


def test_a_file_is_read_for_its_checksum_once_a_process(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    path = storage.write_table("k", wide_table()).path
    with mock.patch.object(
        checksums.hashlib, "file_digest", wraps=checksums.hashlib.file_digest
    ) as digested:
        for read in READERS:
            read(storage, path)
            read(Storage(str(tmp_path)), path)
        assert digested.call_count == 1
        os.utime(tmp_path / path, (1, 1))
        read_whole(storage, path)
        assert digested.call_count == 2


def test_a_damaged_file_is_replaced_by_who_writes_it_again(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    stored = storage.write_table("k", wide_table())
    flip(tmp_path / stored.path, random.Random(3))
    assert storage.write_table("k", wide_table()) == stored
    assert storage.read_table(stored.path) == wide_table()


def test_a_disk_that_cannot_be_read_is_not_called_damage(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    path = storage.write_table("k", wide_table()).path
    with (
        mock.patch.object(Path, "open", side_effect=OSError(5, "Input/output error")),
        pytest.raises(StoreUnavailable, match="Input/output error"),
    ):
        storage.read_table(path)


def test_a_page_that_cannot_be_unpacked_is_corrupt_where_no_name_tells(tmp_path: Path) -> None:
    """Arrow raises OSError for it, as it does where a disk fails."""
    storage, rng = Storage(str(tmp_path)), random.Random(5)
    sound = (tmp_path / storage.write_table("k", wide_table()).path).read_bytes()
    refused = 0
    for _ in range(FLIPS):
        (tmp_path / "plain.parquet").write_bytes(sound)
        flip(tmp_path / "plain.parquet", rng)
        try:
            storage.read_table("plain.parquet")
        except Corrupt:
            refused += 1
    assert refused > FLIPS / 10


def test_the_index_of_contents_does_not_take_in_a_damaged_file(
    database_url: str, tmp_path: Path
) -> None:
    storage, engine = Storage(str(tmp_path)), connect(database_url)
    stored = storage.write_table("scores/x/1", wide_table())
    with transaction(engine) as session:
        session.add(FileRow(kind="scores/x/1", day="2026-10-05", name="0", **vars(stored)))
    flip(tmp_path / stored.path, random.Random(11))
    with pytest.raises(Corrupt, match=stored.sha256):
        files_with(engine, storage, "scores/x/1", ["key"])
    engine.dispose()
