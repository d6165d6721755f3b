"""What a page shows, as a file: CSV for spreadsheets, Parquet for programs."""

import csv
import io
from collections.abc import Sequence
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from starlette.responses import Response

FileKind = Literal["csv", "parquet"]
_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def download(
    rows: Sequence[dict[str, Any]], columns: Sequence[str], name: str, kind: FileKind
) -> Response:
    """Give rows as a file of that name, without a column that is not asked for."""
    body = _csv(rows, columns) if kind == "csv" else _parquet(rows, columns)
    headers = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    return Response(body, media_type=_TYPES[kind], headers=headers)


def _csv(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_disarmed(row[name]) for name in columns])
    return file.getvalue().encode("utf-8", errors="replace")


def _disarmed(value: Any) -> Any:
    """Lead a text in by an apostrophe where a spreadsheet would compute it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _parquet(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> bytes:
    table = pa.table({name: pa.array([row[name] for row in rows]) for name in columns})
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()
