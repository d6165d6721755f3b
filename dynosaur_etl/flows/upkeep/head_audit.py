"""Judging sources by what the Hub shows of them today: their line of the list, then their card."""

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from dynosaur_etl.domain.errors import HubRefused
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import KEEP, Listing, Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.hub.cards import card_of, parse_card, read_tags
from dynosaur_etl.hub.filters import examine_listing, examine_rights
from dynosaur_etl.hub.rights.reading import RIGHTS_VERSION
from dynosaur_etl.hub.rights.weights import model_digest
from dynosaur_etl.store.card_checks import load_card_checks, save_card_check


def judge_heads(
    services: Services, heads: Mapping[str, Listing]
) -> Iterator[tuple[str, Listing, Verdict]]:
    """Judge sources by what the Hub shows, a card that was judged before by that verdict.

    Args:
        services: the process's services.
        heads: what the Hub shows, by the id that the pool has; after a renaming it is another one.

    Raises:
        HubUnavailable: a card could not be had.
    """
    auditor = _Auditor(services, heads)
    with ThreadPoolExecutor(services.settings.hub_concurrency) as pool:
        verdicts = pool.map(auditor.judge, heads.values())
        yield from zip(heads.keys(), heads.values(), verdicts, strict=True)


def look_up(services: Services, names: Collection[str]) -> Iterator[tuple[str, Listing | Verdict]]:
    """Ask the Hub for each by itself; it leads on to the new id of what has been renamed.

    Returns:
        What it shows of each, or the verdict on what it refuses.
    """

    def ask(name: str) -> Listing | Verdict:
        try:
            return services.hub.listing(name)
        except HubRefused as error:
            return Verdict(error.reason, str(error))

    with ThreadPoolExecutor(services.settings.hub_concurrency) as pool:
        yield from zip(names, pool.map(ask, names), strict=True)


class _Auditor:
    """The verdicts that are known, and the rules by which further cards are judged."""

    def __init__(self, services: Services, heads: Mapping[str, Listing]) -> None:
        self._services = services
        self._licences = services.settings.licences
        self._rules = digest("card", RIGHTS_VERSION, model_digest(), list(self._licences))
        shown = {listing.id for listing in heads.values()}
        self._known = load_card_checks(services.engine, shown, self._rules)

    def judge(self, listing: Listing) -> Verdict:
        verdict = examine_listing(listing)
        if verdict.keep:
            verdict = self._judge_tags(listing)
        if verdict.keep and listing.sha is not None:
            verdict = self._judge_head(listing.id, listing.sha)
        return verdict if verdict.keep else self._at_head(listing, verdict)

    def _judge_tags(self, listing: Listing) -> Verdict:
        """Judge by the licences that the list tags; without one, the card has to tell."""
        told = read_tags(listing.tags)
        return KEEP if told is None else examine_rights(card_of(told), self._licences)

    def _judge_head(self, name: str, sha: str) -> Verdict:
        known = self._known.get((name, sha))
        if known is not None:
            return known
        verdict = self._judge_card(name, sha)
        save_card_check(self._services.engine, name, sha, self._rules, verdict)
        return verdict

    def _judge_card(self, name: str, sha: str) -> Verdict:
        """Judge a card; one that cannot be read is left to the polling of the day it changed on."""
        try:
            data = self._services.hub.card_bytes(name, sha)
            if data is None:
                return Verdict(Reason.NO_CARD, "README.md is missing")
            return examine_rights(parse_card(data), self._licences)
        except HubRefused as error:
            is_unreadable = error.reason is Reason.CARD_UNREADABLE
            return KEEP if is_unreadable else Verdict(error.reason, str(error))

    def _at_head(self, listing: Listing, verdict: Verdict) -> Verdict:
        where = f" at {listing.sha}" if listing.sha else ""
        return Verdict(verdict.reason, f"{verdict.detail}{where}")
