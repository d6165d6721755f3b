"""The YAML head of the card, as the Hub and `datasets` read it."""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import pyarrow as pa

from dynosaur_etl.snapshots.content import SnapshotContent
from dynosaur_etl.snapshots.layout import (
    CONFIGS,
    DEFAULT,
    SnapshotConfig,
    features_yaml,
    selected_schema,
    tasks_schema,
)
from dynosaur_etl.snapshots.licences import card_licence
from dynosaur_etl.snapshots.manifest import Manifest

_SIZE_CATEGORIES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
    (10**10, "1B<n<10B"),
    (10**11, "10B<n<100B"),
    (10**12, "100B<n<1T"),
)
_REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}")


def card_metadata(
    title: str, manifest: Manifest, content: SnapshotContent, arrow_bytes: Mapping[str, int]
) -> dict[str, Any]:
    """Give the metadata of the card; configs without rows are left out, they cannot be opened."""
    configs = [config for config in CONFIGS if config.name in arrow_bytes]
    sources = content.sources
    datasets = sources["dataset"].unique().to_pylist()
    return {
        "pretty_name": title,
        **card_licence(sources["licence"].to_pylist()),
        "language": _languages(sources["languages"].to_pylist()),
        "task_categories": ["text-generation"],
        "tags": ["instruction-tuning", "dynosaur", "qdit"],
        "size_categories": [size_category(manifest.rows)],
        "annotations_creators": ["machine-generated"],
        "language_creators": ["found"],
        "source_datasets": sorted(filter(_REPO_ID.fullmatch, datasets)),
        "configs": [_config(config, manifest) for config in configs],
        "dataset_info": [
            _info(config, manifest, arrow_bytes[config.name], _columns(config, content))
            for config in configs
        ],
    }


def size_category(rows: int) -> str:
    """Give the Hub's word for a number of rows."""
    return next((name for limit, name in _SIZE_CATEGORIES if rows < limit), "n>1T")


def _languages(joined: list[str]) -> list[str]:
    codes = {code for text in joined for code in text.split(", ")}
    return sorted(filter(_LANGUAGE.fullmatch, codes))


def _columns(config: SnapshotConfig, content: SnapshotContent) -> pa.Schema:
    if config.name == "tasks":
        return tasks_schema(content.tasks)
    return selected_schema(content.selected) if config is DEFAULT else config.schema


def _rows_by_split(config: SnapshotConfig, manifest: Manifest) -> dict[str, int]:
    """Count the rows of the splits that have any; one without cannot be opened."""
    rows = {
        split: sum(
            entry.rows or 0 for name, entry in manifest.files.items() if fnmatchcase(name, pattern)
        )
        for split, pattern in config.splits.items()
    }
    return {split: number for split, number in rows.items() if number}


def _config(config: SnapshotConfig, manifest: Manifest) -> dict[str, Any]:
    files = [
        {"split": split, "path": config.splits[split]} for split in _rows_by_split(config, manifest)
    ]
    entry: dict[str, Any] = {"config_name": config.name, "data_files": files}
    return {**entry, "default": True} if config is DEFAULT else entry


def _info(
    config: SnapshotConfig, manifest: Manifest, arrow_bytes: int, schema: pa.Schema
) -> dict[str, Any]:
    rows = _rows_by_split(config, manifest)
    total = sum(rows.values())
    return {
        "config_name": config.name,
        "features": features_yaml(schema),
        "splits": [
            {"name": split, "num_bytes": arrow_bytes * number // total, "num_examples": number}
            for split, number in rows.items()
        ],
        "download_size": sum(
            entry.bytes for name, entry in manifest.files.items() if config.holds(name)
        ),
        "dataset_size": arrow_bytes,
    }
