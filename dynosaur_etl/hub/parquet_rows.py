"""Parquet files on the Hub: their footers, and rows drawn from few of their row groups."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from dynosaur_etl.domain.errors import HubRefused
from dynosaur_etl.domain.models import Revision
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.configs import ConfigFiles
from dynosaur_etl.hub.remote_file import comes_whole

MAX_SHARDS = 16
MAX_GROUPS = 16
MAX_READ_BYTES = 1 << 28
MAX_GROUP_BYTES = 1 << 29


@dataclass(frozen=True)
class RowGroup:
    """A row group with rows: its file, its first row's index in the split, and its sizes."""

    file: pq.ParquetFile
    number: int
    split: str
    first_row: int
    rows: int
    stored_bytes: int
    read_bytes: int


@dataclass(frozen=True)
class Footers:
    """What the footers of a config's files say; `counts` are -1 where not all were read."""

    schema: pa.Schema
    groups: tuple[RowGroup, ...]
    counts: dict[str, int]


@dataclass(frozen=True)
class DrawnRows:
    """Rows in the order of split and index, and where each of them stands."""

    table: pa.Table
    splits: list[str]
    indices: list[int]


def read_footers(client: HubClient, revision: Revision, files: ConfigFiles) -> Footers:
    """Read the footers of each split's first 16 files, so that every row's index is known."""
    schema: pa.Schema | None = None
    groups: list[RowGroup] = []
    counts: Counter[str] = Counter()
    for split, shards in files.splits.items():
        for shard in shards[:MAX_SHARDS]:
            commit = files.commit or revision.sha
            remote = client.open(revision.dataset_id, commit, shard.path, shard.size)
            file = _parquet(remote, shard.size)
            schema = schema or file.schema_arrow
            groups += _groups(file, split, counts[split])
            counts[split] += file.metadata.num_rows
    if schema is None:
        raise HubRefused(f"{files.name}: no Parquet file", Reason.ROWS_UNREADABLE)
    known = {
        split: counts[split] if len(shards) <= MAX_SHARDS else -1
        for split, shards in files.splits.items()
    }
    return Footers(schema, tuple(groups), known)


def draw_rows(footers: Footers, rows: int, draw: Random) -> DrawnRows:
    """Draw rows, each as likely as any other, from at most 16 row groups.

    Raises:
        HubRefused: ROWS_UNREADABLE; every row group is too large to read.
    """
    groups = _chosen_groups(footers.groups, draw)
    total = sum(group.rows for group in groups)
    places = sorted(draw.sample(range(total), min(rows, total)))
    tables, splits, indices = [footers.schema.empty_table()], [], []
    start = 0
    for group in groups:
        inside = [place - start for place in places if start <= place < start + group.rows]
        start += group.rows
        if inside:
            tables.append(group.file.read_row_group(group.number, use_threads=False).take(inside))
            splits += [group.split] * len(inside)
            indices += [group.first_row + place for place in inside]
    bare = [table.replace_schema_metadata(None) for table in tables]
    return DrawnRows(pa.concat_tables(bare, promote_options="permissive"), splits, indices)


def _parquet(remote: BinaryIO, size: int | None) -> pq.ParquetFile:
    """Open a file; a small one from memory, where nothing is called back for every few bytes."""
    if size is not None and comes_whole(size):
        return pq.ParquetFile(pa.BufferReader(remote.read()))
    return pq.ParquetFile(remote, pre_buffer=True)


def _groups(file: pq.ParquetFile, split: str, first_row: int) -> list[RowGroup]:
    groups = []
    for number in range(file.metadata.num_row_groups):
        told = file.metadata.row_group(number)
        stored = sum(told.column(at).total_compressed_size for at in range(told.num_columns))
        if told.num_rows:
            groups.append(
                RowGroup(
                    file, number, split, first_row, told.num_rows, stored, told.total_byte_size
                )
            )
        first_row += told.num_rows
    return groups


def _chosen_groups(groups: Sequence[RowGroup], draw: Random) -> list[RowGroup]:
    """Draw row groups within the bounds on what is read, and put them in their own order."""
    chosen: list[int] = []
    budget = MAX_READ_BYTES
    for position in draw.sample(range(len(groups)), len(groups)):
        group = groups[position]
        fits = group.stored_bytes <= budget and group.read_bytes <= MAX_GROUP_BYTES
        if fits and len(chosen) < MAX_GROUPS:
            chosen.append(position)
            budget -= group.stored_bytes
    if groups and not chosen:
        smallest = min(group.stored_bytes for group in groups)
        found = f"row groups of {smallest} bytes and more; allowed: {MAX_READ_BYTES}"
        raise HubRefused(found, Reason.ROWS_UNREADABLE)
    return [groups[position] for position in sorted(chosen)]
