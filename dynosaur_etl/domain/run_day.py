"""Which growth day a run is about: its partition key, its param `day`, or the day before."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.growth_day import GrowthDay

DAILY = ("hub_poll", "task_growth")
"""The DAGs whose runs are about a growth day."""


def day_of_run(
    dag_id: str, key: str | None, params: Mapping[str, Any], run_after: datetime
) -> GrowthDay:
    """Return the growth day of a run.

    Args:
        dag_id: of its DAG.
        key: its partition key; a run of the plain Trigger has none.
        params: of the run, as far as it has any.
        run_after: when it was asked for; without key and param it is about the day before that.

    Raises:
        InvalidInput: the key or the param is no calendar day, they are two, or the runs of the DAG
            are about no day.
    """
    day = params.get("day")
    if key and day and key != day:
        raise InvalidInput(not_allowed("day", day, f"the partition key {key}, or nothing"))
    if key or day:
        return GrowthDay.parse(str(key or day))
    if dag_id not in DAILY:
        raise InvalidInput(not_allowed("partition key", key, "a growth day as YYYY-MM-DD"))
    return GrowthDay((run_after.astimezone(UTC) - timedelta(days=1)).date())
