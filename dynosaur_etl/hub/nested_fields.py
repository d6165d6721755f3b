"""Nested fields as an LLM is offered them: JSON read, and each text inside as a field of its own.

A part stands under its path, as the flat text of the whole names it: `talk.by` is a part of a
structure, `turns[0].text` one of the first item of a list, `talk.words[*]` all texts of a list.
Since the part is a column as any other, the value that is shown is the one that is filled.

Texts of a list are one value where they are one answer: a single text; texts that say the same with
more or fewer words, of which the first counts; short names, joined by commas. What is longer has no
value. Where a field names the right one of the choices beside it, it holds the text of that choice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import pyarrow as pa

from dynosaur_etl.domain.features import (
    FieldKind,
    element_of,
    fields_of,
    labels_of,
    part_feature,
)
from dynosaur_etl.domain.rendering import readable
from dynosaur_etl.hub.answers import lists_choices, named_choices, names_choice
from dynosaur_etl.hub.config_columns import UnreadableValues
from dynosaur_etl.hub.json_texts import read_json_column
from dynosaur_etl.hub.part_paths import TEXT_FEATURE, parts_of, value_at, written
from dynosaur_etl.hub.rows import ConfigSample

MOST_PARTS = 30
LEAST_FILLED = 0.5
_TEXTS = pa.list_(pa.string())
NO_JSON = "a text that is no JSON, in a field of JSON"


@dataclass
class _Columns:
    """The columns of a config on their way."""

    features: dict[str, Any]
    arrays: dict[str, pa.Array]
    unreadable: list[UnreadableValues] = field(default_factory=list)

    def put(self, name: str, feature: Any, values: pa.Array) -> None:
        self.features[name], self.arrays[name] = feature, values

    def drop_numbers(self) -> None:
        """Drop the parts that are numbers, and name no choice."""
        for one in fields_of(self.features):
            if one.part_of and one.kind is FieldKind.NUMBER:
                del self.features[one.name], self.arrays[one.name]

    def put_part(self, name: str, feature: Any, values: Sequence[str | list[str] | None]) -> None:
        labels = labels_of(feature)
        if labels:
            numbers = {label: number for number, label in reversed(list(enumerate(labels)))}
            found = [None if value is None else numbers.get(str(value)) for value in values]
            self.put(name, feature, pa.array(found, pa.int64()))
        else:
            is_list = element_of(feature) is not None
            self.put(name, feature, pa.array(values, _TEXTS if is_list else pa.string()))


def with_parts(sample: ConfigSample) -> ConfigSample:
    """Return a sample whose JSON is read, and whose nested fields have columns for their parts.

    Of the parts those are columns that are texts, labels or truth values, the first 30; none that
    is filled in fewer than half of the rows, and none whose path is the name of a column.
    """
    features = dict(sample.config.features)
    columns = _Columns(features, {name: sample.table[name].combine_chunks() for name in features})
    _read_json(columns)
    nested = [one.name for one in fields_of(columns.features) if _has_parts(one.kind)]
    rows = {name: readable(columns.arrays[name], features[name]).to_pylist() for name in nested}
    for name, feature, values in list(islice(_filled(columns.features, rows), MOST_PARTS)):
        columns.put_part(name, feature, values)
    _name_choices(columns)
    columns.drop_numbers()
    table = pa.table({**columns.arrays, **_places(sample)})
    config = replace(sample.config, features=columns.features)
    unreadable = (*sample.unreadable, *columns.unreadable)
    return replace(sample, config=config, table=table, unreadable=unreadable)


def _places(sample: ConfigSample) -> dict[str, pa.ChunkedArray]:
    """Return the columns that say where each row is from."""
    names = [name for name in sample.table.column_names if name not in sample.config.features]
    return {name: sample.table[name] for name in names}


def _read_json(columns: _Columns) -> None:
    for name in list(columns.features):
        read = read_json_column(columns.features[name], columns.arrays[name])
        if read is not None:
            feature, values, lost = read
            columns.put(name, feature, values)
            columns.unreadable += [UnreadableValues(name, NO_JSON, lost)] if lost else []


def _has_parts(kind: FieldKind) -> bool:
    return kind in (FieldKind.NESTED, FieldKind.TEXT_LIST)


def _name_choices(columns: _Columns) -> None:
    """Write the text of the right choice where a column, or a part of one, names it."""
    features = columns.features
    if not any(map(names_choice, features)):
        return
    cells = {name: readable(columns.arrays[name], features[name]).to_pylist() for name in features}
    wholes = {one.name: one.part_of for one in fields_of(features)}
    for name, texts in named_choices(cells).items():
        whole = wholes[name]
        feature = part_feature(TEXT_FEATURE, whole) if whole else TEXT_FEATURE
        columns.put(name, feature, pa.array(texts, pa.string()))


def _filled(
    features: Mapping[str, Any], rows: Mapping[str, list[Any]]
) -> Iterator[tuple[str, dict[str, Any], list[str | list[str] | None]]]:
    """Yield the name, feature and values of the parts that are filled often enough."""
    for whole, wholes in rows.items():
        if lists_choices(whole):
            continue
        for path, feature in parts_of(features[whole]):
            name = whole + written(path)
            values = [value_at(value, path, feature) for value in wholes]
            count = sum(value is not None for value in values)
            if name not in features and count and count >= LEAST_FILLED * len(values):
                yield name, part_feature(feature, whole), values
