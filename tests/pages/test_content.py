import pytest

from dynosaur_etl.pages.content import funnel_widths


@pytest.mark.parametrize(
    ("numbers", "widths"),
    [([], []), ([0, 0], [0, 0]), ([9, 0], [100, 0]), ([999_999, 999], [100, 50])],
)
def test_a_funnel_is_as_wide_as_its_order_of_magnitude(
    numbers: list[int], widths: list[float]
) -> None:
    assert funnel_widths(numbers) == widths
