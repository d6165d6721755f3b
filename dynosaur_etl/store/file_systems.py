"""The file systems behind the storage, and how they list what they hold."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class FoundFile:
    """A file as the storage lists it; `modified` is None where the storage does not tell."""

    path: str
    bytes: int
    modified: datetime | None

    def is_older(self, moment: datetime) -> bool:
        """Tell the age; a file whose age the storage does not tell counts as young."""
        if self.modified is None:
            return False
        aware = self.modified if self.modified.tzinfo else self.modified.replace(tzinfo=UTC)
        return aware <= moment


def file_system(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path that the URL names in it.

    S3 is Arrow's own, with what a URL of Arrow may tell (`?region=`, `?endpoint_override=`); all
    others are those of fsspec.
    """
    import fsspec

    if not url.startswith("s3://"):
        system, path = fsspec.core.url_to_fs(url)
        return system, str(path)
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow.fs import FileSystem

    system, path = FileSystem.from_uri(url)
    return ArrowFSWrapper(system), str(path)


def found_file(path: str, facts: dict[str, Any]) -> FoundFile:
    told = facts.get("mtime") or facts.get("LastModified") or facts.get("created")
    moment = datetime.fromtimestamp(told, UTC) if isinstance(told, int | float) else told
    return FoundFile(path, int(facts["size"]), moment)
