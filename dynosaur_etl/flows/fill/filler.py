"""Filling a shard: a task after the other, and what is rejected on the way."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import pyarrow as pa

from dynosaur_etl.domain.features import FieldKind
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.language import are_several
from dynosaur_etl.domain.models import (
    Mode,
    Reject,
    Task,
    Verdict,
)
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.domain.schemas import CONVERSATIONS, INSTANCES
from dynosaur_etl.flows.fill.evaluation_texts import evaluation_files, read_texts
from dynosaur_etl.flows.runtime.compartments import contained
from dynosaur_etl.flows.runtime.kept_configs import ConfigToAsk, kept_configs
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.forms.form import FoundForm
from dynosaur_etl.forms.instances import NativeRules
from dynosaur_etl.forms.languages import LANGUAGE_COLUMNS
from dynosaur_etl.instances.contamination import EvaluationIndex
from dynosaur_etl.instances.native import (
    JOINED,
    NativeFilling,
    NativeRows,
    fill_native,
)
from dynosaur_etl.instances.organise import (
    RULES,
    FilledRows,
    Filling,
    draw_rows,
    drawn_batches,
    fill_task,
    without_marks,
)
from dynosaur_etl.instances.pii import Handling
from dynosaur_etl.instances.row_marks import (
    AllowedRows,
    Rejected,
    RowMarks,
    judge_marks,
    marking_fields,
)
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.steps import CountedReject
from dynosaur_etl.store.storage import StoredFile


@dataclass(frozen=True)
class Shard:
    """A part of a day's tasks; `label` names it for a reader."""

    number: int
    label: str
    tasks: Sequence[Task]


@dataclass(frozen=True)
class FilledShard:
    """What a shard came to.

    Attributes:
        conversations: of its native instances; None where it has none.
    """

    number: int
    file: StoredFile
    rejects: list[CountedReject]
    conversations: StoredFile | None = None

    @property
    def rejected(self) -> int:
        return sum(counted.number for counted in self.rejects)


