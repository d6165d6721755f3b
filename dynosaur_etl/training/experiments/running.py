"""How every experiment runs: cells of method and seed, each done once and written down at once."""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.identity import canonical_json, digest

RECORDS = "records.jsonl"
Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """What is tried once: a method under a seed."""

    method: str
    seed: int


@dataclass(frozen=True)
class CellRecord:
    """What a cell gave: figures by name, plain JSON values."""

    cell: Cell
    figures: Figures


@dataclass(frozen=True)
class Cost:
    """What an experiment will take.

    Attributes:
        cells: that are still to do.
        hours: of this machine, as far as its speed was measured; None where it was not.
        dollars: of an LLM.
        words: what the estimate rests on.
    """

    cells: int
    hours: float | None
    dollars: Decimal = Decimal(0)
    words: str = ""


class Experiment(Protocol):
    """What can be run, and reported on.

    Attributes:
        name: of the command.
        facts: what decides the results, JSON-able; other facts give another folder.
    """

    @property
    def name(self) -> str: ...

    @property
    def facts(self) -> Mapping[str, Any]: ...

    def cells(self) -> Sequence[Cell]:
        """Return every cell, in the order in which they are run."""
        ...

    def estimate(self, cells: Sequence[Cell]) -> Cost:
        """Return what these cells will take; nothing is trained for it."""
        ...

    def run(self, cell: Cell) -> Figures:
        """Run a cell; the same cell gives the same figures."""
        ...


@dataclass
class CellProgress:
    """What is told while an experiment runs.

    Attributes:
        cell: that was done last.
        seconds_left: by the mean of the cells that were done since it was started.
    """

    done: int
    of: int
    cell: Cell
    seconds_left: float


Watch = Callable[[CellProgress], None]


@dataclass
class Notebook:
    """The records of an experiment on disk: one line a cell, each there whole or not at all."""

    folder: Path
    records: dict[Cell, CellRecord] = field(default_factory=dict)

    @classmethod
    def open(cls, root: Path, experiment: Experiment) -> "Notebook":
        """Open the folder of an experiment with its facts, and read what is done."""
        name = f"{experiment.name}-{digest('experiment', experiment.facts)[:12]}"
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "facts.json").write_text(canonical_json(experiment.facts), encoding="utf-8")
        return cls(folder, {record.cell: record for record in _read(folder / RECORDS)})

    def add(self, record: CellRecord) -> None:
        """Write a record down, before the next cell begins."""
        with (self.folder / RECORDS).open("a", encoding="utf-8") as file:
            file.write(f"{canonical_json(asdict(record))}\n")
            file.flush()
            os.fsync(file.fileno())
        self.records[record.cell] = record

    def missing(self, cells: Iterable[Cell]) -> list[Cell]:
        return [cell for cell in cells if cell not in self.records]


Solve = Callable[[Sequence[Cell]], Iterator[CellRecord]]
"""Runs cells wherever it likes, and gives each record as it is there."""


def run_experiment(
    experiment: Experiment,
    notebook: Notebook,
    watch: Watch = lambda _: None,
    solve: Solve | None = None,
) -> list[CellRecord]:
    """Run every cell that has no record yet, and return the records of all, in their order.

    Args:
        experiment: to run.
        notebook: of it.
        watch: is called after each cell.
        solve: runs the cells; in this process, one after another, unless it is given.
    """
    cells = experiment.cells()
    waiting = notebook.missing(cells)
    began = time.monotonic()
    found = solve(waiting) if solve is not None else solved_here(experiment, waiting)
    for number, record in enumerate(found, start=1):
        notebook.add(record)
        left = (time.monotonic() - began) / number * (len(waiting) - number)
        watch(CellProgress(len(cells) - len(waiting) + number, len(cells), record.cell, left))
    return [notebook.records[cell] for cell in cells]


def solved_here(experiment: Experiment, cells: Iterable[Cell]) -> Iterator[CellRecord]:
    """Yield the record of each cell, run one after another."""
    for cell in cells:
        started = time.monotonic()
        figures = dict(experiment.run(cell))
        yield CellRecord(cell, figures | {"seconds": round(time.monotonic() - started, 2)})


def by_method(records: Iterable[CellRecord], figure: str) -> dict[str, list[float]]:
    """Return a figure of each method, one a seed, by the order of the seeds.

    Seeds that some method lacks are left out of all, so that what is compared is paired.

    Raises:
        InvalidInput: no seed has the figure of every method.
    """
    found: dict[str, dict[int, float]] = {}
    for record in records:
        if figure in record.figures:
            found.setdefault(record.cell.method, {})[record.cell.seed] = record.figures[figure]
    shared = set.intersection(*(set(seeds) for seeds in found.values())) if found else set()
    if not shared:
        raise InvalidInput(not_allowed(f"records with {figure}", 0, "one seed of every method"))
    return {method: [seeds[seed] for seed in sorted(shared)] for method, seeds in found.items()}


def _read(path: Path) -> list[CellRecord]:
    """Read records; a last line that a kill has cut is not one, and is taken away."""
    if not path.is_file():
        return []
    records, kept = [], 0
    with path.open("rb") as file:
        for line in file:
            try:
                found = json.loads(line)
            except ValueError:
                break
            records.append(CellRecord(Cell(**found["cell"]), found["figures"]))
            kept += len(line)
    os.truncate(path, kept)
    return records
