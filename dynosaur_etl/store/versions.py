"""Writing down the versions of the training set, and where they went."""

from sqlalchemy import Engine, func, select
from sqlalchemy.dialects.postgresql import insert

from dynosaur_etl.store.database import transaction
from dynosaur_etl.store.facts.snapshot_versions import VersionRecord
from dynosaur_etl.store.tables import PublicationRow, SnapshotRow


def next_number(engine: Engine) -> int:
    """Return the number that the next version gets."""
    with transaction(engine) as session:
        return (session.scalar(select(func.max(SnapshotRow.version))) or 0) + 1


def add_version(engine: Engine, record: VersionRecord) -> None:
    """Write a version down.

    Raises:
        StoreUnavailable: the database does not answer or has no room.
    """
    with transaction(engine) as session:
        session.add(SnapshotRow(**vars(record)))


def record_publication(engine: Engine, version: int, target: str, place: str) -> None:
    """Write down that a target holds a version; the first time stays.

    Args:
        engine: the product's database.
        version: that was published.
        target: its address, without login.
        place: what the version is found by there.

    Raises:
        StoreUnavailable: the database does not answer or has no room.
    """
    row = {"version": version, "target": target, "place": place}
    with transaction(engine) as session:
        session.execute(insert(PublicationRow).values(row).on_conflict_do_nothing())
