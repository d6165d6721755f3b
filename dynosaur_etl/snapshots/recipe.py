"""The recipe of a version, as the database keeps it: all that its bytes are made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """Paths of files that never change, and facts; JSON-able.

    Attributes:
        selection: path of the picks.
        pool: path of the record of live instances.
        instances: paths of the files that the pool's rows are numbered in.
        tasks: path of the tasks of the pool, and so on for sources and rejects.
        full: whether the snapshot holds the whole pool.
        messages: whether its rows have the chat form.
    """

    selection: str
    pool: str
    instances: Sequence[str]
    tasks: str
    sources: str
    rejects: str
    full: bool
    messages: bool
    parameters: Mapping[str, Any]
    versions: Mapping[str, Any]
    days: Sequence[str]
    counts: Mapping[str, int]

    @property
    def files(self) -> frozenset[str]:
        """Everything in the store that the version cannot be rebuilt without."""
        named = (self.selection, self.pool, self.tasks, self.sources, self.rejects)
        return frozenset({*named, *self.instances})
