"""A step that runs as one mapped Airflow task a part, and then once to commit the whole."""

from typing import Any

from airflow.sdk import TriggerRule, task

from dynosaur_airflow.steps import Summary, plan_parts, run_step


@task
def parts(_: Summary) -> list[dict[str, Any]]:
    """Plan the parts of the day's instances, once they are filled."""
    return plan_parts()


def in_parts(name: str, planned: Any, pool: str = "default_pool") -> Any:
    """Add the tasks `<name>_part`, mapped over the parts, and `<name>`, which comes after them.

    Both run in the pool: the last one takes up what a part had to defer. A day without instances
    has no parts: the mapped task is skipped, and the step runs all the same.
    """

    @task(
        task_id=f"{name}_part",
        map_index_template="{{ task.op_kwargs['part']['label'] }}",
        pool=pool,
    )
    def one(part: dict[str, Any]) -> Summary:
        from dynosaur_etl.flows import growth

        return run_step(getattr(growth, f"{name}_part"), part["number"])

    @task(task_id=name, pool=pool, trigger_rule=TriggerRule.NONE_FAILED)
    def whole() -> Summary:
        from dynosaur_etl.flows import growth

        return run_step(getattr(growth, name))

    done = whole()
    one.expand(part=planned) >> done
    return done
