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
from dynosaur_etl.domain.text import clean_text

ColumnChange = Callable[[pa.Array], pa.Array | None]

_MOST_DIGITS = 76


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """Return the columns of a schema that have a plain form, in that form, with its metadata.

    A NUL in a name is replaced as it is in texts: the libraries end a name there.
    """
    fields = [
        pa.field(clean_text(field.name), plain)
        for field in schema
        if (plain := plain_type(field.type)) is not None
    ]
    return pa.schema(fields, schema.metadata)


def empty_table(schema: pa.Schema) -> pa.Table:
    """Return a table of a plain schema without rows.

    Arrow's own way knows no extension types inside lists.
    """
    return pa.table([pa.nulls(0, field.type) for field in schema], schema=schema)


def plain_table(table: pa.Table) -> pa.Table:
    """Return the columns of a table that have a plain form, in that form; see `plain_schema`."""
    schema = plain_schema(table.schema)
    table = table.rename_columns([clean_text(name) for name in table.column_names])
    columns = [
        table[field.name]
        if table.schema.field(field.name).type == field.type
        else plain(table[field.name].combine_chunks())
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def plain_type(kind: pa.DataType) -> pa.DataType | None:
    """Return the type that `plain` gives a column; None for what has no plain form."""
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType) and not _is_known_to_datasets(kind):
        return plain_type(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return plain_type(kind.value_type)
    if types.is_map(kind):
        return plain_type(_pairs(kind))
    if types.is_struct(kind):
        return _plain_struct(kind)
    if _is_list(kind):
        return _plain_list(kind)
    if types.is_decimal(kind):
        return _plain_decimal(kind)
    if types.is_union(kind) or types.is_interval(kind):
        return None
    views = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
    return kind if isinstance(kind, pa.BaseExtensionType) else views.get(kind, kind)


def plain(values: pa.Array) -> pa.Array | None:
    """Return a column of a type that `datasets` has a feature for, or None.

    None stands for unions, intervals and structures without parts. A part of a structure that has
    no plain form is left out. A column that is plain is returned itself.
    """
    kind, target = values.type, plain_type(values.type)
    if target is None or target == kind:
        return None if target is None else values
    if isinstance(kind, pa.BaseExtensionType):
        return plain(values.storage)
    if pa.types.is_dictionary(kind):
        return _taken(plain(values.dictionary), values.indices)
    if pa.types.is_run_end_encoded(kind):
        return _taken(plain(values.values), _runs(values))
    if pa.types.is_map(kind):
        return plain(_as_pairs(values))
    if pa.types.is_struct(kind) or _is_list(kind):
        return _rebuilt(values, plain)
    return values.cast(target)


def storable(values: pa.Array) -> pa.Array:
    """Return a column that Parquet keeps, with null for each value that has no text."""
    kind = values.type
    if isinstance(kind, pa.BaseExtensionType):
        return storable(values.storage)
    if pa.types.is_struct(kind) and not kind.num_fields:
        return pa.nulls(len(values))
    if pa.types.is_struct(kind) or _is_list(kind):
        return _rebuilt(values, storable)
    if _is_time(kind):
        return pc.if_else(pc.is_valid(scalar_texts(values)), values, pa.scalar(None, kind))
    return values


def lost_cells(before: pa.Array, after: pa.Array) -> int:
    """Count the times, at any depth, that are null after and were not before."""
    return _given(before) - _given(after)


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


def _plain_struct(kind: pa.StructType) -> pa.DataType | None:
    parts = [
        pa.field(field.name, part) for field in kind if (part := plain_type(field.type)) is not None
    ]
    return (kind if _types(parts) == _types(kind) else pa.struct(parts)) if parts else None


def _types(fields: Any) -> list[pa.DataType]:
    return [field.type for field in fields]


def _plain_list(kind: pa.DataType) -> pa.DataType | None:
    item = plain_type(kind.value_type)
    if item is None:
        return None
    if item == kind.value_type and not _is_view(kind):
        return kind
    return pa.large_list(item) if _is_large(kind) else pa.list_(item)


def _plain_decimal(kind: pa.DataType) -> pa.DataType | None:
    """Return a decimal type that Parquet and `datasets` have; none has a negative scale there."""
    if kind.scale < 0:
        digits = kind.precision - kind.scale
        return pa.decimal256(digits, 0) if digits <= _MOST_DIGITS else None
    is_narrow = pa.types.is_decimal32(kind) or pa.types.is_decimal64(kind)
    return pa.decimal128(kind.precision, kind.scale) if is_narrow else kind


def _taken(values: pa.Array | None, places: pa.Array) -> pa.Array | None:
    return None if values is None else values.take(places)


def _runs(values: pa.RunEndEncodedArray) -> pa.Array:
    """Return the number of the run in which each value stands."""
    runs = pa.array(range(len(values.run_ends)), pa.int64())
    numbered = pa.RunEndEncodedArray.from_arrays(values.run_ends, runs)
    return pc.run_end_decode(numbered.slice(values.offset, len(values)))


def _pairs(kind: pa.MapType) -> pa.DataType:
    return pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)]))


def _as_pairs(values: pa.MapArray) -> pa.ListArray:
    """Return maps as lists of pairs; Arrow's own cast forgets where a slice begins."""
    pairs = pa.StructArray.from_arrays([values.keys, values.items], ["key", "value"])
    offsets = pc.subtract(values.offsets, values.offsets[0])
    return pa.ListArray.from_arrays(
        offsets, pairs.slice(values.offsets[0].as_py()), mask=pc.is_null(values)
    )


def _rebuilt(values: pa.Array, change: ColumnChange) -> pa.Array:
    """Change what stands inside lists or a structure; parts that become None are left out."""
    if pa.types.is_struct(values.type):
        return _rebuilt_struct(values, change)
    items = change(values.flatten())
    lengths = pc.cast(pc.fill_null(_lengths(values), 0), pa.int64())
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), pc.cumulative_sum(lengths)])
    if _is_large(values.type):
        return pa.LargeListArray.from_arrays(offsets, items, mask=pc.is_null(values))
    return pa.ListArray.from_arrays(offsets.cast(pa.int32()), items, mask=pc.is_null(values))


def _rebuilt_struct(values: pa.Array, change: ColumnChange) -> pa.Array:
    changed = [
        (field.name, new)
        for field, part in zip(values.type, values.flatten(), strict=True)
        if (new := change(part)) is not None
    ]
    names, parts = zip(*changed, strict=True)
    return pa.StructArray.from_arrays(list(parts), list(names), mask=pc.is_null(values))


def _lengths(values: pa.Array) -> pa.Array:
    if _is_view(values.type):
        return pc.if_else(pc.is_valid(values), values.sizes, 0)
    return pc.list_value_length(values)


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
