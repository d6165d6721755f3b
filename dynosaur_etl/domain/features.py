"""The features of a config, read from their JSON form without the `datasets` library.

The JSON form is what `datasets.Features.to_dict()` gives, what the dataset viewer's `/info`
answers and what Parquet files carry under the schema key `huggingface`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class FieldKind(StrEnum):
    """What a field can serve for."""

    TEXT = "text"
    LABEL = "label"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"
    TEXT_LIST = "text_list"
    NUMBER_LIST = "number_list"
    NESTED = "nested"
    TRANSLATION = "translation"
    MEDIA = "media"
    OTHER = "other"


SCALAR_KINDS = frozenset(
    {FieldKind.TEXT, FieldKind.LABEL, FieldKind.NUMBER, FieldKind.BOOLEAN, FieldKind.TIME}
)
MAX_DEPTH = 8
INPUT_KINDS = SCALAR_KINDS | {FieldKind.TEXT_LIST}

_PART_OF = "part_of"
_MEDIA_TYPES = frozenset({"Image", "Audio", "Video", "Pdf", "Nifti", "Mesh"})
_LIST_TYPES = frozenset({"Sequence", "List", "LargeList"})
_LIST_KINDS = {
    FieldKind.TEXT: FieldKind.TEXT_LIST,
    FieldKind.NUMBER: FieldKind.NUMBER_LIST,
    FieldKind.MEDIA: FieldKind.MEDIA,
}


@dataclass(frozen=True)
class Field:
    """One column of a config.

    Attributes:
        labels: a ClassLabel's names in their order, else empty.
        flattens: whether a nested field holds texts, and nothing but scalars below them.
        part_of: the nested field of which it is a part; empty where it is a column of the set.
    """

    name: str
    kind: FieldKind
    labels: tuple[str, ...] = ()
    flattens: bool = False
    part_of: str = ""

    @property
    def can_be_input(self) -> bool:
        return self.kind in INPUT_KINDS or self.flattens

    @property
    def can_be_output(self) -> bool:
        return self.kind in SCALAR_KINDS


def fields_of(features: Mapping[str, Any]) -> tuple[Field, ...]:
    """Read a config's fields, in their own order, from the JSON form of its features."""
    return tuple(
        Field(str(name), _kind(feature), labels_of(feature), _flattens(feature), _whole(feature))
        for name, feature in features.items()
    )


def part_feature(feature: Mapping[str, Any], whole: str) -> dict[str, Any]:
    """Return the feature of a column that holds a part of the nested field `whole`."""
    return {**feature, _PART_OF: whole}


def usable_fields(fields: Iterable[Field]) -> tuple[Field, ...]:
    """Keep the fields that a task can use as an input or an output."""
    return tuple(field for field in fields if field.can_be_input)


def labels_of(feature: Any) -> tuple[str, ...]:
    """Return a ClassLabel's names in their order; none for any other feature."""
    if isinstance(feature, Mapping) and feature.get("_type") == "ClassLabel":
        names = feature.get("names")
        return tuple(map(str, names)) if isinstance(names, list | tuple) else ()
    return ()


def element_of(feature: Any) -> Any:
    """Return the feature of a list's elements; None where the feature is no list."""
    if isinstance(feature, list):
        return feature[0] if len(feature) == 1 else None
    if not isinstance(feature, Mapping):
        return None
    kind = feature.get("_type")
    return feature.get("feature") if isinstance(kind, str) and kind in _LIST_TYPES else None


def part_of(feature: Any, name: str) -> Any:
    """Return the feature of a structure's part; None where there is none.

    A `Sequence` of a structure is stored as a structure of lists.
    """
    element = element_of(feature)
    if isinstance(element, Mapping) and element.get("_type") is None:
        return [element.get(name)]
    return feature.get(name) if isinstance(feature, Mapping) else None


def is_structure(feature: Any) -> bool:
    """Return whether a feature is a structure of named parts."""
    return isinstance(feature, Mapping) and not isinstance(feature.get("_type"), str)


def _whole(feature: Any) -> str:
    is_part = isinstance(feature, Mapping) and isinstance(feature.get("_type"), str)
    return str(feature.get(_PART_OF, "")) if is_part else ""


def _flattens(feature: Any) -> bool:
    if _kind(feature) is not FieldKind.NESTED:
        return False
    leaves = set(_leaves(feature, MAX_DEPTH))
    return FieldKind.TEXT in leaves and leaves <= SCALAR_KINDS


def _leaves(feature: Any, depth: int) -> Iterator[FieldKind]:
    """Return the kinds of what stands at the ends of a nested feature."""
    element = element_of(feature)
    if depth == 0:
        yield FieldKind.OTHER
    elif element is not None:
        yield from _leaves(element, depth - 1)
    elif is_structure(feature):
        for part in feature.values():
            yield from _leaves(part, depth - 1)
    elif not _is_always_null(feature):
        yield _kind(feature)


def _is_always_null(feature: Any) -> bool:
    return isinstance(feature, Mapping) and feature.get("dtype") == "null"


def _kind(feature: Any) -> FieldKind:
    if isinstance(feature, list):
        return _list_kind(feature[0]) if len(feature) == 1 else FieldKind.OTHER
    if not isinstance(feature, Mapping):
        return FieldKind.OTHER
    kind = feature.get("_type")
    if not isinstance(kind, str | None):
        return FieldKind.OTHER
    if kind == "Value":
        return _value_kind(str(feature.get("dtype", "")))
    if kind == "ClassLabel":
        return FieldKind.LABEL
    if kind in _MEDIA_TYPES:
        return FieldKind.MEDIA
    if kind in _LIST_TYPES:
        return _list_kind(feature.get("feature"))
    if kind in {"Translation", "TranslationVariableLanguages"}:
        return FieldKind.TRANSLATION
    if kind is not None or not feature:  # a structure without parts holds nothing
        return FieldKind.OTHER
    holds_media = any(_kind(inner) is FieldKind.MEDIA for inner in feature.values())
    return FieldKind.MEDIA if holds_media else FieldKind.NESTED


def _list_kind(element: Any) -> FieldKind:
    return _LIST_KINDS.get(_kind(element), FieldKind.NESTED)


def _value_kind(dtype: str) -> FieldKind:
    if dtype in {"string", "large_string", "string_view"}:
        return FieldKind.TEXT
    if dtype == "bool":
        return FieldKind.BOOLEAN
    if dtype.startswith(("int", "uint", "float", "decimal")):
        return FieldKind.NUMBER
    if dtype.startswith(("timestamp", "date", "time", "duration")):
        return FieldKind.TIME
    return FieldKind.MEDIA if "binary" in dtype else FieldKind.OTHER
