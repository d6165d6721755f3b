"""Sampling the rows of a config at its pinned revision, the same rows for the same seed.

Parquet is sampled over its whole length where it is small, else over row groups drawn by the
seed; CSV, JSON and what `datasets` streams over what is read of them within a bound; rows of the
dataset viewer over windows drawn by the seed. No code of a repository is run, and no row is read of
a config that its features drop.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dynosaur_etl.domain.errors import DynosaurError, HubRefused
from dynosaur_etl.domain.features import FieldKind
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import Config, Revision
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.configs import ConfigFiles
from dynosaur_etl.hub.filters import examine_config
from dynosaur_etl.hub.parquet_rows import draw_rows, read_footers
from dynosaur_etl.hub.streaming import stream_rows
from dynosaur_etl.hub.text_rows import Drawn, draw_records, infer_column
from dynosaur_etl.hub.viewer import ViewedConfig, draw_viewed_rows

MAX_CELL = 100_000
MAX_FIELDS = 1_000
SPLIT = "__split__"
ROW = "__row__"


@dataclass(frozen=True)
class ConfigSample:
    """A config and rows of it.

    Attributes:
        table: the config's columns as they are stored, a ClassLabel's -1 as null, and the
            columns `__split__` and `__row__`, the row's index in its split; ordered by both.
        oversized: rows that were drawn and left out, as a cell has over 100,000 characters or
            the viewer has cut it.
    """

    config: Config
    table: pa.Table
    oversized: int = 0


def sample_config(
    client: HubClient, revision: Revision, files: ConfigFiles, rows: int, seed: int
) -> ConfigSample:
    """Read a config's features, and rows drawn over its splits.

    Features are those that the files carry, else what `datasets` makes of the columns' types.
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
    draw = _draw(revision, files.name, seed)
    subject = f"{revision.dataset_id}@{revision.sha[:12]}/{files.name}"
    sample = _sample_parquet if files.format == "parquet" else _sample_text
    return sample(client, revision, files, rows, draw, subject)


def sample_viewed_config(
    client: HubClient, revision: Revision, viewed: ViewedConfig, rows: int, seed: int
) -> ConfigSample:
    """Read rows of a config that the dataset viewer describes, as `sample_config` does of files.

    Raises:
        HubRefused: FEATURES_UNREADABLE or ROWS_UNREADABLE.
        HubUnavailable: the viewer gives no usable answer.
    """
    subject = f"{revision.dataset_id}@{revision.sha[:12]}/{viewed.name}"
    with _refusing(Reason.FEATURES_UNREADABLE, subject):
        features, schema = _viewed_features(viewed.features)
    counts = dict.fromkeys(viewed.splits, -1) if viewed.is_partial else viewed.splits
    config = Config(revision.dataset_id, revision.sha, viewed.name, features, counts)
    if not examine_config(config).keep:
        return ConfigSample(config, _with_places(schema.empty_table(), [], []))
    with _refusing(Reason.ROWS_UNREADABLE, subject):
        draw = _draw(revision, viewed.name, seed)
        drawn = draw_viewed_rows(client, revision, viewed, rows, draw)
        columns = [_viewed_column(drawn.records, field) for field in schema]
        splits = [record.split for record in drawn.records]
        indices = [record.index for record in drawn.records]
        table = _with_places(pa.table(columns, schema), splits, indices)
        sample = _finished(config, table)
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
    subject = f"{revision.dataset_id}@{revision.sha[:12]}/{files.name}"
    with _refusing(Reason.ROWS_UNREADABLE, subject):
        streamed = stream_rows(client, revision, files, seconds)
    with _refusing(Reason.FEATURES_UNREADABLE, subject):
        features, schema = _features(streamed.table.schema)
    config = _config(revision, files, features, streamed.counts)
    if not examine_config(config).keep:
        return ConfigSample(config, _with_places(schema.empty_table(), [], []))
    with _refusing(Reason.ROWS_UNREADABLE, subject):
        total = streamed.table.num_rows
        draw = _draw(revision, files.name, seed)
        places = sorted(draw.sample(range(total), min(rows, total)))
        table = _as_features(streamed.table.take(pa.array(places, pa.int64())), schema)
        splits = [streamed.splits[place] for place in places]
        indices = [streamed.indices[place] for place in places]
        return _finished(config, _with_places(table, splits, indices))


def _draw(revision: Revision, config: str, seed: int) -> Random:
    name = digest(seed, revision.dataset_id, revision.sha, config)
    return Random(int(name[:16], 16))  # noqa: S311 - a sample that anybody can draw again


def _sample_parquet(
    client: HubClient,
    revision: Revision,
    files: ConfigFiles,
    rows: int,
    draw: Random,
    subject: str,
) -> ConfigSample:
    with _refusing(Reason.ROWS_UNREADABLE, subject):
        footers = read_footers(client, revision, files)
    with _refusing(Reason.FEATURES_UNREADABLE, subject):
        features, schema = _features(footers.schema)
    config = _config(revision, files, features, footers.counts)
    if not examine_config(config).keep:
        return ConfigSample(config, _with_places(schema.empty_table(), [], []))
    with _refusing(Reason.ROWS_UNREADABLE, subject):
        drawn = draw_rows(footers, rows, draw)
        table = _with_places(_as_features(drawn.table, schema), drawn.splits, drawn.indices)
        return _finished(config, table)


