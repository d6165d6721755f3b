"""The one text of a value, the same where an LLM is shown it and where an instance holds it.

- Truth values are `true` and `false`, a ClassLabel is its name, whole numbers are their digits.
- Floating numbers have the shortest digits that stand for them at their own width, decimals all
  digits of their scale. What is no finite number has no text.
- Dates are `2024-03-05`, times `14:30:00`, moments `2024-03-05 14:30:00`, with the offset from UTC
  (`+01:00`, `Z`) where they have a zone; fractions of a second have no zeros at their end.
- Durations are `0:01:00`, `2 days, 3:00:00`, and with a minus before them where they are negative.

A time outside the years 1 to 9999, or in a zone that nobody knows, has no text.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dynosaur_etl.domain.features import element_of, labels_of, part_of

TEXT = pa.string()

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DAY = 86_400
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31, from 1970-01-01
_FRACTION = r"\.(\d*?)0+(Z|[+-]\d{4})?$"
_BARE_POINT = r"\.(Z|[+-]\d{4})?$"
_OFFSET = r"([+-]\d{2})(\d{2})$"


def scalar_texts(values: pa.Array) -> pa.Array:
    """Return the texts of a column of scalars; null where a value has none, and for other types."""
    kind = values.type
    for applies, render in _RENDERERS:
        if applies(kind):
            return render(values)
    return pa.nulls(len(values), TEXT)


def label_names(names: Sequence[str], column: pa.Array) -> pa.Array:
    """Return the names of class numbers; null for a number that is no class."""
    numbers = pc.cast(column, pa.int64(), safe=False)
    known = pc.and_(pc.greater_equal(numbers, 0), pc.less(numbers, len(names)))
    return pa.array(names, TEXT).take(pc.if_else(known, numbers, pa.scalar(None, pa.int64())))


def readable(values: pa.Array, feature: Any) -> pa.Array:
    """Return a column of any type with a text in the place of every scalar.

    Lists stay lists and structures stay structures, so that `to_pylist` gives texts, lists,
    mappings and None alone, whatever the types were.

    Args:
        values: of a column.
        feature: of the column, in its JSON form; the names of ClassLabels are read from it.
    """
    kind = values.type
    if isinstance(values, pa.ExtensionArray):
        return readable(values.storage, feature)
    if pa.types.is_dictionary(kind):
        return readable(values.dictionary_decode(), feature)
    if pa.types.is_struct(kind):
        return _readable_struct(values, feature)
    if _is_list(kind):
        return _readable_list(values, feature)
    labels = labels_of(feature)
    if labels and pa.types.is_integer(kind):
        return label_names(labels, values)
    return scalar_texts(values)


def _readable_struct(values: pa.Array, feature: Any) -> pa.Array:
    names = [values.type.field(at).name for at in range(values.type.num_fields)]
    parts = [
        readable(part, part_of(feature, name))
        for name, part in zip(names, values.flatten(), strict=True)
    ]
    if not parts:
        return pa.nulls(len(values), TEXT)
    return pa.StructArray.from_arrays(parts, names, mask=pc.is_null(values))


def _readable_list(values: pa.Array, feature: Any) -> pa.Array:
    lengths = pc.fill_null(pc.list_value_length(values), 0)
    ends = pc.cumulative_sum(pc.cast(lengths, pa.int64()))
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), ends])
    items = readable(pc.list_flatten(values), element_of(feature))
    return pa.LargeListArray.from_arrays(offsets, items, mask=pc.is_null(values))


def _is_list(kind: pa.DataType) -> bool:
    types = pa.types
    lists = types.is_list(kind) or types.is_large_list(kind)
    return bool(lists or types.is_fixed_size_list(kind))


def _cast(values: pa.Array) -> pa.Array:
    return pc.cast(values, TEXT)


def _floats(values: pa.Array) -> pa.Array:
    return _cast(_where(values, pc.is_finite(values)))


def _decimals(values: pa.Array) -> pa.Array:
    if values.type.scale >= 0:
        return _cast(values)
    numbers: list[Decimal | None] = values.to_pylist()
    return pa.array([None if number is None else f"{number:f}" for number in numbers], TEXT)


def _dates(values: pa.Array) -> pa.Array:
    if pa.types.is_date64(values.type):
        days = _floor(pc.cast(values, pa.int64()), _DAY * _PER_SECOND["ms"])
    else:
        days = pc.cast(pc.cast(values, pa.int32()), pa.int64())
    inside = _where(days, _between(days, _FIRST_DAY, _LAST_DAY))
    return _cast(pc.cast(pc.cast(inside, pa.int32()), pa.date32()))


def _times(values: pa.Array) -> pa.Array:
    width = pa.int32() if pa.types.is_time32(values.type) else pa.int64()
    ticks = pc.cast(pc.cast(values, width), pa.int64())
    last = _DAY * _PER_SECOND[values.type.unit] - 1
    return _without_zeros(_cast(_where(values, _between(ticks, 0, last))))


def _moments(values: pa.Array) -> pa.Array:
    day = _PER_SECOND[values.type.unit] * _DAY
    offset = 0 if values.type.tz is None else day  # at most, of any zone
    first = max(_FIRST_DAY * day, -(2**63)) + offset
    last = min((_LAST_DAY + 1) * day, 2**63) - 1 - offset
    inside = _where(values, _between(pc.cast(values, pa.int64()), first, last))
    try:
        texts = _without_zeros(_cast(inside))
    except pa.ArrowInvalid:  # of a zone that is not in the database of zones
        return pa.nulls(len(values), TEXT)
    if values.type.tz is None:
        return texts
    return pc.replace_substring_regex(texts, _OFFSET, r"\1:\2")


def _durations(values: pa.Array) -> pa.Array:
    per_second = _PER_SECOND[values.type.unit]
    numbers: list[int | None] = pc.cast(values, pa.int64()).to_pylist()
    texts = [None if number is None else _duration(number, per_second) for number in numbers]
    return pa.array(texts, TEXT)


def _duration(ticks: int, per_second: int) -> str:
    seconds, rest = divmod(abs(ticks), per_second)
    days, seconds = divmod(seconds, _DAY)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    digits = len(str(per_second)) - 1
    fraction = f".{rest:0{digits}d}".rstrip("0") if rest else ""
    whole = f"{days} day{'s' * (days != 1)}, " if days else ""
    return f"{'-' * (ticks < 0)}{whole}{hours}:{minutes:02d}:{seconds:02d}{fraction}"


def _without_zeros(texts: pa.Array) -> pa.Array:
    """Drop the zeros at the end of a fraction of a second, and the point before them."""
    shorter = pc.replace_substring_regex(texts, _FRACTION, r".\1\2")
    return pc.replace_substring_regex(shorter, _BARE_POINT, r"\1")


def _floor(numbers: pa.Array, by: int) -> pa.Array:
    whole = pc.divide(numbers, by)
    below = pc.less(pc.subtract(numbers, pc.multiply(whole, by)), 0)
    return pc.if_else(below, pc.subtract(whole, 1), whole)


def _between(numbers: pa.Array, first: int, last: int) -> pa.Array:
    return pc.and_(pc.greater_equal(numbers, first), pc.less_equal(numbers, last))


def _where(values: pa.Array, kept: pa.Array) -> pa.Array:
    return pc.if_else(kept, values, pa.scalar(None, values.type))


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    texts = types.is_string(kind) or types.is_large_string(kind)
    return bool(texts or types.is_string_view(kind))


def _is_plain(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_boolean(kind))


_RENDERERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]], ...] = (
    (_is_text, _cast),
    (_is_plain, _cast),
    (pa.types.is_floating, _floats),
    (pa.types.is_decimal, _decimals),
    (pa.types.is_date, _dates),
    (pa.types.is_time, _times),
    (pa.types.is_timestamp, _moments),
    (pa.types.is_duration, _durations),
)
