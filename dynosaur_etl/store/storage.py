"""The bulk store: Parquet files under a folder or an fsspec URL, named by their content."""

import errno
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from dynosaur_etl.domain.errors import Corrupt, StoreUnavailable
from dynosaur_etl.domain.redaction import redact
from dynosaur_etl.store.checksums import MENDING, CheckedFiles, file_sha256, named_sha256
from dynosaur_etl.store.durable import make_folder, put_file, put_folder, remove_older, settle
from dynosaur_etl.store.file_systems import FoundFile, file_system, found_file
from dynosaur_etl.store.parquet_form import as_parquet, write_stream
from dynosaur_etl.store.scratch import scratch_folder

BATCH_ROWS = 2_000
UNFINISHED = ".unfinished-"

_CHECKED = CheckedFiles()


@dataclass(frozen=True)
class StoredFile:
    """A file of the store: where it is below the storage URL, and what it holds."""

    path: str
    sha256: str
    rows: int
    bytes: int


class Storage:
    """Files under one URL. A file is visible only when it is whole, and never changes."""

    def __init__(self, url: str) -> None:
        """Bind to `url`.

        Raises:
            StoreUnavailable: the URL's protocol is unknown or its folder cannot be made.
        """
        self.url = redact(url)  # as it is shown; what opens it is `_fs`
        self._checked = _CHECKED
        try:
            self._fs, self._root = file_system(url)
            self._disk = self._on_disk()
            if self._disk is None:
                self._fs.makedirs(self._root, exist_ok=True)
            else:
                make_folder(self._disk, self._disk.parent)
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
            return write_stream(schema, tables, target)

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
            self._publish(local, path)
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
        except (pa.ArrowException, ValueError) as error:
            raise Corrupt(f"{self.url}/{path}: {error}") from error
        except OSError as error:  # Arrow raises it for damaged pages too, and then without a number
            kind = StoreUnavailable if self._disk is None or error.errno else Corrupt
            raise kind(f"{self.url}/{path}: {error}") from error

    @contextmanager
    def open(self, path: str) -> Iterator[Any]:
        """Open a file for reading.

        Raises:
            Corrupt: the file is missing, or is not what its name tells.
            StoreUnavailable: the storage does not answer.
        """
        with ExitStack() as opened:
            with self._found(path):
                file = opened.enter_context(self._opened(path))
            yield file

    def require_sound(self, path: str) -> None:
        """Check a file, unless this process has done so already.

        Raises:
            Corrupt: the file is missing, or is not what its name tells.
            StoreUnavailable: the storage does not answer.
        """
        with self._found(path), self._opened(path):
            pass

    @contextmanager
    def _opened(self, path: str) -> Iterator[Any]:
        """Open a file that is what its name tells; one from elsewhere is fetched to see."""
        name = f"{self.url}/{path}"
        if self._disk is not None:
            with (self._disk / path).open("rb") as file:
                self._checked.check(name, file)
                yield file
            return
        facts = self._fs.info(self._full(path))
        identity = (name, int(facts["size"]), found_file(path, facts).modified, 0)
        if named_sha256(path) is None or self._checked.knows(identity):
            with self._fs.open(self._full(path), "rb") as file:
                yield file
            return
        with scratch_folder() as folder:
            copy = folder / "file"
            with self._fs.open(self._full(path), "rb") as source:
                self._checked.fetch(identity, source, copy)
            with copy.open("rb") as file:
                yield file

    @contextmanager
    def _found(self, path: str) -> Iterator[None]:
        try:
            with wrapped_errors(self.url):
                yield
        except StoreUnavailable as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
            raise Corrupt(f"{self.url}/{path}: the file is missing; {MENDING}") from error

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
        return None if self._disk is None else self._disk / path

    def place_folder(self, local: Path, path: str, last: str) -> None:
        """Copy a folder to `path`; it is whole when its file `last` is there.

        On a local disk the folder appears by one rename. Elsewhere `last` is written last.

        Raises:
            Corrupt: a local folder is at `path` already.
            StoreUnavailable: the disk is full, or the storage does not answer.
        """
        with wrapped_errors(self.url):
            if self._disk is None:
                self._put_files(local, self._full(path), last)
                return
            final = self._disk / path
            if final.exists():
                raise Corrupt(f"{final}: found a folder; expected none, as it has no whole {last}")
            make_folder(final.parent, self._disk)
            with TemporaryDirectory(prefix=UNFINISHED, dir=final.parent) as unfinished:
                self._put_files(local, f"{unfinished}/{final.name}", last)
                put_folder(Path(unfinished, final.name), final, self._disk)

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
        return [
            found_file(path[len(self._root) + 1 :], facts) for path, facts in sorted(found.items())
        ]

    def remove_older(self, path: str, moment: datetime) -> bool:
        """Remove a file that was written at a moment or before, and tell whether it was.

        On a disk nobody can write it anew between the look and the removal. Elsewhere these are two
        requests, one right after the other.

        Raises:
            StoreUnavailable: the storage does not answer.
        """
        with wrapped_errors(self.url), suppress(FileNotFoundError):
            if self._disk is not None:
                return remove_older(self._disk / path, moment, self._disk)
            self._fs.invalidate_cache()
            found = found_file(path, self._fs.info(self._full(path)))
            if found.is_older(moment):
                self._fs.rm_file(self._full(path))
                return True
        return False

    def write_bytes(self, path: str, content: bytes) -> None:
        """Write a small file, or replace it; a reader sees the old one or the new one, whole.

        It may tell of files that were written before, and is on the disk when this returns.

        Raises:
            StoreUnavailable: the disk is full, or the storage does not answer.
        """
        with wrapped_errors(self.url):
            if self._disk is None:
                self._fs.pipe_file(self._full(path), content)
                return
            settle()
            final = self._disk / path
            make_folder(final.parent, self._disk)
            unfinished = final.with_name(f"{UNFINISHED}{uuid4().hex}")
            unfinished.write_bytes(content)
            put_file(unfinished, final, self._disk)
            settle()

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
            with scratch_folder() as folder:
                yield folder / f"file{suffix}"
            return
        try:
            yield unfinished
        finally:
            unfinished.unlink(missing_ok=True)

    def _publish(self, local: Path, path: str) -> None:
        """Put a file under its name, whatever is there: that may be old, or not what it was."""
        if self._disk is None:
            final = self._full(path)
            self._fs.makedirs(final.rpartition("/")[0], exist_ok=True)
            unfinished = f"{final}.{uuid4().hex}"
            self._fs.put_file(str(local), unfinished)
            self._fs.mv(unfinished, final)
        else:
            put_file(local, self._disk / path, self._disk)

    def _on_disk(self) -> Path | None:
        from fsspec.implementations.local import LocalFileSystem

        return Path(self._root) if isinstance(self._fs, LocalFileSystem) else None

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}"


@contextmanager
def wrapped_errors(url: str) -> Iterator[None]:
    """Turn what a file system raises into StoreUnavailable, and say so where the disk is full."""
    try:
        yield
    except OSError as error:
        full = "; the disk is full" if error.errno in {errno.ENOSPC, errno.EDQUOT} else ""
        raise StoreUnavailable(f"storage {url}: {error}{full}") from error