def _sample_text(
    client: HubClient,
    revision: Revision,
    files: ConfigFiles,
    rows: int,
    draw: Random,
    subject: str,
) -> ConfigSample:
    with _refusing(Reason.ROWS_UNREADABLE, subject):
        records, counts = draw_records(client, revision, files, rows, draw)
    with _refusing(Reason.FEATURES_UNREADABLE, subject):
        table = _table_of(records, from_text=files.format == "csv")
        features, schema = _features(table.schema)
        table = _as_features(table, schema)
    config = _config(revision, files, features, counts)
    splits = [record.split for record in records]
    indices = [record.index for record in records]
    if not examine_config(config).keep:
        return ConfigSample(config, _with_places(schema.empty_table(), [], []))
    with _refusing(Reason.ROWS_UNREADABLE, subject):
        return _finished(config, _with_places(table, splits, indices))


@contextmanager
def _refusing(reason: Reason, subject: str) -> Iterator[None]:
    """Turn what the libraries raise over hostile files into a refusal with its reason."""
    try:
        yield
    except DynosaurError:
        raise
    except (
        pa.ArrowException, ArithmeticError, ValueError, LookupError, TypeError, AttributeError,
        OSError, RecursionError, NotImplementedError,
    ) as error:  # fmt: skip
        words = " ".join(f"{type(error).__name__} {error}".split())[:300]
        raise HubRefused(f"{subject}: {words}", reason) from error


def _features(schema: pa.Schema) -> tuple[dict[str, Any], pa.Schema]:
    """Give a schema's features in their JSON form, and the schema that they stand for."""
    from datasets import Features

    names = list(schema.names)
    if len(set(names)) != len(names) or len(names) > MAX_FIELDS or {SPLIT, ROW} & set(names):
        raise ValueError(f"{len(names)} fields; allowed: {MAX_FIELDS} of different names")
    features = Features.from_arrow_schema(schema)
    as_json = json.loads(json.dumps(features.to_dict()))
    return as_json, features.arrow_schema.remove_metadata()


def _viewed_features(told: Mapping[str, Any]) -> tuple[dict[str, Any], pa.Schema]:
    from datasets import Features

    return _features(Features.from_dict(dict(told)).arrow_schema)


def _viewed_column(records: Sequence[Drawn], field: pa.Field) -> pa.Array:
    """Give a column of the viewer's JSON its type; times and decimals stand there as texts."""
    values = [record.values.get(field.name) for record in records]
    try:
        return pa.array(values, field.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array(values).cast(field.type)


def _as_features(table: pa.Table, schema: pa.Schema) -> pa.Table:
    from datasets.table import table_cast

    return table_cast(table.replace_schema_metadata(None), schema)


def _config(
    revision: Revision, files: ConfigFiles, features: Mapping[str, Any], counts: Mapping[str, int]
) -> Config:
    return Config(revision.dataset_id, revision.sha, files.name, features, counts)


def _with_places(table: pa.Table, splits: Sequence[str], indices: Sequence[int]) -> pa.Table:
    table = table.append_column(SPLIT, pa.array(splits, pa.string()))
    return table.append_column(ROW, pa.array(indices, pa.int64()))


def _finished(config: Config, table: pa.Table) -> ConfigSample:
    table.validate(full=True)
    for field in config.fields:
        if field.kind is FieldKind.LABEL:
            table = _without_hidden_labels(table, field.name)
    kept = table.filter(_fitting(table)).combine_chunks()
    return ConfigSample(config, kept, oversized=table.num_rows - kept.num_rows)


def _without_hidden_labels(table: pa.Table, name: str) -> pa.Table:
    """Make -1, which stands for a label that is not given, null."""
    position = table.schema.get_field_index(name)
    column = table.column(position)
    shown = pc.if_else(pc.less(column, 0), pa.scalar(None, column.type), column)
    return table.set_column(position, table.schema.field(position), shown)


def _fitting(table: pa.Table) -> pa.ChunkedArray:
    """Tell of each row whether every cell, written as text, is at most `MAX_CELL` long."""
    fitting = pa.chunked_array([pa.array([True] * table.num_rows, pa.bool_())])
    for column in table.columns:
        is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        if pa.types.is_primitive(column.type) or (is_text and column.nbytes <= MAX_CELL):
            continue  # a text has no more characters than bytes
        if is_text:
            short = pc.less_equal(pc.utf8_length(column), MAX_CELL)
        else:
            cells = (len(str(cell)) <= MAX_CELL for cell in column.to_pylist())
            short = pa.chunked_array([pa.array(cells, pa.bool_())])
        fitting = pc.and_(fitting, pc.fill_null(short, fill_value=True))
    return fitting


def _table_of(records: Sequence[Drawn], from_text: bool) -> pa.Table:
    names = list(dict.fromkeys(name for record in records for name in record.values))
    columns = {}
    for name in names:
        values = [record.values.get(name) for record in records]
        columns[name] = infer_column(values) if from_text else pa.array(values)
    return pa.table(columns)
