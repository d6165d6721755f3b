"""The rows of a file as points to select from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.flows.select.file.columns import (
    Candidates,
    Columns,
    found_columns,
    read_candidates,
)
from dynosaur_etl.flows.select.file.request import FileRequest
from dynosaur_etl.flows.select.file.rows import read_rows
from dynosaur_etl.flows.select.file.written import parquet_ready
from dynosaur_etl.inference.embedding import Embedder
from dynosaur_etl.selection import GroundSet
from dynosaur_etl.selection.modes import Size, choose
from dynosaur_etl.selection.problem.constraints import check_constraints
from dynosaur_etl.selection.similarity import with_format

Progress = Callable[[int, int | None], None]


def silent(_done: int, _of: int | None) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class FilePoints:
    """Rows with their vectors.

    Attributes:
        table: all rows of the input, in types that Parquet holds.
        columns: the names that matter.
        rows: those of the table that may be selected.
        points: of these rows.
        notes: what was left out and what the embedder does not see, each in a sentence.
    """

    table: pa.Table
    columns: Columns
    rows: Candidates
    points: GroundSet
    notes: tuple[str, ...]

    @property
    def left_out(self) -> int:
        return int(self.table.num_rows) - len(self.rows)


def read_points(source: Path, request: FileRequest, progress: Progress = silent) -> FilePoints:
    """Read rows, check all that is asked of them, and embed their texts.

    Raises:
        InvalidInput: the file or a column is not there, or a value is not allowed.
    """
    read = read_rows(source, request.split, request.encoding)
    columns = found_columns(read.table, request.columns)
    table = parquet_ready(read.table)
    rows = read_candidates(table, columns)
    picks = _expected_picks(rows, request, table.num_rows)
    vectors, unseen = _vectors(rows, request, picks, progress)
    points = GroundSet(vectors, rows.quality, groups=rows.groups, costs=rows.costs, ids=rows.ids)
    if request.specification.group_cap is None:
        points = replace(points, groups=None)
    notes = (*read.notes, *_left_out(table, rows, columns), *unseen)
    return FilePoints(table, columns, rows, points, notes)


def _expected_picks(rows: Candidates, request: FileRequest, read: int) -> int:
    """About how many rows will be picked; refuses more than there can be."""
    try:
        bounds = check_constraints(
            len(rows), request.specification, costs=rows.costs, groups=rows.groups
        )
    except InvalidInput as e:
        missing = read - len(rows)
        empty = f" ({missing} of {read} rows are empty)" if missing else ""
        raise InvalidInput(f"{e}{empty}") from e
    return bounds.budget.expected_picks


def _vectors(
    rows: Candidates, request: FileRequest, picks: int, progress: Progress
) -> tuple[NDArray[np.number], list[str]]:
    """The vectors [n, d], and notes on what the embedder does not see of the texts."""
    notes: list[str] = []
    vectors = rows.vectors
    if vectors is None:
        embedder = Embedder(request.model)
        choose(request.specification, Size(len(rows), embedder.dimensions, picks))
        notes = _unseen(embedder, rows.texts)
        vectors = embedder.embed(rows.texts, progress)
    else:
        choose(request.specification, Size(len(rows), vectors.shape[1], picks))
    if request.format_weight:
        vectors = with_format(vectors, rows.texts, request.format_weight)
    return vectors, notes


def _unseen(embedder: Embedder, texts: Sequence[str]) -> list[str]:
    """How many texts are cut, unknown to the model, or look alike to it, in sentences."""
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


def _left_out(table: pa.Table, rows: Candidates, columns: Columns) -> list[str]:
    missing = table.num_rows - len(rows)
    if not missing:
        return []
    kind = "vector" if columns.embedding else "text"
    return [f"{missing} of {table.num_rows} rows have no {kind} and are left out"]
