"""The versions of the training set as the database has them, their head, and where they went."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.dialects.postgresql import insert

from dynosaur_etl.store.database import transaction
from dynosaur_etl.store.tables import PublicationRow, SnapshotRow


def version_named(engine: Engine, version: int) -> SnapshotRow | None:
    """Read one version; None where there is no such version.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    with transaction(engine) as session:
        row = session.get(SnapshotRow, version)
        session.expunge_all()
        return row


def versions_newest_first(engine: Engine, most: int | None = None) -> list[SnapshotRow]:
    """Read the newest versions, or all of them.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    query = select(SnapshotRow).order_by(SnapshotRow.version.desc()).limit(most)
    with transaction(engine) as session:
        rows = list(session.scalars(query))
        session.expunge_all()
        return rows


def head_version(engine: Engine) -> SnapshotRow | None:
    """Read the head: the newest version that is no trial; None where there is none.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    query = (
        select(SnapshotRow)
        .where(SnapshotRow.trial.is_(False))
        .order_by(SnapshotRow.version.desc())
        .limit(1)
    )
    with transaction(engine) as session:
        row = session.scalar(query)
        session.expunge_all()
        return row


def next_number(engine: Engine) -> int:
    """Return the number that the next version gets."""
    with transaction(engine) as session:
        return (session.scalar(select(func.max(SnapshotRow.version))) or 0) + 1


def add_version(engine: Engine, row: SnapshotRow) -> SnapshotRow:
    """Write a version down, and return it.

    Raises:
        StoreUnavailable: the database does not answer or has no room.
    """
    with transaction(engine) as session:
        session.add(row)
        session.flush()
        session.refresh(row)
        session.expunge(row)
    return row


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


def publications(engine: Engine, versions: Sequence[int]) -> Mapping[int, list[dict[str, Any]]]:
    """Read where versions were published, by version, in the order of time.

    Returns:
        For each that was: `target`, `place` and `published_at` (ISO 8601, UTC) of each target.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    query = (
        select(PublicationRow)
        .where(PublicationRow.version.in_(versions))
        .order_by(PublicationRow.published_at, PublicationRow.target)
    )
    found: dict[int, list[dict[str, Any]]] = {}
    with transaction(engine) as session:
        for row in session.scalars(query):
            line = {
                "target": row.target,
                "place": row.place,
                "published_at": f"{row.published_at:%Y-%m-%dT%H:%M:%SZ}",
            }
            found.setdefault(row.version, []).append(line)
    return found
