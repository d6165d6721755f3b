"""Guards of the product, each broken on purpose: whatever looks for damage has to notice."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

Patch = pytest.MonkeyPatch


def no_sync(patch: Patch) -> None:
    """Files get their names before their bytes are on the disk."""
    patch.setattr("dynosaur_etl.store.durable.sync_file", _nothing)


def no_settling(patch: Patch) -> None:
    """Rows are committed before the names of their files are on the disk."""
    patch.setattr("dynosaur_etl.store.durable._sync_folder", _nothing)


def no_lock(patch: Patch) -> None:
    """Two processes may be at one step."""
    patch.setattr("dynosaur_etl.flows.runtime.step.locked", _unlocked)


def no_claim(patch: Patch) -> None:
    """A request that is in flight is sent again, as if whoever sent it were dead."""
    patch.setattr("dynosaur_etl.store.ledger._is_dead", _always)


def no_cap(patch: Patch) -> None:
    """Nobody looks whether the budget has room for a request."""
    patch.setattr("dynosaur_etl.store.budget.RunBudget.reserve", _reserved)


def lose_count(patch: Patch) -> None:
    """Steps tell of one thing more than they took; this is no guard, but what one is against."""
    from dynosaur_etl.store.steps import commit_step

    def lost_count(engine: Any, day: str, name: Any, fingerprint: str, output: Any) -> Any:
        counts = replace(output.counts, kept=output.counts.kept + 1)
        return commit_step(engine, day, name, fingerprint, replace(output, counts=counts))

    patch.setattr("dynosaur_etl.flows.runtime.step.commit_step", lost_count)


def no_reconciling(patch: Patch) -> None:
    """A step that lost count is committed."""
    lose_count(patch)
    patch.setattr("dynosaur_etl.store.steps._reconcile", _nothing)


def no_checksum(patch: Patch) -> None:
    """Files are taken for what their names tell."""
    patch.setattr("dynosaur_etl.store.checksums.CheckedFiles.check", _nothing)


def _nothing(*_: object) -> None:
    return None


def _always(*_: object) -> bool:
    return True


def _reserved(budget: Any, day: str, purpose: str, amount: Any) -> None:
    budget._totals.add(day, purpose, budget._now, amount)


@contextmanager
def _unlocked(*_: object, **__: object) -> Iterator[None]:
    yield


MUTANTS: Mapping[str, Callable[[Patch], None]] = {
    "sync": no_sync,
    "settling": no_settling,
    "lock": no_lock,
    "claim": no_claim,
    "cap": no_cap,
    "reconciling": no_reconciling,
    "checksum": no_checksum,
}
