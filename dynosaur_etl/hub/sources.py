"""The four sources of rows under one form: the configs that each knows, and what becomes of one."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from dynosaur_etl.domain.errors import HubRefused
from dynosaur_etl.domain.models import Revision, Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.configs import ConfigFiles
from dynosaur_etl.hub.converted import ConvertedConfig, converted_configs, sample_converted_config
from dynosaur_etl.hub.filters import examine_config
from dynosaur_etl.hub.rows import (
    ConfigSample,
    sample_config,
    sample_streamed_config,
    sample_viewed_config,
)
from dynosaur_etl.hub.viewer import ViewedConfig, view_configs

SourceName = Literal["repository", "viewer", "converted", "streaming"]


@dataclass(frozen=True)
class SampleRules:
    """How much is sampled of a dataset.

    Attributes:
        configs: most configs.
        rows: most rows of each.
        seed: of the draw.
        stream_seconds: after which the streaming of a config is given up.
    """

    configs: int
    rows: int
    seed: int
    stream_seconds: float


@dataclass(frozen=True)
class ConfigOutcome:
    """What became of one config; a kept one has a sample, a dropped one may have."""

    name: str
    verdict: Verdict
    source: SourceName = "repository"
    sample: ConfigSample | None = None


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
        try:
            sample = self._sample(name)
        except HubRefused as error:
            return ConfigOutcome(name, Verdict(error.reason, str(error)), self.source)
        return ConfigOutcome(name, _judge(sample), self.source, sample)

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
        return {config.name: config for config in view_configs(self._client, self._revision)}

    @property
    def names(self) -> Collection[str]:
        return self._configs

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
            found = converted_configs(self._client, self._revision)
        except HubRefused:
            return {}
        return {config.files.name: config for config in found}

    @property
    def names(self) -> Collection[str]:
        return self._configs

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
