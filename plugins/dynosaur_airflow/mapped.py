"""A step that runs as one mapped Airflow task a piece, and then once to commit the whole."""

from typing import Any

from airflow.sdk import TriggerRule, task

from dynosaur_airflow.batched import Batched
from dynosaur_airflow.steps import (
    Summary,
    grow,
    plan_parts,
    plan_selection,
    plan_shards,
    solve_selection_part,
)
from dynosaur_airflow.versions import select as select_version


@task
def shards(_: Summary) -> list[dict[str, Any]]:
    """Cut the day's tasks into shards, once they are judged."""
    return plan_shards()


@task
def parts(_: Summary) -> list[dict[str, Any]]:
    """Plan the parts of the day's instances, once they are filled."""
    return plan_parts()


def mapped(piece: str, whole: str, planned: Any) -> Any:
    """Add a step of `flows.growth` mapped over what is planned, and the one that comes after it.

    The last one takes up what a piece had to defer. A day without anything to plan has no pieces:
    the mapped task is skipped, and the last step runs all the same.
    """

    @task(task_id=piece, map_index_template="{{ task.op_kwargs['part']['label'] }}")
    def one(part: dict[str, Any]) -> Summary:
        return grow(piece, part["number"])

    @task(task_id=whole, trigger_rule=TriggerRule.NONE_FAILED)
    def all_of_them() -> Summary:
        return grow(whole)

    done = all_of_them()
    one.expand(part=planned) >> done
    return done


def scored(planned: Any, pool: str) -> Any:
    """Do the same for the scores: where a judge asks in batches, a piece waits without a slot."""

    @task(task_id="score", pool=pool, trigger_rule=TriggerRule.NONE_FAILED)
    def all_of_them() -> Summary:
        return grow("score")

    done = all_of_them()
    pieces = Batched.partial(
        task_id="score_part",
        step="score_part",
        submit="submit_scores",
        pool=pool,
        map_index_template="{{ task.part['label'] }}",
    )
    pieces.expand(part=planned) >> done
    return done


def selected_in_parts(day: Any) -> Any:
    """Add the selection of a day, with a mapped task for each part where it is made in parts."""

    @task
    def parts(day: str) -> list[dict[str, Any]]:
        return plan_selection(day)

    @task(map_index_template="{{ task.op_kwargs['part']['label'] }}")
    def solve_part(part: dict[str, Any], day: str) -> int:
        return solve_selection_part(part, day)

    @task(trigger_rule=TriggerRule.NONE_FAILED)
    def select(day: str) -> Summary:
        return select_version(day)

    selected = select(day)
    solve_part.partial(day=day).expand(part=parts(day)) >> selected
    return selected
