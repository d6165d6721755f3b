"""Look at one UTC day of the Hub: the partition key `YYYY-MM-DD`.

1. `sync_catalogue` brings the list of all datasets up to the day's end.
2. `find_candidates` finds what was created or changed on the day, each at its newest commit.
3. `examine_candidates` reads cards, licences, features and sample rows, and gives each
   candidate one verdict.

Then the asset `hub_revisions` is updated and `task_growth` follows by itself.

**Backfill** past days here; the other DAGs follow and refuse a backfill of their own:
`airflow backfill create --dag-id hub_poll --from-date 2026-10-05 --to-date 2026-10-07`.
Which days are run again: `--reprocess-behavior none`, `failed` or `completed` (in the UI:
missing, missing and errored, all). A day that is done costs nothing when it runs again.

**As of**: a past day is seen at the newest commit at or before its end. Downloads and
repositories deleted since cannot be known for the past. A day that is not over is refused.
"""

from typing import Any

from airflow.sdk import CronPartitionTimetable, dag, task
from dynosaur_airflow.assets import HUB_REVISIONS
from dynosaur_airflow.defaults import TASK_DEFAULTS
from dynosaur_airflow.notifier import RunFailed
from dynosaur_airflow.steps import publish, run_step


@dag(
    schedule=CronPartitionTimetable(
        "0 0 * * *", timezone="UTC", run_offset=-1, key_format="%Y-%m-%d"
    ),
    catchup=False,
    max_active_runs=2,
    default_args=TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["dynosaur", "hub"],
    on_failure_callback=RunFailed(),
)
def hub_poll() -> None:
    @task
    def sync_catalogue() -> dict[str, Any]:
        from dynosaur_etl.flows import poll

        return run_step(poll.sync_catalogue)

    @task
    def find_candidates(_: dict[str, Any]) -> dict[str, Any]:
        from dynosaur_etl.flows import poll

        return run_step(poll.find_candidates)

    @task(outlets=[HUB_REVISIONS])
    def examine_candidates(found: dict[str, Any]) -> dict[str, Any]:
        from dynosaur_etl.flows import poll

        examined = run_step(poll.examine_candidates)
        publish(HUB_REVISIONS, [found, examined])
        return examined

    examine_candidates(find_candidates(sync_catalogue()))


hub_poll()
