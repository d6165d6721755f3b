"""The cells of an experiment shared among processes of one thread each."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import TYPE_CHECKING

from dynosaur_etl.settings import Settings
from dynosaur_etl.training.experiments.running import (
    Cell,
    Experiment,
    Record,
    solved_here,
)

if TYPE_CHECKING:
    from dynosaur_etl.flows.train.experiment import Trial


class _Worker:
    """What one process works with, made when it starts."""

    experiment: Experiment


def solved_in_processes(
    trial: "Trial", settings: Settings, cells: Sequence[Cell]
) -> Iterator[Record]:
    """Yield the record of each cell as a process gives it."""
    if not cells:
        return
    workers = min(trial.workers, len(cells))
    spawn = get_context("spawn")
    with ProcessPoolExecutor(workers, spawn, _start, (trial, settings)) as pool:
        for done in as_completed([pool.submit(_solve, cell) for cell in cells]):
            yield done.result()


def _start(trial: "Trial", settings: Settings) -> None:
    """Make the experiment in this process; what is stored on disk is shared by all of them."""
    import torch

    from dynosaur_etl.flows.train.experiment import find

    torch.set_num_threads(1)
    _Worker.experiment = find(trial.name).make(trial, settings, lambda *_: None)


def _solve(cell: Cell) -> Record:
    return next(solved_here(_Worker.experiment, [cell]))
