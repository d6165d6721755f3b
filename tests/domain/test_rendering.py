"""The one text of a value: by hand for each type, and for any value of any type."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.rendering import readable, scalar_texts
from tests.domain.arrow_values import SCALAR_TYPES, arrays_of

US = 10**6
LARGEST, SMALLEST = 2**63 - 1, -(2**63)


def naive(*parts: int) -> datetime:
    """Give a moment without a zone, as most columns hold them."""
    year, month, day, *rest = parts
    return datetime(year, month, day, *rest, tzinfo=UTC).replace(tzinfo=None)


def ticks(kind: pa.DataType, *numbers: int) -> pa.Array:
    width = pa.int32() if kind.bit_width == 32 else pa.int64()
    return pa.array(numbers, width).view(kind)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array([True, False, None]), ["true", "false", None]),
        (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
        (pa.array([0.1, 1.0], pa.float32()), ["0.1", "1"]),
        (pa.array([1e-7, float("nan"), float("inf")]), ["1e-7", None, None]),
        (pa.array([Decimal("1.10"), Decimal("-0.05")]), ["1.10", "-0.05"]),
        (pa.array([Decimal("1.5")], pa.decimal256(70, 3)), ["1.500"]),
        (pa.array([Decimal(12300)], pa.decimal128(3, -2)), ["12300"]),
        (pa.array([date(2024, 3, 5), date(1, 1, 1)]), ["2024-03-05", "0001-01-01"]),
        (ticks(pa.date32(), 2_932_896, 2_932_897, -719_163), ["9999-12-31", None, None]),
        (ticks(pa.date64(), 86_400_000, -1, LARGEST), ["1970-01-02", "1969-12-31", None]),
        (pa.array([time(14, 30), time(0, 0, 1, 500_000)]), ["14:30:00", "00:00:01.5"]),
        (ticks(pa.time32("s"), 86_399, 86_400, -1), ["23:59:59", None, None]),
        (pa.array([naive(2024, 3, 5, 14, 30)]), ["2024-03-05 14:30:00"]),
        (ticks(pa.timestamp("us"), 1, 1_500_000), ["1970-01-01 00:00:00.000001",
                                                    "1970-01-01 00:00:01.5"]),
        (pa.array([naive(9999, 12, 31, 23, 59, 59)], pa.timestamp("s")),
         ["9999-12-31 23:59:59"]),
        (ticks(pa.timestamp("s"), 253_402_300_800, LARGEST, SMALLEST), [None, None, None]),
        (ticks(pa.timestamp("us", "UTC"), 0), ["1970-01-01 00:00:00Z"]),
        (ticks(pa.timestamp("ms", "Europe/Berlin"), 0), ["1970-01-01 01:00:00+01:00"]),
        (ticks(pa.timestamp("ms", "America/St_Johns"), 0), ["1969-12-31 20:30:00-03:30"]),
        (ticks(pa.timestamp("ns", "+05:30"), 0, LARGEST), ["1970-01-01 05:30:00+05:30", None]),
        (ticks(pa.timestamp("us", "dateutil//x/Europe/Berlin"), 0), [None]),
        (pa.array([timedelta(seconds=60)]), ["0:01:00"]),
        (ticks(pa.duration("us"), 90 * US, -US, 0), ["0:01:30", "-0:00:01", "0:00:00"]),
        (ticks(pa.duration("s"), 86_400, 2 * 86_400 + 3 * 3_600), ["1 day, 0:00:00",
                                                                    "2 days, 3:00:00"]),
        (ticks(pa.duration("ns"), 1, SMALLEST), ["0:00:00.000000001",
                                                 "-106751 days, 23:47:16.854775808"]),
        (pa.array([b"\xff"]), [None]),
        (pa.array([None, None]), [None, None]),
        (pa.array(["a", None], pa.string_view()), ["a", None]),
    ],
)  # fmt: skip
def test_each_type_has_its_text(values: pa.Array, texts: list[str | None]) -> None:
    assert scalar_texts(values).to_pylist() == texts
    assert scalar_texts(values.slice(1)).to_pylist() == texts[1:]


def test_a_moment_means_what_python_reads_in_its_text() -> None:
    moments = [naive(2024, 3, 31, hour, 15, 7, 120_000) for hour in range(24)]
    texts = scalar_texts(pa.array(moments, pa.timestamp("us"))).to_pylist()
    assert [datetime.fromisoformat(text) for text in texts] == moments
    zoned = pa.array(moments, pa.timestamp("us", "Europe/Berlin"))
    read = [datetime.fromisoformat(text) for text in scalar_texts(zoned).to_pylist()]
    assert read == zoned.to_pylist()


def test_lists_and_structures_keep_their_shape_with_texts_inside() -> None:
    values = pa.array(
        [{"x": [1, None, 5], "y": {"z": naive(2024, 1, 1)}}, None, {"x": [], "y": None}]
    )
    feature = {
        "x": {"_type": "List", "feature": {"_type": "ClassLabel", "names": ["a", "b"]}},
        "y": {"z": {"_type": "Value", "dtype": "timestamp[us]"}},
    }
    shape = [
        {"x": ["b", None, None], "y": {"z": "2024-01-01 00:00:00"}},
        None,
        {"x": [], "y": None},
    ]
    assert readable(values, feature).to_pylist() == shape
    assert readable(values.slice(1, 2), feature).to_pylist() == shape[1:]
    pairs = pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int8(), 2))
    assert readable(pairs.slice(1), None).to_pylist() == [None, ["3", "4"]]


@given(st.sampled_from(SCALAR_TYPES).flatmap(arrays_of))
def test_any_value_of_any_type_has_a_text_or_none(values: pa.Array) -> None:
    texts = scalar_texts(values).to_pylist()
    assert len(texts) == len(values)
    assert all(isinstance(text, str | None) for text in texts)
    for text, value in zip(texts, values, strict=True):
        assert value.is_valid or text is None


@given(st.sampled_from(SCALAR_TYPES).flatmap(arrays_of))
def test_a_value_in_a_list_or_a_structure_has_the_same_text(values: pa.Array) -> None:
    texts = scalar_texts(values).to_pylist()
    listed = pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), values)
    assert readable(listed, None).to_pylist() == [texts]
    parts = pa.StructArray.from_arrays([values], ["part"])
    assert readable(parts, None).to_pylist() == [{"part": text} for text in texts]
