"""The cells of an experiment shared among processes of one thread each."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from dynosaur_etl.training.experiments.running import (
    Cell,
    CellRecord,
    Experiment,
    solved_here,
)


class _Worker:
    """What one process works with, made when it starts."""

    experiment: Experiment


def solved_in_processes(
    make: Callable[[], Experiment], workers: int, cells: Sequence[Cell]
) -> Iterator[CellRecord]:
    """Yield the record of each cell as a process gives it.

    Args:
        make: makes the experiment anew in each process; it has to be picklable.
        workers: processes at most.
        cells: to run.
    """
    if not cells:
        return
    number, spawn = min(workers, len(cells)), get_context("spawn")
    with ProcessPoolExecutor(number, spawn, _start, (make,)) as pool:
        for done in as_completed([pool.submit(_solve, cell) for cell in cells]):
            yield done.result()


def _start(make: Callable[[], Experiment]) -> None:
    """Make the experiment in this process; what is stored on disk is shared by all of them."""
    import torch

    torch.set_num_threads(1)
    _Worker.experiment = make()


def _solve(cell: Cell) -> CellRecord:
    return next(solved_here(_Worker.experiment, [cell]))
