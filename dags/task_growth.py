"""Grow the instruction tasks of one day that `hub_poll` has looked at.

1. `plan` cuts the day's requests into batches; `propose` sends each. Nothing is paid for twice.
2. `criticise` asks the critic, if one is set; `validate` keeps what passes; `fill_shard` gives
   each shard of the tasks rows, and `fill` leaves out duplicates over all of them.
3. `score` and `embed` prepare the instances for the selection.

It follows the asset `hub_revisions`: backfill `hub_poll`. The next run takes up what is deferred.
"""

from typing import Any

from airflow.sdk import PartitionedAssetTimetable, TriggerRule, dag, task
from dynosaur_airflow.assets import HUB_REVISIONS, INSTRUCTION_TASKS
from dynosaur_airflow.defaults import LLM_POOL, TASK_DEFAULTS
from dynosaur_airflow.notifier import RunFailed
from dynosaur_airflow.steps import cost_of_the_day, grow, plan_batches, plan_shards, publish


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
        return grow("propose", batch["number"])

    @task(pool=LLM_POOL, trigger_rule=TriggerRule.NONE_FAILED)
    def criticise() -> dict[str, Any]:
        return grow("criticise")

    @task
    def validate(_: dict[str, Any]) -> dict[str, Any]:
        return grow("validate")

    @task
    def shards(_: dict[str, Any]) -> list[dict[str, Any]]:
        return plan_shards()

    @task(map_index_template="{{ task.op_kwargs['shard']['label'] }}")
    def fill_shard(shard: dict[str, Any]) -> dict[str, Any]:
        return grow("fill_shard", shard["number"])

    @task(trigger_rule=TriggerRule.NONE_FAILED)
    def fill() -> dict[str, Any]:
        return grow("fill")

    @task
    def score(_: dict[str, Any]) -> dict[str, Any]:
        return grow("score")

    @task
    def embed(_: dict[str, Any]) -> dict[str, Any]:
        return grow("embed")

    @task(outlets=[INSTRUCTION_TASKS])
    def announce(*steps: dict[str, Any]) -> None:
        publish(INSTRUCTION_TASKS, steps, cost_usd=cost_of_the_day())

    criticised = criticise()
    propose.expand(batch=plan()) >> criticised
    validated = validate(criticised)
    filled = fill()
    fill_shard.expand(shard=shards(validated)) >> filled
    announce(validated, filled, score(filled), embed(filled))


task_growth()
