"""Grow the instruction tasks of one day that `hub_poll` has looked at.

1. `preview` refuses params that the settings do not allow, and ends a dry run, or the run of a
   day that is finished.
2. `plan` cuts the day's requests into parts; `propose` sends each part to the LLM, in the pool
   `llm`. A request that has an answer is never sent, nor paid, again. In the mode `batch`
   (`DYNOSAUR_LLM_MODE`, or `llm_mode` of a manual run) it submits the part to the Batch API at
   half the price, and is deferred, without a slot, until the answers are there; so do the critic
   and the judge.
3. `criticise` asks the critic, if one is set; `validate` keeps the proposals that pass.
4. `fill_shard` gives each shard of the tasks rows, `fill` leaves out duplicates over all of them.
5. `score` and `embed` prepare the instances for the selection, part by part.

The run follows the asset `hub_revisions`. Where the budget leaves too much without an answer, or
what stands of the day cannot be replaced whole, it fails, and what stands is kept.
"""

from typing import Any

from airflow.sdk import PartitionedAssetTimetable, TriggerRule, dag, task
from dynosaur_airflow import steps
from dynosaur_airflow.assets import HUB_REVISIONS, INSTRUCTION_TASKS
from dynosaur_airflow.batched import Criticise, Propose
from dynosaur_airflow.deadline import day_is_late
from dynosaur_airflow.defaults import LLM_POOL, TASK_DEFAULTS
from dynosaur_airflow.guide import AS_OF, BACKFILL, PARAMS, RERUN, with_guide
from dynosaur_airflow.lineage import announcing
from dynosaur_airflow.mapped import embedded_in_parts, filled_in_shards, parts, scored_in_parts
from dynosaur_airflow.notifier import RunFailed
from dynosaur_airflow.params import GROWTH_PARAMS


@dag(
    schedule=PartitionedAssetTimetable(assets=HUB_REVISIONS),
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args=TASK_DEFAULTS,
    doc_md=with_guide(__doc__, BACKFILL, AS_OF, RERUN, PARAMS),
    params=GROWTH_PARAMS,
    tags=["dynosaur", "llm"],
    on_failure_callback=RunFailed(),
    deadline=day_is_late(),
)
def task_growth() -> None:
    @task.short_circuit(task_id="preview")
    def previewed() -> bool:
        from dynosaur_etl.flows.finished import is_grown
        from dynosaur_etl.flows.forecast import growth_forecast

        return steps.preview(growth_forecast, is_grown)

    @task
    def plan() -> list[dict[str, Any]]:
        return steps.plan_batches()

    @task
    def validate(_: dict[str, Any]) -> dict[str, Any]:
        from dynosaur_etl.flows.propose import validate as flow

        return steps.run_step(flow.validate)

    @announcing(outlets=[INSTRUCTION_TASKS])
    def announce(*done: dict[str, Any]) -> None:
        cost = steps.cost_of_the_day()
        steps.announce_day(INSTRUCTION_TASKS, done, cost_usd=cost)

    planned = plan()
    previewed() >> planned
    label = "{{ task.part['label'] }}"
    propose = Propose.partial(task_id="propose", pool=LLM_POOL, map_index_template=label)
    criticise = Criticise(task_id="criticise", pool=LLM_POOL, trigger_rule=TriggerRule.NONE_FAILED)
    propose.expand(part=planned) >> criticise
    validated = validate(criticise.output)
    filled = filled_in_shards(validated)
    pieces = parts(filled)
    embedded = embedded_in_parts(pieces)
    announce(validated, filled, scored_in_parts(pieces, LLM_POOL), embedded)


task_growth()
