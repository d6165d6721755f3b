"""A task and rows of its config become instances: instruction, input and output.

Whole columns are worked on, batch by batch, so that the memory does not grow with the rows. A row
that cannot be filled rejects that row alone, with its reason.
"""

import hashlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dynosaur_etl.domain.missing import MISSING, minus_one_is_missing
from dynosaur_etl.domain.models import Config, Task
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.schemas import INSTANCES
from dynosaur_etl.domain.text import shorten
from dynosaur_etl.domain.unforeseen import is_contained, log_unforeseen, unforeseen_words
from dynosaur_etl.instances.contamination import EvaluationIndex, find_matches
from dynosaur_etl.instances.paper import PAPER
from dynosaur_etl.instances.pii import Handling, Span, masked, rows_with_pii
from dynosaur_etl.instances.render import DEFAULT
from dynosaur_etl.instances.row_marks import Rejected, other_languages
from dynosaur_etl.instances.rules import Column, Rules
from dynosaur_etl.instances.shown import one_array

log = logging.getLogger(__name__)

ORGANISE_VERSION = "rows-4"
RULES = {"default": DEFAULT, "paper": PAPER}
LONGEST_DETAIL = 300
_HEX_DIGITS = 64


@dataclass(frozen=True)
class Filling:
    """How rows become instances.

    Attributes:
        evaluation: what instances must not share words with; None where nothing is named.
        pii: what becomes of instances with personal data or keys.
        languages: that the texts may be written in; None where the texts do not decide.
    """

    rules: Rules = DEFAULT
    evaluation: EvaluationIndex | None = None
    pii: Handling = Handling.FLAG
    languages: tuple[str, ...] | None = None


@dataclass(frozen=True)
class FilledRows:
    """Instances in the order of the rows; instances and rejected rows sum up to the rows."""

    instances: pa.Table
    rejected: Rejected = field(default_factory=Counter)


@dataclass(frozen=True)
class Texts:
    """Rows on their way to instances.

    Attributes:
        rows: the places of the rows that are left, ascending.
        inputs, outputs: their texts.
        pii: kinds of personal data found, joined by `, `.
        rejected: the rows that are not left.
    """

    rows: pa.Array
    inputs: pa.Array
    outputs: pa.Array
    pii: pa.Array
    rejected: Rejected

    def without(self, gone: dict[int, tuple[Reason, str]]) -> "Texts":
        """Reject rows by their place."""
        if not gone:
            return self
        kept = np.ones(len(self.rows), np.bool_)
        kept[list(gone)] = False
        left = pa.array(kept)
        return Texts(
            rows=self.rows.filter(left),
            inputs=self.inputs.filter(left),
            outputs=self.outputs.filter(left),
            pii=self.pii.filter(left),
            rejected=self.rejected + Counter(gone.values()),
        )


def fill_task(
    task: Task, config: Config, batches: Iterable[pa.Table], filling: Filling, day: str
) -> Iterator[FilledRows]:
    """Fill a task with rows of its config, one batch after the other.

    Args:
        task: a task whose fields are fields of the config.
        config: where the rows come from.
        batches: rows with the columns of the task's fields, `__split__` and `__row__`.
        filling: the rules, and what is kept out.
        day: the growth day that the instances are marked with.
    """
    for batch in batches:
        yield _filled_apart(task, config, batch, filling, day)


def _filled_apart(
    task: Task, config: Config, rows: pa.Table, filling: Filling, day: str
) -> FilledRows:
    """Fill rows together; where that raises what nobody foresaw, each by itself.

    So only the rows that raise it are rejected.
    """
    try:
        return fill_rows(task, config, rows, filling, day)
    except Exception as error:
        if not is_contained(error):
            raise
        log_unforeseen(log, f"task {task.key} of {config.subject}", error)
        if rows.num_rows == 1:
            reason, words = Reason.UNFORESEEN_ERROR, unforeseen_words(error)
            return FilledRows(INSTANCES.empty_table(), Counter({(reason, words): 1}))
    parts = [
        _filled_apart(task, config, rows.slice(at, 1), filling, day) for at in range(rows.num_rows)
    ]
    rejected = sum((part.rejected for part in parts), Counter[tuple[Reason, str]]())
    return FilledRows(pa.concat_tables([part.instances for part in parts]), rejected)


