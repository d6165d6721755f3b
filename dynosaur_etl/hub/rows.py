"""Sampling the rows of a config at its pinned revision, the same rows for the same seed.

Parquet is sampled over its whole length where it is small, else over row groups drawn by the
seed; CSV, JSON and what `datasets` streams over what is read of them within a bound; rows of the
dataset viewer over windows drawn by the seed. Of a config of many files some are read, spread over
all by the seed. No code of a repository is run, and no row is read of a config that its features
drop.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dynosaur_etl.domain.errors import DynosaurError, HubRefused
from dynosaur_etl.domain.features import FieldKind
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import Config, Revision
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.rendering import readable
from dynosaur_etl.domain.text import error_line
from dynosaur_etl.domain.unforeseen import is_contained
from dynosaur_etl.domain.writers_columns import RANGE_NAMES, counts_rows
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.config_columns import (
    ROW,
    SPLIT,
    ConfigColumns,
    UnreadableValues,
    columns_of,
    columns_of_features,
)
from dynosaur_etl.hub.configs import ConfigFiles
from dynosaur_etl.hub.file_draw import SplitReading
from dynosaur_etl.hub.filters import examine_config
from dynosaur_etl.hub.json_records import json_columns
from dynosaur_etl.hub.parquet_rows import draw_rows, read_footers
from dynosaur_etl.hub.plain_columns import empty_table, plain_schema
from dynosaur_etl.hub.streaming import stream_rows
from dynosaur_etl.hub.text_rows import Drawn, DrawnRecords, draw_records, infer_column
from dynosaur_etl.hub.viewer import ViewedConfig, draw_viewed_rows

MAX_CELL = 100_000

Places = Sequence[tuple[str, int]]


@dataclass(frozen=True)
class ConfigSample:
    """A config and rows of it.

    Attributes:
        table: the config's columns as they are stored, a ClassLabel's -1 as null, and the
            columns `__split__` and `__row__`, the row's number in its split; ordered by both.
        oversized: rows that were drawn and left out, as a cell has over 100,000 characters or
            the viewer has cut it.
        unreadable: fields that are left out, and values that are null as they have no text.
        reading: what was read of each split; empty where no file was.
    """

    config: Config
    table: pa.Table
    oversized: int = 0
    unreadable: tuple[UnreadableValues, ...] = ()
    reading: Mapping[str, SplitReading] = field(default_factory=dict)


@dataclass(frozen=True)
class _Subject:
    """What is sampled, and how."""

    revision: Revision
    name: str
    rows: int
    seed: int

    @property
    def words(self) -> str:
        """The config's name for errors."""
        return f"{self.revision.dataset_id}@{self.revision.sha[:12]}/{self.name}"

    @property
    def draw(self) -> Random:
        """The draw of the seed, from its beginning."""
        named = digest(self.seed, self.revision.dataset_id, self.revision.sha, self.name)
        return Random(int(named[:16], 16))  # noqa: S311 - a sample that anybody can draw again

    def config(self, columns: ConfigColumns, counts: Mapping[str, int]) -> Config:
        revision = self.revision
        return Config(revision.dataset_id, revision.sha, self.name, columns.as_json, counts)


def sample_config(
    client: HubClient, revision: Revision, files: ConfigFiles, rows: int, seed: int
) -> ConfigSample:
    """Read a config's features, and rows drawn over its splits.

    The table is empty where there is no row, and where `examine_config` drops the config.

    Args:
        client: the Hub.
        revision: what the dataset is pinned to.
        files: the config's files.
        rows: most rows to draw.
        seed: of the draw; with the revision and the config's name it decides everything.

    Raises:
        HubRefused: FEATURES_UNREADABLE or ROWS_UNREADABLE.
        HubUnavailable: the Hub gives no usable answer.
    """
    sample = _sample_parquet if files.format == "parquet" else _sample_text
    return sample(client, files, _Subject(revision, files.name, rows, seed))


