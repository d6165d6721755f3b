"""Select from a file of the user's own, without the store."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.flows.select.file.columns import (
    Candidates,
    Columns,
    found_columns,
    read_candidates,
)
from dynosaur_etl.flows.select.file.output import new_folder
from dynosaur_etl.flows.select.file.rows import read_rows
from dynosaur_etl.flows.select.file.written import parquet_ready, write
from dynosaur_etl.selection import checks
from dynosaur_etl.selection.checks import Budget
from dynosaur_etl.selection.choice import MODES, Machine, Size, choose
from dynosaur_etl.selection.metrics import summarise
from dynosaur_etl.selection.qdit import qdit
from dynosaur_etl.selection.report import knee
from dynosaur_etl.selection.result import Selection
from dynosaur_etl.selection.similarity import with_format
from dynosaur_etl.selection.sweep import SweepPoint, sweep

Progress = Callable[[int, int | None], None]


def _silent(_done: int, _of: int | None) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Request:
    """What a user asks for.

    Attributes:
        k: number of picks, or None where `budget` counts.
        budget: the most that the picks may cost in the unit of the cost column, or None.
        most_of_a_group: most picks of one value of the group column, or None.
        format_weight: share of the form of the texts in the similarity.
        model: of the embedder: a folder, a Hub id, or None for the packaged one.
        split: of a folder to read; None for `train`.
        encoding: of text files; None for UTF-8.
    """

    k: int | None = None
    budget: int | None = None
    alpha: float = 0.7
    mode: str = "auto"
    most_of_a_group: int | None = None
    format_weight: float = 0.0
    seed: int = 0
    model: str | None = None
    split: str | None = None
    encoding: str | None = None


def select_file(
    source: Path,
    columns: Columns,
    request: Request,
    target: Path,
    embedding: Progress = _silent,
    sweeping: Progress = _silent,
) -> dict[str, Any]:
    """Select from a file or a folder of data files, and write what was selected.

    All arguments and rows are checked before anything is embedded. `target` appears when all is
    written: `selected.parquet` (the rows, in order), `selection.parquet` (rank, row, gain,
    coverage, quality), `report.json` and `report.html`.

    Raises:
        InvalidInput: the file or a column is not there, a value is not allowed, or `target` holds
            something already.
        StoreUnavailable: there is no room for what is written.
    """
    check_request(request, columns)
    with new_folder(target) as folder:
        rows = read_rows(source, request.split, request.encoding)
        columns = found_columns(rows.table, columns)
        table = parquet_ready(rows.table)
        pool = read_candidates(table, columns)
        check_pool(pool, request, table.num_rows)
        vectors, seen = embedded(pool, request, embedding)
        selection = selected(pool, vectors, request)
        points = swept(vectors, pool.quality, selection, request, sweeping)
        facts = {
            "input": source.name,
            "columns": asdict(columns),
            "method": selection.method,
            "selected": len(selection),
            "rows": {
                "read": table.num_rows,
                "left_out": table.num_rows - len(pool),
                "eligible": len(pool),
            },
            "notes": [*rows.notes, *left_out(table, pool, columns), *seen],
            "knee": knee(selection.coverage),
            "metrics": summarise(vectors, selection.order, pool.quality, pool.groups),
            "sweep": [asdict(point) for point in points],
        }
        write(folder, table, pool.at, selection, vectors, facts)
    return facts | {"path": str(target), "parameters": selection.params}


def check_request(request: Request, columns: Columns) -> None:
    """Refuse what is not allowed whatever the rows are.

    Raises:
        InvalidInput: naming the option.
    """
    if (request.k is None) == (request.budget is None):
        given = (request.k, request.budget)
        raise InvalidInput(not_allowed("-k and --budget", given, "one of the two"))
    for option, value in (("-k", request.k), ("--budget", request.budget)):
        if value is not None and value < 1:
            raise InvalidInput(not_allowed(option, value, "a whole number from 1"))
    if (columns.group is None) != (request.most_of_a_group is None):
        given_groups = (columns.group, request.most_of_a_group)
        raise InvalidInput(not_allowed("--group and --most", given_groups, "both or neither"))
    if (columns.cost is None) != (request.budget is None):
        given_costs = (request.budget, columns.cost)
        raise InvalidInput(not_allowed("--budget and --cost", given_costs, "both or neither"))
    if request.most_of_a_group is not None:
        checks.check_cap(request.most_of_a_group)
    checks.check_alpha(request.alpha)
    if request.mode not in MODES:
        raise InvalidInput(not_allowed("--mode", request.mode, MODES))
    if request.seed < 0:
        raise InvalidInput(not_allowed("--seed", request.seed, "a whole number from 0"))
    check_weight(request, columns)
    check_encoding(request.encoding)


def check_weight(request: Request, columns: Columns) -> None:
    """Refuse a weight of the form that is none, or that has no texts to go by."""
    if not 0 <= request.format_weight <= 1:
        words = "a number from 0 to 1"
        raise InvalidInput(not_allowed("--format-weight", request.format_weight, words))
    if request.format_weight and columns.embedding and not columns.text:
        raise InvalidInput("--format-weight with --embedding: received no --text; allowed: with it")


def check_encoding(encoding: str | None) -> None:
    """Refuse an encoding that Python does not know."""
    try:
        "".encode(encoding or "utf-8")
    except (LookupError, ValueError) as e:
        words = "an encoding of text that Python knows, such as latin-1 or utf-16"
        raise InvalidInput(not_allowed("--encoding", encoding, words)) from e


def check_pool(pool: Candidates, request: Request, read: int) -> None:
    """Refuse more picks, groups or costs than the rows allow.

    Raises:
        InvalidInput: as for `qdit`; it says how many rows have no text.
    """
    nobody = np.zeros(0, np.int64)
    try:
        purse = checks.check_purse(wanted(pool, request), len(pool), nobody)
        checks.check_groups(groups(pool, request), len(pool), purse, nobody)
    except InvalidInput as e:
        missing = read - len(pool)
        raise InvalidInput(
            f"{e} ({missing} of {read} rows are empty)" if missing else str(e)
        ) from e


def wanted(pool: Candidates, request: Request) -> int | Budget:
    """Return the count or the budget of the picks."""
    if pool.costs is not None and request.budget is not None:
        return Budget(pool.costs, request.budget)
    return request.k or 0


def groups(pool: Candidates, request: Request) -> checks.Groups | None:
    """Return labels and the most picks of one, or None."""
    if pool.groups is None or request.most_of_a_group is None:
        return None
    return pool.groups, request.most_of_a_group


def embedded(
    pool: Candidates, request: Request, progress: Progress
) -> tuple[NDArray[np.number], list[str]]:
    """Return the vectors [n, d], and notes on what the model does not see of the texts."""
    notes: list[str] = []
    vectors = pool.vectors
    if vectors is None:
        from dynosaur_etl.inference.embedding import Embedder

        embedder = Embedder(request.model)
        refuse_without_memory(pool, request, embedder.dimensions)
        notes = legibility_notes(embedder, pool.texts)
        vectors = embedder.embed(pool.texts, progress)
    else:
        refuse_without_memory(pool, request, vectors.shape[1])
    if request.format_weight:
        vectors = with_format(vectors, pool.texts, request.format_weight)
    return vectors, notes


def refuse_without_memory(pool: Candidates, request: Request, dimensions: int) -> None:
    """Refuse a mode that does not fit into the memory, before anything is embedded."""
    purse = checks.check_purse(wanted(pool, request), len(pool), np.zeros(0, np.int64))
    size = Size(len(pool), dimensions, purse.likely_picks)
    choose(request.mode, size, Machine.here(None, None), has_graph=False)


def legibility_notes(embedder: Any, texts: Sequence[str]) -> list[str]:
    """Say how many texts are cut, unknown to the model, or look alike to it."""
    found, model = embedder.legibility(texts), embedder.name
    notes = []
    if cut := int(found.cut.sum()):
        notes.append(f"{cut} of {len(texts)} texts are cut: {model} reads their beginning only")
    if unknown := int(found.unknown.sum()):
        notes.append(
            f"{unknown} of {len(texts)} texts are mostly of words that {model} does not know, as "
            "those of another script; --model names one that does"
        )
    if alike := int(found.alike.sum()):
        notes.append(
            f"{alike} of {len(texts)} texts look to {model} the same as one that they differ "
            "from; coverage does not tell them apart"
        )
    return notes


def selected(pool: Candidates, vectors: NDArray[np.number], request: Request) -> Selection:
    """Return the picks, by their numbers in the pool."""
    return qdit(
        vectors,
        wanted(pool, request),
        pool.quality,
        request.alpha,
        request.mode,
        groups=groups(pool, request),
        seed=request.seed,
        ids=pool.ids,
    )


def left_out(table: pa.Table, pool: Candidates, columns: Columns) -> list[str]:
    """Say how many rows could not be selected."""
    missing = table.num_rows - len(pool)
    if not missing:
        return []
    kind = "vector" if columns.embedding else "text"
    return [f"{missing} of {table.num_rows} rows have no {kind} and are left out"]


def swept(
    vectors: NDArray[np.number],
    quality: NDArray[np.float64] | None,
    selection: Selection,
    request: Request,
    progress: Progress,
) -> Sequence[SweepPoint]:
    """Return what as many picks reach at several alphas; nothing without quality."""
    if quality is None or len(vectors) < 2 or selection.method == "partitioned":
        return []
    return sweep(vectors, quality, len(selection), request.seed, progress=progress)
