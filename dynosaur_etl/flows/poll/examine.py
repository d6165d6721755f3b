"""Examining a day's candidates: card, filters, configs, features and sampled rows.

Each candidate is examined at its pinned revision and ends in one verdict. What is done is kept
candidate by candidate, so that a killed run goes on where it was.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import islice
from typing import Any

from dynosaur_etl.domain.errors import HubRefused, HubUnavailable
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import (
    KEEP,
    Card,
    Listing,
    Revision,
    StepName,
    StepReport,
    Told,
    Verdict,
)
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.text import clean_json
from dynosaur_etl.flows.poll.commits import known_commits
from dynosaur_etl.flows.poll.examined import Examined, output_of
from dynosaur_etl.flows.poll.forms import SeenRows, judge_config
from dynosaur_etl.flows.poll.mirrors import without_mirrors
from dynosaur_etl.flows.runtime.compartments import contained
from dynosaur_etl.flows.runtime.services import Progress, Services, keep_loaded, silent
from dynosaur_etl.flows.runtime.step import require_step, run_step
from dynosaur_etl.hub.candidates import stood_before
from dynosaur_etl.hub.cards import parse_card
from dynosaur_etl.hub.changes import is_unchanged
from dynosaur_etl.hub.data_files import RepoFile
from dynosaur_etl.hub.filters import (
    examine_card,
    examine_listing,
    examine_told,
)
from dynosaur_etl.hub.ladder import sample_dataset
from dynosaur_etl.hub.rights.reading import RIGHTS_VERSION
from dynosaur_etl.hub.rights.weights import model_digest
from dynosaur_etl.hub.same_rows import SAME_ROWS_VERSION, marks_of
from dynosaur_etl.hub.sources import ConfigOutcome, SampleRules
from dynosaur_etl.settings import Settings
from dynosaur_etl.store.facts.listings import ListedCandidate, candidates_of_day
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.steps import StepOutput, count_rows, load_checkpoints, save_checkpoints
from dynosaur_etl.store.tables import VerdictRow

log = logging.getLogger(__name__)

EXAMINE_VERSION = "examine-8"
_SAVED_TOGETHER = 16
_THREADS_PER_REQUEST = 2  # one reads rows while the other's request is on its way


def examine_candidates(
    day: GrowthDay, services: Services, progress: Progress = silent
) -> StepReport:
    """Give every candidate of the day its verdict, and sample the rows of what is kept.

    Candidates for which the Hub gave no usable answer are deferred to the next run. One that raises
    what nobody foresaw is rejected as such, and the report's facts hold an `alarm`.

    Raises:
        HubUnavailable: more of the candidates than the settings allow would have to be deferred;
            what was examined is kept for the next run.
    """
    rules = examination_rules(day, services)
    seed = services.settings.seed

    def work() -> StepOutput:
        candidates = candidates_of_day(services.engine, str(day))
        examination = _Examination(services, day, candidates, digest(rules))
        found = examination.run(progress)
        created = {row.dataset_id: row.listing.created_at for row in candidates}
        examined = without_mirrors(services, day, found, created)
        deferred = {row.dataset_id for row in candidates} - {item.dataset_id for item in examined}
        lost = count_rows(services.engine, VerdictRow, str(day), dataset_id=deferred)
        return output_of(day, len(candidates), examined, seed, lost)

    return run_step(services, str(day), StepName.EXAMINE, rules, work)


def sample_again(day: GrowthDay, services: Services, dataset_ids: Collection[str]) -> None:
    """Read the rows of datasets once more and store them; no row of the database changes.

    Raises:
        HubUnavailable: the Hub gave no usable answer.
    """
    for row in candidates_of_day(services.engine, str(day)):
        if row.dataset_id in dataset_ids:
            _examine(services, row)


def examination_rules(day: GrowthDay, services: Services) -> dict[str, Any]:
    """Return everything that the verdicts of a day depend on beside the Hub.

    Raises:
        InvalidInput: the day's candidates have not been found.
    """
    settings = services.settings
    return {
        "version": [EXAMINE_VERSION, SAME_ROWS_VERSION, RIGHTS_VERSION, model_digest()],
        "candidates": require_step(services, str(day), StepName.CANDIDATES).output,
        "licences": settings.licences,
        "languages": settings.languages,
        "multilingual": settings.multilingual,
        "configs_per_dataset": settings.configs_per_dataset,
        "sample_rows": settings.sample_rows,
        "splits": settings.splits,
        "seed": settings.seed,
        "stream_seconds": settings.stream_seconds,
    }


def examine_listed(
    revision: str | None, listing: Listing, judge: Callable[[Told], Verdict]
) -> Verdict:
    """Judge a candidate by the Hub's list alone; keep where the repository has to be asked.

    Args:
        revision: what the candidate is pinned to.
        listing: the dataset as the list shows it.
        judge: what `told_filter` gives.
    """
    if revision is None:
        return KEEP
    verdict = examine_listing(listing)
    if verdict.keep and listing.told is not None and listing.sha == revision:
        verdict = judge(listing.told)
    return verdict


def card_filter(settings: Settings) -> Callable[[Card], Verdict]:
    """Give the filter on cards under the settings."""
    return partial(
        examine_card,
        licences=settings.licences,
        languages=settings.languages,
        multilingual=settings.multilingual,
    )


def told_filter(settings: Settings) -> Callable[[Told], Verdict]:
    """Give the filter on what the list tells of cards; it remembers, as many tell the same."""
    judge = card_filter(settings)
    return cache(lambda told: examine_told(told, judge))


class _Examination:
    """One run over a day's candidates: what is done, and what could not be examined."""

    def __init__(
        self,
        services: Services,
        day: GrowthDay,
        candidates: Sequence[ListedCandidate],
        fingerprint: str,
    ) -> None:
        self._services = services
        self._day = str(day)
        self._candidates = candidates
        self._fingerprint = fingerprint
        self._failures: list[str] = []
        self._most_failures = services.settings.most_deferred * len(candidates)
        stored = load_checkpoints(services.engine, self._day, StepName.EXAMINE, fingerprint)
        self._done = {item: Examined(**result) for item, result in stored.items()}

    def run(self, progress: Progress) -> list[Examined]:
        """Examine what an earlier run has not, and give everything by dataset."""
        _load_libraries()
        threads = _THREADS_PER_REQUEST * self._services.settings.hub_concurrency
        with ThreadPoolExecutor(threads) as pool:
            examining = pool.map(self._examine, self._to_ask())
            while results := list(islice(examining, _SAVED_TOGETHER)):
                self._keep([result for result in results if result is not None])
                progress(len(self._done), len(self._candidates))
        if self._is_hopeless:
            raise HubUnavailable(
                f"{len(self._failures)} of {len(self._candidates)} candidates of {self._day} could "
                f"not be examined; {len(self._done)} are examined and kept for the next run; the "
                f"first: {self._failures[0]}"
            )
        return [self._done[name] for name in sorted(self._done)]

    @property
    def _is_hopeless(self) -> bool:
        return len(self._failures) > self._most_failures

    def _to_ask(self) -> Iterator[ListedCandidate]:
        """Judge by the list, while the first of those that it leaves open are asked already."""
        judge = told_filter(self._services.settings)
        for row in self._candidates:
            judging = partial(examine_listed, row.revision, row.listing, judge)
            verdict = contained(row.dataset_id, judging)
            if not verdict.keep:
                dropped = Examined(row.dataset_id, row.revision or "").drop(verdict)
                self._done[row.dataset_id] = dropped
            elif row.dataset_id not in self._done:
                yield row

    def _examine(self, row: ListedCandidate) -> Examined | None:
        if self._is_hopeless:
            return None  # the Hub is down: do not knock on for every candidate left
        subject = f"{row.dataset_id} at {row.revision}"
        try:
            examined = contained(subject, lambda: _examine(self._services, row))
        except HubUnavailable as error:
            self._failures.append(f"{row.dataset_id}: {error}")
            return None
        if isinstance(examined, Verdict):
            return Examined(row.dataset_id, row.revision or "").drop(examined)
        return examined

    def _keep(self, results: Sequence[Examined]) -> None:
        parts = {result.dataset_id: clean_json(vars(result)) for result in results}
        engine = self._services.engine
        save_checkpoints(engine, self._day, StepName.EXAMINE, self._fingerprint, parts)
        self._done |= {name: Examined(**part) for name, part in parts.items()}


