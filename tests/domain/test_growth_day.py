from datetime import UTC, datetime, timedelta

import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.domain.growth_day import GrowthDay

DAY = GrowthDay.parse("2024-02-29")


@pytest.mark.parametrize(
    "text",
    ["", "2024-2-29", "20240229", "2023-02-29", "2024-02-29T00:00", "tomorrow", "２024-02-29"],
)
def test_what_is_no_partition_key_is_refused_with_what_was_received(text: str) -> None:
    with pytest.raises(InvalidInput, match="YYYY-MM-DD") as caught:
        GrowthDay.parse(text)
    assert repr(text) in str(caught.value)


def test_a_day_holds_its_first_instant_and_not_the_next_days() -> None:
    assert DAY.start in DAY
    assert DAY.end - timedelta(microseconds=1) in DAY
    assert DAY.end not in DAY


def test_a_day_that_is_not_over_is_refused() -> None:
    DAY.ensure_over(datetime(2024, 3, 1, tzinfo=UTC))
    with pytest.raises(InvalidInput, match="up to 2024-02-28"):
        DAY.ensure_over(datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC))
