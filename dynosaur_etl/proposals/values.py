"""Values of sampled rows, as they are shown to an LLM and as outputs are compared."""

import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from dynosaur_etl.domain.features import Field, FieldKind
from dynosaur_etl.domain.text import clean_text, shorten

MAX_ITEMS = 5


def output_text(field: Field, value: Any) -> str | None:
    """Give the text by which an output is compared; None where it is empty.

    A ClassLabel's number becomes its name, -1 (a hidden label) becomes None, and a truth value
    is written as Arrow writes it, `true` or `false`.
    """
    value = label_name(field, value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return str(value).strip() or None


def shown_value(field: Field, value: Any, limit: int) -> Any:
    """Give a value for the prompt, JSON-able and at most about `limit` characters long."""
    value = label_name(field, value)
    if isinstance(value, list | tuple):
        share = max(1, limit // MAX_ITEMS)
        return [_shown_scalar(item, share) for item in value[:MAX_ITEMS]]
    return _shown_scalar(value, limit)


def _shown_scalar(value: Any, limit: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and len(str(value)) <= limit:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime | date | time | timedelta | Decimal | int | str):
        return shorten(clean_text(str(value)), limit)
    return None


def label_name(field: Field, value: Any) -> Any:
    """Give a ClassLabel's number as its name, None for a hidden one; any other value as it is."""
    number = isinstance(value, int) and not isinstance(value, bool)
    if field.kind is not FieldKind.LABEL or not number:
        return value
    return field.labels[value] if 0 <= value < len(field.labels) else None