def sample_viewed_config(
    client: HubClient, revision: Revision, viewed: ViewedConfig, rows: int, seed: int
) -> ConfigSample:
    """Read rows of a config that the dataset viewer describes, as `sample_config` does of files.

    Raises:
        HubRefused: FEATURES_UNREADABLE or ROWS_UNREADABLE.
        HubUnavailable: the viewer gives no usable answer.
    """
    subject = _Subject(revision, viewed.name, rows, seed)
    with _refusing(Reason.FEATURES_UNREADABLE, subject):
        columns = columns_of_features(viewed.features)
    counts = dict.fromkeys(viewed.splits, -1) if viewed.is_partial else viewed.splits
    config = subject.config(columns, counts)
    if not examine_config(config).keep:
        return _without_rows(config, columns)
    with _refusing(Reason.ROWS_UNREADABLE, subject):
        drawn = draw_viewed_rows(client, revision, viewed, rows, subject.draw)
        cells = {
            name: _viewed_column(drawn.records, name, feature)
            for name, feature in columns.features.items()
        }
        table = columns.cast(pa.table(cells))
        sample = _finished(config, columns, table, _places(drawn.records))
        return replace(sample, oversized=sample.oversized + drawn.cut)


def sample_streamed_config(
    client: HubClient,
    revision: Revision,
    files: ConfigFiles,
    rows: int,
    seed: int,
    seconds: float,
) -> ConfigSample:
    """Read rows of files that only `datasets` can read, as `sample_config` does of others.

    Args:
        client: the Hub.
        revision: what the dataset is pinned to.
        files: the config's files.
        rows: most rows to draw.
        seed: of the draw.
        seconds: after which reading is given up.

    Raises:
        HubRefused: FEATURES_UNREADABLE or ROWS_UNREADABLE.
        HubUnavailable: the Hub gives no usable answer.
    """
    subject = _Subject(revision, files.name, rows, seed)
    draw = subject.draw
    with _refusing(Reason.ROWS_UNREADABLE, subject):
        streamed = stream_rows(client, revision, files, seconds, draw)
    with _refusing(Reason.FEATURES_UNREADABLE, subject):
        columns = columns_of(streamed.table.schema, None)
    config = subject.config(columns, _counts(streamed.reading))
    if not examine_config(config).keep:
        return _without_rows(config, columns)
    with _refusing(Reason.ROWS_UNREADABLE, subject):
        total = streamed.table.num_rows
        chosen = sorted(draw.sample(range(total), min(rows, total)))
        table = columns.cast(streamed.table.take(pa.array(chosen, pa.int64())))
        places = [streamed.places[at] for at in chosen]
        return _finished(config, columns, table, places, streamed.reading)


def _sample_parquet(client: HubClient, files: ConfigFiles, subject: _Subject) -> ConfigSample:
    draw = subject.draw
    with _refusing(Reason.ROWS_UNREADABLE, subject):
        footers = read_footers(client, subject.revision, files, draw)
    with _refusing(Reason.FEATURES_UNREADABLE, subject):
        columns = columns_of(footers.schema, files.features)
        columns.cast(empty_table(plain_schema(footers.schema)))
    config = subject.config(columns, _counts(footers.reading))
    if not examine_config(config).keep:
        return _without_rows(config, columns)
    with _refusing(Reason.ROWS_UNREADABLE, subject):
        drawn = draw_rows(footers, subject.rows, draw, columns.cast)
        places = list(zip(drawn.splits, drawn.indices, strict=True))
        return _finished(config, columns, drawn.table, places, footers.reading)


def _sample_text(client: HubClient, files: ConfigFiles, subject: _Subject) -> ConfigSample:
    with _refusing(Reason.ROWS_UNREADABLE, subject):
        drawn = draw_records(client, subject.revision, files, subject.rows, subject.draw)
    with _refusing(Reason.FEATURES_UNREADABLE, subject):
        columns, table = _text_columns(drawn, files)
        table = columns.cast(table)
    config = subject.config(columns, _counts(drawn.reading))
    if not examine_config(config).keep:
        return _without_rows(config, columns)
    with _refusing(Reason.ROWS_UNREADABLE, subject):
        return _finished(config, columns, table, _places(drawn.records), drawn.reading)


def _text_columns(drawn: DrawnRecords, files: ConfigFiles) -> tuple[ConfigColumns, pa.Table]:
    """Return the columns of records, and the records as a table that fits them."""
    records = [record.values for record in drawn.records]
    if files.format == "csv":
        return _csv_columns(records, files)
    table, features = json_columns(records)
    if files.features is None:
        return columns_of_features(features), table
    return columns_of(table.schema, files.features), table


def _csv_columns(
    records: Sequence[Mapping[str, str]], files: ConfigFiles
) -> tuple[ConfigColumns, pa.Table]:
    """Infer types only where the card declares none, so that declared texts keep their zeros."""
    names = list(dict.fromkeys(name for record in records for name in record))
    cells = {name: [record.get(name) for record in records] for name in names}
    if files.features is None:
        table = pa.table({name: infer_column(texts) for name, texts in cells.items()})
        return columns_of(table.schema, None), table
    texts = {name: pa.array([cell or None for cell in cells[name]], pa.string()) for name in names}
    columns = columns_of(pa.table(texts).schema, files.features)
    return columns, pa.table({name: texts[name] for name in columns.features if name in texts})


