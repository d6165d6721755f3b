"""The columns of a config: their features, and tables of a file fitted to them.

Features are those that the card declares, else those that the files carry, else what `datasets`
makes of the columns' types. Left out are columns that a program added while writing, and those that
cannot be kept: of a type that `datasets` has no feature for, or with a name that is no plain text.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

from dynosaur_etl.domain.text import clean_json, clean_text, shorten
from dynosaur_etl.domain.writers_columns import is_writers_column
from dynosaur_etl.hub.plain_columns import empty_table, lost_cells, plain_table, storable

MAX_FIELDS = 1_000
MAX_NAMED = 100
SPLIT = "__split__"
ROW = "__row__"

NO_FEATURE = "a type for which there is no feature"
ODD_NAME = "a name that is no plain text"
NO_TEXT = "a time outside the years 1 to 9999, or in an unknown zone"


@dataclass(frozen=True)
class Untold:
    """Values of a field that were left out, why, and how many; of a whole field, 1."""

    field: str
    why: str
    number: int = 1


@dataclass(frozen=True)
class ConfigColumns:
    """The columns of a config.

    Attributes:
        features: a `datasets.Features` of all columns of the files.
        schema: of the features.
        left_out: columns that the config does not have, and why.
    """

    features: Any
    schema: pa.Schema
    left_out: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def names(self) -> list[str]:
        return [name for name in self.features if name not in self.left_out]

    @cached_property
    def as_json(self) -> dict[str, Any]:
        """The JSON form of the features of the columns that are kept."""
        told = json.loads(json.dumps(self.features.to_dict()))
        return {name: clean_json(told[name]) for name in self.names}

    @property
    def untold(self) -> list[Untold]:
        """The fields that were left out, but for those that a writer added."""
        reasons = ((name, why) for name, why in self.left_out.items() if why)
        return [Untold(shorten(clean_text(name), MAX_NAMED), why) for name, why in reasons]

    def cast(self, table: pa.Table) -> pa.Table:
        """Return rows of a file as all of its columns, of the types of the features.

        Raises:
            ValueError, TypeError, pa.ArrowException: the columns are others, or of other types.
        """
        from datasets.table import table_cast

        return table_cast(table.replace_schema_metadata(None), self.schema)

    def stored(self, cast: pa.Table) -> pa.Table:
        """Return the columns of the config, in types that can be stored."""
        columns = {name: storable(cast[name].combine_chunks()) for name in self.names}
        return pa.table(columns)

    def lost(self, cast: pa.Table, stored: pa.Table) -> list[Untold]:
        """Tell what `stored` has made null."""
        counts = ((name, lost_cells(cast[name], stored[name])) for name in self.names)
        return [
            Untold(shorten(clean_text(name), MAX_NAMED), NO_TEXT, number)
            for name, number in counts
            if number
        ]


def columns_of(schema: pa.Schema, declared: Sequence[Any] | None) -> ConfigColumns:
    """Return the columns of files of a schema.

    Args:
        schema: of a file, with its metadata.
        declared: features in the form of a card's YAML; None where it declares none.

    Raises:
        ValueError, TypeError, pa.ArrowException: they cannot be read.
    """
    from datasets import Features

    _require_fields(schema.names)
    known = plain_table(empty_table(schema))
    left_out = dict.fromkeys(set(schema.names) - set(known.column_names), NO_FEATURE)
    features = Features.from_arrow_schema(known.schema)
    if declared is not None:
        features = Features._from_yaml_list(list(declared))
        _require_fields(list(features))
    return _without(features, left_out)


def columns_of_features(told: Mapping[str, Any]) -> ConfigColumns:
    """Return the columns of features in their JSON form; raises as `columns_of` does."""
    from datasets import Features

    features = Features.from_dict(dict(told))
    _require_fields(list(features))
    return _without(features, {})


def _without(features: Any, left_out: dict[str, str]) -> ConfigColumns:
    for name, feature in features.items():
        if is_writers_column(name):
            left_out[name] = ""
        elif not _is_plain(name) or not all(map(_is_plain, _part_names(feature))):
            left_out[name] = ODD_NAME
    return ConfigColumns(features, features.arrow_schema, left_out)


def _require_fields(names: Sequence[str]) -> None:
    if len(set(names)) != len(names) or len(names) > MAX_FIELDS or {SPLIT, ROW} & set(names):
        raise ValueError(f"{len(names)} fields; allowed: {MAX_FIELDS} of different names")


def _is_plain(name: str) -> bool:
    return clean_text(name) == name


def _part_names(feature: Any) -> list[str]:
    """Return the names of all parts of a feature, at any depth."""
    if isinstance(feature, dict):
        return [name for part in feature for name in (part, *_part_names(feature[part]))]
    inner = getattr(feature, "feature", None)
    return [] if inner is None else _part_names(inner)
