"""The bulk store: Parquet files under a folder or an fsspec URL, named by their content."""

import errno
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from dynosaur_etl.domain.errors import Corrupt, StoreUnavailable
from dynosaur_etl.domain.redaction import redact

ROW_GROUP_ROWS = 10_000
BATCH_ROWS = 2_000
PARQUET_FORM = {"compression": "zstd", "write_page_index": True, "store_schema": True}
"""The one form of Parquet that the product writes."""


UNFINISHED = ".unfinished-"


@dataclass(frozen=True)
class StoredFile:
    """A file of the store: where it is below the storage URL, and what it holds."""

    path: str
    sha256: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class FoundFile:
    """A file as the storage lists it; `modified` is None where the storage does not tell."""

    path: str
    bytes: int
    modified: datetime | None


class Storage:
    """Files under one URL. A file is visible only when it is whole, and never changes."""

    def __init__(self, url: str) -> None:
        """Bind to `url`.

        Raises:
            StoreUnavailable: the URL's protocol is unknown or its folder cannot be made.
        """
        self.url = redact(url)  # as it is shown; what opens it is `_fs`
        try:
            self._fs, self._root = _file_system(url)
            self._fs.makedirs(self._root, exist_ok=True)
        except (OSError, ValueError, ImportError) as error:
            raise StoreUnavailable(f"storage {self.url}: {error}") from None

    def write_table(self, kind: str, table: pa.Table) -> StoredFile:
        """Write a table as Parquet (zstd); the same table gives the same bytes and path."""

        def write(target: Path) -> int:
            target.write_bytes(as_parquet(table))
            return int(table.num_rows)

        return self.write(kind, ".parquet", write)

    def write_tables(self, kind: str, schema: pa.Schema, tables: Iterable[pa.Table]) -> StoredFile:
        """Write a stream of tables as `write_table` would their concatenation, a part at a time."""

        def write(target: Path) -> int:
            return _write_stream(schema, tables, target)

        return self.write(kind, ".parquet", write)

    def write(self, kind: str, suffix: str, write: Callable[[Path], int]) -> StoredFile:
        """Let `write` fill a local file (it returns the rows), then move it to its name.

        Raises:
            StoreUnavailable: the disk is full, or the storage does not answer.
        """
        with wrapped_errors(self.url), self._unfinished(suffix) as local:
            rows = write(local)
            sha256, size = file_sha256(local), local.stat().st_size
            path = f"{kind}/{sha256[:2]}/{sha256}{suffix}"
            self._publish(local, path, size)
            return StoredFile(path, sha256, rows, size)

    def read_table(self, path: str, columns: list[str] | None = None) -> pa.Table:
        """Read a Parquet file, or some of its columns.

        Raises:
            Corrupt: the file is missing or is not whole.
        """
        with self.open(path) as file, self._whole(path):
            return pq.read_table(file, columns=columns)

    @contextmanager
    def batches(
        self,
        path: str,
        columns: list[str] | None = None,
        rows: int = BATCH_ROWS,
        shared: Sequence[str] = (),
    ) -> Iterator[tuple[int, Iterator[pa.RecordBatch]]]:
        """Open a Parquet file as its number of rows and a stream of batches of them.

        Args:
            path: below the storage URL.
            columns: all of them by default.
            rows: of a batch; the last one may have fewer.
            shared: columns whose texts many rows share; they come as dictionaries, which is quick.

        Raises:
            Corrupt: the file is missing or is not whole; a batch of it may tell so too.
        """
        with self.open(path) as file:
            with self._whole(path):
                parquet = pq.ParquetFile(file, read_dictionary=list(shared))
            batches = parquet.iter_batches(rows, columns=columns)
            yield parquet.metadata.num_rows, self._read_whole(path, batches)

    def _read_whole(self, path: str, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with self._whole(path):
            yield from batches

    @contextmanager
    def _whole(self, path: str) -> Iterator[None]:
        try:
            yield
        except pa.ArrowInvalid as error:
            raise Corrupt(f"{self.url}/{path}: {error}") from error

    @contextmanager
    def open(self, path: str) -> Iterator[Any]:
        """Open a file for reading.

        Raises:
            Corrupt: the file is missing.
        """
        try:
            file = self._fs.open(self._full(path), "rb")
        except FileNotFoundError as error:
            raise Corrupt(f"{self.url}/{path}: the file is missing") from error
        with file:
            yield file

    def prove_writable(self) -> None:
        """Write a small file, read it back and remove it.

        Raises:
            StoreUnavailable: one of the three cannot be done.
        """
        path = self._full(".writable")
        with wrapped_errors(self.url):
            self._fs.pipe_file(path, b"dynosaur")
            if self._fs.cat_file(path) != b"dynosaur":
                raise StoreUnavailable(f"storage {self.url}: it gives back other bytes")
            self._fs.rm_file(path)

    def exists(self, path: str) -> bool:
        return bool(self._fs.exists(self._full(path)))

    def local_path(self, path: str) -> Path | None:
        """Return the path on this machine's disk, or None where the storage is elsewhere."""
        from fsspec.implementations.local import LocalFileSystem

        return Path(self._full(path)) if isinstance(self._fs, LocalFileSystem) else None

    def place_folder(self, local: Path, path: str, last: str) -> None:
        """Copy a folder to `path`; it is whole when its file `last` is there.

        On a local disk the folder appears by one rename. Elsewhere `last` is written last.

        Raises:
            Corrupt: a local folder is at `path` already.
            StoreUnavailable: the disk is full, or the storage does not answer.
        """
        final = self.local_path(path)
        with wrapped_errors(self.url):
            if final is None:
                self._put_files(local, self._full(path), last)
                return
            if final.exists():
                raise Corrupt(f"{final}: found a folder; expected none, as it has no whole {last}")
            final.parent.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(prefix=UNFINISHED, dir=final.parent) as unfinished:
                self._put_files(local, f"{unfinished}/{final.name}", last)
                Path(unfinished, final.name).rename(final)

    def fetch_folder(self, path: str, local: Path) -> None:
        """Copy a folder of the storage into a local one.

        Raises:
            StoreUnavailable: the storage does not answer, or the local disk is full.
        """
        with wrapped_errors(self.url):
            self._fs.get(f"{self._full(path)}/", f"{local}/", recursive=True)

    def remove_folder(self, path: str) -> None:
        """Remove a folder with all that is in it; nothing happens where there is none."""
        with wrapped_errors(self.url):
            if self._fs.exists(self._full(path)):
                self._fs.rm(self._full(path), recursive=True)

    def remove_unfinished(self, path: str) -> None:
        """Remove what killed calls of `place_folder` left beside the folders of `path`.

        Nobody else may be placing a folder there at the time.
        """
        folder = self.local_path(path)
        if folder is not None and folder.is_dir():
            with wrapped_errors(self.url):
                for left in folder.glob(f"{UNFINISHED}*"):
                    rmtree(left)

    def list_files(self) -> list[FoundFile]:
        """List every file of the storage by its path below the URL, in order.

        Raises:
            StoreUnavailable: the storage does not answer.
        """
        with wrapped_errors(self.url):
            self._fs.invalidate_cache()
            found = self._fs.find(self._root, detail=True)
        return [_found(path[len(self._root) + 1 :], facts) for path, facts in sorted(found.items())]

    def remove_file(self, path: str) -> None:
        """Remove a file; nothing happens where there is none."""
        with wrapped_errors(self.url), suppress(FileNotFoundError):
            self._fs.rm_file(self._full(path))

    def write_bytes(self, path: str, content: bytes) -> None:
        """Write a small file, or replace it; a reader sees the old one or the new one, whole.

        Raises:
            StoreUnavailable: the disk is full, or the storage does not answer.
        """
        final = self.local_path(path)
        with wrapped_errors(self.url):
            if final is None:
                self._fs.pipe_file(self._full(path), content)
                return
            final.parent.mkdir(parents=True, exist_ok=True)
            unfinished = final.with_name(f"{UNFINISHED}{final.name}")
            unfinished.write_bytes(content)
            unfinished.replace(final)

    def _put_files(self, local: Path, target: str, last: str) -> None:
        files = [file for file in local.rglob("*") if file.is_file()]
        for file in sorted(files, key=lambda file: (file == local / last, file)):
            remote = f"{target}/{file.relative_to(local).as_posix()}"
            self._fs.makedirs(remote.rpartition("/")[0], exist_ok=True)
            self._fs.put_file(str(file), remote)

    @contextmanager
    def _unfinished(self, suffix: str) -> Iterator[Path]:
        """Return a local path to write to: on the storage's own disk, where that is a local one."""
        unfinished = self.local_path(f"{UNFINISHED}{uuid4().hex}{suffix}")
        if unfinished is None:
            with TemporaryDirectory(prefix="dynosaur-") as folder:
                yield Path(folder, f"file{suffix}")
            return
        try:
            yield unfinished
        finally:
            unfinished.unlink(missing_ok=True)

    def _publish(self, local: Path, path: str, size: int) -> None:
        final = self.local_path(path)
        if final is None:
            self._upload(local, self._full(path), size)
        elif not (final.exists() and final.stat().st_size == size):
            final.parent.mkdir(parents=True, exist_ok=True)
            local.replace(final)

    def _upload(self, local: Path, final: str, size: int) -> None:
        if self._fs.exists(final) and self._fs.size(final) == size:
            return
        self._fs.makedirs(final.rpartition("/")[0], exist_ok=True)
        unfinished = f"{final}.{uuid4().hex}"
        self._fs.put_file(str(local), unfinished)
        self._fs.mv(unfinished, final)

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}"


