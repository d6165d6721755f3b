"""Reading the values of rows, whatever a file holds in a column.

A list of structures may stand there as a structure of lists (an older `Sequence`), as the text of
its JSON, or as a list of such texts (`Json` of `datasets` 4).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from dynosaur_etl.domain.features import element_of, part_of
from dynosaur_etl.domain.text import clean_text

Row = Mapping[str, Any]

_TRUE = frozenset({"true", "yes", "1"})
_FALSE = frozenset({"false", "no", "0"})


def decoded_rows(
    features: Mapping[str, Any], rows: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return rows with what their texts of JSON mean in the place of each `Json`.

    Args:
        features: of the rows, in their JSON form.
        rows: the values of the columns, as Arrow gives them.
    """
    coded = {name: feature for name, feature in features.items() if holds_json(feature)}
    if not coded:
        return list(rows)
    return [{name: _decoded(value, coded.get(name)) for name, value in row.items()} for row in rows]


def holds_json(feature: Any) -> bool:
    """Return whether a feature is `Json` at any depth."""
    if isinstance(feature, list):
        return any(map(holds_json, feature))
    if not isinstance(feature, Mapping):
        return False
    return feature.get("_type") == "Json" or any(map(holds_json, feature.values()))


def _decoded(value: Any, feature: Any) -> Any:
    element = element_of(feature)
    if value is None or feature is None:
        return value
    if isinstance(value, str) and isinstance(feature, Mapping) and feature.get("_type") == "Json":
        return _loaded(value)
    if isinstance(value, list):
        return [_decoded(item, element) for item in value]
    if isinstance(value, Mapping):
        return {name: _decoded(part, part_of(feature, name)) for name, part in value.items()}
    return value


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def opened(value: Any) -> Any:
    """Return what a text of JSON stands for; any other value as it is."""
    if not isinstance(value, str) or value[:1] not in "[{" or not value:
        return value
    return _loaded(value)


def structures(value: Any) -> list[Mapping[str, Any]] | None:
    """Return a list of structures in whatever way it is stored; None where it is none.

    Nulls among them are left out: older files pad their lists with them.
    """
    if type(value) is list and set(map(type, value)) == {dict}:  # as most are
        return value
    known = opened(value)
    if isinstance(known, Mapping):
        known = list(_transposed(known))
    if not isinstance(known, list) or not known:
        return None
    items = [item if type(item) is dict else opened(item) for item in known if item is not None]
    return items if items and all(isinstance(item, dict | Mapping) for item in items) else None


def _transposed(columns: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the structures of a structure of lists of one length."""
    lists = list(columns.values())
    if lists and all(isinstance(part, list) and len(part) == len(lists[0]) for part in lists):
        for parts in zip(*lists, strict=True):
            yield dict(zip(columns, parts, strict=True))


def text_of(value: Any) -> str:
    """Return a text without white space around it; empty for what is no text."""
    return clean_text(value).strip() if isinstance(value, str) else ""


def texts_of(value: Any) -> list[str] | None:
    """Return a list of texts; None where it is none or one of them is no text."""
    known = opened(value)
    if not isinstance(known, Sequence) or isinstance(known, str) or not known:
        return None
    return list(known) if all(isinstance(item, str) for item in known) else None


def truth_of(value: Any) -> bool | None:
    """Return a truth value, also one written as a text; None where it is none."""
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    return True if word in _TRUE else False if word in _FALSE else None


def truths_of(value: Any) -> list[bool] | None:
    """Return a list of truth values; None where it is none."""
    known = opened(value)
    if not isinstance(known, list) or not known:
        return None
    found = [judged_truth(item) for item in known]
    return None if None in found else [bool(item) for item in found]


def numbers_of(value: Any) -> list[float] | None:
    """Return a list of numbers; None where it is none or one of them is no number."""
    known = opened(value)
    if not isinstance(known, list) or not known:
        return None
    found = [number_of(item) for item in known]
    return None if None in found else [item for item in found if item is not None]


def judged_truth(value: Any) -> bool | None:
    """Return what a judge of an answer says: a truth value, 1, 0, -1, + or -; None otherwise."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value in (-1, 0, 1):
        return value == 1
    return {"+": True, "-": False}.get(value) if value in ("+", "-") else truth_of(value)


def number_of(value: Any) -> float | None:
    """Return a finite number, also one written as a text; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < float("inf") else None
