"""Grow the instruction tasks of one day that `hub_poll` has looked at.

1. `plan` cuts the day's requests into batches; `propose` sends each batch to the LLM, in the
   pool `llm`. A request that has an answer is never sent, nor paid, again.
2. `validate` keeps the proposals that pass every filter, `fill` gives them rows.
3. `score` and `embed` prepare the instances for the selection, part by part; what an earlier
   day has scored or embedded is taken from there.

The run follows the asset `hub_revisions`, so backfill `hub_poll`. When the budget is spent
the rest is deferred, and the next run of the day takes it up.
"""

from typing import Any

from airflow.sdk import PartitionedAssetTimetable, TriggerRule, dag, task
from dynosaur_airflow.assets import HUB_REVISIONS, INSTRUCTION_TASKS
from dynosaur_airflow.defaults import LLM_POOL, TASK_DEFAULTS
from dynosaur_airflow.mapped import in_parts, parts
from dynosaur_airflow.notifier import RunFailed
from dynosaur_airflow.steps import cost_of_the_day, plan_batches, publish, run_step


@dag(
    schedule=PartitionedAssetTimetable(assets=HUB_REVISIONS),
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args=TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["dynosaur", "llm"],
    on_failure_callback=RunFailed(),
)
def task_growth() -> None:
    @task
    def plan() -> list[dict[str, Any]]:
        return plan_batches()

    @task(pool=LLM_POOL, map_index_template="{{ task.op_kwargs['batch']['label'] }}")
    def propose(batch: dict[str, Any]) -> dict[str, Any]:
        from dynosaur_etl.flows import growth

        return run_step(growth.propose, batch["number"])

    @task(trigger_rule=TriggerRule.NONE_FAILED)
    def validate() -> dict[str, Any]:
        from dynosaur_etl.flows import growth

        return run_step(growth.validate)

    @task
    def fill(_: dict[str, Any]) -> dict[str, Any]:
        from dynosaur_etl.flows import growth

        return run_step(growth.fill)

    @task(outlets=[INSTRUCTION_TASKS])
    def announce(*steps: dict[str, Any]) -> None:
        publish(INSTRUCTION_TASKS, steps, cost_usd=cost_of_the_day())

    validated = validate()
    propose.expand(batch=plan()) >> validated
    filled = fill(validated)
    planned = parts(filled)
    scored, embedded = in_parts("score", planned, LLM_POOL), in_parts("embed", planned)
    announce(validated, filled, scored, embedded)


task_growth()
