"""Work on all CPU cores of this process."""

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


def cpu_count() -> int:
    """Count the CPU cores that this process may run on."""
    return len(os.sched_getaffinity(0))


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep matrix products on the calling thread alone, for work that is parallel already."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


@contextmanager
def one_faiss_thread() -> Iterator[None]:
    """Keep FAISS on one thread for the length of a block."""
    import faiss

    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def in_chunks(pool: Executor, work: Callable[[int, int], T], length: int) -> list[T]:
    """Return `work(start, stop)` over as many parts of `range(length)` as there are cores."""
    edges = np.linspace(0, length, min(cpu_count(), max(length, 1)) + 1).astype(int).tolist()
    return list(pool.map(lambda span: work(*span), itertools.pairwise(edges)))


def in_order(
    pool: Executor, work: Callable[..., T], items: Iterable[tuple[Any, ...]]
) -> Iterator[T]:
    """Yield `work(*item)`; few are computed before they are asked for, so that none pile up."""
    waiting: deque[Future[T]] = deque()
    for item in items:
        waiting.append(pool.submit(work, *item))
        if len(waiting) > 2 * cpu_count():
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
