"""What a selection from a file writes."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput, StoreUnavailable, not_allowed
from dynosaur_etl.flows.select.file.file_selection import FileSelection
from dynosaur_etl.flows.select.file.json_rows import has_empty_struct, json_text
from dynosaur_etl.selection import Selection
from dynosaur_etl.selection.assessment.report import report
from dynosaur_etl.selection.vectors.fixed_point import IntArray

_JOINED_BYTES = 2**31 - 1
_SHOWN = ("input", "method", "selected", "rows", "notes", "knee", "metrics")


def parquet_ready(table: pa.Table) -> pa.Table:
    """Return the table with columns that Parquet can hold; objects without fields become JSON text.

    Raises:
        InvalidInput: Parquet has no type for a column.
    """
    ready = table
    for at, field in enumerate(table.schema):
        column = _ready(field.name, table[field.name])
        if column.type != field.type:
            ready = ready.set_column(at, field.name, column)
    return ready


def _ready(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    if has_empty_struct(column.type):
        return pa.chunked_array([json_text(column.to_pylist())])
    try:
        kept = _without_views(column)
        pq.write_table(pa.table({name: kept.slice(0, 0)}), pa.BufferOutputStream())
        kept.slice(0, 1).take(pa.array(range(min(len(kept), 1)), pa.int64()))
    except (pa.ArrowException, ValueError) as e:
        words = "types that Parquet holds; write the rows without this column"
        raise InvalidInput(not_allowed(f"column {name!r}", str(column.type), words)) from e
    return kept


def _without_views(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Offsets in place of views, which Arrow can neither filter nor reorder."""
    kind = column.type
    if pa.types.is_string_view(kind):
        return column.cast(pa.large_string())
    if pa.types.is_binary_view(kind):
        return column.cast(pa.large_binary())
    if pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):
        lists = [_list_of_view(chunk) for chunk in column.chunks]
        return pa.chunked_array(lists, pa.large_list(kind.value_type))
    return column


def _list_of_view(view: pa.Array) -> pa.Array:
    """The same lists one after the other; Arrow's own cast garbles a view that is sliced."""
    lengths = pc.fill_null(pc.list_value_length(view), 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    return pa.LargeListArray.from_arrays(offsets, view.flatten(), mask=view.is_null())


def write(
    folder: Path,
    table: pa.Table,
    at: IntArray,
    selection: Selection,
    vectors: NDArray[np.number],
    facts: FileSelection,
) -> None:
    """Write rows, ranks and report.

    Args:
        folder: that is there and empty.
        table: all rows of the input.
        at: the rows that were selected from.
        selection: of those.
        vectors: of those.
        facts: what the report states.

    Raises:
        StoreUnavailable: there is no room.
    """
    rows = at[selection.order]
    stated = {name: value for name, value in asdict(facts).items() if name != "path"}
    page = report(selection, vectors, facts.sweep, {name: stated[name] for name in _SHOWN})
    try:
        _write_table(_ranks(selection, rows), folder / "selection.parquet")
        _write_table(_taken(table, rows), folder / "selected.parquet")
        (folder / "report.json").write_text(json.dumps(stated, indent=1), encoding="utf-8")
        (folder / "report.html").write_text(page, encoding="utf-8")
    except OSError as e:
        raise StoreUnavailable(f"the selection could not be written: {e}") from e


def _ranks(selection: Selection, rows: IntArray) -> pa.Table:
    """Rank, row of the input, marginal gain and coverage of each pick, quality and id if any."""
    picks = {
        "rank": pa.array(range(len(selection)), pa.int64()),
        "row": pa.array(rows),
        "gain": pa.array(selection.gain),
        "coverage": pa.array(selection.coverage),
    }
    if selection.quality is not None:
        picks["quality"] = pa.array(selection.quality)
    if selection.ids is not None:
        picks["id"] = pa.array(selection.ids)
    return pa.table(picks)


def _taken(table: pa.Table, rows: IntArray) -> pa.Table:
    """Rows in an order; Arrow's own `take` joins a column's parts, which 2 GiB bound."""
    if table.nbytes < _JOINED_BYTES:
        return table.take(pa.array(rows))
    return pa.concat_tables([table.slice(row, 1) for row in rows.tolist()])


def _write_table(table: pa.Table, file: Path) -> None:
    pq.write_table(table, file, compression="zstd")
