"""Columns of text that hold JSON, read as what their JSON says."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from dynosaur_etl.domain.features import FieldKind, fields_of
from dynosaur_etl.domain.text import clean_json
from dynosaur_etl.forms.values import decoded_rows, holds_json
from dynosaur_etl.hub.config_columns import READING_ERRORS
from dynosaur_etl.hub.json_records import json_columns

LEAST_READ = 0.9
MOST_PARTS = 50


def read_json_column(feature: Any, column: pa.Array) -> tuple[Any, pa.Array, int] | None:
    """Return the feature and the values that the JSON of a column stands for.

    Nine tenths of its texts have to be objects or lists of JSON; the others become null. Objects
    have the parts of all others, null where they have none.

    Args:
        feature: of the column, in its JSON form.
        column: its values.

    Returns:
        The feature, the values, and the number of texts that are no JSON; None where the column
        holds none, or holds what is no nested field of texts.
    """
    values = _said(feature, column)
    given = [value for value in values if value is not None]
    read = [value for value in given if isinstance(value, dict | list)]
    if not read or len(read) < LEAST_READ * len(given):
        return None
    try:
        alike = _alike([value if isinstance(value, dict | list) else None for value in values])
        table, features = json_columns([{"": value} for value in alike])
    except READING_ERRORS:
        return None
    (field,) = fields_of(features)
    if not field.flattens and field.kind is not FieldKind.TEXT_LIST:
        return None
    return features[""], table[""].combine_chunks(), len(given) - len(read)


def _said(feature: Any, column: pa.Array) -> list[Any]:
    """Return what the values say, a text that is no JSON as itself; nothing for other columns."""
    if holds_json(feature):
        rows = decoded_rows({"": feature}, [{"": value} for value in column.to_pylist()])
        return [row[""] for row in rows]
    kinds = {field.kind for field in fields_of({"": feature})}
    if kinds != {FieldKind.TEXT}:
        return []
    return [_loaded(text) for text in column.to_pylist()]


def _loaded(text: str | None) -> Any:
    bare = (text or "").strip()
    if bare[:1] not in ("{", "["):
        return bare or None
    try:
        return clean_json(json.loads(bare))
    except (ValueError, RecursionError):
        return bare


def _alike(values: Sequence[Any]) -> list[Any]:
    """Return objects with the same parts, at any depth, as a column of structures wants them."""
    given = [value for value in values if value is not None]
    if given and all(isinstance(value, Mapping) for value in given):
        return _alike_objects(values, given)
    if given and all(isinstance(value, list) for value in given):
        items = iter(_alike([item for value in given for item in value]))
        return [value and [next(items) for _ in value] for value in values]
    return list(values)


def _alike_objects(values: Sequence[Any], given: Sequence[Mapping[str, Any]]) -> list[Any]:
    names = list(dict.fromkeys(name for value in given for name in value))
    if len(names) > MOST_PARTS:
        raise ValueError(f"objects of {len(names)} parts; allowed: {MOST_PARTS}")
    columns = {name: _alike([(value or {}).get(name) for value in values]) for name in names}
    return [
        None if value is None else {name: columns[name][row] for name in names}
        for row, value in enumerate(values)
    ]
