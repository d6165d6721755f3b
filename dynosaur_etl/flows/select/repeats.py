"""The tasks of a pool that repeat one of another config or of an earlier day."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.models import Strictness
from dynosaur_etl.flows.runtime.embeddings import task_vector_kind
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.proposals.repeats import (
    MIN_COSINE,
    REPEATS_VERSION,
    ComparedTask,
    find_repeats,
)
from dynosaur_etl.store.facts.day_tasks import first_proposed_tasks
from dynosaur_etl.store.steps import files_of
from dynosaur_etl.store.vectors import vector_matrix


def repeat_rules(services: Services) -> list[object]:
    """Give what decides on repeats, beside the tasks; empty where they are not sought."""
    strict = services.settings.validity is Strictness.STRICT
    return [REPEATS_VERSION, MIN_COSINE] if strict else []


def repeated_tasks(
    services: Services, days: Sequence[str], used: Collection[str]
) -> dict[str, str]:
    """Tell of each of the used tasks that repeats another what it repeats.

    The task of the earliest day stays; on one day, that of the first dataset and config by name.
    Every day's own tables hold both: which one is the repeat depends on the days of the pool.

    Raises:
        InvalidInput: a day was embedded by a version that did not embed its tasks.
    """
    if not repeat_rules(services):
        return {}
    tasks = first_proposed_tasks(services.engine, days, used)
    compared = [
        ComparedTask(
            row.day,
            row.dataset_id,
            row.config,
            row.instruction,
            row.input_fields,
            row.output_field,
        )
        for row in tasks
    ]
    found = find_repeats(compared, _vectors(services, days, [row.key for row in tasks]))
    return {
        tasks[place].key: (
            f"cosine {repeat.cosine:.3f} with {tasks[repeat.of].dataset_id}/"
            f"{tasks[repeat.of].config} of {tasks[repeat.of].day}: {tasks[repeat.of].instruction}"
        )
        for place, repeat in found.items()
    }


def _vectors(services: Services, days: Sequence[str], keys: Sequence[str]) -> NDArray[np.float16]:
    by_key: dict[str, NDArray[np.float16]] = {}
    for file in files_of(services.engine, task_vector_kind(services)):
        if file.day in days:
            table = services.storage.read_table(file.path)
            by_key |= dict(zip(table["task_key"].to_pylist(), vector_matrix(table), strict=True))
    if any(key not in by_key for key in keys):
        allowed = "days that were embedded with their tasks; run `dynosaur grow` for them again"
        raise InvalidInput(not_allowed("pool", f"{days[0]} to {days[-1]}", allowed))
    return np.stack([by_key[key] for key in keys]) if keys else np.empty((0, 1), np.float16)
