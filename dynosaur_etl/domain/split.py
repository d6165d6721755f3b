"""What is held out: kept away from training, so that a model can be tested on what is new to it.

A split by task leaks: tasks of one source share rows and answers, so that the answer of the nearest
training row scores well on them. Whole sources are held out first, and of the other sources tasks.
"""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from dynosaur_etl.domain.identity import digest

RULE = "source-1"
_BUCKETS = 2**32


@dataclass(frozen=True)
class HeldOut:
    """Which part of the pool becomes the split `test`.

    Attributes:
        sources: share of the sources all of whose tasks are held out, from 0 to 1.
        tasks: share of the tasks of the other sources, from 0 to 1.
    """

    sources: float = 0
    tasks: float = 0

    def __bool__(self) -> bool:
        return self.sources > 0 or self.tasks > 0

    def holds(self, dataset: str, task_key: str) -> bool:
        """Return whether a task of a dataset is held out.

        The answer depends on the names and the shares alone: it is the same on every day and
        machine, and what one share holds out every larger one does too.
        """
        return _is_chosen("held-out source", source_name(dataset), self.sources) or _is_chosen(
            "held-out", task_key, self.tasks
        )

    def mask(self, rows: pa.Table) -> pa.ChunkedArray:
        """Return for each row, of columns `dataset` and `task_key`, whether it is held out."""
        tasks = rows.select(["dataset", "task_key"]).group_by(["dataset", "task_key"])
        held = [
            task["task_key"]
            for task in tasks.aggregate([]).to_pylist()
            if self.holds(task["dataset"], task["task_key"])
        ]
        return pc.is_in(rows["task_key"], value_set=pa.array(held, pa.string()))


def source_name(dataset: str) -> str:
    """Return the name by which a source is held out: without its owner, in lower case.

    A copy under another owner keeps the name, and must not stand on both sides of the split.
    """
    return dataset.rpartition("/")[2].lower()


def _is_chosen(what: str, name: str, share: float) -> bool:
    return int(digest(what, name)[:8], 16) < share * _BUCKETS
