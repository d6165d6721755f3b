"""A step that runs as one mapped Airflow task a piece, and then once to commit the whole."""

from typing import Any

from airflow.sdk import TriggerRule, task

from dynosaur_airflow.batched import ScorePart
from dynosaur_airflow.steps import (
    Summary,
    plan_parts,
    plan_selection,
    plan_shards,
    run_step,
    solve_selection_part,
)
from dynosaur_airflow.versions import select as select_version

LABEL = "{{ task.op_kwargs['part']['label'] }}"


@task
def shards(_: Summary) -> list[dict[str, Any]]:
    """Cut the day's tasks into shards, once they are judged."""
    return plan_shards()


@task
def parts(_: Summary) -> list[dict[str, Any]]:
    """Plan the parts of the day's instances, once they are filled."""
    return plan_parts()


def filled_in_shards(validated: Any) -> Any:
    """Cut the day's tasks into shards once they are judged, fill each, and then commit the day.

    The last task takes up what a shard had to defer. A day without anything to plan has no shards:
    the mapped task is skipped, and the last one runs all the same.
    """

    @task(map_index_template=LABEL)
    def fill_shard(part: dict[str, Any]) -> Summary:
        from dynosaur_etl.flows.fill import shards as flow

        return run_step(flow.fill_shard, part["number"])

    @task(trigger_rule=TriggerRule.NONE_FAILED)
    def fill() -> Summary:
        from dynosaur_etl.flows.fill import fill as flow

        return run_step(flow.fill)

    return _one_after_all(fill_shard.expand(part=shards(validated)), fill())


def embedded_in_parts(planned: Any) -> Any:
    """Embed each part that is planned, and then commit the day, as `filled_in_shards` does."""

    @task(map_index_template=LABEL)
    def embed_part(part: dict[str, Any]) -> Summary:
        from dynosaur_etl.flows.prepare import embed as flow

        return run_step(flow.embed_part, part["number"])

    @task(trigger_rule=TriggerRule.NONE_FAILED)
    def embed() -> Summary:
        from dynosaur_etl.flows.prepare import embed as flow

        return run_step(flow.embed)

    return _one_after_all(embed_part.expand(part=planned), embed())


def scored_in_parts(planned: Any, pool: str) -> Any:
    """Do the same for the scores: where a judge asks in batches, a part waits without a slot."""

    @task(pool=pool, trigger_rule=TriggerRule.NONE_FAILED)
    def score() -> Summary:
        from dynosaur_etl.flows.prepare import score as flow

        return run_step(flow.score)

    pieces = ScorePart.partial(
        task_id="score_part", pool=pool, map_index_template="{{ task.part['label'] }}"
    )
    return _one_after_all(pieces.expand(part=planned), score())


def _one_after_all(pieces: Any, whole: Any) -> Any:
    pieces >> whole
    return whole


def selected_in_parts(day: Any) -> Any:
    """Add the selection of a day, with a mapped task for each part where it is made in parts."""

    @task
    def parts(day: str) -> list[dict[str, Any]]:
        return plan_selection(day)

    @task(map_index_template=LABEL)
    def solve_part(part: dict[str, Any], day: str) -> int:
        return solve_selection_part(part, day)

    @task(trigger_rule=TriggerRule.NONE_FAILED)
    def select(day: str) -> Summary:
        return select_version(day)

    selected = select(day)
    solve_part.partial(day=day).expand(part=parts(day)) >> selected
    return selected
