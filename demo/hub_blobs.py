"""Content ids of stored files and the YAML head of a card, each computed once a path."""

import hashlib
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

_LARGEST_CARD_BYTES = 5_000_000
_FRONT_MATTER = re.compile(r"\A\s*---[\r\n]+(.*?)[\r\n]+---\s*(?:[\r\n]|\Z)", re.DOTALL)
_RESTRICTED_TAGS = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")


class _CardLoader(yaml.CSafeLoader):
    """YAML as the Hub reads it: `no` is Norwegian and not false, dates stay text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the base class declares it so
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _RESTRICTED_TAGS]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


_CardLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def is_large_file(path: str) -> bool:
    """The Hub keeps Parquet in large file storage, cards and JSON in git."""
    return path.endswith(".parquet")


@lru_cache(maxsize=16_384)
def git_blob_id(path: Path) -> str:
    """Git's SHA-1 of the content, as `git hash-object` prints it."""
    content = path.read_bytes()
    header = b"blob %d\0" % len(content)
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


@lru_cache(maxsize=16_384)
def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def large_file_pointer(path: Path) -> dict[str, Any]:
    """The `lfs` block of a listing: SHA-256, size in bytes, size of the git pointer."""
    digest, size = sha256(path), path.stat().st_size
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {size}\n"
    return {"oid": digest, "sha256": digest, "size": size, "pointerSize": len(pointer)}


def parse_front_matter(text: str) -> dict[str, Any] | None:
    """The YAML head of a card with JSON values only, None where a card has no such head.

    Raises:
        yaml.YAMLError: the head is not YAML.
    """
    match = _FRONT_MATTER.match(text)
    if match is None:
        return None
    head = yaml.load(match.group(1), _CardLoader)  # noqa: S506 - built on CSafeLoader
    return _as_json(head) if isinstance(head, dict) else None


@lru_cache(maxsize=4_096)
def card_data(path: Path) -> dict[str, Any] | None:
    """The YAML head of a stored card; None where it is absent, broken or far too long."""
    if path.stat().st_size > _LARGEST_CARD_BYTES:
        return None
    try:
        return parse_front_matter(path.read_text(encoding="utf-8", errors="replace"))
    except (yaml.YAMLError, RecursionError):
        return None


def _as_json(value: object) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_as_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)
