"""The one interface of all scorers, and the table that each of them gives."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.schemas import SCORES

DEFERRED = "deferred"
Progress = Callable[[int, int], None]


def silent(done: int, of: int) -> None:
    """Show no progress."""


class Scorer(Protocol):
    """Anything that rates instances.

    Attributes:
        name: of the kind of scorer, as the settings name it.
        version: of everything that its scores depend on beside the instance: formula, model,
            wording. Scores of one name and version are never computed twice.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def score(self, instances: pa.Table, progress: Progress = silent) -> pa.Table:
        """Rate instances.

        Args:
            instances: columns `schemas.SCORABLE`.
            progress: called with (scored so far, all).

        Returns:
            Columns `schemas.SCORES`, in the order of the instances, and the scorer's own signals.
        """
        ...


def content_keys(instances: pa.Table) -> pa.Array:
    """Name what a scorer sees of each instance: its three texts and its label space."""
    labels = instances["label_space"].to_pylist()
    keys = instances["instance_key"].to_pylist()
    return pa.array(
        [
            digest("labelled", key, space) if space else key
            for key, space in zip(keys, labels, strict=True)
        ],
        pa.string(),
    )


def score_table(
    instances: pa.Table,
    scores: Sequence[float | None],
    missing: Sequence[str | None],
    signals: Mapping[str, Sequence[Any]],
) -> pa.Table:
    """Put a scorer's results into the common form; signals are numbers."""
    columns = [
        instances["instance_key"].combine_chunks(),
        content_keys(instances),
        pa.array(scores, pa.float64()),
        pa.array(missing, pa.string()),
    ]
    table = pa.table(columns, schema=SCORES)
    for name, values in signals.items():
        table = table.append_column(name, pa.array(values, pa.float64()))
    return table


def settled(scores: pa.Table) -> pa.Table:
    """Give the rows that need not be asked for again: all but the deferred ones."""
    return scores.filter(pc.invert(pc.equal(pc.fill_null(scores["missing"], ""), DEFERRED)))
