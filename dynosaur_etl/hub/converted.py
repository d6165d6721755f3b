"""The Parquet that the Hub itself makes of a dataset, on its branch `refs/convert/parquet`.

The branch is overwritten as the dataset moves on, and its commits do not say what they were made
from. Two answers, in this order, tie one of them to the pinned revision. The viewer's `/parquet`
says with `X-Revision` that the conversion of that revision is done. One look at the branches then
shows the head of this one, and that the main branch still stands at the pinned revision, so that
nothing newer can have been converted. Files are read at that head, by its sha.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from dynosaur_etl.domain.models import Revision
from dynosaur_etl.domain.text import clean_text
from dynosaur_etl.domain.training_splits import SplitUse, parted
from dynosaur_etl.hub.client import CONVERTED, HubClient
from dynosaur_etl.hub.configs import MAX_NAME, ConfigFiles, rank_config
from dynosaur_etl.hub.data_files import RepoFile
from dynosaur_etl.hub.rows import ConfigSample, sample_config

MAX_FILES = 20_000
_FOLDER = f"/resolve/{CONVERTED}/"


@dataclass(frozen=True)
class ConvertedConfig:
    """A config's converted files; `is_partial`: the Hub has converted its first rows only."""

    files: ConfigFiles
    is_partial: bool


def converted_configs(
    client: HubClient, revision: Revision, use: SplitUse = SplitUse.TRAIN
) -> list[ConvertedConfig]:
    """Give the converted configs of a revision in their order of choice; at most two requests.

    The list is empty where no conversion describes exactly this revision.

    Raises:
        HubRefused: the repository has gone.
        HubUnavailable: the Hub or the viewer gives no usable answer.
    """
    answer = client.view("parquet", revision.dataset_id)
    if answer.revision != revision.sha or not isinstance(answer.content, dict):
        return []
    found = _by_config(answer.content.get("parquet_files"))
    if not found:
        return []
    heads = client.converted(revision.dataset_id)
    if heads.main != revision.sha or heads.converted is None:
        return []
    partial = bool(answer.content.get("partial"))
    return [
        _config(name, found[name], heads.converted, partial, use)
        for name in sorted(found, key=lambda name: rank_config(name, {}))
    ]


def sample_converted_config(
    client: HubClient, revision: Revision, converted: ConvertedConfig, rows: int, seed: int
) -> ConfigSample:
    """Read rows of converted Parquet, as `sample_config` does of the repository's own.

    Raises:
        HubRefused: FEATURES_UNREADABLE or ROWS_UNREADABLE, or the branch has moved on.
        HubUnavailable: the Hub gives no usable answer.
    """
    sample = sample_config(client, revision, converted.files, rows, seed)
    if not converted.is_partial:
        return sample
    unknown = dict.fromkeys(sample.config.splits, -1)
    return replace(sample, config=replace(sample.config, splits=unknown))


def _config(
    name: str, splits: Mapping[str, list[RepoFile]], commit: str, partial: bool, use: SplitUse
) -> ConvertedConfig:
    chosen, held = parted(splits, use)
    files = {split: tuple(sorted(splits[split], key=lambda file: file.path)) for split in chosen}
    return ConvertedConfig(
        ConfigFiles(name, "parquet", files, commit, held_back=tuple(held)), partial
    )


def _by_config(told: Any) -> dict[str, dict[str, list[RepoFile]]]:
    found: dict[str, dict[str, list[RepoFile]]] = {}
    for config, split, file in _files(told):
        found.setdefault(config, {}).setdefault(split, []).append(file)
    return found


def _files(told: Any) -> Iterator[tuple[str, str, RepoFile]]:
    """Yield config, split and file of each entry that can be read; its host counts for nothing."""
    for entry in told[:MAX_FILES] if isinstance(told, list) else []:
        if not isinstance(entry, dict):
            continue
        names = [entry.get(name) for name in ("config", "split", "url")]
        if not all(isinstance(name, str) for name in names):
            continue
        config, split, url = map(str, names)
        path = unquote(urlsplit(url).path).partition(_FOLDER)[2]
        size = entry.get("size")
        is_named = path and len(config) <= MAX_NAME >= len(split) and clean_text(config) == config
        if is_named and isinstance(size, int) and 0 < size < 1 << 50:
            yield config, split, RepoFile(path, size)
