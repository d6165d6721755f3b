"""The recipe of a version, as the database keeps it: all that its bytes are made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
        licences: by dataset, where another one holds than its rows were written down with.
        conflicts: by dataset, where its card's text names a stricter licence than its YAML.
        conversations: paths of the conversations of native instances; empty where none has any.
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
    licences: Mapping[str, str] = field(default_factory=dict)
    conflicts: Mapping[str, str] = field(default_factory=dict)
    conversations: Sequence[str] = ()

    @property
    def files(self) -> frozenset[str]:
        """Everything in the store that the version cannot be rebuilt without."""
        named = (self.selection, self.pool, self.tasks, self.sources, self.rejects)
        return frozenset({*named, *self.instances, *self.conversations})
