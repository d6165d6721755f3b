"""Files of a repository, and the patterns by which `datasets` sorts them into splits.

Patterns are only ever compared with the files that the Hub has listed, so they can reach nothing
else. They are compared as `datasets` does it: `*` stays within a folder, `**` is any number of
folders; hidden files, folders such as `__pycache__` and a few files about the repository match
only a pattern that names them. Comparing takes time in proportion to pattern and path, whatever
the pattern is.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property

MAX_PATTERN = 300
MAX_STEPS = 5_000_000
"""Paths, times the parts of the patterns that they are compared with; more is hostile."""

_MAGIC = re.compile(r"[*?\[]")
_SHARD = re.compile(r"(.+)-\d{5}-of-\d{5}")
_FIRST = {"train": 0, "validation": 1, "test": 2}


@dataclass(frozen=True)
class RepoFile:
    """One file of a repository at a revision; the size is in bytes, `oid` is git's name of it."""

    path: str
    size: int
    oid: str = ""


class TooManyPatterns(ValueError):
    """The patterns of a card would have to be compared with too many paths."""


class DataFiles:
    """Files in the order of their paths, found by patterns."""

    def __init__(self, files: Iterable[RepoFile]) -> None:
        self.files = sorted(files, key=lambda file: file.path)
        self._paths = [file.path for file in self.files]
        self._left = MAX_STEPS

    def matching(self, pattern: str, folder: str = "") -> list[RepoFile]:
        """Return the files that a pattern of a card means, in the order of their paths.

        Args:
            pattern: as the card has it, from the folder on.
            folder: a folder of the repository.

        Raises:
            TooManyPatterns: this and earlier patterns cost too much.
        """
        full = _normal(f"{folder}/{pattern}")
        start = _MAGIC.split(full, maxsplit=1)[0]
        if not full or len(pattern) > MAX_PATTERN:
            return []
        if start == full:
            return self._named(full)
        parts = _Pattern(full)
        return [
            file for file in self._beginning(start, full.count("/") + 1) if parts.matches(file.path)
        ]

    def below(self, folder: str) -> list[RepoFile]:
        """Return the files in a folder, at any depth."""
        return list(self._beginning(prefix_of(folder)))

    def _named(self, path: str) -> list[RepoFile]:
        at = bisect_left(self._paths, path)
        return self.files[at : at + 1] if self._paths[at : at + 1] == [path] else []

    def _beginning(self, start: str, parts: int = 1) -> Sequence[RepoFile]:
        first = bisect_left(self._paths, start)
        end = bisect_left(self._paths, start + "\U0010ffff")
        self._left -= (end - first) * parts
        if self._left < 0:
            raise TooManyPatterns("its patterns would have to be compared with too many paths")
        return self.files[first:end]


def prefix_of(folder: str) -> str:
    """Return how the paths of a folder's files begin; nothing for the repository itself."""
    names = _normal(folder)
    return f"{names}/" if names else ""


def default_splits(files: Sequence[RepoFile]) -> dict[str, list[RepoFile]]:
    """Sort files into splits as `datasets` does where a card says nothing.

    First by shards such as `data/train-00000-of-00002.parquet`, then by the words for splits in
    the names of folders, then in those of files; else all of them are `train`.
    """
    from datasets.data_files import ALL_DEFAULT_PATTERNS

    found = DataFiles(files)
    splits = _sharded(found)
    for patterns in ALL_DEFAULT_PATTERNS:
        if not splits:
            splits = _by_patterns(found, patterns)
    return splits


def names_a_split(folder: str) -> bool:
    """Return whether a folder's name holds a word by which `datasets` knows a split."""
    from datasets.data_files import NON_WORDS_CHARS, SPLIT_KEYWORDS

    words = re.split(f"[{re.escape(NON_WORDS_CHARS)}0-9]", folder)
    return any(word in keywords for keywords in SPLIT_KEYWORDS.values() for word in words)


def _sharded(found: DataFiles) -> dict[str, list[RepoFile]]:
    from datasets.data_files import SPLIT_PATTERN_SHARDED

    splits: dict[str, list[RepoFile]] = {}
    for file in found.matching(SPLIT_PATTERN_SHARDED.replace("{split}", "*")):
        name = _SHARD.match(file.path.rpartition("/")[2])
        splits.setdefault(name.group(1) if name else "train", []).append(file)
    order = sorted(splits, key=lambda split: (split not in _FIRST, _FIRST.get(split, 0), split))
    return {split: splits[split] for split in order}


def _by_patterns(found: DataFiles, patterns: dict[object, list[str]]) -> dict[str, list[RepoFile]]:
    splits = {
        str(split): list(_of_patterns(found, of_split)) for split, of_split in patterns.items()
    }
    return {split: files for split, files in splits.items() if files}


def _of_patterns(found: DataFiles, patterns: Iterable[str]) -> Iterator[RepoFile]:
    seen: set[str] = set()
    for pattern in patterns:
        for file in found.matching(pattern):
            if file.path not in seen:
                seen.add(file.path)
                yield file


class _Pattern:
    """A pattern in its parts, and what of a path it has to name for the path to match."""

    def __init__(self, pattern: str) -> None:
        self._names = pattern.split("/")
        self._parts = [
            None if name == "**" else re.compile(translate(name)) for name in self._names
        ]

    def matches(self, path: str) -> bool:
        names = path.split("/")
        return self._reaches_the_end(names) and self._asks_for_what_is_hidden(names)

    def _reaches_the_end(self, names: Sequence[str]) -> bool:
        """Follow the parts along a path's names; None is any number of names."""
        reached = {0}  # how many names the parts so far can have used up
        last = len(self._parts) - 1
        for number, part in enumerate(self._parts):
            if part is None:
                first = min(reached) + (number == last)  # a file's name has to be left
                reached = set(range(first, len(names) + 1))
            else:
                reached = {at + 1 for at in reached if at < len(names) and part.match(names[at])}
            if not reached:
                return False
        return len(names) in reached

    def _asks_for_what_is_hidden(self, names: Sequence[str]) -> bool:
        if names[-1] in self._about_the_repository and names[-1] != self._names[-1]:
            return False
        return all(
            _count(names[:end], start) == _count(self._names[:end], start)
            for start, end in ((".", None), ("__", -1))
        )

    @cached_property
    def _about_the_repository(self) -> frozenset[str]:
        from datasets.data_files import FILES_TO_IGNORE

        return frozenset(FILES_TO_IGNORE)


def _count(names: Sequence[str], start: str) -> int:
    return sum(name.startswith(start) and set(name) != {"."} for name in names)


def _normal(path: str) -> str:
    return "/".join(name for name in path.split("/") if name not in {"", "."})
