"""Reading the Hub's list of datasets from a Parquet file of Hub statistics.

The columns are those of the public set `cfahlgren1/hub-stats`, which is committed every day: a
commit of it tells of the datasets that were there on that day, and of those deleted since.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.models import Listing
from dynosaur_etl.domain.text import error_line
from dynosaur_etl.hub.candidates import HUB_FLOOR
from dynosaur_etl.hub.cards import read_tags

COLUMNS = (
    "id", "createdAt", "lastModified", "sha", "tags", "gated", "private", "disabled", "downloads",
    "likes",
)  # fmt: skip
BATCH_ROWS = 1_000
MAX_TAGS = 1_000
MAX_TAG = 300

_ID = re.compile(r"[A-Za-z0-9][\w.\-]{0,95}/[\w.\-]{1,96}", re.ASCII)
_SHA = re.compile(r"[0-9a-f]{40}")
_OPEN = frozenset({"", "false", "none", "0"})


def read_statistics(path: Path, before: datetime) -> Iterator[list[Listing | None]]:
    """Read a file in batches of up to 1,000 rows, in its order.

    A row is None where its id has no owner or is no id, and where it has no commit.

    Args:
        path: of the Parquet file.
        before: the moment at which the file was made, or later; no row may be younger.

    Raises:
        InvalidInput: there is no such file, it is no Parquet file, a column is missing, or a value
            cannot be read as what its column holds; the message names the row.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise InvalidInput(not_allowed("statistics", str(path), "a Parquet file that exists"))
    try:
        with pq.ParquetFile(path, memory_map=True) as file:
            _require_columns(path, file.schema_arrow.names)
            number = 0
            for batch in file.iter_batches(BATCH_ROWS, columns=list(COLUMNS)):
                rows = batch.to_pylist()
                yield [_listing(path, number + at, row, before) for at, row in enumerate(rows)]
                number += len(rows)
    except (pa.ArrowException, OSError) as error:
        words = f"{path}: {error_line(error)}"
        raise InvalidInput(not_allowed("statistics", words, "a sound Parquet file")) from error


def _require_columns(path: Path, names: list[str]) -> None:
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        found = f"{path} without {', '.join(missing)}"
        raise InvalidInput(not_allowed("statistics", found, f"the columns {', '.join(COLUMNS)}"))


def _listing(path: Path, number: int, row: Mapping[str, Any], before: datetime) -> Listing | None:
    try:
        listing = _read(row)
    except (ValueError, TypeError) as error:
        received = f"{path}, row {number + 1}: {error}"[:300]
        raise InvalidInput(
            not_allowed("statistics", received, "values as Hub lists them")
        ) from None
    if max(listing.created_at, listing.last_modified) >= before:
        received = f"{path}, row {number + 1}: {listing.id[:100]} of {listing.last_modified}"
        allowed = f"a file of that day: rows before {before.isoformat()}"
        raise InvalidInput(not_allowed("statistics", received, allowed))
    return listing if _ID.fullmatch(listing.id) and listing.sha else None


def _read(row: Mapping[str, Any]) -> Listing:
    created_at = _moment(row["createdAt"]) or HUB_FLOOR
    sha = row["sha"]
    tags = tuple(str(tag)[:MAX_TAG] for tag in (row["tags"] or ())[:MAX_TAGS])
    return Listing(
        id=str(row["id"] or ""),
        created_at=created_at,
        last_modified=_moment(row["lastModified"]) or created_at,
        sha=sha if isinstance(sha, str) and _SHA.fullmatch(sha) else None,
        tags=tags,
        gated=_is_set(row["gated"]),
        private=_is_set(row["private"]),
        disabled=_is_set(row["disabled"]),
        downloads=int(row["downloads"] or 0),
        likes=int(row["likes"] or 0),
        told=read_tags(tags),
    )


def _moment(value: Any) -> datetime | None:
    """Read a timestamp or ISO 8601 text; one without a zone is in UTC."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise TypeError(f"{value!r} is no moment")
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _is_set(value: Any) -> bool:
    """Read a flag; `gated` is a word: auto, manual or a way to say no."""
    return str(value or "").lower() not in _OPEN
