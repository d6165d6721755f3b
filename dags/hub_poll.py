"""Look at one UTC day of the Hub: the partition key `YYYY-MM-DD`, or the param `day`.

1. `preview` refuses params that the settings do not allow, and ends a dry run, or the run of a
   day that is finished.
2. `sync_catalogue` brings the list of all datasets up to the day's end.
3. `find_candidates` finds what was created or changed on the day, each at its newest commit.
4. `examine_candidates` reads cards, licences, features and sample rows, and gives each
   candidate one verdict.

Then the asset `hub_revisions` is updated and `task_growth` follows by itself. The DAG is made
paused. Unpaused, it looks every night at the day that has ended; where it has run before, be it by
a backfill, it does so at once.
"""

from typing import Any

from airflow.sdk import CronPartitionTimetable, dag, task
from dynosaur_airflow.assets import HUB_REVISIONS
from dynosaur_airflow.deadline import day_is_late
from dynosaur_airflow.defaults import HUB_POOL, TASK_DEFAULTS, WHERE_IT_NEVER_RAN
from dynosaur_airflow.guide import AS_OF, BACKFILL, PARAMS, RERUN, with_guide
from dynosaur_airflow.lineage import announcing
from dynosaur_airflow.notifier import RunFailed
from dynosaur_airflow.params import POLL_PARAMS
from dynosaur_airflow.steps import announce_day, preview, run_step


@dag(
    schedule=CronPartitionTimetable(
        "0 0 * * *",
        timezone="UTC",
        run_offset=-1,
        run_immediately=WHERE_IT_NEVER_RAN,
        key_format="%Y-%m-%d",
    ),
    catchup=False,
    max_active_runs=2,
    is_paused_upon_creation=True,
    default_args=TASK_DEFAULTS,
    doc_md=with_guide(__doc__, BACKFILL, AS_OF, RERUN, PARAMS),
    params=POLL_PARAMS,
    tags=["dynosaur", "hub"],
    on_failure_callback=RunFailed(),
    deadline=day_is_late(),
)
def hub_poll() -> None:
    @task.short_circuit(task_id="preview")
    def previewed() -> bool:
        from dynosaur_etl.flows.finished import is_polled_and_grown
        from dynosaur_etl.flows.forecast import poll_forecast

        return preview(poll_forecast, is_polled_and_grown)

    @task(pool=HUB_POOL)
    def sync_catalogue() -> dict[str, Any]:
        from dynosaur_etl.flows.poll import candidates as poll

        return run_step(poll.sync_catalogue)

    @task(pool=HUB_POOL)
    def find_candidates(_: dict[str, Any]) -> dict[str, Any]:
        from dynosaur_etl.flows.poll import candidates as poll

        return run_step(poll.find_candidates)

    @announcing(outlets=[HUB_REVISIONS], pool=HUB_POOL)
    def examine_candidates(found: dict[str, Any]) -> dict[str, Any]:
        from dynosaur_etl.flows.poll import candidates as poll

        examined = run_step(poll.examine_candidates)
        announce_day(HUB_REVISIONS, [found, examined])
        return examined

    synced = sync_catalogue()
    previewed() >> synced
    examine_candidates(find_candidates(synced))


hub_poll()
