"""The first days of a new store: nothing to train on is no failure."""

from pathlib import Path

import pyarrow as pa

from dynosaur_etl.flows.runtime.services import open_services
from dynosaur_etl.flows.training_set import newest_grown_day
from tests.flows.hubs import write_dataset
from tests.flows.support import environment, run_day, serving, settings

EMPTY, FIRST, LATER = "2026-10-05", "2026-10-06", "2026-10-07"
DIARY = {
    "entry": [f"Day {n} at the lake: {n % 7} boats, and rain till {n % 11}." for n in range(24)],
    "mood": [("calm", "cross", "glad")[n % 3] for n in range(24)],
}


def test_a_training_set_is_due_from_the_first_day_with_an_instance_on(
    database_url: str, tmp_path: Path
) -> None:
    write_dataset(tmp_path / "hub", "reed/lake", FIRST, data__train_dot_parquet=pa.table(DIARY))
    with serving(tmp_path / "hub", tmp_path / "logs") as servers:
        values = environment(servers, database_url, tmp_path)
        with open_services(settings(values)) as services:
            due = []
            for day in (EMPTY, FIRST, LATER):
                run_day(day, services)
                due.append(newest_grown_day(services))
    assert due == [None, FIRST, LATER]
