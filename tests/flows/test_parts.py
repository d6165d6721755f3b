from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.flows.runtime.parts import MOST_PARTS, cut_parts, rows_of_a_part


@given(st.integers(0, 30_000), st.integers(1, 200))
def test_parts_hold_everything_in_order_and_are_never_too_many(number: int, size: int) -> None:
    parts = cut_parts(range(number), size)
    assert [item for part in parts for item in part] == list(range(number))
    assert len(parts) <= MOST_PARTS
    assert all(parts)
    if number <= size * MOST_PARTS:
        assert all(len(part) == size for part in parts[:-1])


def test_a_large_day_has_larger_parts() -> None:
    assert [len(part) for part in cut_parts(range(20_050), 200)][:2] == [201, 201]


@given(st.lists(st.integers(0, 2_000_000), max_size=MOST_PARTS))
def test_files_are_cut_into_few_parts_and_into_small_ones_where_they_may_be(
    files: list[int],
) -> None:
    rows = rows_of_a_part(files, 10_000)
    assert sum(-(-number // rows) for number in files) <= MOST_PARTS
    if rows > 10_000:
        assert sum(-(-number // (rows // 2)) for number in files) > MOST_PARTS
