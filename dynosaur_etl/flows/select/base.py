"""The version whose picks the next selection keeps."""

from dataclasses import dataclass

from sqlalchemy import select as select_rows
from sqlalchemy.orm import Session

from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.store.tables import SnapshotRow


@dataclass(frozen=True)
class Base:
    """The version whose picks are kept."""

    version: int
    path: str
    manifest_sha256: str


def base_version(services: Services, inputs: str) -> Base | None:
    """Give the version whose picks the next selection keeps; None where it selects anew.

    It is the newest version. Where that one was made from the very same inputs it is its own
    base, so that selecting again finds it and makes no other.

    Args:
        services: the process's services.
        inputs: digest of what the selection is made from, but for the base.
    """
    if services.settings.selection_growth == "fresh":
        return None
    with Session(services.engine) as session:
        newest = session.scalar(select_rows(SnapshotRow).order_by(SnapshotRow.version.desc()))
        if newest is not None and newest.facts.get("inputs") == inputs:
            before = newest.facts.get("base")
            newest = None if before is None else session.get(SnapshotRow, before)
        if newest is None:
            return None
        return Base(newest.version, newest.path, newest.manifest_sha256)
