"""Versions by their number, as the database knows them."""

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.store.facts.snapshot_versions import VersionRecord, find_version
from dynosaur_etl.store.versions import next_number


def version_number(text: str) -> int:
    """Read `7` or `v0007`.

    Raises:
        InvalidInput: it is neither.
    """
    number = text.removeprefix("v")
    if not number.isascii() or not number.isdigit():
        raise InvalidInput(not_allowed("version", text, "a number such as 7 or v0007"))
    return int(number)


def version_record(version: int, services: Services) -> VersionRecord:
    """Return what the database knows of a version.

    Raises:
        InvalidInput: there is no such version.
    """
    record = find_version(services.engine, version)
    if record is None:
        newest = next_number(services.engine) - 1
        allowed = f"1 to {newest}" if newest else "none; no snapshot has been made yet"
        raise InvalidInput(not_allowed("version", version, allowed))
    return record


def origin_record(version: int, services: Services) -> VersionRecord:
    """Return the version that made the files of a version: itself, unless it points at others.

    Raises:
        InvalidInput: there is no such version.
    """
    record = version_record(version, services)
    return record if record.same_as is None else version_record(record.same_as, services)
