"""The files of a snapshot: their names, their columns and the form of their bytes."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pyarrow as pa

from dynosaur_etl.domain import schemas
from dynosaur_etl.store.storage import write_parquet

README = "README.md"
MANIFEST = "manifest.json"
DIFF = "diff.json"
SELECTION = "selection.parquet"
TASKS = "tasks.parquet"
SOURCES = "sources.csv"
REJECTS = "rejects.parquet"
SINGLE_FILES = frozenset({README, DIFF, SELECTION, TASKS, SOURCES, REJECTS})

SHARD_ROWS = 100_000
TRAIN_NAME = re.compile(r"data/train-(\d{5})-of-(\d{5})\.parquet")

SELECTED = schemas.INSTANCES.append(pa.field("quality", pa.float64(), nullable=False))
"""The rows that are trained on: an instance and its quality, in [0, 1]."""


@dataclass(frozen=True)
class SnapshotConfig:
    """A config under which `datasets` opens a part of the snapshot."""

    name: str
    files: str
    schema: pa.Schema

    def holds(self, name: str) -> bool:
        """Tell whether a file of the snapshot belongs to the config."""
        return fnmatchcase(name, self.files)


DEFAULT = SnapshotConfig("default", "data/train-*.parquet", SELECTED)
CONFIGS = (
    DEFAULT,
    SnapshotConfig("tasks", TASKS, schemas.TASKS),
    SnapshotConfig("selection", SELECTION, schemas.SELECTION),
    SnapshotConfig("rejects", REJECTS, schemas.REJECTS),
)


def train_name(index: int, shards: int) -> str:
    """Name the shard of that index, as the Hub does."""
    return f"data/train-{index:05d}-of-{shards:05d}.parquet"


def train_names(rows: int) -> tuple[str, ...]:
    """Name the shards of a training set of that many rows, in their order."""
    shards = max(1, -(-rows // SHARD_ROWS))
    return tuple(train_name(index, shards) for index in range(shards))


def expected_files(rows: int) -> frozenset[str]:
    """Name all files that the manifest of a snapshot of that many rows lists."""
    return SINGLE_FILES | set(train_names(rows))


def features_json(schema: pa.Schema) -> dict[str, Any]:
    """Give a schema as `datasets.Features.to_dict()` would."""
    return {field.name: _feature_json(field.type) for field in schema}


def features_yaml(schema: pa.Schema) -> list[dict[str, Any]]:
    """Give a schema in the form that a card's `dataset_info` holds."""
    return [{"name": field.name, **_feature_yaml(field.type)} for field in schema]


def _feature_json(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        return {"feature": _feature_json(kind.value_type), "_type": "List"}
    return {"dtype": _dtype(kind), "_type": "Value"}


def _feature_yaml(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        return {"list": _dtype(kind.value_type)}
    return {"dtype": _dtype(kind)}


def _dtype(kind: pa.DataType) -> str:
    return "float64" if pa.types.is_float64(kind) else str(kind)


def write_features_parquet(table: pa.Table, schema: pa.Schema, target: Path) -> None:
    """Write a table with its features, so that its bytes depend on its values alone.

    Chunks and metadata of the table leave no trace; the features stand in the file under the
    schema key `huggingface`, where `datasets` and the Hub's viewer look for them.
    """
    info = {"info": {"features": features_json(schema)}}
    described = schema.with_metadata({"huggingface": json.dumps(info)})
    write_parquet(table.cast(described).combine_chunks(), target)


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """Give the one readable JSON form: sorted keys, two spaces, UTF-8, a newline at the end.

    Raises:
        ValueError, TypeError: the value has no JSON form (NaN, half surrogates, objects).
    """
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()
