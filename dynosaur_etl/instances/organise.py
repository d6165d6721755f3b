"""A task and its config's rows become instances: instruction, input and output.

One input field gives its text as it is; several give "field is 'text'. " one after the other
(Dynosaur, section 3.3). A row that cannot be filled rejects that row alone, with its reason.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import Config, Task
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.schemas import INSTANCES
from dynosaur_etl.instances.render import cut, render_input, render_output

ORGANISE_VERSION = "rows-1"


@dataclass(frozen=True)
class FilledTask:
    """The instances of one task, and the rows that gave none, by reason."""

    instances: pa.Table
    rejected: Counter[Reason]


def fill_task(
    task: Task, config: Config, rows: pa.Table, limit: int, seed: int, day: str
) -> FilledTask:
    """Fill a task with rows of its config.

    Args:
        task: a task whose fields are fields of the config.
        config: where the rows come from.
        rows: the sampled rows, with the columns `__split__` and `__row__`.
        limit: most rows that are drawn for the task.
        seed: of the draw; with the task's key it decides which rows are taken.
        day: the growth day that the instances are marked with.

    Returns:
        Instances in the order of the rows; instances and rejected rows sum up to the rows drawn.
    """
    numbers = draw_rows(rows.num_rows, limit, f"{seed}:{task.key}")
    drawn = rows.take(pa.array(numbers, pa.int64()))
    fields = {field.name: field for field in config.fields}
    outputs = render_output(fields[task.output_field], drawn[task.output_field])
    inputs = [(fields[name], render_input(fields[name], drawn[name])) for name in task.input_fields]
    filled: list[tuple[int, str, str]] = []
    rejected: Counter[Reason] = Counter()
    for position, output in enumerate(outputs):
        parts = [(field.name, texts[position]) for field, texts in inputs]
        reason = _fault(parts, output, task.label_space)
        if reason is not None:
            rejected[reason] += 1
        elif output is not None:
            filled.append((position, _join(parts), output))
    return FilledTask(_table(task, drawn, filled, day), rejected)


def draw_rows(available: int, limit: int, seed: str) -> list[int]:
    """Draw up to `limit` row numbers, spread by chance over all rows, in ascending order."""
    if available <= limit:
        return list(range(available))
    return sorted(random.Random(seed).sample(range(available), limit))  # noqa: S311


def instance_key(instruction: str, input_text: str, output: str) -> str:
    """Give the name of an instance: the digest of its three texts."""
    return digest("instance", instruction, input_text, output)


def _fault(
    parts: Sequence[tuple[str, str | None]], output: str | None, labels: Sequence[str]
) -> Reason | None:
    if output is None:
        return Reason.OUTPUT_NULL
    if not output:
        return Reason.OUTPUT_EMPTY
    if labels and output not in labels:
        return Reason.OUTPUT_NOT_IN_LABELS
    texts = [text for _, text in parts]
    if any(text is None for text in texts):
        return Reason.INPUT_NULL
    if not any(texts):
        return Reason.INPUT_EMPTY
    return Reason.OUTPUT_COPIES_INPUT if output in texts else None


def _join(parts: Sequence[tuple[str, str | None]]) -> str:
    if len(parts) == 1:
        return parts[0][1] or ""
    return cut(" ".join(f"{name} is '{text}'." for name, text in parts))


def _table(
    task: Task, drawn: pa.Table, filled: Sequence[tuple[int, str, str]], day: str
) -> pa.Table:
    positions = pa.array([position for position, _, _ in filled], pa.int64())
    constants = {
        "instruction": task.instruction,
        "task_key": task.key,
        "dataset": task.dataset_id,
        "revision": task.revision,
        "config": task.config,
        "licence": task.licence,
        "mode": str(task.mode),
        "prompt_version": task.prompt_version,
        "growth_day": day,
    }
    columns = {name: [value] * len(filled) for name, value in constants.items()}
    columns["instance_key"] = [instance_key(task.instruction, i, o) for _, i, o in filled]
    columns["input"] = [text for _, text, _ in filled]
    columns["output"] = [text for _, _, text in filled]
    columns["split"] = drawn["__split__"].take(positions).to_pylist()
    columns["row"] = drawn["__row__"].take(positions).to_pylist()
    return pa.table(columns, schema=INSTANCES)
