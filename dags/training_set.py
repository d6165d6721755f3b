"""Select a diverse, high-quality subset of all days grown so far, and snapshot it.

1. `newest_day` finds the newest day whose growth is complete; without one all else is skipped.
2. `parts` cuts a pool that is selected in the mode `partitioned`, and `solve_part` solves each part
   on whatever worker there is; in other modes there are none.
3. `select` orders the pool up to that day by QDIT.
4. `build` makes the selection the **head**: a new version, or, where an earlier version has the
   same content, a new number that points at its files. `verify` checks the files.
5. `gate` holds back what has not passed its evaluation, where `DYNOSAUR_PUBLISH_GATE` asks for
   one: `train_and_evaluate` then publishes it.
6. `approve` asks a person first where `DYNOSAUR_APPROVAL_HOURS`, or `approval_hours` of a manual
   run, gives one the time; without a yes the version is not published.
7. `publish_version` publishes the head where `DYNOSAUR_PUBLISH_REPO` and `DYNOSAUR_PUBLISH_URL`
   say. It and `approve` are skipped where nobody is asked and nothing is published.

Days that are grown at the same time share one run, of the partition key `all`. A manual run may
set the size `k` and the weight `alpha`; left empty, the settings hold. With a smaller `k` it is a
**trial**, which is neither head nor published, unless `head` is set. With `rollback` it selects
nothing, and makes that version the head again.
"""

from typing import Any

from airflow.sdk import FixedKeyMapper, PartitionedAssetTimetable, TriggerRule, dag, task
from dynosaur_airflow import versions
from dynosaur_airflow.assets import INSTRUCTION_TASKS, TRAINING_SET
from dynosaur_airflow.defaults import TASK_DEFAULTS
from dynosaur_airflow.ending import published
from dynosaur_airflow.guide import AS_OF, BACKFILL, RERUN, with_guide
from dynosaur_airflow.lineage import announcing
from dynosaur_airflow.mapped import selected_in_parts
from dynosaur_airflow.notifier import RunFailed
from dynosaur_airflow.params import SELECT_PARAMS
from dynosaur_airflow.steps import announce, run_about
from dynosaur_airflow.training import may_publish


@dag(
    schedule=PartitionedAssetTimetable(
        assets=INSTRUCTION_TASKS, default_partition_mapper=FixedKeyMapper("all")
    ),
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args=TASK_DEFAULTS,
    doc_md=with_guide(__doc__, BACKFILL, AS_OF, RERUN),
    params=SELECT_PARAMS,
    tags=["dynosaur", "selection"],
    on_failure_callback=RunFailed(),
)
def training_set() -> None:
    @task.short_circuit
    def newest_day() -> str | None:
        return versions.newest_day()

    @task(trigger_rule=TriggerRule.NONE_FAILED)
    def build(day: str, _: dict[str, Any]) -> dict[str, Any]:
        return versions.build(day)

    @announcing(outlets=[TRAINING_SET])
    def verify(built: dict[str, Any]) -> int:
        from dynosaur_etl.flows import training_set as flow

        announce(TRAINING_SET, [built, run_about(flow.verify_snapshot, built["version"])])
        return int(built["version"])

    day = newest_day()
    published(verify(build(day, selected_in_parts(day))), may_publish)


training_set()
