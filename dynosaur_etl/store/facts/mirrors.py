"""Which datasets were left out as mirrors, and which of those that they mirror have left since.

All is told as it stood when a growth day was over, so that the day says the same when it is run
again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, or_, select, tuple_

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import StepName
from dynosaur_etl.domain.reasons import EarlierRows
from dynosaur_etl.store.database import reading
from dynosaur_etl.store.facts.listings import DeferredCandidate
from dynosaur_etl.store.facts.newest_verdicts import newest_verdicts_on
from dynosaur_etl.store.tables import CandidateRow, GrowthRunRow, WithdrawalRow

MIRRORS = "mirrors"
"""The fact of an examination that names its mirrors, each with the datasets that they mirror."""


@dataclass(frozen=True)
class _Mirror:
    dataset_id: str
    day: str
    older: Sequence[str]


def withdrawn_by(engine: Engine, day: GrowthDay) -> frozenset[str]:
    """Return the sources whose withdrawal was in force when the day was over."""
    query = select(WithdrawalRow.dataset_id).where(
        WithdrawalRow.found_on <= str(day),
        or_(WithdrawalRow.lifted_on.is_(None), WithdrawalRow.lifted_on > str(day)),
    )
    with reading(engine) as session:
        return frozenset(session.scalars(query))


def left_by(engine: Engine, dataset_ids: Collection[str], day: GrowthDay) -> frozenset[str]:
    """Return those of the datasets whose earlier rows no day from this one on may use.

    They were withdrawn, or the newest verdict of the days before rejects them.
    """
    newest = newest_verdicts_on(engine, dataset_ids, str(day))
    rejected = {item.dataset_id for item in newest if item.earlier is EarlierRows.LEAVE}
    return withdrawn_by(engine, day).intersection(dataset_ids) | rejected


def returning_mirrors(engine: Engine, day: GrowthDay) -> list[DeferredCandidate]:
    """Return the mirrors of datasets that have left, as the days that left them out had them.

    Only such whose newest verdict is still that of a mirror, or of a dataset with one among its
    configs; by dataset.
    """
    told = _mirrors_before(engine, str(day))
    left = left_by(engine, {name for mirror in told.values() for name in mirror.older}, day)
    freed = [mirror.dataset_id for mirror in told.values() if not left.isdisjoint(mirror.older)]
    newest = {
        item.dataset_id: item.day
        for item in newest_verdicts_on(engine, freed, str(day))
        if item.judged_id == item.dataset_id
    }
    still = [told[name] for name in freed if newest.get(name) == told[name].day]
    return _as_they_were(engine, still)


def _mirrors_before(engine: Engine, day: str) -> Mapping[str, _Mirror]:
    """Read by dataset what the last day before that found it to be a mirror says."""
    named = GrowthRunRow.facts[MIRRORS]
    query = (
        select(GrowthRunRow.day, named)
        .where(
            GrowthRunRow.step == StepName.EXAMINE,
            GrowthRunRow.day < day,
            GrowthRunRow.facts.has_key(MIRRORS),
        )
        .order_by(GrowthRunRow.day)
    )
    with reading(engine) as session:
        return {
            name: _Mirror(name, of_day, tuple(older))
            for of_day, mirrors in session.execute(query)
            for name, older in mirrors.items()
        }


def _as_they_were(engine: Engine, mirrors: Sequence[_Mirror]) -> list[DeferredCandidate]:
    places = [(mirror.day, mirror.dataset_id) for mirror in mirrors]
    query = (
        select(
            CandidateRow.day,
            CandidateRow.dataset_id,
            CandidateRow.revision,
            CandidateRow.committed_at,
            CandidateRow.change,
        )
        .where(tuple_(CandidateRow.day, CandidateRow.dataset_id).in_(places))
        .order_by(CandidateRow.dataset_id)
    )
    with reading(engine) as session:
        return [DeferredCandidate(*row) for row in session.execute(query)]
