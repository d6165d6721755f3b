"""The Hub's dataset viewer as a source of configs, features and rows.

The viewer knows a dataset's newest commit only. An answer counts where its `X-Revision` is the
pinned revision; else, and where the viewer has nothing to show (`EmptyDatasetError`,
`ResponseNotReady` and the like), the viewer does not describe the revision, which is no outage.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from random import Random
from typing import Any

from dynosaur_etl.domain.errors import HubRefused, not_allowed
from dynosaur_etl.domain.models import Revision
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.text import clean_text
from dynosaur_etl.domain.training_splits import SplitUse, parted
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.configs import MAX_NAME, rank_config
from dynosaur_etl.hub.text_rows import Drawn

PAGE = 100
"""The most rows that the viewer gives in one answer."""

WINDOWS = 4

_Block = tuple[str, int, int]


@dataclass(frozen=True)
class ViewedConfig:
    """A config as `/info` tells of it.

    Attributes:
        features: in their JSON form, as they stand there.
        splits: rows of each split for training use.
        is_partial: the viewer has converted the first part of the rows only.
        held_back: splits that are for evaluation, by their names.
    """

    name: str
    features: Mapping[str, Any]
    splits: Mapping[str, int]
    is_partial: bool
    held_back: tuple[str, ...] = ()


@dataclass(frozen=True)
class ViewedRows:
    """Rows in the order of split and index, and how many were left out as they are cut."""

    records: list[Drawn]
    cut: int


def view_configs(
    client: HubClient, revision: Revision, use: SplitUse = SplitUse.TRAIN
) -> list[ViewedConfig]:
    """Give the configs of a revision in their order of choice; one request.

    The list is empty where the viewer does not describe the revision.

    Raises:
        HubUnavailable: the viewer gives no usable answer.
    """
    answer = _ask(client, revision, "info")
    told = answer.get("dataset_info") if answer else None
    if not isinstance(told, dict):
        return []
    partial = bool(answer and answer.get("partial"))
    configs = (_config(name, info, partial, use) for name, info in told.items())
    return sorted(filter(None, configs), key=lambda config: rank_config(config.name, {}))


def draw_viewed_rows(
    client: HubClient, revision: Revision, config: ViewedConfig, rows: int, draw: Random
) -> ViewedRows:
    """Draw rows from few windows of neighbouring rows, spread over all splits.

    A config of no more rows than are asked for is read whole; else four windows, or as many more
    as pages of 100 rows need.

    Raises:
        HubRefused: ROWS_UNREADABLE; an answer does not hold the rows that `/info` told of.
    """
    records: list[Drawn] = []
    cut = 0
    for block in _blocks(config, rows, draw):
        for index, row, is_cut in _window(client, revision, config.name, block):
            cut += is_cut
            if not is_cut:
                records.append(Drawn(block[0], index, row))
    return ViewedRows(records[:rows], cut)


def _blocks(config: ViewedConfig, rows: int, draw: Random) -> list[_Block]:
    """Choose windows: split, first row, and how many rows."""
    total = sum(config.splits.values())
    length = PAGE if total <= rows else min(PAGE, ceil(rows / WINDOWS))
    blocks = [
        (split, start, min(length, count - start))
        for split, count in config.splits.items()
        for start in range(0, count, length)
    ]
    wanted = len(blocks) if total <= rows else min(ceil(rows / length), len(blocks))
    return [blocks[place] for place in sorted(draw.sample(range(len(blocks)), wanted))]


def _window(
    client: HubClient, revision: Revision, config: str, block: _Block
) -> Iterator[tuple[int, dict[str, Any], bool]]:
    """Yield each row's index and cells, and whether the viewer has cut a cell of it."""
    split, start, length = block
    asked = {"config": config, "split": split, "offset": str(start), "length": str(length)}
    answer = _ask(client, revision, "rows", **asked)
    rows = answer.get("rows") if answer else None
    if not isinstance(rows, list) or len(rows) != length:
        found = "no list" if not isinstance(rows, list) else f"{len(rows)} rows"
        raise _unreadable(f"{config}/{split} from row {start}", found, f"{length} rows")
    for index, entry in enumerate(rows, start):
        if not isinstance(entry, dict) or entry.get("row_idx") != index:
            raise _unreadable(f"{config}/{split}", "another row", f"row {index}")
        if not isinstance(entry.get("row"), dict):
            raise _unreadable(f"{config}/{split}, row {index}", "no cells", "an object")
        yield index, entry["row"], bool(entry.get("truncated_cells"))


def _unreadable(what: str, received: str, allowed: str) -> HubRefused:
    words = not_allowed(f"dataset viewer: {what[:MAX_NAME]}", received, allowed)
    return HubRefused(words, Reason.ROWS_UNREADABLE)


def _ask(
    client: HubClient, revision: Revision, endpoint: str, **asked: str
) -> Mapping[str, Any] | None:
    """Give the viewer's answer, None where it does not describe the revision."""
    answer = client.view(endpoint, revision.dataset_id, **asked)
    if answer.revision != revision.sha or not isinstance(answer.content, dict):
        return None
    return answer.content


def _config(name: str, info: Any, partial: bool, use: SplitUse) -> ViewedConfig | None:
    """Read a config of `/info`; None where it says too little to read rows."""
    if len(name) > MAX_NAME or clean_text(name) != name or not isinstance(info, dict):
        return None
    features, splits = info.get("features"), info.get("splits")
    if not isinstance(features, dict) or not isinstance(splits, dict):
        return None
    counts = {split: _count(told) for split, told in splits.items() if len(split) <= MAX_NAME}
    chosen, held = parted([split for split, count in counts.items() if count], use)
    filled = {split: counts[split] for split in chosen}
    return ViewedConfig(name, features, filled, partial, tuple(held))


def _count(told: Any) -> int:
    count = told.get("num_examples") if isinstance(told, dict) else None
    return count if isinstance(count, int) and 0 < count < 1 << 40 else 0
