"""Where a version may be published to: what is surely a repository, a folder or a URL."""

import re
from pathlib import Path

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.redaction import without_login
from dynosaur_etl.settings import Settings

ALLOWED = (
    "owner/name of a dataset at the Hub; a folder that begins with /, ./, ../ or ~/; or a URL that"
    " files can be written to, such as s3://bucket/folder"
)
WRITABLE = frozenset(
    {
        "abfs", "abfss", "adl", "arrow_hdfs", "az", "dbfs", "file", "ftp", "gcs", "gs", "hdfs",
        "lakefs", "local", "oci", "oss", "s3", "s3a", "sftp", "smb", "ssh", "tos", "webdav",
        "webhdfs",
    }
)  # fmt: skip
"""Protocols of Arrow and fsspec under which folders of files can be written."""

_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)


def aimed(settings: Settings, to: str) -> Settings:
    """Return the settings with `to` as the only target; as they are where it is empty.

    Raises:
        InvalidInput: `to` is neither surely a repository nor a folder nor a URL, or nothing names
            a target.
    """
    if not to:
        if not settings.publish_repo and not settings.publish_url:
            allowed = "--to, DYNOSAUR_PUBLISH_REPO or DYNOSAUR_PUBLISH_URL"
            raise InvalidInput(not_allowed("target", "none", allowed))
        return settings
    repo = _repository(to, settings.hf_endpoint)
    targets = {"publish_repo": repo, "publish_url": "" if repo else _place(to)}
    return settings.model_copy(update=targets)


def address(url: str) -> str:
    """Return how a folder or URL is known wherever it is read: whole, and without login."""
    return without_login(url) if "://" in url else str(Path(url).resolve())


def _repository(to: str, endpoint: str) -> str:
    """Return owner/name where `to` is a repository of the Hub, also as its address; else nothing.

    Raises:
        InvalidInput: it is the path of something that is there as well.
    """
    named = to
    for prefix in (f"{endpoint}/datasets/", "hf://datasets/"):
        named = named.removeprefix(prefix)
    if _REPO.fullmatch(named) is None or ".." in named:
        return ""
    if named == to and Path(to).exists():
        words = f"./{to} for the folder that is there, hf://datasets/{to} for the repository"
        raise InvalidInput(not_allowed("--to", to, words))
    return named


def _place(to: str) -> str:
    scheme, has_scheme, rest = to.partition("://")
    if has_scheme and rest and scheme in WRITABLE:
        return to
    if not has_scheme and to.startswith(("/", "./", "../", "~/")):
        return str(Path(to).expanduser())
    raise InvalidInput(not_allowed("--to", without_login(to), ALLOWED))
