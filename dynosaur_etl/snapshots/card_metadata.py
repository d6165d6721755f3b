"""The YAML head of the card, as the Hub and `datasets` read it."""

import re
from collections.abc import Mapping
from typing import Any

from dynosaur_etl.snapshots.content import SnapshotContent
from dynosaur_etl.snapshots.layout import CONFIGS, SnapshotConfig, features_yaml
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
        "configs": [_config(config) for config in configs],
        "dataset_info": [_info(config, manifest, arrow_bytes[config.name]) for config in configs],
    }


def size_category(rows: int) -> str:
    """Give the Hub's word for a number of rows."""
    return next((name for limit, name in _SIZE_CATEGORIES if rows < limit), "n>1T")


def _languages(joined: list[str]) -> list[str]:
    codes = {code for text in joined for code in text.split(", ")}
    return sorted(filter(_LANGUAGE.fullmatch, codes))


def _config(config: SnapshotConfig) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "config_name": config.name,
        "data_files": [{"split": "train", "path": config.files}],
    }
    return {**entry, "default": True} if config.name == "default" else entry


def _info(config: SnapshotConfig, manifest: Manifest, arrow_bytes: int) -> dict[str, Any]:
    size = sum(entry.bytes for name, entry in manifest.files.items() if config.holds(name))
    rows = manifest.rows_of(config)
    return {
        "config_name": config.name,
        "features": features_yaml(config.schema),
        "splits": [{"name": "train", "num_bytes": arrow_bytes, "num_examples": rows}],
        "download_size": size,
        "dataset_size": arrow_bytes,
    }
