"""Columns as `datasets` can name them and Parquet can keep them, whatever type a file gives them.

`plain` goes before features are read of a column: encodings (dictionaries, run ends, views) are
undone, maps become lists of pairs, narrow decimals wide ones, and what other programs add to a type
falls away. `storable` goes after: JSON and tensors become what they are stored as, and what Parquet
or Python cannot hold becomes null: structures without parts, and times that have no text.
"""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dynosaur_etl.domain.rendering import scalar_texts


def plain(values: pa.Array) -> pa.Array | None:
    """Return a column of a type that `datasets` has a feature for; None where there is none."""
    kind = values.type
    if isinstance(kind, pa.BaseExtensionType) and not _is_known_to_datasets(kind):
        return plain(values.storage)
    if pa.types.is_dictionary(kind):
        return plain(values.dictionary_decode())
    if pa.types.is_run_end_encoded(kind):
        return plain(pc.run_end_decode(values))
    if pa.types.is_map(kind):
        pairs = pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)]))
        return plain(values.cast(pairs))
    if pa.types.is_struct(kind) or _is_list(kind):
        return _rebuilt(values, plain)
    return _plain_scalar(values)


def storable(values: pa.Array) -> pa.Array:
    """Return a column that Parquet keeps, with null for each value that has no text."""
    kind = values.type
    if isinstance(kind, pa.BaseExtensionType):
        return storable(values.storage)
    if pa.types.is_struct(kind) and not kind.num_fields:
        return pa.nulls(len(values))
    if pa.types.is_struct(kind) or _is_list(kind):
        rebuilt = _rebuilt(values, storable)
        return values if rebuilt is None else rebuilt
    if _is_time(kind):
        return pc.if_else(pc.is_valid(scalar_texts(values)), values, pa.scalar(None, kind))
    return values


def empty_table(schema: pa.Schema) -> pa.Table:
    """Return a table without rows; Arrow's own way knows no extension types inside lists."""
    return pa.table([pa.nulls(0, field.type) for field in schema], schema=schema)


def plain_table(table: pa.Table) -> pa.Table:
    """Return a table of the columns that have a plain form, with its metadata."""
    fields, columns = [], []
    for field, column in zip(table.schema, table.columns, strict=True):
        values = column if _is_plain(field.type) else plain(column.combine_chunks())
        if values is not None:
            fields.append(pa.field(field.name, values.type))
            columns.append(values)
    return pa.table(columns, schema=pa.schema(fields, table.schema.metadata))


def lost_cells(before: pa.ChunkedArray, after: pa.ChunkedArray) -> int:
    """Count the values, of any depth, that are null after and were not before."""
    return sum(map(_given, before.chunks)) - sum(map(_given, after.chunks))


def _given(values: pa.Array) -> int:
    """Count the times that are not null; they are what `storable` may take away."""
    kind = values.type
    if isinstance(kind, pa.BaseExtensionType):
        return _given(values.storage)
    if pa.types.is_struct(kind):
        return sum(map(_given, values.flatten()))
    if _is_list(kind):
        return _given(values.flatten())
    return len(values) - values.null_count if _is_time(kind) else 0


def _plain_scalar(values: pa.Array) -> pa.Array | None:
    kind, types = values.type, pa.types
    if types.is_string_view(kind):
        return values.cast(pa.string())
    if types.is_binary_view(kind):
        return values.cast(pa.binary())
    if types.is_decimal32(kind) or types.is_decimal64(kind):
        return values.cast(pa.decimal128(kind.precision, kind.scale))
    return None if types.is_union(kind) or types.is_interval(kind) else values


def _rebuilt(values: pa.Array, change: Callable[[pa.Array], pa.Array | None]) -> pa.Array | None:
    """Change what stands inside lists or a structure; parts of None are left out."""
    if pa.types.is_struct(values.type):
        return _rebuilt_struct(values, change)
    items = change(values.flatten())
    if items is None:
        return None
    if pa.types.is_fixed_size_list(values.type) and items.equals(values.flatten()):
        return values
    lengths = pc.cast(pc.fill_null(_lengths(values), 0), pa.int64())
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), pc.cumulative_sum(lengths)])
    if _is_large(values.type):
        return pa.LargeListArray.from_arrays(offsets, items, mask=pc.is_null(values))
    return pa.ListArray.from_arrays(offsets.cast(pa.int32()), items, mask=pc.is_null(values))


def _rebuilt_struct(
    values: pa.Array, change: Callable[[pa.Array], pa.Array | None]
) -> pa.Array | None:
    changed: list[tuple[str, Any]] = []
    for field, part in zip(values.type, values.flatten(), strict=True):
        if (new := change(part)) is not None:
            changed.append((field.name, new))
    if not changed:
        return None
    names, parts = zip(*changed, strict=True)
    return pa.StructArray.from_arrays(list(parts), list(names), mask=pc.is_null(values))


def _lengths(values: pa.Array) -> pa.Array:
    if _is_view(values.type):
        return pc.if_else(pc.is_valid(values), values.sizes, 0)
    return pc.list_value_length(values)


def _is_plain(kind: pa.DataType) -> bool:
    """Tell the types that need no look at their values, as most do."""
    types = pa.types
    return (
        (types.is_primitive(kind) and not types.is_interval(kind))
        or types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_null(kind)
    ) and not (types.is_decimal32(kind) or types.is_decimal64(kind))


def _is_known_to_datasets(kind: pa.DataType) -> bool:
    from datasets.features.features import _ArrayXDExtensionType

    return isinstance(kind, pa.JsonType | _ArrayXDExtensionType)


def _is_list(kind: pa.DataType) -> bool:
    types = pa.types
    return (
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
        or _is_view(kind)
    )


def _is_view(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind))


def _is_large(kind: pa.DataType) -> bool:
    return bool(pa.types.is_large_list(kind) or pa.types.is_large_list_view(kind))


def _is_time(kind: pa.DataType) -> bool:
    return bool(pa.types.is_temporal(kind) and not pa.types.is_interval(kind))
