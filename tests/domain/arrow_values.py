"""Arrays of every type that Arrow has, with its extreme values, for hypothesis."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

UNITS = ("s", "ms", "us", "ns")
ZONES = (
    None, "UTC", "Europe/Berlin", "America/St_Johns", "+05:30", "-0330", "Mars/Base", "",
    "dateutil//usr/share/zoneinfo/Europe/Berlin", "+99:99", "..", "\N{SNOWMAN}",
)  # fmt: skip

INTEGERS = (
    pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(),
    pa.uint64(),
)  # fmt: skip
FLOATS = (pa.float16(), pa.float32(), pa.float64())
DECIMALS = (
    pa.decimal32(9, 2), pa.decimal64(18, 18), pa.decimal128(38, 0), pa.decimal128(5, -3),
    pa.decimal128(38, 38), pa.decimal256(76, 5), pa.decimal256(76, 76),
)  # fmt: skip
TIMES = (
    pa.date32(), pa.date64(), pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns"),
    *(pa.timestamp(unit, zone) for unit in UNITS for zone in ZONES),
    *(pa.duration(unit) for unit in UNITS),
)  # fmt: skip
TEXTS = (pa.string(), pa.large_string(), pa.string_view())
BYTES = (pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(3))
SCALAR_TYPES = (
    pa.null(), pa.bool_(), *INTEGERS, *FLOATS, *DECIMALS, *TIMES, *TEXTS, *BYTES,
    pa.month_day_nano_interval(),
)  # fmt: skip

_TEXT = st.text(max_size=12) | st.sampled_from(["", " ", "\x00", "a\n", "\u202e", "-1", "true"])


def arrays_of(kind: pa.DataType) -> st.SearchStrategy[pa.Array]:
    """Draw arrays of a type, with nulls and with values at its edges."""
    return st.lists(st.none() | values_of(kind), min_size=1, max_size=6).map(
        lambda values: _array(values, kind)
    )


def values_of(kind: pa.DataType) -> st.SearchStrategy[Any]:
    """Draw what `_array` makes a value of a type of: a tick where the type counts ticks."""
    for applies, strategy in _STRATEGIES:
        if applies(kind):
            return strategy(kind)
    raise NotImplementedError(str(kind))


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if _is_ticks(kind):
        width = pa.int32() if kind.bit_width == 32 else pa.int64()
        return pa.array(values, width).view(kind)
    return pa.array(values, kind)


def _is_ticks(kind: pa.DataType) -> bool:
    return pa.types.is_temporal(kind) and not pa.types.is_interval(kind)


def _ticks(kind: pa.DataType) -> st.SearchStrategy[int]:
    bits = kind.bit_width - 1
    edges = [0, 1, -1, 2**bits - 1, -(2**bits), 253_402_300_799, 253_402_300_800]
    inside = [edge for edge in edges if -(2**bits) <= edge < 2**bits]
    return st.sampled_from(inside) | st.integers(-(2**bits), 2**bits - 1)


def _whole(kind: pa.DataType) -> st.SearchStrategy[int]:
    signed = pa.types.is_signed_integer(kind)
    low, high = (-(2 ** (kind.bit_width - 1)), 2 ** (kind.bit_width - 1) - 1)
    bounds = (low, high) if signed else (0, 2**kind.bit_width - 1)
    return st.sampled_from(bounds) | st.integers(*bounds)


def _float(kind: pa.DataType) -> st.SearchStrategy[float]:
    return st.floats(width=kind.bit_width)


def _decimal(kind: pa.DataType) -> st.SearchStrategy[Decimal]:
    digits = st.integers(-(10**kind.precision) + 1, 10**kind.precision - 1)
    return digits.map(lambda number: _scaled(number, kind.scale))


def _scaled(number: int, scale: int) -> Decimal:
    sign, digits = (1 if number < 0 else 0), tuple(map(int, str(abs(number))))
    return Decimal((sign, digits, -scale))


def _bytes(kind: pa.DataType) -> st.SearchStrategy[bytes]:
    fixed = pa.types.is_fixed_size_binary(kind)
    return st.binary(min_size=3, max_size=3) if fixed else st.binary(max_size=6)


def _interval(_: pa.DataType) -> st.SearchStrategy[Any]:
    whole = st.integers(-(2**31), 2**31 - 1)
    return st.tuples(whole, whole, st.integers(-(2**63), 2**63 - 1)).map(pa.MonthDayNano)


_STRATEGIES: tuple[tuple[Callable[[pa.DataType], bool], Callable[[Any], Any]], ...] = (
    (pa.types.is_null, lambda _: st.none()),
    (pa.types.is_boolean, lambda _: st.booleans()),
    (pa.types.is_integer, _whole),
    (pa.types.is_floating, _float),
    (pa.types.is_decimal, _decimal),
    (pa.types.is_interval, _interval),
    (_is_ticks, _ticks),
    (lambda kind: kind in TEXTS, lambda _: _TEXT),
    (lambda kind: kind in BYTES, _bytes),
)


class Unregistered(pa.ExtensionType):  # type: ignore[misc]
    """An extension of a program that nobody here knows."""

    def __init__(self, storage: pa.DataType) -> None:
        super().__init__(storage, "nobody.knows")

    def __arrow_ext_serialize__(self) -> bytes:
        return b"\xff"

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: pa.DataType, _: bytes) -> "Unregistered":
        return cls(storage)


def _lists(kind: str, values: pa.Array) -> pa.Array:
    """Put everything into the second of three lists, of which the third is null."""
    rows = len(values)
    offsets, sizes = [0, 0, rows], [0, rows, 0]
    if kind.endswith("view"):
        of_kind = pa.LargeListViewArray if kind.startswith("large") else pa.ListViewArray
        return of_kind.from_arrays(offsets, sizes, values, mask=pa.array([False, False, True]))
    of_kind = pa.LargeListArray if kind.startswith("large") else pa.ListArray
    return of_kind.from_arrays([*offsets, rows], values, mask=pa.array([False, False, True]))


def _extended(values: pa.Array) -> pa.Array:
    kind = values.type
    known = {
        pa.string(): pa.json_(),
        pa.large_string(): pa.json_(pa.large_string()),
        pa.int8(): pa.bool8(),
    }
    extension = known.get(kind) or Unregistered(kind)
    return pa.ExtensionArray.from_storage(extension, values)


def _as_uuids(values: pa.Array) -> pa.Array:
    words = [None if not one.is_valid else b"%016d" % at for at, one in enumerate(values)]
    return pa.ExtensionArray.from_storage(pa.uuid(), pa.array(words, pa.binary(16)))


def _mapped(values: pa.Array) -> pa.Array:
    keys = pa.array([f"k{at}" for at in range(len(values))])
    offsets = pa.array([0, len(values), len(values)], pa.int32())
    return pa.MapArray.from_arrays(offsets, keys, values)


def _united(values: pa.Array, *, dense: bool) -> pa.Array:
    rows = len(values)
    other = pa.array([str(at) for at in range(rows)])
    types = pa.array([at % 2 for at in range(rows)], pa.int8())
    if dense:
        places = pa.array(range(rows), pa.int32())
        return pa.UnionArray.from_dense(types, places, [values, other])
    return pa.UnionArray.from_sparse(types, [values, other])


def _run_ends(values: pa.Array) -> pa.Array:
    ends = pa.array(range(2, 2 * len(values) + 1, 2), pa.int32())
    return pa.RunEndEncodedArray.from_arrays(ends, values)


def _part(values: pa.Array) -> pa.Array:
    absent = pa.array([at % 2 == 1 for at in range(len(values))])
    return pa.StructArray.from_arrays([values, values], ["part", "other part"], mask=absent)


ENCODINGS: dict[str, Callable[[pa.Array], pa.Array]] = {
    "dictionary": lambda values: pa.DictionaryArray.from_arrays(
        pa.array([*range(len(values)), None], pa.int8()), values
    ),
    "run ends": _run_ends,
    "dense union": partial(_united, dense=True),
    "sparse union": partial(_united, dense=False),
}
NESTINGS: dict[str, Callable[[pa.Array], pa.Array]] = {
    "list": partial(_lists, "list"),
    "large list": partial(_lists, "large list"),
    "list view": partial(_lists, "list view"),
    "large list view": partial(_lists, "large list view"),
    "pairs": lambda values: pa.FixedSizeListArray.from_arrays(
        pa.concat_arrays([values, values]), 2
    ),
    "structure": _part,
    "structure without parts": lambda values: pa.array([{}] * len(values), pa.struct([])),
    "map": _mapped,
    "extension": _extended,
    "uuid": _as_uuids,
    "opaque": lambda values: pa.ExtensionArray.from_storage(
        pa.opaque(values.type, "type", "vendor"), values
    ),
    "tensor": lambda values: pa.ExtensionArray.from_storage(
        pa.fixed_shape_tensor(values.type, [1]), pa.FixedSizeListArray.from_arrays(values, 1)
    ),
}


def any_arrays() -> st.SearchStrategy[pa.Array]:
    """Draw arrays of scalars, encoded in some way, and put into others up to three times."""
    encodings = st.lists(st.sampled_from(sorted(ENCODINGS)), max_size=1)
    nestings = st.lists(st.sampled_from(sorted(NESTINGS)), max_size=3)
    names = st.tuples(encodings, nestings).map(lambda found: [*found[0], *found[1]])
    return st.builds(wrapped, st.sampled_from(SCALAR_TYPES).flatmap(arrays_of), names)


def wrapped(values: pa.Array, names: list[str]) -> pa.Array:
    """Put an array into others, one after the other; what Arrow does not allow is left out."""
    for name in names:
        try:
            outer = (ENCODINGS | NESTINGS)[name](values)
            outer.validate(full=True)
        except (pa.ArrowException, TypeError, ValueError, NotImplementedError):
            continue
        values = outer
    return values