def fill_rows(task: Task, config: Config, rows: pa.Table, filling: Filling, day: str) -> FilledRows:
    """Fill a task with some rows; the arguments are those of `fill_task`."""
    texts = organise(task, config, rows, filling.rules)
    for step in (_without_other_languages, _without_evaluation, _without_pii):
        texts = step(texts, filling)
    return FilledRows(_table(task, rows, texts, day), texts.rejected)


def without_marks(rows: pa.Table, output: str, values: pa.ChunkedArray) -> pa.Table:
    """Give rows with null where the output is -1 and stands for a missing value.

    Args:
        rows: some rows of a config.
        output: the output field's name.
        values: the same field's values of all sampled rows, which decide what -1 stands for.
    """
    if not pa.types.is_signed_integer(values.type) or not _marks_missing(values):
        return rows
    column = rows[output]
    null = pa.scalar(None, column.type)
    answers = pc.if_else(pc.equal(column, MISSING), null, column)
    return rows.set_column(rows.column_names.index(output), output, answers)


def _marks_missing(values: pa.ChunkedArray) -> bool:
    return minus_one_is_missing(pc.unique(values).to_pylist())


def draw_rows(available: int, limit: int, seed: str) -> list[int]:
    """Draw up to `limit` row numbers, spread by chance over all rows, in ascending order."""
    if available <= limit:
        return list(range(available))
    return sorted(random.Random(seed).sample(range(available), limit))  # noqa: S311


def drawn_batches(batches: Iterable[pa.RecordBatch], drawn: list[int]) -> Iterator[pa.Table]:
    """Give the drawn rows of a stream of batches; a batch without any is passed over."""
    numbers = np.array(drawn, np.int64)
    start = 0
    for batch in batches:
        stop = start + batch.num_rows
        first, last = np.searchsorted(numbers, (start, stop))
        if last > first:
            rows = pa.array(numbers[first:last] - start)
            yield pa.Table.from_batches([batch]).take(rows)
        start = stop


def instance_keys(instruction: str, inputs: pa.Array, outputs: pa.Array) -> pa.Array:
    """Give the names of instances: SHA-256 (hex) over the framed instruction, input and output."""
    lengths = pc.cast(pc.binary_length(inputs), pa.string())
    framed = pc.binary_join_element_wise(lengths, ":", inputs, outputs, "")
    data = instruction.encode()
    start = hashlib.sha256(b"instance %d:%b" % (len(data), data))
    digests = []
    for text in pc.cast(framed, pa.binary()).to_numpy(zero_copy_only=False):
        whole = start.copy()
        whole.update(text)
        digests.append(whole.digest())
    return _hex_texts(digests)


def mixed_keys(parts: Iterable[tuple[str, str, str]]) -> list[str]:
    """Give the names of instances whose instructions differ, as `instance_keys` does."""
    names = []
    for instruction, given, output in parts:
        asked, inputs = instruction.encode(), given.encode()
        framed = b"instance %d:%b%d:%b" % (len(asked), asked, len(inputs), inputs)
        names.append(hashlib.sha256(framed + output.encode()).hexdigest())
    return names


def _hex_texts(digests: Sequence[bytes]) -> pa.Array:
    """Write digests of 32 bytes in hexadecimal digits, all in one piece."""
    edges = np.arange(len(digests) + 1, dtype=np.int32) * _HEX_DIGITS
    written = b"".join(digests).hex().encode()
    buffers = (pa.py_buffer(edges), pa.py_buffer(written))
    return pa.StringArray.from_buffers(len(digests), *buffers)


def organise(task: Task, config: Config, rows: pa.Table, rules: Rules) -> Texts:
    """Give the rows' texts by a set of rules; the arguments are those of `fill_rows`."""
    fields = {field.name: field for field in config.fields}

    def column(name: str) -> Column:
        return Column(fields[name], config.features[name], one_array(rows[name]))

    inputs = [column(name) for name in task.input_fields]
    rendered = rules.render(inputs, column(task.output_field), task.label_space)
    left = np.ones(rows.num_rows, np.bool_)
    rejected: Rejected = Counter()
    for reason, refused in rules.refused(rendered):
        left &= ~refused
        rejected[reason, ""] = int(refused.sum())
    numbers = np.flatnonzero(left)
    kept = pa.array(left)
    return Texts(
        rows=pa.array(numbers, pa.int64()),
        inputs=rendered.joined.filter(kept),
        outputs=rendered.output.filter(kept),
        pii=pa.repeat(pa.scalar("", pa.string()), len(numbers)),
        rejected=rejected,
    )


