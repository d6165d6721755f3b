"""What a part of a day costs on stores of 1 to 1,000 days: finding what is known of it.

Each day of the store has a file of vectors. Looked for are the keys of 500 new instances and of the
first day's, as the steps `score` and `embed` look for them, and the files that hold one are read.
The peer is the store of one day, in the same run.

Usage: python -m benchmarks.store_age [--quick] [--json]
"""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow as pa

from benchmarks.harness import Figure, main
from benchmarks.steps import growing, settings
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.schemas import CONTENT_KEY
from dynosaur_etl.flows.runtime.services import Services, open_services
from dynosaur_etl.store.content_index import files_with
from dynosaur_etl.store.database import transaction
from dynosaur_etl.store.tables import FileRow

ROWS, WIDTH, KIND, ROUNDS = 500, 384, "embeddings/age/1", 9
DAYS, QUICK_DAYS = (1, 100, 1000), (1, 10, 50)
NOWHERE = "http://127.0.0.1:9"


def measure(quick: bool) -> list[Figure]:
    """Look a day's keys up in stores of several ages."""
    with growing((NOWHERE, NOWHERE)) as values, open_services(settings(values)) as services:
        seconds = dict(aged(services, QUICK_DAYS if quick else DAYS))
    first, *_ = seconds
    return [
        Figure(
            f"known vectors of a part, {days} days", seconds[days] * 1000, "ms", f"{first} day",
            seconds[first] * 1000, {"rows": ROWS, "rounds": ROUNDS},
        )
        for days in seconds
    ]  # fmt: skip


def aged(services: Services, ages: tuple[int, ...]) -> Iterator[tuple[int, float]]:
    """Let the store grow to each age, and give the median of a look-up there, in seconds."""
    there = 0
    for age in ages:
        for number in range(there, age):
            add_day(services, number)
        there = age
        look_up(services, 0)  # the files that are new are indexed once
        yield age, statistics.median(look_up(services, number) for number in range(ROUNDS))


def add_day(services: Services, number: int) -> None:
    keys = keys_of(number)
    vectors = np.zeros((len(keys), WIDTH), np.float16)
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), WIDTH)
    file = services.storage.write_table(KIND, pa.table({CONTENT_KEY: keys, "vector": column}))
    with transaction(services.engine) as session:
        session.add(FileRow(kind=KIND, day=f"day {number:05d}", name="0", **vars(file)))


def keys_of(number: int) -> list[str]:
    return [digest(number, row) for row in range(ROWS)]


def look_up(services: Services, number: int) -> float:
    """Time the look-up of new keys and of those of the first day."""
    keys = [*(digest("new", number, row) for row in range(ROWS)), *keys_of(0)]
    with timed() as seconds:
        for path in files_with(services.engine, services.storage, KIND, keys):
            services.storage.read_table(path)
    return seconds[0]


@contextmanager
def timed() -> Iterator[list[float]]:
    seconds: list[float] = []
    started = time.perf_counter()
    yield seconds
    seconds.append(time.perf_counter() - started)


if __name__ == "__main__":
    main(measure, __doc__ or "")
