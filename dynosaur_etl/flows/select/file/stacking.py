"""Tables of several files as one, where columns may be missing or differ in type."""

from collections.abc import Iterable, Sequence

import pyarrow as pa

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.flows.select.file.json_rows import array_of

_NO_COMMON_TYPE = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError)


def stacked_files(tables: Sequence[tuple[str, pa.Table]]) -> pa.Table:
    """Stack the tables of named files; a column that one lacks is null in its rows.

    Numbers of two widths become the wider one, and so do the fields of structs and lists. What
    other programs say about the columns is kept where all files say the same.

    Raises:
        InvalidInput: the types of a column in two files have no common one; both are named.
    """
    schemas = [table.schema for _, table in tables]
    if schemas and all(schema.equals(schemas[0], check_metadata=True) for schema in schemas):
        return pa.concat_tables([table for _, table in tables])
    names = _all_names([table for _, table in tables])
    columns = [_column(name, tables) for name in names]
    return pa.table(columns, names=names)


def stacked_json(tables: Iterable[pa.Table]) -> pa.Table:
    """Stack tables of JSON; a column whose types have no common one becomes text."""
    kept = list(tables)
    names = _all_names(kept)
    columns = [_any_column(_chunks(name, kept)) for name in names]
    return pa.table(columns, names=names)


def _all_names(tables: Sequence[pa.Table]) -> list[str]:
    return list(dict.fromkeys(name for table in tables for name in table.column_names))


def _chunks(name: str, tables: Sequence[pa.Table]) -> list[pa.ChunkedArray]:
    return [
        table[name] if name in table.column_names else pa.chunked_array([pa.nulls(len(table))])
        for table in tables
    ]


def _any_column(chunks: list[pa.ChunkedArray]) -> pa.ChunkedArray:
    try:
        return _merged(chunks)
    except _NO_COMMON_TYPE:
        values = (value for chunk in chunks for value in chunk.to_pylist())
        return pa.chunked_array([array_of(values)])


def _merged(chunks: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    tables = [pa.table([chunk], names=["column"]) for chunk in chunks]
    return pa.concat_tables(tables, promote_options="permissive")["column"]


def _column(name: str, tables: Sequence[tuple[str, pa.Table]]) -> pa.ChunkedArray:
    chunks = [_decoded(chunk) for chunk in _chunks(name, [table for _, table in tables])]
    kinds = {chunk.type: file for (file, _), chunk in zip(tables, chunks, strict=True)}
    texts, bytes_ = (any(map(test, kinds)) for test in (_is_text, pa.types.is_binary))
    try:
        if not (texts and bytes_):
            return _merged(chunks)
    except _NO_COMMON_TYPE:
        pass
    held = ", ".join(f"{kind} in {file}" for kind, file in kinds.items() if kind != pa.null())
    raise InvalidInput(f"column {name!r}: received {held}; allowed: one type in all files")


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values in place of a dictionary's numbers, which another file may number otherwise."""
    kind = column.type
    return column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
