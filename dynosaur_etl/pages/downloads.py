"""What a page shows, as a file: CSV for spreadsheets, Parquet for programs."""

import csv
import io
from collections.abc import Sequence
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from starlette.responses import Response

from dynosaur_etl.domain.jsonable import to_json

INSTANCE_COLUMNS = (
    "instance_key", "instruction", "input", "output", "dataset", "revision", "config", "split",
    "row", "licence", "mode", "growth_day", "pii", "task_key", "quality", "rank", "gain",
    "held_out",
)  # fmt: skip

FileForm = Literal["csv", "parquet"]
_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def download(rows: Sequence[object], columns: Sequence[str], name: str, form: FileForm) -> Response:
    """Give rows as a file of that name, without a column that is not asked for."""
    values = [[to_json(_cell(row, column)) for column in columns] for row in rows]
    body = _csv(values, columns) if form == "csv" else _parquet(values, columns)
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
    return Response(body, media_type=_TYPES[form], headers=headers)


def _cell(row: object, column: str) -> Any:
    return row[column] if isinstance(row, dict) else getattr(row, column)


def _csv(rows: Sequence[Sequence[Any]], columns: Sequence[str]) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(map(_disarmed, row))
    return file.getvalue().encode("utf-8", errors="replace")


def _disarmed(value: Any) -> Any:
    """Lead a text in by an apostrophe where a spreadsheet would compute it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _parquet(rows: Sequence[Sequence[Any]], columns: Sequence[str]) -> bytes:
    table = pa.table({name: pa.array(row[at] for row in rows) for at, name in enumerate(columns)})
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()
