import pytest

from dynosaur_etl.domain.missing import minus_one_is_missing


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ([-1, 30, 56, -1, 7], True),
        ([-1, 0, 1, 2], True),
        ([None, -1, 3], True),
        ([-1, 0, 1], False),
        ([-1, 1], False),
        ([-1, -2, 5], False),
        ([-1, -1], False),
        ([0, 3, 9], False),
        ([], False),
        ([None], False),
    ],
)
def test_minus_one_is_missing_among_places_and_not_among_signs(
    values: list[int | None], missing: bool
) -> None:
    assert minus_one_is_missing(values) is missing
