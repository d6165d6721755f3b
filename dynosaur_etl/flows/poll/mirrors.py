"""Leaving out configs whose rows an older dataset of the Hub has: mirrors and uploads once more.

The older one is that whose repository was made first; one that was renamed was made when it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.licences import join_licences
from dynosaur_etl.domain.models import Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.flows.poll.examined import Examined
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.hub.same_rows import Marks
from dynosaur_etl.store.facts.content_marks import MarkedConfig, configs_with_marks

_ASKED_TOGETHER = 50


def without_mirrors(
    services: Services,
    day: GrowthDay,
    examined: Sequence[Examined],
    created: Mapping[str, datetime],
) -> list[Examined]:
    """Return what was examined without the configs that mirror others.

    A dataset none of whose configs is left is dropped.

    Args:
        services: the store.
        day: that was examined.
        examined: its candidates, by dataset.
        created: when each of them was made.
    """
    known = _earlier(services, day, examined)
    judged = {}
    for item in sorted(examined, key=lambda item: (created[item.dataset_id], item.dataset_id)):
        judged[item.dataset_id] = left = _without(item, known, created[item.dataset_id])
        known += _marked(left, created[item.dataset_id])
    return [judged[item.dataset_id] for item in examined]


def _earlier(
    services: Services, day: GrowthDay, examined: Sequence[Examined]
) -> list[MarkedConfig]:
    found: list[MarkedConfig] = []
    kept = [config for item in examined for config in item.configs]
    for start in range(0, len(kept), _ASKED_TOGETHER):
        asked = kept[start : start + _ASKED_TOGETHER]
        rows = {mark for config in asked for mark in config["row_marks"]}
        files = {mark for config in asked for mark in config["file_marks"]}
        found += configs_with_marks(services.engine, str(day), rows, files)
    return found


def _marked(item: Examined, created: datetime) -> list[MarkedConfig]:
    return [
        MarkedConfig(
            item.dataset_id, config["name"], created, join_licences(item.licences or ()),
            tuple(config["row_marks"]), tuple(config["file_marks"]),
        )
        for config in item.configs
    ]  # fmt: skip


def _without(item: Examined, known: Sequence[MarkedConfig], created: datetime) -> Examined:
    older = [other for other in known if other.created_at < created]
    mirrored = {config["name"]: _mirrored(item, config, older) for config in item.configs}
    found = {name: other for name, other in mirrored.items() if other is not None}
    if not found:
        return item
    words = {name: _words(item, other) for name, other in found.items()}
    if len(found) == len(item.configs):
        first = next(iter(words.values()))
        return replace(item).drop(Verdict(Reason.MIRROR, first))
    return _without_configs(item, words)


def _mirrored(
    item: Examined, config: Mapping[str, Any], older: Sequence[MarkedConfig]
) -> MarkedConfig | None:
    own = Marks(config["row_marks"], config["file_marks"])
    for other in older:
        is_other = other.dataset_id != item.dataset_id
        if is_other and own.are_those_of(Marks(other.row_marks, other.file_marks)):
            return other
    return None


def _words(item: Examined, other: MarkedConfig) -> str:
    own = join_licences(item.licences or ())
    differs = f" under {other.licences}, here {own}" if other.licences != own else ""
    return f"the rows of {other.dataset_id}, config {other.config}{differs}"


def _without_configs(item: Examined, words: Mapping[str, str]) -> Examined:
    left = replace(
        item,
        configs=[config for config in item.configs if config["name"] not in words],
        rejects=list(item.rejects),
    )
    paths = {config["sample_path"] for config in left.configs}
    left.files = [file for file in item.files if file["path"] in paths]
    for name, told in words.items():
        left.reject_part(name, Reason.MIRROR, told)
    return left
