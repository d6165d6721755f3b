"""The formats of data files, told by the suffixes of their paths.

Parquet, JSON and CSV are read here. The others are left to the packaged builders of `datasets`,
which stream them: Arrow, WebDataset archives, and packed JSON and CSV. Left out are pickles, and
formats whose rows have one field alone, which makes no task: plain text, XML, and single media.
"""

from collections.abc import Iterable
from typing import Any, Literal

Format = Literal[
    "parquet", "json", "csv",
    "arrow", "packed json", "packed csv", "packed tsv", "zip", "webdataset",
]  # fmt: skip

READ_HERE: frozenset[Format] = frozenset({"parquet", "json", "csv"})

PREFERENCE: tuple[Format, ...] = (
    "parquet", "json", "csv",
    "arrow", "packed json", "packed csv", "packed tsv", "zip", "webdataset",
)  # fmt: skip
"""Which format of a config is read where it has several."""

BUILDERS: dict[Format, tuple[str, dict[str, Any]]] = {
    "arrow": ("arrow", {}),
    "packed json": ("json", {}),
    "packed csv": ("csv", {}),
    "packed tsv": ("csv", {"sep": "\t"}),
    "webdataset": ("webdataset", {}),
}
"""The packaged builder of `datasets` that streams a format, and its options."""

PLAIN: dict[str, Format] = {
    "parquet": "parquet", "jsonl": "json", "ndjson": "json", "json": "json", "csv": "csv",
    "tsv": "csv", "arrow": "arrow", "zip": "zip", "tar": "webdataset", "tgz": "webdataset",
}  # fmt: skip
"""The format of a suffix."""

_PACKED: dict[str, Format] = {
    "jsonl": "packed json", "ndjson": "packed json", "json": "packed json", "csv": "packed csv",
    "tsv": "packed tsv", "tar": "webdataset",
}  # fmt: skip
_PACKINGS = (".gz", ".bz2", ".xz", ".zst")


def format_of(path: str) -> Format | None:
    """Give the format of a file, None of one that holds no rows that can be read."""
    plain = _unpacked(path)
    known = PLAIN if plain == path else _PACKED
    return known.get(plain.rpartition(".")[2].lower())


def streamed(kind: Format, paths: Iterable[str]) -> Format:
    """Return the format under which `datasets` streams plain files, as it does packed ones."""
    if kind == "csv":
        tabs = all(path.lower().endswith(".tsv") for path in paths)
        return "packed tsv" if tabs else "packed csv"
    return "packed json" if kind == "json" else kind


def without_suffix(path: str) -> str:
    """Give a path without the suffix of its format, and without that of its packing."""
    return _unpacked(path).rpartition(".")[0]


def _unpacked(path: str) -> str:
    packing = next((end for end in _PACKINGS if path.lower().endswith(end)), "")
    return path[: len(path) - len(packing)]
