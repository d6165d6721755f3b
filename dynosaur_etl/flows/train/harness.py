"""Public tasks by EleutherAI's lm-evaluation-harness, offline where their data are given."""

from pathlib import Path
from typing import Any

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.inference.extra import require_train
from dynosaur_etl.settings import Settings
from dynosaur_etl.training.loading import load_to_ask

PREFIX = "lm-eval:"


def run_harness(
    model: Path, on: str, settings: Settings, limit: int | None = None
) -> dict[str, Any]:
    """Evaluate a model folder on tasks of the harness.

    Args:
        model: folder of a model, or of an adapter.
        on: `lm-eval:TASK,TASK`, and after `@` a folder with task files (YAML) of one's own, whose
            data may be local files: `lm-eval:mine@/path/to/tasks`.
        settings: with the seed.
        limit: most examples of a task.

    Returns:
        The harness' results by task, and its version.

    Raises:
        MissingExtra: the harness is not installed.
        InvalidInput: it knows no such task.
    """
    require_train("lm_eval")
    import lm_eval
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    names, _, folder = on.removeprefix(PREFIX).partition("@")
    tasks = [name for name in names.split(",") if name]
    manager = TaskManager(include_path=folder or None)
    unknown = [name for name in tasks if name not in manager.all_tasks]
    if unknown or not tasks:
        raise InvalidInput(not_allowed("tasks of lm-eval", unknown or names, "names it knows"))
    loaded = load_to_ask(model)
    found = lm_eval.simple_evaluate(
        model=HFLM(pretrained=loaded.model, tokenizer=loaded.tokenizer),
        tasks=tasks,
        task_manager=manager,
        limit=limit,
        random_seed=settings.seed,
        log_samples=False,
        bootstrap_iters=1000,
    )
    return {
        "facts": {"lm_eval": lm_eval.__version__, "tasks": tasks, "limit": limit},
        "all": [
            {"metric": f"{task}: {metric}", "value": value}
            for task, values in found["results"].items()
            for metric, value in values.items()
            if isinstance(value, float | int)
        ],
    }
