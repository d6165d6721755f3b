"""The sources of a dataset's configs and rows, each used only where the one before cannot.

1. The repository's files at the pinned revision. They read the same on every later day, so that a
   past day can be polled again; a small config takes one request, and rows come from all its parts.
2. The dataset viewer, where it describes exactly the pinned revision: for a repository without
   readable files, as that of a loading script, and for a config whose files cannot be read. It is
   asked for a dataset's configs once, and only where the catalogue knows no newer commit.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from dynosaur_etl.domain.errors import HubRefused
from dynosaur_etl.domain.models import Card, Reject, Revision, Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.configs import ConfigFiles, RepoFile, plan_configs
from dynosaur_etl.hub.filters import examine_config
from dynosaur_etl.hub.rows import ConfigSample, sample_config, sample_viewed_config
from dynosaur_etl.hub.viewer import ViewedConfig, view_configs

Source = Literal["repository", "viewer"]

_UNREADABLE = frozenset({Reason.CONFIG_MISSING, Reason.FEATURES_UNREADABLE, Reason.ROWS_UNREADABLE})


@dataclass(frozen=True)
class SampleRules:
    """How much is sampled of a dataset: configs at most, rows of each at most, and the seed."""

    configs: int
    rows: int
    seed: int


@dataclass(frozen=True)
class ConfigOutcome:
    """What became of one config; a kept one has a sample, a dropped one may have."""

    name: str
    verdict: Verdict
    source: Source = "repository"
    sample: ConfigSample | None = None


def sample_dataset(
    client: HubClient,
    revision: Revision,
    card: Card,
    files: list[RepoFile],
    rules: SampleRules,
    is_newest: bool,
) -> Iterator[ConfigOutcome]:
    """Yield what became of each config of a dataset at its pinned revision.

    Args:
        client: the Hub and its viewer.
        revision: what the dataset is pinned to.
        card: of that revision.
        files: of that revision.
        rules: how much is sampled.
        is_newest: the revision is the newest that is known, so that the viewer may describe it.

    Raises:
        HubRefused: NO_DATA_FILES; no source holds a config.
        HubUnavailable: the Hub or the viewer gives no usable answer.
    """
    planned, rejects = plan_configs(card, files, rules.configs)
    viewer = _Viewer(client, revision, rules, is_newest)
    if not planned and not rejects:
        outcomes = list(viewer.all_configs())
        if not outcomes:
            raise HubRefused(f"{len(files)} files", Reason.NO_DATA_FILES)
        yield from outcomes
        return
    yield from _from_files(client, revision, planned, viewer)
    yield from _left_over(rejects, rules.configs - len(planned), viewer)


def _from_files(
    client: HubClient, revision: Revision, planned: list[ConfigFiles], viewer: "_Viewer"
) -> Iterator[ConfigOutcome]:
    for files in planned:
        try:
            sample = sample_config(client, revision, files, viewer.rules.rows, viewer.rules.seed)
            outcome = ConfigOutcome(files.name, _judge(sample), sample=sample)
        except HubRefused as error:
            outcome = ConfigOutcome(files.name, Verdict(error.reason, str(error)))
        yield viewer.instead_of(outcome)


def _left_over(rejects: list[Reject], places: int, viewer: "_Viewer") -> Iterator[ConfigOutcome]:
    for reject in rejects:
        outcome = ConfigOutcome(reject.subject, Verdict(reject.reason, reject.detail))
        if places > 0:
            outcome = viewer.instead_of(outcome)
            places -= outcome.verdict.keep
        yield outcome


class _Viewer:
    """The viewer's configs of a revision, asked for when one is first needed."""

    def __init__(
        self, client: HubClient, revision: Revision, rules: SampleRules, is_newest: bool
    ) -> None:
        self.rules = rules
        self._client = client
        self._revision = revision
        self._is_newest = is_newest

    @cached_property
    def _configs(self) -> Mapping[str, ViewedConfig]:
        if not self._is_newest:
            return {}
        return {config.name: config for config in view_configs(self._client, self._revision)}

    def all_configs(self) -> Iterator[ConfigOutcome]:
        """Yield every config, those over the limit as rejects."""
        limit = self.rules.configs
        over = Verdict(Reason.OVER_CONFIG_CAP, f"over the {limit} configs taken from one dataset")
        for number, config in enumerate(self._configs.values()):
            if number < limit:
                yield self._sampled(config)
            else:
                yield ConfigOutcome(config.name, over, "viewer")

    def instead_of(self, outcome: ConfigOutcome) -> ConfigOutcome:
        """Give the viewer's outcome of a config whose files cannot be read, if it is better."""
        if outcome.verdict.reason not in _UNREADABLE or outcome.name not in self._configs:
            return outcome
        viewed = self._sampled(self._configs[outcome.name])
        return outcome if viewed.verdict.reason in _UNREADABLE else viewed

    def _sampled(self, config: ViewedConfig) -> ConfigOutcome:
        try:
            sample = sample_viewed_config(
                self._client, self._revision, config, self.rules.rows, self.rules.seed
            )
        except HubRefused as error:
            return ConfigOutcome(config.name, Verdict(error.reason, str(error)), "viewer")
        return ConfigOutcome(config.name, _judge(sample), "viewer", sample)


def _judge(sample: ConfigSample) -> Verdict:
    verdict = examine_config(sample.config)
    if verdict.keep and not sample.table.num_rows:
        return Verdict(Reason.NO_ROWS, "it holds no rows")
    return verdict
