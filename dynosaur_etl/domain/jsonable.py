"""Results as JSON: what commands print, pages embed and files hold is made here alone."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum, auto
from functools import cache
from numbers import Integral, Real
from pathlib import PurePath
from typing import Annotated, Any, TypeVar, get_type_hints

from dynosaur_etl.domain.money import dollars

T = TypeVar("T")


class _Form(Enum):
    INLINED = auto()
    IF_KNOWN = auto()


Inlined = Annotated[T, _Form.INLINED]
"""The type of a field whose own fields stand in the object that holds it."""

IfKnown = Annotated[T | None, _Form.IF_KNOWN]
"""The type of a field that the object lacks where it is None."""


def to_json(value: Any) -> Any:
    """Return a value in the types of JSON.

    A dataclass becomes an object with its fields' names, of which an underscore at the end is cut
    (`from_`). Amounts of money are texts in full, dates ISO 8601, enumerations their values.

    Raises:
        TypeError: the value holds something that has no such form.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str | PurePath):
        return str(value)
    if isinstance(value, Decimal):
        return dollars(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Real):
        return int(value) if isinstance(value, Integral) else float(value)
    return _composed(value)


def _composed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return _object(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _object(value: Any) -> dict[str, Any]:
    kind: Any = type(value)
    forms = _forms(kind)
    found: dict[str, Any] = {}
    for member in fields(value):
        item, form = getattr(value, member.name), forms.get(member.name)
        if form is _Form.INLINED:
            found |= to_json(item)
        elif item is not None or form is not _Form.IF_KNOWN:
            found[member.name.rstrip("_")] = to_json(item)
    return found


@cache
def _forms(kind: Any) -> Mapping[str, _Form]:
    """Find the fields of a dataclass that are declared to have a form of their own."""
    hints = get_type_hints(kind, include_extras=True)
    return {
        name: form
        for name, hint in hints.items()
        for form in getattr(hint, "__metadata__", ())
        if isinstance(form, _Form)
    }
