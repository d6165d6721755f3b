"""The order of the sources of a dataset's rows, each used only where the one before cannot.

1. The repository's files at the pinned revision. They read the same on every later day, so that a
   past day can be polled again; a small config takes one request, and rows come from all its parts.
2. The dataset viewer, where it describes exactly the pinned revision: for a repository without
   readable files, as that of a loading script, and for a config whose files cannot be read. It is
   asked for a dataset's configs once, and only where the catalogue knows no newer commit.
3. The Hub's converted Parquet, where it describes exactly the pinned revision: for what the viewer
   does not show, or shows with cut cells only. It comes after the viewer, which tells the features
   of all configs in one answer, so that what the filters drop costs no request of its own.
4. Streaming by `datasets`, at the pinned revision: for files of formats that are not read here. It
   comes last, as it takes a process, seconds and many requests, and reads no further than the
   beginning of a split. Broken files of a format that is read here are not tried again.
"""

from collections.abc import Iterator, Sequence

from dynosaur_etl.domain.errors import HubRefused
from dynosaur_etl.domain.models import Card, Reject, Revision, Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.configs import ConfigFiles, plan_configs
from dynosaur_etl.hub.data_files import RepoFile
from dynosaur_etl.hub.formats import READ_HERE
from dynosaur_etl.hub.sources import (
    ConfigOutcome,
    Converted,
    Repository,
    SampleRules,
    Source,
    Streaming,
    Viewer,
)

_UNREADABLE = frozenset({Reason.CONFIG_MISSING, Reason.FEATURES_UNREADABLE, Reason.ROWS_UNREADABLE})


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
        is_newest: the revision is the newest that is known, so that viewer and converted Parquet
            may describe it.

    Raises:
        HubRefused: NO_DATA_FILES; no source holds a config.
        HubUnavailable: the Hub or the viewer gives no usable answer.
    """
    planned, rejects = plan_configs(card, files, rules.configs, rules.splits)
    ladder = _Ladder(client, revision, rules, planned, is_newest)
    if not planned and not rejects:
        outcomes = list(ladder.all_configs()) if any(map(_may_make_rows, files)) else []
        if not outcomes:
            raise HubRefused(f"{len(files)} files", Reason.NO_DATA_FILES)
        yield from outcomes
        return
    for config in planned:
        yield ladder.outcome(config)
    yield from _left_over(rejects, rules.configs - len(planned), ladder)


def _may_make_rows(file: RepoFile) -> bool:
    """Tell a file that the Hub may make rows of from those that are about the repository."""
    name = file.path.rpartition("/")[2].lower()
    return not name.startswith((".", "license")) and not name.endswith(".md")


def _left_over(rejects: list[Reject], places: int, ladder: "_Ladder") -> Iterator[ConfigOutcome]:
    for reject in rejects:
        outcome = ConfigOutcome(reject.subject, Verdict(reject.reason, reject.detail))
        if places > 0:
            outcome = ladder.instead_of(outcome)
            places -= outcome.verdict.keep
        yield outcome


class _Ladder:
    """The sources of a revision's configs, in their order."""

    def __init__(
        self,
        client: HubClient,
        revision: Revision,
        rules: SampleRules,
        planned: Sequence[ConfigFiles],
        is_newest: bool,
    ) -> None:
        read_here = [config for config in planned if config.format in READ_HERE]
        streamed = [config for config in planned if config.format not in READ_HERE]
        made = (Viewer(client, revision, rules), Converted(client, revision, rules))
        self._limit = rules.configs
        self._repository = Repository(client, revision, rules, read_here)
        self._made_by_the_hub: tuple[Source, ...] = made if is_newest else ()
        self._streaming = Streaming(client, revision, rules, streamed)

    def outcome(self, config: ConfigFiles) -> ConfigOutcome:
        """Give the outcome of a config that has files."""
        if config.format in READ_HERE:
            return self.instead_of(self._repository.outcome(config.name))
        *_, last = self._climb(config.name)
        return last

    def instead_of(self, outcome: ConfigOutcome) -> ConfigOutcome:
        """Give the next source's outcome of a config that cannot be read, if that one can."""
        if outcome.verdict.reason not in _UNREADABLE:
            return outcome
        return next((item for item in self._climb(outcome.name) if item.sample), outcome)

    def all_configs(self) -> Iterator[ConfigOutcome]:
        """Yield every config that the Hub has made rows of, those over the limit as rejects."""
        source = next((source for source in self._made_by_the_hub if source.names), None)
        if source is None:
            return
        over = f"over the {self._limit} configs taken from one dataset"
        for number, name in enumerate(source.names):
            if number < self._limit:
                *_, last = self._climb(name)
                yield last
            else:
                yield ConfigOutcome(name, Verdict(Reason.OVER_CONFIG_CAP, over), source.source)

    def _climb(self, name: str) -> Iterator[ConfigOutcome]:
        """Yield the outcomes above the repository's, up to the first source that can read."""
        for source in (*self._made_by_the_hub, self._streaming):
            if name in source.names:
                outcome = source.outcome(name)
                yield outcome
                if outcome.sample or outcome.verdict.reason not in _UNREADABLE:
                    return
