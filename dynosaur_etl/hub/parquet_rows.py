"""Parquet files on the Hub: their footers, and rows drawn from few of their row groups."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dynosaur_etl.domain.errors import HubRefused
from dynosaur_etl.domain.models import Revision
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.text import error_line
from dynosaur_etl.hub.bounds import MAX_GROUP_ROWS
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.configs import ConfigFiles
from dynosaur_etl.hub.data_files import RepoFile
from dynosaur_etl.hub.file_draw import ReadFile, SplitReading, drawn_files
from dynosaur_etl.hub.plain_columns import empty_table, plain_schema, plain_table
from dynosaur_etl.hub.remote_file import comes_whole

MAX_GROUPS = 16
"""Of files that do not come whole, in which each row group is a request or more."""

MAX_READ_BYTES = 1 << 28
MAX_GROUP_BYTES = 1 << 29
_BATCH = 4096

Fit = Callable[[pa.Table], pa.Table]


@dataclass(frozen=True)
class RowGroup:
    """A row group with rows: its file, its first row's number in the split, and its sizes.

    Attributes:
        is_held: its file has come whole, so that reading it asks nobody.
    """

    file: pq.ParquetFile
    path: str
    number: int
    split: str
    first_row: int
    rows: int
    stored_bytes: int
    read_bytes: int
    is_held: bool


@dataclass(frozen=True)
class Footers:
    """What the footers of a config's files say.

    Attributes:
        schema: of the first file that has rows, else of the first.
        reading: which files of each split were opened.
    """

    schema: pa.Schema
    groups: tuple[RowGroup, ...]
    reading: dict[str, SplitReading]


@dataclass(frozen=True)
class DrawnRows:
    """Rows in the order of split and number, and where each of them stands."""

    table: pa.Table
    splits: list[str]
    indices: list[int]


def read_footers(
    client: HubClient, revision: Revision, files: ConfigFiles, draw: Random
) -> Footers:
    """Read the footers of the files that `drawn_files` chooses."""
    schemas: list[tuple[int, pa.Schema]] = []
    groups: list[RowGroup] = []
    reading: dict[str, SplitReading] = {}
    for split, shards in drawn_files(files.splits, draw).items():
        read: list[ReadFile] = []
        for shard in shards:
            file = _opened(client, revision, files, shard)
            rows = file.metadata.num_rows
            schemas.append((rows, file.schema_arrow))
            groups += _groups(file, shard, split, sum(before.rows for before in read))
            read.append(ReadFile(shard.path, rows, is_whole=True))
        reading[split] = SplitReading(len(files.splits[split]), tuple(read))
    if not schemas:
        raise HubRefused(f"{files.name}: no Parquet file", Reason.ROWS_UNREADABLE)
    schema = next((schema for rows, schema in schemas if rows), schemas[0][1])
    return Footers(schema, tuple(groups), reading)


def draw_rows(footers: Footers, rows: int, draw: Random, fit: Fit) -> DrawnRows:
    """Draw rows, each of what was opened as likely as any other, from few row groups.

    Args:
        footers: of the files.
        rows: most rows to draw.
        draw: of the seed.
        fit: gives rows of one file the columns of the config.

    Raises:
        HubRefused: ROWS_UNREADABLE; every row group is too large to read, or the columns of a
            file are not those of the config.
    """
    groups = _chosen_groups(footers.groups, draw)
    total = sum(group.rows for group in groups)
    places = sorted(draw.sample(range(total), min(rows, total)))
    tables, splits, indices = [fit(empty_table(plain_schema(footers.schema)))], [], []
    start = 0
    for group in groups:
        inside = [place - start for place in places if start <= place < start + group.rows]
        start += group.rows
        if inside:
            tables.append(_taken(group, inside, fit))
            splits += [group.split] * len(inside)
            indices += [group.first_row + place for place in inside]
    return DrawnRows(pa.concat_tables(tables), splits, indices)


def _taken(group: RowGroup, inside: list[int], fit: Fit) -> pa.Table:
    table = _rows_of(group, inside)
    try:
        return fit(table)
    except (ValueError, TypeError, pa.ArrowException) as error:
        words = error_line(error)
        raise HubRefused(f"{group.path}: {words}", Reason.ROWS_UNREADABLE) from error


def _rows_of(group: RowGroup, inside: list[int]) -> pa.Table:
    """Read rows of a group, plain, a batch at a time: what repeats is small on the disk alone."""
    batches = group.file.iter_batches(_BATCH, row_groups=[group.number], use_threads=False)
    found, start, wanted = [], 0, np.array(inside)
    for batch in batches:
        here = wanted[(wanted >= start) & (wanted < start + batch.num_rows)] - start
        if len(here):
            found.append(plain_table(pa.Table.from_batches([batch])).take(pa.array(here)))
        start += batch.num_rows
        if start > inside[-1]:
            return pa.concat_tables(found)
    words = f"{group.path}: a row group has {start} rows, and its footer tells of {group.rows}"
    raise HubRefused(words, Reason.ROWS_UNREADABLE)


def _opened(
    client: HubClient, revision: Revision, files: ConfigFiles, shard: RepoFile
) -> pq.ParquetFile:
    commit = files.commit or revision.sha
    return _parquet(client.open(revision.dataset_id, commit, shard.path, shard.size), shard.size)


def _parquet(remote: BinaryIO, size: int | None) -> pq.ParquetFile:
    """Open a file; a small one from memory, where nothing is called back for every few bytes."""
    if size is not None and comes_whole(size):
        return pq.ParquetFile(pa.BufferReader(remote.read()))
    return pq.ParquetFile(remote, pre_buffer=True)


def _groups(file: pq.ParquetFile, shard: RepoFile, split: str, first_row: int) -> list[RowGroup]:
    groups = []
    for number in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(number)
        stored = sum(group.column(at).total_compressed_size for at in range(group.num_columns))
        if group.num_rows:
            groups.append(
                RowGroup(
                    file=file,
                    path=shard.path,
                    number=number,
                    split=split,
                    first_row=first_row,
                    rows=group.num_rows,
                    stored_bytes=stored,
                    read_bytes=group.total_byte_size,
                    is_held=comes_whole(shard.size),
                )
            )
        first_row += group.num_rows
    return groups


def _chosen_groups(groups: Sequence[RowGroup], draw: Random) -> list[RowGroup]:
    """Draw row groups within the bounds on what is read, and put them in their own order."""
    chosen: list[int] = []
    budget, requests, rows = MAX_READ_BYTES, MAX_GROUPS, MAX_GROUP_ROWS
    for position in draw.sample(range(len(groups)), len(groups)):
        group = groups[position]
        fits = group.stored_bytes <= budget and group.read_bytes <= MAX_GROUP_BYTES
        fits = fits and group.rows <= rows
        if fits and (group.is_held or requests):
            chosen.append(position)
            budget -= group.stored_bytes
            rows -= group.rows
            requests -= not group.is_held
    if groups and not chosen:
        smallest = min(group.stored_bytes for group in groups)
        fewest = min(group.rows for group in groups)
        found = f"row groups of {smallest} bytes and more; allowed: {MAX_READ_BYTES}"
        if fewest > MAX_GROUP_ROWS:
            found = f"row groups of {fewest} rows and more; allowed: {MAX_GROUP_ROWS}"
        raise HubRefused(found, Reason.ROWS_UNREADABLE)
    return [groups[position] for position in sorted(chosen)]
