"""Leaving out configs whose rows an older dataset of the Hub has: mirrors and uploads once more.

The older one is that whose repository was made first; one that was renamed was made when it was.
What has been withdrawn or rejected since it was kept is mirrored by nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.licences import join_licences
from dynosaur_etl.domain.models import Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.flows.poll.examined import Examined
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.hub.same_rows import MarkIndex, Marks
from dynosaur_etl.store.facts.content_marks import MarkedConfig, configs_with_marks
from dynosaur_etl.store.facts.mirrors import left_by, withdrawn_by

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
    withdrawn = withdrawn_by(services.engine, day)
    known = _Known(_earlier(services, day, examined))
    judged = {}
    for item in sorted(examined, key=lambda item: (created[item.dataset_id], item.dataset_id)):
        judged[item.dataset_id] = left = _without(item, known, created[item.dataset_id])
        if item.dataset_id not in withdrawn:
            known.add(_marked(day, left, created[item.dataset_id]))
    return [judged[item.dataset_id] for item in examined]


class _Known:
    """Configs that others may mirror; of several like ones the first to be added counts."""

    def __init__(self, configs: Iterable[MarkedConfig]) -> None:
        self._configs: list[MarkedConfig] = []
        self._index = MarkIndex()
        self.add(configs)

    def add(self, configs: Iterable[MarkedConfig]) -> None:
        for config in configs:
            self._configs.append(config)
            self._index.add(Marks(config.row_marks, config.file_marks))

    def mirrored(self, own: Marks, dataset_id: str, created: datetime) -> MarkedConfig | None:
        """Give the config of another, older dataset that has these marks."""
        for place in self._index.places_like(own):
            other = self._configs[place]
            if other.created_at < created and other.dataset_id != dataset_id:
                return other
        return None


def _earlier(
    services: Services, day: GrowthDay, examined: Sequence[Examined]
) -> list[MarkedConfig]:
    """Read what earlier days kept that may be mirrored, by day and name."""
    found: set[MarkedConfig] = set()
    kept = [config for item in examined for config in item.configs]
    for start in range(0, len(kept), _ASKED_TOGETHER):
        asked = kept[start : start + _ASKED_TOGETHER]
        rows = {mark for config in asked for mark in config["row_marks"]}
        files = {mark for config in asked for mark in config["file_marks"]}
        found.update(configs_with_marks(services.engine, str(day), rows, files))
    left = left_by(services.engine, {config.dataset_id for config in found}, day)
    standing = (config for config in found if config.dataset_id not in left)
    return sorted(standing, key=lambda config: (config.day, config.dataset_id, config.config))


def _marked(day: GrowthDay, item: Examined, created: datetime) -> list[MarkedConfig]:
    return [
        MarkedConfig(
            str(day), item.dataset_id, config["name"], created,
            join_licences(item.licences or ()),
            tuple(config["row_marks"]), tuple(config["file_marks"]),
        )
        for config in item.configs
    ]  # fmt: skip


def _without(item: Examined, known: _Known, created: datetime) -> Examined:
    found = {}
    for config in item.configs:
        own = Marks(config["row_marks"], config["file_marks"])
        other = known.mirrored(own, item.dataset_id, created)
        if other is not None:
            found[config["name"]] = other
    if not found:
        return item
    item = replace(item, mirrors=sorted({other.dataset_id for other in found.values()}))
    words = {name: _words(item, other) for name, other in found.items()}
    if len(words) == len(item.configs):
        return item.drop(Verdict(Reason.MIRROR, next(iter(words.values()))))
    return _without_configs(item, words)


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
