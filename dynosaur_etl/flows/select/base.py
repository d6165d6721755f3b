"""The version whose picks the next selection keeps."""

from dataclasses import dataclass

import pyarrow.parquet as pq

from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.snapshots.layout import SELECTION
from dynosaur_etl.snapshots.publish import version_file
from dynosaur_etl.store.facts.snapshot_versions import find_version, head_version


@dataclass(frozen=True)
class BaseVersion:
    """The version whose picks are kept."""

    version: int
    path: str
    manifest_sha256: str


def base_version(services: Services, inputs: str) -> BaseVersion | None:
    """Give the version whose picks the next selection keeps; None where it selects anew.

    It is the head. Where that one was made from the very same inputs it is its own
    base, so that selecting again finds it and makes no other.

    Args:
        services: the process's services.
        inputs: digest of what the selection is made from, but for the base.
    """
    if services.settings.selection_growth == "fresh":
        return None
    head = head_version(services.engine)
    if head is not None and head.facts.get("inputs") == inputs:
        before = head.facts.get("base")
        head = None if before is None else find_version(services.engine, before)
    return None if head is None else BaseVersion(head.version, head.path, head.manifest_sha256)


def base_keys(services: Services, base: BaseVersion | None) -> list[str]:
    """Return the keys of the base's picks in their order; none where there is no base.

    Raises:
        Corrupt: the base's files are not what was written.
    """
    if base is None:
        return []
    with version_file(services.storage, base.path, SELECTION) as file:
        before = pq.read_table(file, columns=["instance_key"])
    keys: list[str] = before["instance_key"].to_pylist()
    return keys