class Filler:
    """Fills shards of one day; the evaluation texts are read once."""

    def __init__(self, day: GrowthDay, services: Services) -> None:
        settings = services.settings
        files = evaluation_files(settings.evaluation_texts)
        index = EvaluationIndex.build(read_texts(files), settings.evaluation_words)
        self._day = day
        self._services = services
        self._filling = Filling(
            RULES[settings.instance_rules], index if files else None, Handling(settings.pii)
        )
        self._sources = {
            (about.config.dataset_id, about.config.name): about
            for about in kept_configs(day, services)
        }

    def fill(self, shard: Shard) -> FilledShard:
        """Write a shard's instances, and tell what was rejected."""
        rejects: list[CountedReject] = []
        conversations: list[pa.Table] = []

        def tables() -> Iterator[pa.Table]:
            for task in shard.tasks:
                filled = contained(f"task {task.key}", partial(self._fill_task, task))
                if isinstance(filled, Verdict):
                    rejects.extend(_rejects(task, {(Reason.UNFORESEEN_ERROR, filled.detail): 1}))
                    continue
                rejected: Counter[tuple[Reason, str]] = Counter()
                for part in filled:
                    rejected.update(part.rejected)
                    if isinstance(part, NativeRows):
                        conversations.append(part.conversations)
                    yield part.instances
                rejects.extend(_rejects(task, rejected))

        storage = self._services.storage
        file = storage.write_tables(FileKind.INSTANCES, INSTANCES, tables())
        said = pa.concat_tables(conversations) if conversations else None
        beside = None if said is None else storage.write_table(FileKind.CONVERSATIONS, said)
        return FilledShard(shard.number, file, rejects, beside)

    def _fill_task(self, task: Task) -> Sequence[FilledRows | NativeRows]:
        about: ConfigToAsk = self._sources[task.dataset_id, task.config]
        if about.form is not None and task.mode is Mode.NATIVE:
            return self._fill_native(task, about, about.form)
        used = (*task.input_fields, task.output_field)
        marks, languages = self._marks(about, used)
        filling = replace(self._filling, languages=languages)
        values = self._whole_numbers(about, task.output_field)
        rejected: Rejected = Counter()
        with self._drawn(task, about, [*used, *marks.refused]) as tables:
            rows = _admitted(tables, marks, rejected)
            if values is not None:
                rows = (without_marks(table, task.output_field, values) for table in rows)
            filled = list(fill_task(task, about.config, rows, filling, str(self._day)))
        return [*filled, FilledRows(INSTANCES.empty_table(), rejected)]

    @contextmanager
    def _drawn(
        self, task: Task, about: ConfigToAsk, columns: Sequence[str]
    ) -> Iterator[Iterator[pa.Table]]:
        """Open the rows that are drawn for a task, with where each is from."""
        settings = self._services.settings
        named = [*dict.fromkeys(columns), "__split__", "__row__"]
        with self._services.storage.batches(about.sample_path, named) as (rows, batches):
            drawn = draw_rows(rows, settings.instances_per_task, f"{settings.seed}:{task.key}")
            yield drawn_batches(batches, drawn)

    def _marks(
        self, about: ConfigToAsk, used: Collection[str]
    ) -> tuple[RowMarks, tuple[str, ...] | None]:
        """Return what the config's columns say of its rows, and the languages of its texts.

        The latter is None where the texts do not decide.
        """
        settings = self._services.settings
        fields = marking_fields(about.config.fields, used)
        names = [field.name for field in fields]
        columns = self._services.storage.read_table(about.sample_path, names) if names else None
        allowed = AllowedRows(settings.licences, settings.languages)
        marks = RowMarks({}) if columns is None else judge_marks(columns, fields, allowed)
        named = {name.lower() for name in (*used, *names)}
        by_text = are_several(about.languages, allowed.languages) and not named & LANGUAGE_COLUMNS
        return marks, allowed.languages if by_text else None

    def _fill_native(self, task: Task, about: ConfigToAsk, form: FoundForm) -> Sequence[NativeRows]:
        settings, storage = self._services.settings, self._services.storage
        marks, languages = self._marks(about, ())
        filling = NativeFilling(
            NativeRules(settings.languages, settings.native_reasoning, settings.native_turns),
            self._filling.evaluation,
            self._filling.pii,
            languages,
        )
        rejected: Rejected = Counter()

        def filled(tables: Iterable[pa.Table]) -> list[NativeRows]:
            rows = _admitted(tables, marks, rejected)
            return list(fill_native(task, about.config, form, rows, filling, str(self._day)))

        if form.form in JOINED:
            made = filled([storage.read_table(about.sample_path)])
        else:
            with self._drawn(task, about, list(about.config.features)) as tables:
                made = filled(tables)
        return [*made, NativeRows(INSTANCES.empty_table(), CONVERSATIONS.empty_table(), rejected)]

    def _whole_numbers(self, about: ConfigToAsk, name: str) -> pa.ChunkedArray | None:
        """Give all sampled values of a field of numbers; None for a field of another kind."""
        kinds = {field.name: field.kind for field in about.config.fields}
        if kinds.get(name) is not FieldKind.NUMBER:
            return None
        return self._services.storage.read_table(about.sample_path, [name])[name]


def _admitted(
    tables: Iterable[pa.Table], marks: RowMarks, rejected: Rejected
) -> Iterator[pa.Table]:
    """Yield rows that no column refuses; count the others in `rejected`."""
    for table in tables:
        rows, refused = marks.admitted(table)
        rejected.update(refused)
        yield rows


def _rejects(task: Task, rejected: Mapping[tuple[Reason, str], int]) -> list[CountedReject]:
    return [
        CountedReject(Reject(Stage.FILL, task.key, reason, detail or _task_name(task)), number)
        for (reason, detail), number in sorted(rejected.items())
    ]


def _task_name(task: Task) -> str:
    return f"{source_of(task)}: {', '.join(task.input_fields)} -> {task.output_field}"


def source_of(task: Task) -> str:
    """Return the dataset and config of a task, as readers name them."""
    return f"{task.dataset_id}/{task.config}"
