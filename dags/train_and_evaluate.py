"""Train on each new version, and tell whether it teaches more than the last one and than chance.

The DAG is paused until an operator wants it, and does nothing without `DYNOSAUR_TRAINING_MODEL`.

1. `version` finds the head; a manual run may name another version.
2. `plan` lists the models: the version, the one before it, and rows drawn at random with as many
   tokens, each over `DYNOSAUR_TRAINING_SEEDS` seeds, all for the same steps.
3. `train_arm` trains and evaluates one of them, in the pool `training` and the queue `gpu`, to
   which workers with GPUs listen. What is trained already is not trained again.
4. `report` writes `evaluations/vNNNN/report.json` beside the version: the gain with its interval
   over seeds, and by source; the page of the version shows it.
5. `gate` fails the run where `DYNOSAUR_PUBLISH_GATE` is set and the version's loss is higher than
   the last one's by more than `DYNOSAUR_TRAINING_MARGIN` even at the low end of the interval. Where
   it passes, `approve` and `publish_version` do what they do in `training_set` without a gate.
"""

from typing import Any

from airflow.sdk import FixedKeyMapper, PartitionedAssetTimetable, dag, task
from dynosaur_airflow.assets import TRAINING_SET
from dynosaur_airflow.defaults import TASK_DEFAULTS, TRAINING_POOL, TRAINING_QUEUE
from dynosaur_airflow.ending import published
from dynosaur_airflow.guide import RERUN, with_guide
from dynosaur_airflow.notifier import RunFailed
from dynosaur_airflow.params import TRIAL_PARAMS
from dynosaur_airflow.steps import run_about
from dynosaur_airflow.training import plan_trial, publish_through_gate, version_to_try

TRAINS = {"pool": TRAINING_POOL, "queue": TRAINING_QUEUE}


@dag(
    schedule=PartitionedAssetTimetable(
        assets=TRAINING_SET, default_partition_mapper=FixedKeyMapper("all")
    ),
    max_active_runs=1,
    is_paused_upon_creation=True,
    default_args=TASK_DEFAULTS,
    doc_md=with_guide(__doc__, RERUN),
    params=TRIAL_PARAMS,
    tags=["dynosaur", "training"],
    on_failure_callback=RunFailed(),
)
def train_and_evaluate() -> None:
    @task
    def version() -> int:
        return version_to_try()

    @task
    def plan(number: int) -> list[dict[str, Any]]:
        return plan_trial(number)

    @task(**TRAINS, map_index_template="{{ task.op_kwargs['arm']['label'] }}")
    def train_arm(arm: dict[str, Any], number: int) -> dict[str, Any]:
        from dynosaur_etl.flows.train import trial

        return run_about(trial.run_arm, number, arm["kind"], arm["seed"])

    @task(**TRAINS)
    def report(number: int) -> dict[str, Any]:
        from dynosaur_etl.flows.train import trial

        return run_about(trial.report_trial, number)

    tried = version()
    trained = train_arm.partial(number=tried).expand(arm=plan(tried))
    trained >> report(tried) >> published(tried, publish_through_gate)


train_and_evaluate()