def _load_libraries() -> None:
    """Load what the threads use before they do."""
    import datasets  # noqa: F401

    keep_loaded()


def _examine(services: Services, candidate: ListedCandidate) -> Examined:
    if candidate.revision is None or candidate.committed_at is None:
        return Examined(candidate.dataset_id, "").drop(_without_revision(candidate))
    revision = Revision(candidate.dataset_id, candidate.revision, candidate.committed_at)
    examined = Examined(candidate.dataset_id, revision.sha)
    try:
        return _examine_revision(services, candidate, revision, examined)
    except HubRefused as error:
        return examined.drop(Verdict(error.reason, str(error)))


def _without_revision(candidate: ListedCandidate) -> Verdict:
    """Tell why a candidate has no commit: the Hub refuses to show them, or there is none."""
    if candidate.commits_refused is None:
        return Verdict(Reason.NO_REVISION, "the Hub shows no commit of it")
    return Verdict(Reason(candidate.commits_refused), "the Hub refuses to show its commits")


def _examine_revision(
    services: Services,
    candidate: ListedCandidate,
    revision: Revision,
    examined: Examined,
) -> Examined:
    data = services.hub.card_bytes(revision.dataset_id, revision.sha)
    if data is None:
        return examined.drop(Verdict(Reason.NO_CARD, "README.md is missing"))
    card = parse_card(data)
    verdict = card_filter(services.settings)(card)
    if not verdict.keep:
        return examined.drop(verdict)
    examined.keep_card(card)
    files = services.hub.files(revision.dataset_id, revision.sha)
    verdict = _examine_change(services, candidate, revision, files)
    if not verdict.keep:
        return examined.drop(verdict)
    return _examine_configs(services, candidate.listing, revision, card, files, examined)