@contextmanager
def _refusing(reason: Reason, subject: _Subject) -> Iterator[None]:
    """Turn what the libraries raise over hostile files into a refusal with its reason."""
    try:
        yield
    except DynosaurError:
        raise
    except (
        pa.ArrowException, ArithmeticError, ValueError, LookupError, TypeError, AttributeError,
        OSError, RecursionError, NotImplementedError,
    ) as error:  # fmt: skip
        if not is_contained(error):
            raise
        words = error_line(error)
        raise HubRefused(f"{subject.words}: {words}", reason) from error


def _viewed_column(records: Sequence[Drawn], name: str, feature: Any) -> pa.Array:
    """Give a column of the viewer's JSON its type; times and decimals stand there as texts."""
    from datasets.features.features import encode_nested_example, get_nested_type, require_decoding

    values = [record.values.get(name) for record in records]
    if require_decoding(feature):  # such as JSON, which stands there as what it means
        values = [
            None if value is None else encode_nested_example(feature, value) for value in values
        ]
        return pa.array(values)
    kind = get_nested_type(feature)
    try:
        return pa.array(values, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array(values).cast(kind)


def _counts(reading: Mapping[str, SplitReading]) -> dict[str, int]:
    return {split: read.rows for split, read in reading.items()}


def _places(records: Sequence[Drawn]) -> Places:
    return [(record.split, record.index) for record in records]


def _without_rows(config: Config, columns: ConfigColumns) -> ConfigSample:
    empty, _ = columns.stored(empty_table(columns.schema))
    return ConfigSample(config, _with_places(empty, []))


def _with_places(table: pa.Table, places: Places) -> pa.Table:
    splits = pa.array([split for split, _ in places], pa.string())
    numbers = pa.array([number for _, number in places], pa.int64())
    if not table.num_columns:
        return pa.table({SPLIT: splits, ROW: numbers})
    return table.append_column(SPLIT, splits).append_column(ROW, numbers)


def _finished(
    config: Config,
    columns: ConfigColumns,
    cast: pa.Table,
    places: Places,
    reading: Mapping[str, SplitReading] | None = None,
) -> ConfigSample:
    table, unreadable = columns.stored(cast)
    table = table.drop_columns(list(_indices(table, places)))
    config = replace(config, features={name: config.features[name] for name in table.column_names})
    for column in config.fields:
        if column.kind is FieldKind.LABEL:
            table = _without_hidden_labels(table, column.name)
    whole = _with_places(table, places)
    kept = whole.filter(_fitting(table, config)).combine_chunks()
    oversized = whole.num_rows - kept.num_rows
    return ConfigSample(config, kept, oversized, tuple(unreadable), reading or {})


def _indices(table: pa.Table, places: Places) -> Iterator[str]:
    """Yield the columns that are an index which pandas made a column."""
    for name in sorted(RANGE_NAMES & set(table.column_names)):
        is_number = pa.types.is_integer(table.schema.field(name).type)
        if is_number and counts_rows(table[name].to_pylist(), places):
            yield name


def _without_hidden_labels(table: pa.Table, name: str) -> pa.Table:
    """Make -1, which stands for a label that is not given, null."""
    position = table.schema.get_field_index(name)
    column = table.column(position)
    shown = pc.if_else(pc.less(column, 0), pa.scalar(None, column.type), column)
    return table.set_column(position, table.schema.field(position), shown)


def _fitting(table: pa.Table, config: Config) -> pa.ChunkedArray:
    """Tell of each row whether every cell, written as text, is at most `MAX_CELL` long."""
    fitting = pa.chunked_array([pa.array([True] * table.num_rows, pa.bool_())])
    for name, column in zip(table.column_names, table.columns, strict=True):
        is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        if pa.types.is_primitive(column.type) or (is_text and column.nbytes <= MAX_CELL):
            continue  # a text has no more characters than bytes
        if is_text:
            short = pc.less_equal(pc.utf8_length(column), MAX_CELL)
        else:
            values = readable(column.combine_chunks(), config.features[name]).to_pylist()
            short = pa.chunked_array([pa.array([len(str(cell)) <= MAX_CELL for cell in values])])
        fitting = pc.and_(fitting, pc.fill_null(short, fill_value=True))
    return fitting
