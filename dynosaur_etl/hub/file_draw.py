"""Which files of a config are read: all where they are few, else some spread over all by the seed.

A file that comes whole in one request counts 1 against a bound of 256, a larger one 16: so up to
256 small files or 16 large ones are read. A sample of 200 rows has little use for more, and a
config of thousands of shards costs no more than one of sixteen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

from dynosaur_etl.hub.data_files import RepoFile
from dynosaur_etl.hub.remote_file import comes_whole

MOST = 256
LARGE = 16

Splits = Mapping[str, Sequence[RepoFile]]


@dataclass(frozen=True)
class ReadFile:
    """A file that was read.

    Attributes:
        rows: that were read of it, from its beginning on.
        is_whole: the file has no more rows.
    """

    path: str
    rows: int
    is_whole: bool


@dataclass(frozen=True)
class SplitReading:
    """What was read of a split; the numbers of its rows count those of the files read, in order."""

    files: int
    read: tuple[ReadFile, ...]

    @property
    def is_whole(self) -> bool:
        return len(self.read) == self.files and all(file.is_whole for file in self.read)

    @property
    def unread(self) -> str:
        """What was not read, in words; empty where all of it was."""
        if self.is_whole:
            return ""
        if len(self.read) < self.files:
            return f"{len(self.read)} of {self.files} files read"
        return f"the first {sum(file.rows for file in self.read)} rows read"

    def as_json(self) -> dict[str, Any]:
        """Return the number of files and, where not all was read, each file read with its rows."""
        if self.is_whole:
            return {"files": self.files}
        return {"files": self.files, "read": [[file.path, file.rows] for file in self.read]}

    @property
    def rows(self) -> int:
        """The rows of the split; -1 where not all are known."""
        return sum(file.rows for file in self.read) if self.is_whole else -1


def drawn_files(
    splits: Splits, draw: Random, most: int | None = None, large: int = LARGE
) -> dict[str, list[RepoFile]]:
    """Choose the files to read of each split, in their order.

    The draw is used only where not all files are read.

    Args:
        splits: all files of each.
        draw: of the seed.
        most: the bound on the sum of the files' weights; None: 256.
        large: the weight of a file that does not come whole; that of another is 1.
    """
    bound = MOST if most is None else most
    everything = [(split, file) for split, files in splits.items() for file in files]
    weights = [1 if comes_whole(file.size) else large for _, file in everything]
    chosen = everything
    if sum(weights) > bound:
        number = max(bound * len(everything) // sum(weights), 1)
        chosen = [everything[at] for at in _spread(len(everything), number, draw)]
    found: dict[str, list[RepoFile]] = {split: [] for split in splits}
    for split, file in chosen:
        found[split].append(file)
    return found


def _spread(total: int, number: int, draw: Random) -> list[int]:
    """Draw one place from each of as many equal stretches."""
    edges = [total * at // number for at in range(number + 1)]
    return [draw.randrange(start, end) for start, end in pairwise(edges)]
