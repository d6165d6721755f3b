"""Making a column for instances, so that one that raises an error takes no other along."""

import logging
from collections import Counter
from collections.abc import Callable

import pyarrow as pa

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.domain.schemas import ERROR, SCORABLE
from dynosaur_etl.domain.unforeseen import is_contained, log_unforeseen, unforeseen_words
from dynosaur_etl.flows.runtime.services import Progress, silent
from dynosaur_etl.store.database import is_of_the_database

Make = Callable[[pa.Table, Progress], pa.Table]

log = logging.getLogger(__name__)


def made_apart(
    make: Make,
    instances: pa.Table,
    progress: Progress,
    unmade: Callable[[pa.Table, str], pa.Table],
    probe: pa.Table | None,
) -> pa.Table:
    """Make a column for all instances together, and in ever smaller parts where that fails.

    Args:
        make: makes it.
        instances: columns `schemas.SCORABLE`.
        progress: told how many are made.
        unmade: gives the row of an instance for which nothing can be made, with an error's words.
        probe: an instance about which nothing is odd; where nothing can be made for it either, what
            makes the column is at fault. None: that is not tried.

    Raises:
        Exception: what `make` raises for every instance, the probe among them.
    """
    try:
        return make(instances, progress)
    except Exception as error:
        if not _is_one_instance_s(error):
            raise
        log_unforeseen(log, f"{instances.num_rows} instances", error)
        made = _halves(make, instances, unmade, error)
        failed = made[ERROR].null_count == 0 if ERROR in made.column_names else False
        if failed and probe is not None:
            make(probe, silent)
        return made


def harmless(instances: pa.Table) -> pa.Table:
    """Return one instance that is like any other, to try whether a column can be made at all."""
    row = dict.fromkeys(SCORABLE.names, "") | {
        "instance_key": "probe",
        "instruction": "Name the season of the poem.",
        "input": "The leaves are falling, and the days grow short.",
        "output": "Autumn",
        "row": 0,
        "label_space": [],
    }
    return pa.Table.from_pylist([row], schema=instances.schema)


def errors_of(made: pa.Table) -> Counter[str]:
    """Count the instances for which nothing could be made, by the words of the error."""
    if ERROR not in made.column_names:
        return Counter()
    return Counter(made[ERROR].drop_null().to_pylist())


def _halves(
    make: Make, instances: pa.Table, unmade: Callable[[pa.Table, str], pa.Table], error: Exception
) -> pa.Table:
    if instances.num_rows == 1:
        words = unforeseen_words(error)
        row = unmade(instances, words)
        return row.append_column(ERROR, pa.array([words], pa.string()))
    middle = instances.num_rows // 2
    parts = [instances.slice(0, middle), instances.slice(middle)]
    made = []
    for part in parts:
        try:
            made.append(make(part, silent))
        except Exception as again:
            if not _is_one_instance_s(again):
                raise
            made.append(_halves(make, part, unmade, again))
    return pa.concat_tables(made, promote_options="default")


def _is_one_instance_s(error: Exception) -> bool:
    """Return whether one instance may be at fault; a text that no model takes is InvalidInput."""
    if is_of_the_database(error):
        return False
    return is_contained(error) or isinstance(error, InvalidInput)
