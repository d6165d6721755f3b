"""The records of a JSON file, and columns of them of the types that `datasets` gives them.

Where the values of a field are of different kinds, or objects of different keys, the field is
`Json`: each value is kept as the text of its JSON. Unlike there, a text that looks like a date
stays a text.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TextIO

import pyarrow as pa

from dynosaur_etl.domain.text import clean_texts
from dynosaur_etl.hub.bounds import (
    MAX_KEYS,
    require_few_fields,
    require_shallow,
    require_small_document,
)

MAX_DOCUMENT = 64_000_000

_JSON = {"_type": "Json"}
_DTYPES: dict[type | None, str] = {bool: "bool", float: "float64", str: "string"}
_LONGEST_LINE = 8_000_000
_ESCAPE = "\\u"
_BLANK = " \t\n\r"
_NOT_BLANK = re.compile(f"[^{_BLANK}]")


def is_document(text: TextIO) -> bool:
    """Return whether a file is one JSON value, not one of a record a line, by its first line."""
    lines = iter(lambda: text.readline(_LONGEST_LINE), "")
    first = next(filter(str.strip, lines), "").strip()
    text.seek(0)
    try:
        return first.startswith("[") or not isinstance(json.loads(first or "{}"), dict)
    except ValueError:
        return True


def line_records(lines: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    """Yield the record of each line that is not blank."""
    for line in lines:
        if line.strip():
            yield _record(_cleaned(json.loads(line), line))


def document_records(text: TextIO, field: str | None) -> Iterator[Mapping[str, Any]]:
    """Yield the records of one JSON value: of the list that it is, or that one field of it is.

    Args:
        text: the whole file.
        field: that the card names; None: the only one.

    Raises:
        ValueError, TypeError, LookupError: there is no list of records.
    """
    whole = text.read()
    if field is None and whole.lstrip(_BLANK).startswith("["):
        elements = _elements(whole)
        yield from map(_record, map(clean_texts, elements) if _ESCAPE in whole else elements)
        return
    require_small_document(whole)
    document = _cleaned(json.loads(whole), whole)
    if field is not None:
        document = document[field]
    elif isinstance(document, dict) and len(document) == 1:
        document = next(iter(document.values()))
    if isinstance(document, dict) and all(isinstance(part, list) for part in document.values()):
        document = _rows(document)
    if not isinstance(document, list):
        raise TypeError(f"JSON {type(document).__name__}; allowed: a list of records")
    yield from map(_record, document)


def _cleaned(value: Any, text: str) -> Any:
    """Return a value without what no UTF-8 holds; an escape in its text brings it."""
    return clean_texts(value) if _ESCAPE in text else value


def _elements(text: str) -> Iterator[Any]:
    """Yield the elements of a list as they are read, so that it is never there as a whole."""
    decode, at = json.JSONDecoder().raw_decode, _behind(text, text.index("[") + 1)
    while text[at : at + 1] != "]":
        value, at = decode(text, at)
        yield value
        at = _behind(text, at)
        if text[at : at + 1] == ",":
            at = _behind(text, at + 1)
            if text[at : at + 1] == "]":
                raise json.JSONDecodeError("Expecting value", text, at)
        elif text[at : at + 1] != "]":
            raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
    if (end := _behind(text, at + 1)) != len(text):
        raise json.JSONDecodeError("Extra data", text, end)


def _behind(text: str, at: int) -> int:
    """Return where the next thing that is no blank stands."""
    found = _NOT_BLANK.search(text, at)
    return len(text) if found is None else found.start()


def json_columns(records: Sequence[Mapping[str, Any]]) -> tuple[pa.Table, dict[str, Any]]:
    """Return records as a table, and its features in their JSON form."""
    features: dict[str, Any] = {}
    columns = {}
    names = dict.fromkeys(name for record in records for name in record)
    require_few_fields(len(names))
    for name in names:
        values = [record.get(name) for record in records]
        features[name] = _feature(values)
        encoded = [_encoded(value, features[name]) for value in values]
        columns[name] = pa.array(encoded, _arrow_type(features[name]))
    return pa.table(columns), features


def _record(value: Any) -> Mapping[str, Any]:
    if isinstance(value, str):
        return {"text": value}
    if not isinstance(value, dict):
        raise TypeError(f"JSON {type(value).__name__}; allowed: an object for each record")
    require_few_fields(len(value), MAX_KEYS)
    return value


def _rows(columns: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _feature(values: Sequence[Any], depth: int = 1) -> dict[str, Any]:
    """Return the feature that holds all values."""
    require_shallow(depth)
    given = [value for value in values if value is not None]
    kinds = {type(value) for value in given}
    if kinds == {dict}:
        return _feature_of_objects(given, depth)
    if kinds == {list}:
        items = [item for value in given for item in value]
        return {"feature": _feature(items, depth + 1), "_type": "List"}
    if kinds == {int, float}:
        return _value("float64")
    if len(kinds) > 1:
        return _JSON
    return _value(_scalar(given, next(iter(kinds), None)))


def _feature_of_objects(objects: Sequence[Mapping[str, Any]], depth: int) -> dict[str, Any]:
    names = list(objects[0])
    require_few_fields(len(names), MAX_KEYS)
    if not names or any(part.keys() != objects[0].keys() for part in objects):
        return _JSON
    return {name: _feature([part[name] for part in objects], depth + 1) for name in names}


def _scalar(given: Sequence[Any], kind: type | None) -> str:
    if kind is int:
        fits = all(-(2**63) <= number < 2**63 for number in given)
        return "int64" if fits else "float64"
    return _DTYPES.get(kind, "null")


def _value(dtype: str) -> dict[str, Any]:
    return {"dtype": dtype, "_type": "Value"}


def _encoded(value: Any, feature: Mapping[str, Any]) -> Any:
    """Return a value with a text in the place of what is `Json`."""
    if value is None:
        return None
    if feature is _JSON:
        return json.dumps(value, ensure_ascii=False)
    kind = feature.get("_type")
    if kind == "List":
        return [_encoded(item, feature["feature"]) for item in value]
    if kind is None or isinstance(kind, dict):
        return {name: _encoded(part, feature[name]) for name, part in value.items()}
    return float(value) if feature["dtype"] == "float64" else value


def _arrow_type(feature: Mapping[str, Any]) -> pa.DataType:
    if feature is _JSON:
        return pa.string()
    kind = feature.get("_type")
    if kind == "List":
        return pa.list_(_arrow_type(feature["feature"]))
    if kind is None or isinstance(kind, dict):
        return pa.struct([(name, _arrow_type(part)) for name, part in feature.items()])
    return pa.type_for_alias(feature["dtype"])
