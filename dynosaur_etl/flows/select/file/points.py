"""The rows of a file as points to select from."""

from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.flows.select.file.columns import (
    Candidates,
    Columns,
    found_columns,
    read_candidates,
)
from dynosaur_etl.flows.select.file.lengths import tokens_of_texts
from dynosaur_etl.flows.select.file.request import FileRequest
from dynosaur_etl.flows.select.file.rows import read_rows
from dynosaur_etl.flows.select.file.vectorising import (
    Progress,
    RowVectors,
    Similarity,
    TextModel,
    read_similarity,
    silent,
    usual_similarity,
)
from dynosaur_etl.flows.select.file.written import parquet_ready
from dynosaur_etl.selection import GroundSet
from dynosaur_etl.selection.methods import METHODS
from dynosaur_etl.selection.modes import Size, choose
from dynosaur_etl.selection.problem.constraints import check_constraints


@dataclass(frozen=True)
class FilePoints:
    """Rows, and how vectors are made of them.

    Attributes:
        table: all rows of the input, in types that Parquet holds.
        columns: the names that matter.
        rows: those of the table that may be selected.
        own: makes their vectors.
        target: makes those of the target, or None.
        similarity: that was asked for.
        capped: whether a cap counts the groups.
        notes: what was left out and what the embedder does not see, each in a sentence.
    """

    table: pa.Table
    columns: Columns
    rows: Candidates
    own: RowVectors
    target: RowVectors | None
    similarity: Similarity
    capped: bool
    notes: tuple[str, ...]

    @property
    def left_out(self) -> int:
        return int(self.table.num_rows) - len(self.rows)

    def ground_set(self, similarity: Similarity) -> GroundSet:
        """Return the rows with their vectors by a similarity; texts are embedded once."""
        rows, lengths = self.rows, self.rows.lengths
        return GroundSet(
            self.own.vectors(similarity),
            rows.quality,
            target=None if self.target is None else self.target.vectors(similarity),
            groups=rows.groups if self.capped else None,
            costs=rows.costs,
            ids=rows.ids,
            sources=rows.sources,
            lengths=tokens_of_texts(rows.texts) if lengths is None else lengths,
            tags=rows.tags,
            texts=rows.texts.get("text"),
        )


def read_points(source: Path, request: FileRequest, progress: Progress = silent) -> FilePoints:
    """Read rows and target, and check all that is asked of them; nothing is embedded yet.

    Raises:
        InvalidInput: the file or a column is not there, or a value is not allowed.
    """
    read = read_rows(source, request.split, request.encoding)
    columns = found_columns(read.table, request.columns)
    table = parquet_ready(read.table)
    rows = read_candidates(table, columns)
    similarity = _similarity(rows, request)
    model = TextModel(request.model)
    own, target = RowVectors(rows, model, progress), _target(request, columns, model)
    for vectors in filter(None, (own, target)):
        vectors.check(similarity)
    check_needs(request.method, rows, target)
    picks = _expected_picks(rows, request, table.num_rows)
    choose(request.specification, Size(len(rows), own.dimensions(similarity), picks))
    notes = (*read.notes, *_left_out(table, rows, columns), *own.unseen(similarity))
    capped = request.specification.group_cap is not None
    return FilePoints(table, columns, rows, own, target, similarity, capped, notes)


def _similarity(rows: Candidates, request: FileRequest) -> Similarity:
    if request.similarity is not None:
        return read_similarity(request.similarity)
    return usual_similarity(rows.vectors is not None, request.format_weight)


def _target(request: FileRequest, columns: Columns, model: TextModel) -> RowVectors | None:
    """The rows of the target, by the same columns as the rows to select from."""
    if request.target is None:
        return None
    read = read_rows(request.target, None, request.encoding)
    asked = Columns(text=columns.text, embedding=columns.embedding)
    try:
        found = found_columns(read.table, asked)
        rows = read_candidates(read.table, found)
    except InvalidInput as e:
        raise InvalidInput(f"--target {str(request.target)!r}: {e}") from e
    without_input = {"input": [""] * len(rows)}  # the goals may be instructions alone
    return RowVectors(replace(rows, texts=without_input | dict(rows.texts)), model)


def check_needs(method: str, rows: Candidates, target: RowVectors | None) -> None:
    """Refuse a method that lacks a column or the target.

    Raises:
        InvalidInput: naming the option.
    """
    there = {
        "target": target is not None,
        "quality": rows.quality is not None,
        "lengths": rows.lengths is not None or bool(rows.texts),
        "sources": rows.sources is not None,
    }
    options = {"lengths": "--length", "sources": "--source"}
    for need in METHODS[method].needs:
        if not there[need]:
            option = options.get(need, f"--{need}")
            raise InvalidInput(f"method {method!r}: received no {need}; allowed: with {option}")


def _expected_picks(rows: Candidates, request: FileRequest, read: int) -> int:
    """About how many rows will be picked; refuses more than there can be."""
    capped = request.specification.group_cap is not None
    try:
        bounds = check_constraints(
            len(rows),
            request.specification,
            costs=rows.costs,
            groups=rows.groups if capped else None,
        )
    except InvalidInput as e:
        missing = read - len(rows)
        empty = f" ({missing} of {read} rows are empty)" if missing else ""
        raise InvalidInput(f"{e}{empty}") from e
    return bounds.budget.expected_picks


def _left_out(table: pa.Table, rows: Candidates, columns: Columns) -> list[str]:
    missing = table.num_rows - len(rows)
    if not missing:
        return []
    kind = "vector" if columns.embedding else "text"
    return [f"{missing} of {table.num_rows} rows have no {kind} and are left out"]
