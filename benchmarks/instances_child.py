"""One way of filling, or of finding something in what was filled, in a process of its own.

Usage: python -m benchmarks.instances_child METHOD ROWS

Eight batches of 10,000 rows are made beforehand and taken in turn; only the work on them is timed.
"""

import itertools
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa

from benchmarks.instances_rows import (
    DAY,
    ORGANISED,
    VOCABULARY,
    Batch,
    batches,
    row_by_row,
    row_by_row_whole,
    sentences,
)
from benchmarks.native_rows import FORM, conversations
from dynosaur_etl.domain.models import Config, Task
from dynosaur_etl.domain.schemas import INSTANCES
from dynosaur_etl.forms.instances import NativeRules
from dynosaur_etl.instances.contamination import EvaluationIndex, find_matches
from dynosaur_etl.instances.duplicates import sketch
from dynosaur_etl.instances.native import NativeFilling, fill_native
from dynosaur_etl.instances.organise import RULES, Filling, fill_rows, organise
from dynosaur_etl.instances.pii import Handling, rows_with_pii
from dynosaur_etl.store.storage import BATCH_ROWS, Storage

POOL = 80_000
EVALUATION_TEXTS = 20_000
NATIVE = NativeFilling(NativeRules(), pii=Handling.OFF)
WHOLE = Filling(RULES["paper"], None, Handling.OFF)


def columns(task: Task, config: Config, rows: pa.Table) -> pa.Table:
    """Ours, as the table that the row-by-row rival makes."""
    texts = organise(task, config, rows, RULES["paper"])
    instruction = pa.repeat(pa.scalar(task.instruction), len(texts.rows))
    places = [rows[name].take(texts.rows) for name in ("__split__", "__row__")]
    return pa.table([instruction, texts.inputs, texts.outputs, *places], schema=ORGANISED)


def columns_whole(task: Task, config: Config, rows: pa.Table) -> pa.Table:
    return fill_rows(task, config, rows, WHOLE, DAY).instances


def columns_default(task: Task, config: Config, rows: pa.Table) -> pa.Table:
    return fill_rows(task, config, rows, Filling(pii=Handling.OFF), DAY).instances


def native(task: Task, config: Config, rows: pa.Table) -> pa.Table:
    parts = (rows.slice(at, BATCH_ROWS) for at in range(0, rows.num_rows, BATCH_ROWS))
    filled = fill_native(task, config, FORM, parts, NATIVE, DAY)
    return pa.concat_tables([part.instances for part in filled])


FILLERS: dict[str, Callable[[Task, Config, pa.Table], pa.Table]] = {
    "columns": columns,
    "columns-whole": columns_whole,
    "columns-default": columns_default,
    "native": native,
    "rows": row_by_row,
    "rows-whole": row_by_row_whole,
}


def minhash(instances: pa.Table) -> None:
    sketch(instances)


def contamination() -> Callable[[pa.Table], None]:
    rng = np.random.default_rng(1)
    words = np.array([f"w{number:x}" for number in range(VOCABULARY)])
    texts = pa.array(sentences(60, EVALUATION_TEXTS, rng, words), pa.string())
    index = EvaluationIndex.build([("set", texts)], 13)

    def find(instances: pa.Table) -> None:
        find_matches(
            index, instances["input"].combine_chunks(), instances["output"].combine_chunks()
        )

    return find


def pii(instances: pa.Table) -> None:
    for name in ("input", "output"):
        rows_with_pii(instances[name].combine_chunks())


def in_turn(rows: int, made: Callable[[int], Iterator[Batch]] = batches) -> Iterator[Batch]:
    """Batches of so many rows in all."""
    for task, config, table in itertools.cycle(list(made(min(rows, POOL)))):
        yield task, config, table.slice(0, rows)
        rows -= table.num_rows
        if rows <= 0:
            return


def time_filling(fill: Callable[[Task, Config, pa.Table], pa.Table], rows: int) -> float:
    seconds = 0.0
    made = conversations if fill is native else batches
    fill(*next(in_turn(100, made)))
    for batch in in_turn(rows, made):
        started = time.perf_counter()
        fill(*batch)
        seconds += time.perf_counter() - started
    return seconds


def time_finding(find: Callable[[pa.Table], None], rows: int) -> float:
    filled = [columns_default(*batch) for batch in batches(min(rows, POOL))]
    find(filled[0].slice(0, 100))
    seconds, left = 0.0, rows
    for table in itertools.cycle(filled):
        started = time.perf_counter()
        find(table)
        seconds += time.perf_counter() - started
        left -= table.num_rows
        if left <= 0:
            return seconds * rows / (rows - left)
    return seconds


def time_storing(rows: int) -> float:
    """Fill by the default rules and write Parquet, as the product does."""
    taken = list(in_turn(min(rows, POOL)))
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        tables = (columns_default(*taken[at % len(taken)]) for at in range(-(-rows // 10_000)))
        Storage(folder).write_tables("instances", INSTANCES, tables)
        return time.perf_counter() - started


def measure(method: str, rows: int) -> float:
    if method in FILLERS:
        return time_filling(FILLERS[method], rows)
    if method == "store":
        return time_storing(rows)
    finders = {"minhash": lambda: minhash, "contamination": contamination, "pii": lambda: pii}
    return time_finding(finders[method](), rows)


def main() -> None:
    method, rows = sys.argv[1], int(sys.argv[2])
    seconds = measure(method, rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "rows_per_second": rows / seconds, "peak_mib": peak}))


if __name__ == "__main__":
    main()
