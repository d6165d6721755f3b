"""The files of a snapshot: their names, their columns and the form of their bytes."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import pyarrow as pa

from dynosaur_etl.domain import schemas

README = "README.md"
MANIFEST = "manifest.json"
DIFF = "diff.json"
SELECTION = "selection.parquet"
TASKS = "tasks.parquet"
SOURCES = "sources.csv"
SOURCES_TABLE = "sources.parquet"
REJECTS = "rejects.parquet"
PREFERENCES = "preferences.parquet"
CITATIONS = "citations.bib"
GROWTH_FIGURE = "figures/growth.png"
FUNNEL_FIGURE = "figures/funnel.png"
QUALITY_FIGURE = "figures/quality.png"
FIGURES = (GROWTH_FIGURE, FUNNEL_FIGURE, QUALITY_FIGURE)
SINGLE_FILES = frozenset(
    {README, DIFF, SELECTION, TASKS, SOURCES, SOURCES_TABLE, REJECTS, CITATIONS, *FIGURES}
)

FIRST_FORMAT = 1
"""The format of versions from before they had citations, figures and their sources as a table."""

FIRST_SINGLE_FILES = frozenset({README, DIFF, SELECTION, TASKS, SOURCES, REJECTS})

SOMETIMES = frozenset({PREFERENCES})
"""Files of snapshots whose rows have what they hold."""

SHARD_ROWS = 100_000
TRAIN, TEST, FULL = "data/train", "data/test", "full/train"
SHARD_NAME = re.compile(r"(data/train|data/test|full/train)-(\d{5})-of-(\d{5})\.parquet")

SELECTED = schemas.INSTANCES.append(pa.field("quality", pa.float64(), nullable=False))
"""The rows that are trained on: an instance and its quality, in [0, 1]."""

FIRST_SELECTED = SELECTED.remove(SELECTED.get_field_index("pii"))
"""The same rows in the first format, which looked for no personal data."""

_PREFERENCE = ("prompt", "chosen", "rejected")
_TURN = pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())])
SELECTED_CHAT = SELECTED.append(pa.field("messages", pa.list_(_TURN), nullable=False))
"""The same rows with their chat form beside them."""

SELECTED_NATIVE = pa.schema(
    [
        *SELECTED,
        pa.field("messages", pa.list_(schemas.TURN), nullable=False),
        pa.field("tools", pa.string(), nullable=False),
        pa.field("reasoning", pa.string(), nullable=False),
    ]
)
"""Rows among which are native ones: conversations, tools as JSON, the thought before the answer."""

PREFERENCE_COLUMNS = pa.schema(
    [
        pa.field("instance_key", pa.string(), nullable=False),
        *(pa.field(name, pa.list_(_TURN), nullable=False) for name in _PREFERENCE),
        pa.field("source", pa.string(), nullable=False),
    ]
)
"""A chosen and a rejected answer to a prompt, as lists of turns, and the row they come from."""


@dataclass(frozen=True)
class SnapshotConfig:
    """A config under which `datasets` opens a part of the snapshot.

    Attributes:
        splits: the pattern of each split's files.
        schema: its columns; those of the default config may have the chat form as well, and those
            of native instances.
    """

    name: str
    splits: Mapping[str, str]
    schema: pa.Schema

    def holds(self, name: str) -> bool:
        """Tell whether a file of the snapshot belongs to the config."""
        return any(fnmatchcase(name, pattern) for pattern in self.splits.values())


DEFAULT = SnapshotConfig("default", {"train": f"{TRAIN}-*", "test": f"{TEST}-*"}, SELECTED)
CONFIGS = (
    DEFAULT,
    SnapshotConfig("full", {"train": f"{FULL}-*"}, SELECTED),
    SnapshotConfig("preferences", {"train": PREFERENCES}, PREFERENCE_COLUMNS),
    SnapshotConfig("tasks", {"train": TASKS}, schemas.TASKS),
    SnapshotConfig("sources", {"train": SOURCES_TABLE}, schemas.SOURCES),
    SnapshotConfig("selection", {"train": SELECTION}, schemas.SELECTION),
    SnapshotConfig("rejects", {"train": REJECTS}, schemas.REJECTS),
)


def shard_names(part: str, rows: int) -> tuple[str, ...]:
    """Name the shards of a part (`TRAIN`, `TEST` or `FULL`) of that many rows, as the Hub does."""
    shards = -(-rows // SHARD_ROWS)
    return tuple(f"{part}-{index:05d}-of-{shards:05d}.parquet" for index in range(shards))


def expected_files(rows: Mapping[str, int], form: int = 0) -> frozenset[str]:
    """Name all files that the manifest of a snapshot lists, by the rows of its parts.

    Args:
        rows: by part.
        form: the manifest's format; the newest by default.
    """
    singles = FIRST_SINGLE_FILES if form == FIRST_FORMAT else SINGLE_FILES
    return singles.union(*(shard_names(part, number) for part, number in rows.items()))


def part_of(name: str) -> str | None:
    """Give the part that a file is a shard of; None where it is no shard."""
    found = SHARD_NAME.fullmatch(name)
    return None if found is None else found[1]


def selected_schema(table: pa.Table) -> pa.Schema:
    """Give the schema that the rows must have: with the chat form where they have one."""
    if "reasoning" in table.schema.names:
        return SELECTED_NATIVE
    return SELECTED_CHAT if "messages" in table.schema.names else SELECTED


def tasks_schema(table: pa.Table) -> pa.Schema:
    """Return the schema that tasks must have: with their authors where they name them."""
    named = "model" in table.schema.names
    return schemas.TASKS if named else schemas.TASKS_WITHOUT_AUTHORS


def features_json(schema: pa.Schema) -> dict[str, Any]:
    """Give a schema as `datasets.Features.to_dict()` would."""
    return {field.name: _feature_json(field.type) for field in schema}


def features_yaml(schema: pa.Schema) -> list[dict[str, Any]]:
    """Give a schema in the form that a card's `dataset_info` holds."""
    return [{"name": field.name, **_feature_yaml(field.type)} for field in schema]


def described_schema(schema: pa.Schema) -> pa.Schema:
    """Add the features, under the key where `datasets` and the Hub's viewer look for them."""
    info = {"info": {"features": features_json(schema)}}
    return schema.with_metadata({"huggingface": json.dumps(info)})


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """Give the one readable JSON form: sorted keys, two spaces, UTF-8, a newline at the end.

    Raises:
        ValueError, TypeError: the value has no JSON form (NaN, half surrogates, objects).
    """
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def _feature_json(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        return {"feature": _feature_json(kind.value_type), "_type": "List"}
    if pa.types.is_struct(kind):
        return {field.name: _feature_json(field.type) for field in kind}
    return {"dtype": _dtype(kind), "_type": "Value"}


def _feature_yaml(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_struct(kind):
        return {"struct": features_yaml(kind)}
    if not pa.types.is_list(kind):
        return {"dtype": _dtype(kind)}
    if pa.types.is_struct(kind.value_type):
        return {"list": features_yaml(kind.value_type)}
    return {"list": _dtype(kind.value_type)}


def _dtype(kind: pa.DataType) -> str:
    return "float64" if pa.types.is_float64(kind) else str(kind)
