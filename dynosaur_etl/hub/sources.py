"""The four sources of rows under one form: the configs that each knows, and what becomes of one."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from dynosaur_etl.domain.errors import HubRefused
from dynosaur_etl.domain.models import Revision, Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.training_splits import SplitUse
from dynosaur_etl.domain.unforeseen import is_contained, log_unforeseen, unforeseen
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.configs import ConfigFiles, listed_splits
from dynosaur_etl.hub.converted import ConvertedConfig, converted_configs, sample_converted_config
from dynosaur_etl.hub.filters import examine_config
from dynosaur_etl.hub.rows import (
    ConfigSample,
    sample_config,
    sample_streamed_config,
    sample_viewed_config,
)
from dynosaur_etl.hub.viewer import ViewedConfig, view_configs

log = logging.getLogger(__name__)

SourceName = Literal["repository", "viewer", "converted", "streaming"]


@dataclass(frozen=True)
class SampleRules:
    """How much is sampled of a dataset.

    Attributes:
        configs: most configs.
        rows: most rows of each.
        seed: of the draw.
        stream_seconds: after which the streaming of a config is given up.
        splits: which splits are sampled.
    """

    configs: int
    rows: int
    seed: int
    stream_seconds: float
    splits: SplitUse = SplitUse.TRAIN


@dataclass(frozen=True)
class Splits:
    """What is not used of a config, as far as it is known before a row is read.

    Attributes:
        are_there: it has a split for training.
        held_back: splits that are for evaluation, by their names.
        of_other_formats: files of the others that are of another format than the one that is read.
    """

    are_there: bool = True
    held_back: tuple[str, ...] = ()
    of_other_formats: int = 0


@dataclass(frozen=True)
class ConfigOutcome:
    """What became of one config; a kept one has a sample, a dropped one may have."""

    name: str
    verdict: Verdict
    source: SourceName = "repository"
    sample: ConfigSample | None = None
    splits: Splits = Splits()


class Source(ABC):
    """One source of the configs of a revision; it is asked when it is first needed."""

    source: SourceName

    def __init__(self, client: HubClient, revision: Revision, rules: SampleRules) -> None:
        self._client = client
        self._revision = revision
        self._rules = rules

    @property
    @abstractmethod
    def names(self) -> Collection[str]:
        """The configs, in their order of choice."""

    def outcome(self, name: str) -> ConfigOutcome:
        """Give what becomes of a config; it has a sample where this source can read it."""
        splits = self._splits(name)
        if not splits.are_there:
            verdict = Verdict(Reason.NO_TRAINING_SPLIT, listed_splits(splits.held_back))
            return ConfigOutcome(name, verdict, self.source)
        try:
            sample = self._sample(name)
            return ConfigOutcome(name, _judge(sample), self.source, sample, splits)
        except HubRefused as error:
            return ConfigOutcome(name, Verdict(error.reason, str(error)), self.source)
        except Exception as error:
            if not is_contained(error):
                raise
            about = f"{name} of {self._revision.dataset_id} from {self.source}"
            log_unforeseen(log, about, error)
            return ConfigOutcome(name, unforeseen(error), self.source)

    @abstractmethod
    def _splits(self, name: str) -> Splits: ...

    @abstractmethod
    def _sample(self, name: str) -> ConfigSample: ...


class Repository(Source):
    """Files of the pinned revision that are read here."""

    source: SourceName = "repository"

    def __init__(
        self,
        client: HubClient,
        revision: Revision,
        rules: SampleRules,
        planned: Sequence[ConfigFiles],
    ) -> None:
        super().__init__(client, revision, rules)
        self._files = {files.name: files for files in planned}

    @property
    def names(self) -> Collection[str]:
        return self._files

    def _splits(self, name: str) -> Splits:
        files = self._files[name]
        return Splits(held_back=files.held_back, of_other_formats=files.of_other_formats)

    def _sample(self, name: str) -> ConfigSample:
        rules = self._rules
        return sample_config(
            self._client, self._revision, self._files[name], rules.rows, rules.seed
        )


class Streaming(Repository):
    """Files of the pinned revision that `datasets` streams."""

    source: SourceName = "streaming"

    def _sample(self, name: str) -> ConfigSample:
        rules, files = self._rules, self._files[name]
        return sample_streamed_config(
            self._client, self._revision, files, rules.rows, rules.seed, rules.stream_seconds
        )


class Viewer(Source):
    """The dataset viewer, where it describes the pinned revision."""

    source: SourceName = "viewer"

    @cached_property
    def _configs(self) -> Mapping[str, ViewedConfig]:
        found = view_configs(self._client, self._revision, self._rules.splits)
        return {config.name: config for config in found}

    @property
    def names(self) -> Collection[str]:
        return self._configs

    def _splits(self, name: str) -> Splits:
        config = self._configs[name]
        return Splits(bool(config.splits) or not config.held_back, config.held_back)

    def _sample(self, name: str) -> ConfigSample:
        sample = sample_viewed_config(
            self._client, self._revision, self._configs[name], self._rules.rows, self._rules.seed
        )
        if sample.oversized and not sample.table.num_rows:
            words = f"{name}: the viewer shows all of {sample.oversized} rows with cut cells"
            raise HubRefused(words, Reason.ROWS_UNREADABLE)
        return sample


class Converted(Source):
    """The Hub's converted Parquet, where it describes the pinned revision."""

    source: SourceName = "converted"

    @cached_property
    def _configs(self) -> Mapping[str, ConvertedConfig]:
        try:
            found = converted_configs(self._client, self._revision, self._rules.splits)
        except HubRefused:
            return {}
        return {config.files.name: config for config in found}

    @property
    def names(self) -> Collection[str]:
        return self._configs

    def _splits(self, name: str) -> Splits:
        files = self._configs[name].files
        return Splits(bool(files.splits), files.held_back)

    def _sample(self, name: str) -> ConfigSample:
        converted = self._configs[name]
        return sample_converted_config(
            self._client, self._revision, converted, self._rules.rows, self._rules.seed
        )


def _judge(sample: ConfigSample) -> Verdict:
    verdict = examine_config(sample.config)
    if verdict.keep and not sample.table.num_rows:
        return Verdict(Reason.NO_ROWS, "it holds no rows")
    return verdict