def _examine_change(
    services: Services,
    candidate: ListedCandidate,
    revision: Revision,
    files: Sequence[RepoFile],
) -> Verdict:
    """Drop what the day's commits left as it was."""
    if candidate.change == "created":
        return KEEP
    day = GrowthDay.parse(candidate.deferred_from or candidate.day)
    commits = known_commits(services, candidate.dataset_id)
    before = stood_before(day, candidate.listing.created_at, commits)
    if before is None:
        return KEEP
    shas = [commit.sha for commit in commits]
    if revision.sha not in shas:  # the branch was rewritten since the candidates were found
        return KEEP
    added = shas[shas.index(revision.sha) : shas.index(before.sha)]
    if not is_unchanged(services.hub, revision, files, before.sha, added):
        return KEEP
    return Verdict(Reason.UNCHANGED, f"the same files as at {before.sha[:12]}")


def _examine_configs(
    services: Services,
    listing: Listing,
    revision: Revision,
    card: Card,
    files: list[RepoFile],
    examined: Examined,
) -> Examined:
    settings = services.settings
    rules = SampleRules(
        settings.configs_per_dataset,
        settings.sample_rows,
        settings.seed,
        settings.stream_seconds,
        settings.splits,
    )
    is_newest = listing.sha in (None, revision.sha)
    seen = SeenRows()
    for outcome in sample_dataset(services.hub, revision, card, files, rules, is_newest):
        subject = f"{revision.dataset_id}/{outcome.name}"
        examining = partial(_examine_config, services, card, files, outcome, examined, seen)
        verdict = contained(subject, examining)
        if verdict.reason is not None:
            examined.reject_part(outcome.name, verdict.reason, verdict.detail)
        if outcome.sample is not None and outcome.sample.oversized:
            number = outcome.sample.oversized
            examined.reject_part(outcome.name, Reason.ROW_TOO_LARGE, "rows", number)
    return examined if examined.configs else examined.drop_without_config()


def _examine_config(
    services: Services,
    card: Card,
    files: Sequence[RepoFile],
    outcome: ConfigOutcome,
    examined: Examined,
    seen: SeenRows,
) -> Verdict:
    """Judge a config by its rows where its features keep it, and store the rows of a kept one."""
    sample = outcome.sample
    if sample is None or not outcome.verdict.keep:
        return outcome.verdict
    judged = judge_config(card, sample, services.settings.languages, seen)
    if judged.verdict.keep:
        stored = services.storage.write_table(FileKind.SAMPLES, judged.sample.table)
        marks = marks_of(sample.table, sample.reading, files)
        examined.keep_config(outcome, judged.sample, stored, marks, judged.form)
        examined.add_languages(judged.languages)
    return judged.verdict
