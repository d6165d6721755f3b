"""Select from a file of the user's own, without the store."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.flows.runtime.services import Progress, silent
from dynosaur_etl.selection.checks import Budget
from dynosaur_etl.selection.metrics import summarise
from dynosaur_etl.selection.qdit import qdit
from dynosaur_etl.selection.report import knee, report
from dynosaur_etl.selection.result import Selection
from dynosaur_etl.selection.similarity import with_format
from dynosaur_etl.selection.sweep import SweepPoint, sweep

SUFFIXES = (".parquet", ".jsonl", ".csv")
TEXT_COLUMNS = ("instruction", "text", "prompt", "question")


@dataclass(frozen=True)
class Columns:
    """Names of the columns that matter; None where there is none."""

    text: str | None = None
    embedding: str | None = None
    quality: str | None = None
    ids: str | None = None
    group: str | None = None
    cost: str | None = None


@dataclass(frozen=True)
class Request:
    """What a user asks for.

    Attributes:
        k: number of picks; 0 where `budget` counts.
        budget: the most that the picks may cost in the unit of the cost column; 0 for none.
        most_of_a_group: most picks of one value of the group column.
        format_weight: share of the form of the texts in the similarity.
        model: of the embedder: a folder, a Hub id, or None for the packaged one.
    """

    k: int
    budget: int
    alpha: float
    mode: str
    most_of_a_group: int
    format_weight: float
    seed: int
    model: str | None


def select_file(
    source: Path,
    columns: Columns,
    request: Request,
    target: Path,
    embedding: Progress = silent,
    sweeping: Progress = silent,
) -> dict[str, Any]:
    """Select from a Parquet, JSONL or CSV file or a dataset folder, and write what was selected.

    `target` gets `selected.parquet` (the rows, in order), `selection.parquet` (rank, row, gain,
    coverage, quality), `report.json` and `report.html`.

    Raises:
        InvalidInput: the file or a column is not there, a value is not allowed, or `target` holds
            something already.
    """
    if target.exists() and any(target.iterdir()):
        raise InvalidInput(not_allowed("output folder", str(target), "a new or an empty one"))
    table = read_rows(source)
    columns = found_columns(table, columns)
    pool = vectors_of(table, columns, request, embedding)
    quality = numbers(table, columns.quality)
    selection = qdit(
        pool,
        Budget(whole(table, columns.cost), request.budget) if request.budget else request.k,
        quality,
        request.alpha,
        request.mode,
        groups=(values(table, columns.group), request.most_of_a_group) if columns.group else None,
        seed=request.seed,
        ids=values(table, columns.ids) if columns.ids else None,
    )
    sources = values(table, columns.group) if columns.group else None
    facts = {
        "input": source.name,
        "columns": asdict(columns),
        "method": selection.method,
        "selected": len(selection),
        "knee": knee(selection.coverage),
        "metrics": summarise(pool, selection.order, quality, sources),
        "sweep": [asdict(point) for point in swept(pool, quality, selection, request, sweeping)],
    }
    write(target, table, selection, pool, facts)
    return facts | {"path": str(target), "parameters": selection.params}


def read_rows(source: Path) -> pa.Table:
    """All rows of a file, or of a folder's files of one kind in the order of their names.

    A folder that `datasets` saved is opened by it.
    """
    if (source / "state.json").exists():
        from datasets import load_from_disk

        return load_from_disk(str(source)).with_format("arrow")[:]
    files = [source]
    if source.is_dir():
        folder = source / "data" if (source / "data").is_dir() else source
        kinds = [sorted(folder.rglob(f"*{suffix}")) for suffix in SUFFIXES]
        files = next((found for found in kinds if found), [])
    if not files or not all(file.is_file() and file.suffix in SUFFIXES for file in files):
        allowed = f"a file or folder of {', '.join(SUFFIXES)}"
        raise InvalidInput(not_allowed("input", str(source), allowed))
    return pa.concat_tables([read_file(file) for file in files], promote_options="permissive")


def read_file(file: Path) -> pa.Table:
    from pyarrow import csv
    from pyarrow import json as lines

    readers = {".parquet": pq.read_table, ".jsonl": lines.read_json, ".csv": csv.read_csv}
    try:
        return readers[file.suffix](file)
    except (pa.ArrowInvalid, OSError) as e:
        raise InvalidInput(f"input {str(file)!r} cannot be read: {e}") from e


def found_columns(table: pa.Table, asked: Columns) -> Columns:
    """The columns asked for, and the text column if neither text nor vectors were named."""
    for name in filter(None, asdict(asked).values()):
        if name not in table.column_names:
            raise InvalidInput(not_allowed("column", name, table.column_names))
    if asked.text or asked.embedding:
        return asked
    usual = next((name for name in TEXT_COLUMNS if name in table.column_names), None)
    if usual is None:
        words = "--text or --embedding, one of " + ", ".join(table.column_names)
        raise InvalidInput(not_allowed("text column", None, words))
    return Columns(**{**asdict(asked), "text": usual})


def vectors_of(
    table: pa.Table, columns: Columns, request: Request, progress: Progress
) -> NDArray[np.number]:
    texts = [str(text or "") for text in values(table, columns.text)] if columns.text else []
    if columns.embedding:
        pool = matrix(table, columns.embedding)
    else:
        from dynosaur_etl.inference.embedding import Embedder

        pool = Embedder(request.model).embed(texts, progress)
    if not request.format_weight:
        return pool
    if not columns.text:
        raise InvalidInput("--format-weight needs --text")
    return with_format(pool, texts, request.format_weight)


def matrix(table: pa.Table, name: str) -> NDArray[np.number]:
    column = table[name].combine_chunks()
    kind = column.type
    if not (pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)) or column.null_count:
        raise InvalidInput(
            not_allowed(f"column {name}", str(kind), "a list of numbers in each row")
        )
    flat = column.flatten().to_numpy(zero_copy_only=False)
    if not len(column) or len(flat) % len(column) or len(set(lengths(column))) > 1:
        raise InvalidInput(not_allowed(f"column {name}", "rows of several lengths", "one length"))
    found: NDArray[np.number] = flat.reshape(len(column), -1)
    return found if found.dtype.kind == "f" else found.astype(np.float64)


def lengths(column: Any) -> list[int]:
    import pyarrow.compute as pc

    found: list[int] = pc.list_value_length(column).to_pylist()
    return found


def values(table: pa.Table, name: str | None) -> list[Any]:
    found: list[Any] = table[name].to_pylist()
    return found


def numbers(table: pa.Table, name: str | None) -> NDArray[np.float64] | None:
    """A column of numbers; an empty cell becomes NaN, which selection refuses."""
    if name is None:
        return None
    try:
        return np.array(table[name].cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    except pa.ArrowInvalid as e:
        raise InvalidInput(not_allowed(f"column {name}", str(table[name].type), "numbers")) from e


def whole(table: pa.Table, name: str | None) -> NDArray[np.int64]:
    if name is None:
        raise InvalidInput("a budget needs --cost, the column that tells what a row costs")
    found = numbers(table, name)
    if found is None or not np.array_equal(found, np.rint(found)):
        raise InvalidInput(not_allowed(f"column {name}", "fractions or nothing", "whole numbers"))
    return found.astype(np.int64)


def swept(
    pool: NDArray[np.number],
    quality: NDArray[np.float64] | None,
    selection: Selection,
    request: Request,
    progress: Progress,
) -> Sequence[SweepPoint]:
    """As many picks at several alphas; nothing without quality, or for a pool beyond memory."""
    if quality is None or len(pool) < 2 or selection.method == "partitioned":
        return []
    return sweep(pool, quality, len(selection), request.seed, progress=progress)


def write(
    target: Path,
    table: pa.Table,
    selection: Selection,
    pool: NDArray[np.number],
    facts: dict[str, Any],
) -> None:
    target.mkdir(parents=True, exist_ok=True)
    picks = {
        "rank": pa.array(range(len(selection)), pa.int64()),
        "row": pa.array(selection.order),
        "gain": pa.array(selection.gain),
        "coverage": pa.array(selection.coverage),
    }
    if selection.quality is not None:
        picks["quality"] = pa.array(selection.quality)
    if selection.ids is not None:
        picks["id"] = pa.array(selection.ids)
    pq.write_table(pa.table(picks), target / "selection.parquet", compression="zstd")
    chosen = table.take(pa.array(selection.order))
    pq.write_table(chosen, target / "selected.parquet", compression="zstd")
    told = {**facts, "parameters": selection.params, "diagnostics": selection.diagnostics}
    (target / "report.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
    points = [SweepPoint(**point) for point in facts["sweep"]]
    shown = {name: facts[name] for name in ("input", "method", "selected", "knee", "metrics")}
    page = report(selection, pool, points, shown)
    (target / "report.html").write_text(page, encoding="utf-8")