def _without_other_languages(texts: Texts, filling: Filling) -> Texts:
    if filling.languages is None:
        return texts
    said = pc.binary_join_element_wise(texts.inputs, texts.outputs, "\n")
    return texts.without(other_languages(said.to_pylist(), filling.languages))


def _without_evaluation(texts: Texts, filling: Filling) -> Texts:
    if filling.evaluation is None:
        return texts
    matches = find_matches(filling.evaluation, texts.inputs, texts.outputs)
    return texts.without(
        {
            match.row: (
                Reason.IN_EVALUATION,
                shorten(f"{match.source}: {match.words}", LONGEST_DETAIL),
            )
            for match in matches
        }
    )


def _without_pii(texts: Texts, filling: Filling) -> Texts:
    return _PII_STEPS[filling.pii](texts)


def _flagged(texts: Texts) -> Texts:
    kinds = _pii_kinds(rows_with_pii(texts.inputs), rows_with_pii(texts.outputs))
    flags = _replaced(texts.pii, kinds)
    return Texts(texts.rows, texts.inputs, texts.outputs, flags, texts.rejected)


def _masked(texts: Texts) -> Texts:
    inputs, outputs = rows_with_pii(texts.inputs), rows_with_pii(texts.outputs)
    return Texts(
        rows=texts.rows,
        inputs=_mask_rows(texts.inputs, inputs),
        outputs=_mask_rows(texts.outputs, outputs),
        pii=_replaced(texts.pii, _pii_kinds(inputs, outputs)),
        rejected=texts.rejected,
    )


def _dropped(texts: Texts) -> Texts:
    kinds = _pii_kinds(rows_with_pii(texts.inputs), rows_with_pii(texts.outputs))
    return texts.without({row: (Reason.PERSONAL_DATA, words) for row, words in kinds.items()})


_PII_STEPS: dict[Handling, Callable[[Texts], Texts]] = {
    Handling.OFF: lambda texts: texts,
    Handling.FLAG: _flagged,
    Handling.MASK: _masked,
    Handling.DROP: _dropped,
}


def _pii_kinds(*found: dict[int, list[Span]]) -> dict[int, str]:
    """Name what each row holds, sorted."""
    kinds: dict[int, set[str]] = {}
    for columns in found:
        for row, spans in columns.items():
            kinds.setdefault(row, set()).update(span.kind for span in spans)
    return {row: ", ".join(sorted(names)) for row, names in kinds.items()}


def _mask_rows(texts: pa.Array, found: dict[int, list[Span]]) -> pa.Array:
    return _replaced(texts, {row: masked(texts[row].as_py(), s) for row, s in found.items()})


def _replaced(texts: pa.Array, by_row: dict[int, str]) -> pa.Array:
    if not by_row:
        return texts
    rows = np.zeros(len(texts), np.bool_)
    rows[list(by_row)] = True
    replacements = pa.array([by_row[row] for row in sorted(by_row)], pa.string())
    return pc.replace_with_mask(texts, pa.array(rows), replacements)


def _table(task: Task, rows: pa.Table, texts: Texts, day: str) -> pa.Table:
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
    count = len(texts.rows)
    columns = {
        name: pa.repeat(pa.scalar(value, pa.string()), count) for name, value in constants.items()
    }
    columns["instance_key"] = instance_keys(task.instruction, texts.inputs, texts.outputs)
    columns["input"], columns["output"] = texts.inputs, texts.outputs
    columns["pii"] = texts.pii
    columns["split"] = rows["__split__"].take(texts.rows)
    columns["row"] = rows["__row__"].take(texts.rows)
    return pa.table([columns[name] for name in INSTANCES.names], schema=INSTANCES)
