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
from dynosaur_airflow.assets import HUB_REVISIONS, INSTRUCTION_TASKS
from dynosaur_airflow.batched import Batched, Propose
from dynosaur_airflow.deadline import day_is_late
from dynosaur_airflow.defaults import LLM_POOL, TASK_DEFAULTS
from dynosaur_airflow.guide import AS_OF, BACKFILL, PARAMS, RERUN, with_guide
from dynosaur_airflow.lineage import announcing
from dynosaur_airflow.mapped import mapped, parts, scored, shards
from dynosaur_airflow.notifier import RunFailed
from dynosaur_airflow.params import GROWTH_PARAMS
from dynosaur_airflow.steps import announce_day, cost_of_the_day, grow, plan_batches, preview


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
        return preview("growth_forecast", "is_grown")

    @task
    def plan() -> list[dict[str, Any]]:
        return plan_batches()

    @task
    def validate(_: dict[str, Any]) -> dict[str, Any]:
        return grow("validate")

    @announcing(outlets=[INSTRUCTION_TASKS])
    def announce(*steps: dict[str, Any]) -> None:
        announce_day(INSTRUCTION_TASKS, steps, cost_usd=cost_of_the_day())

    planned = plan()
    previewed() >> planned
    label = "{{ task.part['label'] }}"
    propose = Propose.partial(task_id="propose", pool=LLM_POOL, map_index_template=label)
    criticise = Batched(
        task_id="criticise",
        step="criticise",
        submit="submit_criticism",
        pool=LLM_POOL,
        trigger_rule=TriggerRule.NONE_FAILED,
    )
    propose.expand(part=planned) >> criticise
    validated = validate(criticise.output)
    filled = mapped("fill_shard", "fill", shards(validated))
    pieces = parts(filled)
    embedded = mapped("embed_part", "embed", pieces)
    announce(validated, filled, scored(pieces, LLM_POOL), embedded)


task_growth()
