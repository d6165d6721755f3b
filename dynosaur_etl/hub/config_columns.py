"""The columns of a config: their features, and tables of a file fitted to them.

Features are those that the card declares, else those that the files carry, else what `datasets`
makes of the columns' types. Left out are columns that a program added while writing, and those that
cannot be kept: of a type that `datasets` has no feature for, or with a name that is no plain text.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

from dynosaur_etl.domain.text import clean_json, clean_text, shorten
from dynosaur_etl.domain.writers_columns import is_writers_column
from dynosaur_etl.hub.bounds import MAX_FIELDS
from dynosaur_etl.hub.plain_columns import lost_cells, plain_schema, storable

MAX_NAMED = 100
MAX_WORDS = 200
SPLIT = "__split__"
ROW = "__row__"

NO_FEATURE = "a type for which there is no feature"
ODD_NAME = "a name that is no plain text"
NO_TEXT = "a time outside the years 1 to 9999, or in an unknown zone"

READING_ERRORS = (ValueError, TypeError, LookupError, AttributeError, pa.ArrowException)
"""What `datasets` and Arrow raise over features and columns that they cannot read."""


@dataclass(frozen=True)
class UnreadableValues:
    """Values of a field that are not kept, why, and how many; of a whole field, 1."""

    field: str
    why: str
    number: int = 1


@dataclass(frozen=True)
class ConfigColumns:
    """The columns of a config.

    Attributes:
        features: a `datasets.Features` of all columns of the files.
        schema: of the features.
        dropped: columns that the config does not have, and why; "" where a writer added them.
    """

    features: Any
    schema: pa.Schema
    dropped: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def names(self) -> list[str]:
        """The columns that are kept."""
        return [name for name in self.features if name not in self.dropped]

    @cached_property
    def as_json(self) -> dict[str, Any]:
        """The JSON form of the features of the columns that are kept."""
        features = json.loads(json.dumps(self.features.to_dict()))
        return {name: clean_json(features[name]) for name in self.names}

    @property
    def unreadable(self) -> list[UnreadableValues]:
        """The fields that are dropped, but for those that a writer added."""
        return [_unreadable(name, why) for name, why in self.dropped.items() if why]

    def cast(self, table: pa.Table) -> pa.Table:
        """Return rows of a file as all of its columns, of the types of the features.

        Raises:
            ValueError, TypeError, pa.ArrowException: the columns are others, or of other types.
        """
        from datasets.table import table_cast

        unknown = [name for name in table.column_names if self.dropped.get(name) == NO_FEATURE]
        return table_cast(table.drop_columns(unknown).replace_schema_metadata(None), self.schema)

    def stored(self, cast: pa.Table) -> tuple[pa.Table, list[UnreadableValues]]:
        """Return the columns as they are stored, and what of them cannot be kept.

        A time that has no text is null. A column is dropped where all of its values are such, or
        where its bytes are none of its type, as text that is not UTF-8.

        Args:
            cast: rows as `cast` gives them.
        """
        kept: dict[str, pa.Array] = {}
        unreadable = self.unreadable
        for name in self.names:
            column = cast[name].combine_chunks()
            try:
                column.validate(full=True)
            except READING_ERRORS as error:
                unreadable.append(_unreadable(name, " ".join(str(error).split())))
                continue
            values = storable(column)
            if number := lost_cells(column, values):
                unreadable.append(_unreadable(name, NO_TEXT, number))
            if column.null_count == len(column) or values.null_count < len(values):
                kept[name] = values
        return pa.table(kept), unreadable


def columns_of(schema: pa.Schema, declared: Sequence[Any] | None) -> ConfigColumns:
    """Return the columns of files of a schema.

    Args:
        schema: of a file, with its metadata.
        declared: features in the form of a card's YAML; None where it declares none.

    Raises:
        ValueError, TypeError, LookupError, AttributeError, pa.ArrowException: they cannot be read.
    """
    from datasets import Features

    _require_fields(schema.names)
    known = plain_schema(schema)
    if declared is None:
        features = _features_of(known)
        return _without(features, dict.fromkeys(set(schema.names) - set(features), NO_FEATURE))
    features = Features._from_yaml_list(list(declared))
    _require_fields(list(features))
    return _without(features, dict.fromkeys(set(schema.names) - set(known.names), NO_FEATURE))


def columns_of_features(features: Mapping[str, Any]) -> ConfigColumns:
    """Return the columns of features in their JSON form; raises as `columns_of` does."""
    from datasets import Features

    known = Features.from_dict(dict(features))
    _require_fields(list(known))
    return _without(known, {})


def _features_of(schema: pa.Schema) -> Any:
    """Return the features that `datasets` makes of a schema, without those of unknown types."""
    from datasets import Features

    try:
        return Features.from_arrow_schema(schema)
    except READING_ERRORS:
        parts = [Features.from_arrow_schema(one) for one in _known_alone(schema)]
        if not parts:
            raise
        return Features({name: part[name] for part in parts for name in part})


def _known_alone(schema: pa.Schema) -> Iterator[pa.Schema]:
    """Yield a schema of each column of which `datasets` can make a feature."""
    from datasets import Features

    for one in (pa.schema([column], schema.metadata) for column in schema):
        try:
            Features.from_arrow_schema(one)
        except READING_ERRORS:
            continue
        yield one


def _without(features: Any, dropped: dict[str, str]) -> ConfigColumns:
    for name, feature in features.items():
        if is_writers_column(name):
            dropped[name] = ""
        elif not _is_plain(name) or not all(map(_is_plain, _part_names(feature))):
            dropped[name] = ODD_NAME
    return ConfigColumns(features, features.arrow_schema, dropped)


def _require_fields(names: Sequence[str]) -> None:
    if len(set(names)) != len(names) or len(names) > MAX_FIELDS or {SPLIT, ROW} & set(names):
        raise ValueError(f"{len(names)} fields; allowed: {MAX_FIELDS} of different names")


def _unreadable(name: str, why: str, number: int = 1) -> UnreadableValues:
    words = shorten(clean_text(why), MAX_WORDS)
    return UnreadableValues(shorten(clean_text(name), MAX_NAMED), words, number)


def _is_plain(name: str) -> bool:
    return clean_text(name) == name


def _part_names(feature: Any) -> list[str]:
    """Return the names of all parts of a feature, at any depth."""
    if isinstance(feature, dict):
        return [name for part in feature for name in (part, *_part_names(feature[part]))]
    inner = getattr(feature, "feature", None)
    return [] if inner is None else _part_names(inner)
