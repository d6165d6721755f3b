"""In which files of a kind a content key stands, so that nobody has to read the files of all days.

An entry is the first 64 bits of the key's BLAKE2b hash: two keys that share one cost a file that is
read in vain, never a wrong answer. A file is indexed when keys are first looked for among files
that it belongs to, in one transaction; one that no day has any more is passed over.
"""

import hashlib
from collections.abc import Collection

from sqlalchemy import Engine, any_, delete, exists, func, insert, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT

from dynosaur_etl.domain.schemas import CONTENT_KEY
from dynosaur_etl.store.database import locked, reading, transaction
from dynosaur_etl.store.storage import Storage
from dynosaur_etl.store.tables import ContentKeyRow, FileRow, IndexedFileRow

_AT_ONCE = 20_000


def files_with(
    engine: Engine,
    storage: Storage,
    kind: str,
    keys: Collection[str],
    without: Collection[str] = (),
) -> list[str]:
    """Return the paths of a kind's files that hold one of the keys, by name.

    Args:
        engine: of the product's database.
        storage: where the files are; those that are not indexed yet are read once.
        kind: of the files.
        keys: content keys; a file may also be named for a key of the same hash as one of them.
        without: paths of files that are not looked into.

    Raises:
        StoreUnavailable: the database or the storage does not answer.
        Corrupt: a file that is not indexed yet cannot be read.
    """
    if _unindexed(engine, kind):
        with locked(engine, "content index", kind):
            for path in _unindexed(engine, kind):
                if path not in without:
                    _index(engine, kind, path, storage)
    hashes = sorted(map(content_hash, set(keys)))
    found: set[str] = set()
    for start in range(0, len(hashes), _AT_ONCE):
        found |= _holding(engine, kind, hashes[start : start + _AT_ONCE])
    return sorted(found.difference(without))


def forget_unused_files(engine: Engine) -> int:
    """Drop the entries of files that no day has any more, and return the number of such files.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    used = exists().where(FileRow.path == IndexedFileRow.path)
    with transaction(engine) as session:
        gone = session.scalars(delete(IndexedFileRow).where(~used).returning(IndexedFileRow.path))
        return len(gone.all())


def content_hash(text: str) -> int:
    """Return the signed 64-bit number by which a content key, or a path, is indexed."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def _unindexed(engine: Engine, kind: str) -> list[str]:
    indexed = exists().where(IndexedFileRow.path == FileRow.path)
    query = select(FileRow.path).where(FileRow.kind == kind, ~indexed).distinct()
    with reading(engine) as session:
        return sorted(session.scalars(query))


def _index(engine: Engine, kind: str, path: str, storage: Storage) -> None:
    keys = storage.read_table(path, [CONTENT_KEY])[CONTENT_KEY].to_pylist()
    file = content_hash(path)
    unnested = func.unnest(literal(sorted(set(map(content_hash, keys))), ARRAY(BIGINT)))
    entries = select(unnested, literal(file, BIGINT))
    with transaction(engine) as session:
        session.execute(insert(IndexedFileRow).values(path=path, kind=kind, number=file))
        session.execute(insert(ContentKeyRow).from_select(["key", "file"], entries))


def _holding(engine: Engine, kind: str, hashes: Collection[int]) -> set[str]:
    holding = select(ContentKeyRow.file).where(
        ContentKeyRow.key == any_(literal(list(hashes), ARRAY(BIGINT)))
    )
    used = exists().where(FileRow.kind == kind, FileRow.path == IndexedFileRow.path)
    query = select(IndexedFileRow.path).where(
        IndexedFileRow.kind == kind, IndexedFileRow.number.in_(holding), used
    )
    with reading(engine) as session:
        return set(session.scalars(query))