def _file_system(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path that the URL names in it.

    S3 is Arrow's own, with what a URL of Arrow may tell (`?region=`, `?endpoint_override=`); all
    others are those of fsspec.
    """
    import fsspec

    if not url.startswith("s3://"):
        system, path = fsspec.core.url_to_fs(url)
        return system, str(path)
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow.fs import FileSystem

    system, path = FileSystem.from_uri(url)
    return ArrowFSWrapper(system), str(path)


def _found(path: str, facts: dict[str, Any]) -> FoundFile:
    told = facts.get("mtime") or facts.get("LastModified") or facts.get("created")
    moment = datetime.fromtimestamp(told, UTC) if isinstance(told, int | float) else told
    return FoundFile(path, int(facts["size"]), moment)


def as_parquet(table: pa.Table) -> pa.Buffer:
    """Return a table as Parquet in the one form of the product: zstd, page index, fixed row groups.

    In memory, as the format's many small writes to a file take several times as long.
    """
    file = pa.BufferOutputStream()
    pq.write_table(table, file, row_group_size=ROW_GROUP_ROWS, **PARQUET_FORM)
    return file.getvalue()


def _write_stream(schema: pa.Schema, tables: Iterable[pa.Table], target: Path) -> int:
    rows = 0
    waiting = schema.empty_table()
    with pq.ParquetWriter(target, schema, **PARQUET_FORM) as writer:
        for table in tables:
            rows += table.num_rows
            waiting = pa.concat_tables([waiting, table])
            while waiting.num_rows >= ROW_GROUP_ROWS:
                writer.write_table(waiting.slice(0, ROW_GROUP_ROWS).combine_chunks())
                waiting = waiting.slice(ROW_GROUP_ROWS)
        if waiting.num_rows or not rows:
            writer.write_table(waiting.combine_chunks())
    return rows


def file_sha256(path: Path) -> str:
    """Return the SHA-256 (hex) of a local file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def wrapped_errors(url: str) -> Iterator[None]:
    """Turn what a file system raises into StoreUnavailable, and say so where the disk is full."""
    try:
        yield
    except OSError as error:
        full = "; the disk is full" if error.errno in {errno.ENOSPC, errno.EDQUOT} else ""
        raise StoreUnavailable(f"storage {url}: {error}{full}") from error
