"""What must hold of database and storage together, whatever has happened to them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from dynosaur_etl.domain.errors import DynosaurError
from dynosaur_etl.flows.runtime.services import Services, open_services
from dynosaur_etl.flows.upkeep.doctor import Check
from dynosaur_etl.flows.upkeep.garbage import find_garbage
from dynosaur_etl.flows.upkeep.store_audit import audit_store
from dynosaur_etl.settings import Settings
from dynosaur_etl.store.facts.growth_steps import step_records
from dynosaur_etl.store.facts.named_files import CONTENT_NAME, named_paths
from dynosaur_etl.store.ledger_audit import audit

_SHOWN = 3


def examine_deeply(settings: Settings) -> Iterator[Check]:
    """Yield whether files, steps and ledger fit together; every named file is read for it."""
    checks = (
        ("files", _damage, "`dynosaur repair` makes again what can be made again"),
        ("orphans", _orphans, "please report it: `dynosaur gc` does not see these files"),
        ("steps", _unreconciled, "please report it with the log of the step"),
        ("ledger", _contradictions, "please report it with what `dynosaur ledger audit` prints"),
    )
    try:
        with open_services(settings) as services:
            for name, find, mend in checks:
                found = list(find(services))
                words = "; ".join(found[:_SHOWN]) or "sound"
                more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
                yield Check(name, ok=not found, found=words + more, mend=mend if found else "")
    except DynosaurError as error:
        yield Check("deep", ok=False, found=str(error), mend="mend what is wrong above first")


def _damage(services: Services) -> Iterator[str]:
    for item in audit_store(services).damage:
        yield f"{item.state}: {item.path}, named by {item.named_by[0]}"


def _orphans(services: Services) -> Iterator[str]:
    """Yield files under names of ours that no row names and that gc would never remove."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    known = {named.path for named in named_paths(services.engine)}
    known |= {item.path for item in find_garbage(services, timedelta(0), tomorrow)}
    for file in services.storage.list_files():
        if CONTENT_NAME.fullmatch(file.path) and file.path not in known:
            yield file.path


def _unreconciled(services: Services) -> Iterator[str]:
    for record in step_records(services.engine):
        parts = record.kept + record.rejected + record.deferred
        if record.taken != parts or sum(record.reasons.values()) != record.rejected:
            yield f"{record.step} of {record.day}: took {record.taken}, and tells of {parts}"


def _contradictions(services: Services) -> Iterator[str]:
    yield from audit(services.engine).contradictions
