"""The validity filters in their one order: which proposals of a config become tasks.

`FILTERS` names them, the level of strictness from which each applies, and its reasons; `docs/
filters.md` shows what each catches. The first that applies names the reason. Duplicates are sought
among kept tasks only: a rejected proposal does not stand in the way of a sound one. Nearly the same
instruction in another config or on another day is found where the pool is read (`repeats`).
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dynosaur_etl.domain.models import Config, Mode, Strictness, Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.unforeseen import is_contained, log_unforeseen, unforeseen
from dynosaur_etl.proposals import row_filters, sense_filters, shape_filters, wording_filters
from dynosaur_etl.proposals.agreement import texts_to_compare
from dynosaur_etl.proposals.draft import (
    Draft,
    Sample,
    drop,
    read_draft,
    split_outputs,
    without_repeats,
)
from dynosaur_etl.proposals.labels import LabelSpace, label_space, with_labels
from dynosaur_etl.proposals.meanings import Meanings
from dynosaur_etl.proposals.parse import RawProposal
from dynosaur_etl.proposals.prompt import MAX_TASKS

log = logging.getLogger(__name__)

VALIDITY_VERSION = "validity-5"
"""Of the filters and their thresholds; a new version judges every proposal again."""


@dataclass(frozen=True)
class Filter:
    """One validity filter.

    Attributes:
        level: the least strictness at which it applies.
        check: a verdict that drops, or None; None for the filters of `_Judge`, which also look at
            what was kept before.
    """

    reason: Reason
    level: Strictness
    check: Callable[[Draft, Sample], Verdict | None] | None = None

    @property
    def name(self) -> str:
        """The code of its reason: each filter has one of its own."""
        return str(self.reason)


_LENIENT, _PAPER, _STRICT = Strictness.LENIENT, Strictness.PAPER, Strictness.STRICT
_shape, _rows, _wording, _sense = shape_filters, row_filters, wording_filters, sense_filters

FILTERS: tuple[Filter, ...] = (
    Filter(Reason.ANSWER_WRONG_SHAPE, _LENIENT),
    Filter(Reason.INSTRUCTION_EMPTY, _LENIENT, _shape.instruction_empty),
    Filter(Reason.INSTRUCTION_TOO_SHORT, _STRICT, _shape.instruction_too_short),
    Filter(Reason.INSTRUCTION_TOO_LONG, _STRICT, _shape.instruction_too_long),
    Filter(Reason.INSTRUCTION_LANGUAGE, _STRICT, _wording.instruction_language),
    Filter(Reason.OUTPUT_MISSING, _LENIENT, _shape.output_missing),
    Filter(Reason.OUTPUT_NOT_SINGLE, _PAPER, _shape.output_not_single),
    Filter(Reason.INPUT_MISSING, _LENIENT, _shape.input_missing),
    Filter(Reason.FIELD_UNKNOWN, _LENIENT, _shape.field_unknown),
    Filter(Reason.INPUT_NOT_USABLE, _LENIENT, _shape.input_not_usable),
    Filter(Reason.FIELD_REPEATED, _PAPER, _shape.field_repeated),
    Filter(Reason.INPUT_OUTPUT_OVERLAP, _LENIENT, _shape.input_output_overlap),
    Filter(Reason.OUTPUT_NOT_SCALAR, _LENIENT, _shape.output_not_scalar),
    Filter(Reason.OUTPUT_ALL_EMPTY, _LENIENT, _rows.output_all_empty),
    Filter(Reason.OUTPUT_CONSTANT, _PAPER, _rows.output_constant),
    Filter(Reason.LABELS_UNBALANCED, _PAPER, _rows.labels_unbalanced),
    Filter(Reason.OUTPUT_COPIED, _STRICT, _rows.output_copied),
    Filter(Reason.LABEL_LEAKED, _STRICT, _rows.label_leaked),
    Filter(Reason.FIELD_NOT_GIVEN, _STRICT, _wording.field_not_given),
    Filter(Reason.ANSWER_GIVEN_AWAY, _STRICT, _wording.answer_given_away),
    Filter(Reason.OUTPUT_IDENTIFIER, _STRICT, _sense.output_identifier),
    Filter(Reason.ASKS_FOR_INPUT, _STRICT, _sense.asks_for_input),
    Filter(Reason.FITS_FEW_ROWS, _STRICT, _sense.fits_few_rows),
    Filter(Reason.ASKS_FOR_OTHER, _STRICT, _sense.asks_for_other),
    Filter(Reason.NEEDS_NOT_GIVEN, _STRICT, _sense.needs_not_given),
    Filter(Reason.OUTPUT_NOT_DERIVABLE, _STRICT, _sense.output_not_derivable),
    Filter(Reason.DUPLICATE_TASK, _LENIENT),
    Filter(Reason.DUPLICATE_INSTRUCTION, _PAPER),
    Filter(Reason.TOO_MANY_TASKS, _STRICT),
)


@dataclass(frozen=True)
class ValidityRules:
    """How strictly proposals are judged.

    Attributes:
        languages: codes of the languages that an instruction may be written in.
        without: filters that are left out, to see what they do; the shape is always asked for.
    """

    strictness: Strictness = Strictness.STRICT
    languages: tuple[str, ...] = ("en",)
    without: frozenset[Reason] = frozenset()

    def applies(self, reason: Reason) -> bool:
        return reason in {found.reason for found in self.filters}

    @property
    def filters(self) -> tuple[Filter, ...]:
        """The filters in force, in their order."""
        return tuple(
            found
            for found in FILTERS
            if self.strictness.includes(found.level) and found.reason not in self.without
        )


@dataclass(frozen=True)
class TaskParts:
    """What a valid proposal says; the instruction ends with the label space where it has one."""

    instruction: str
    input_fields: tuple[str, ...]
    output_field: str
    label_space: tuple[str, ...]


@dataclass(frozen=True)
class JudgedProposal:
    """A proposal with what it became: the parts of a task, or the verdict that drops it."""

    mode: Mode
    raw: RawProposal
    judgement: TaskParts | Verdict

    @property
    def keep(self) -> bool:
        return isinstance(self.judgement, TaskParts)

    @property
    def place(self) -> tuple[Mode, int]:
        """Where it stands among the proposals of a config."""
        return self.mode, self.raw.position


@dataclass
class Judged:
    """One judgement a proposal, in the order given; `repairs` counts what was put right."""

    proposals: list[JudgedProposal] = field(default_factory=list)
    repairs: Counter[str] = field(default_factory=Counter)


def judge_proposals(
    config: Config,
    rows: Sequence[Mapping[str, Any]],
    answers: Sequence[tuple[Mode, Sequence[RawProposal]]],
    rules: ValidityRules = ValidityRules(),
    meanings: Meanings | None = None,
) -> Judged:
    """Judge all proposals of one config, each mode's answer in the order given.

    The order decides which one of two duplicates is kept, so it must be the same on every run.
    The rows are the sampled ones, with at least the columns of the usable fields and ClassLabels
    as numbers or as names. The payloads may be any JSON. Without `meanings` no instruction is held
    against its output (`sense_filters`), but for identifiers.

    Where several outputs are no reason to drop (`lenient`), such a proposal becomes one for each
    output; the further ones stand behind the answer's own, at positions of their own.
    """
    sample = Sample(config, rows, rules.languages, meanings)
    if meanings is not None:
        meanings.prepare(texts_of_answers(sample, answers))
    judge = _Judge(sample, rules)
    judged = Judged()
    for mode, proposals in answers:
        taken = list(proposals)
        if rules.strictness is Strictness.LENIENT:
            taken, split = split_outputs(proposals)
            judged.repairs.update({"output_split": split} if split else {})
        for raw, judgement, repairs in judge.answer(taken):
            judged.proposals.append(JudgedProposal(mode, raw, judgement))
            judged.repairs.update(repairs)
    return judged


def texts_of_answers(
    sample: Sample, answers: Sequence[tuple[Mode, Sequence[RawProposal]]]
) -> Iterator[str]:
    """Give the texts whose meanings judging the answers of a config may compare."""
    for _, proposals in answers:
        for draft in (read_draft(raw.payload) for raw in proposals):
            if isinstance(draft, Draft):
                yield from texts_to_compare(draft, sample)


class _Judge:
    """Judges one answer after the other, and remembers what was kept."""

    def __init__(self, sample: Sample, rules: ValidityRules) -> None:
        self._sample = sample
        self._rules = rules
        self._checks = [found.check for found in rules.filters if found.check is not None]
        self._kept: dict[str, set[tuple[frozenset[str], str]]] = {}

    def answer(
        self, proposals: Sequence[RawProposal]
    ) -> list[tuple[RawProposal, TaskParts | Verdict, tuple[str, ...]]]:
        judgements = []
        kept = 0
        for raw in proposals:
            judgement, repairs = self._contained(raw, kept)
            kept += isinstance(judgement, TaskParts)
            judgements.append((raw, judgement, repairs))
        return judgements

    def _contained(
        self, raw: RawProposal, kept: int
    ) -> tuple[TaskParts | Verdict, tuple[str, ...]]:
        """Judge one proposal; what nobody foresaw ends it alone."""
        try:
            return self._proposal(raw, kept)
        except Exception as error:
            if not is_contained(error):
                raise
            log_unforeseen(log, f"proposal {raw.position}", error)
            return unforeseen(error), ()

    def _proposal(self, raw: RawProposal, kept: int) -> tuple[TaskParts | Verdict, tuple[str, ...]]:
        draft = read_draft(raw.payload)
        if isinstance(draft, Verdict):
            return draft, ()
        if self._rules.strictness is Strictness.LENIENT:
            draft = without_repeats(draft)
        return self._judge(draft, kept), draft.repairs

    def _judge(self, draft: Draft, kept_of_answer: int) -> TaskParts | Verdict:
        for check in self._checks:
            verdict = check(draft, self._sample)
            if verdict is not None:
                return verdict
        labels = self._labels(draft)
        return self._check_rivals(draft, kept_of_answer) or TaskParts(
            with_labels(draft.instruction, labels), draft.inputs, draft.output, labels
        )

    def _labels(self, draft: Draft) -> tuple[str, ...]:
        found = self._sample.field(draft.output)
        if found is None:
            return ()
        space = label_space(found, self._sample.values(found.name))
        return space.labels if isinstance(space, LabelSpace) else ()

    def _check_rivals(self, draft: Draft, kept_of_answer: int) -> Verdict | None:
        """Compare with what is kept already; the draft counts as kept if nothing is found."""
        words = " ".join(draft.instruction.casefold().split()).rstrip(".!?: ")
        fields = (frozenset(draft.inputs), draft.output)
        same_words = self._kept.get(words, set())
        if fields in same_words and self._rules.applies(Reason.DUPLICATE_TASK):
            return drop(Reason.DUPLICATE_TASK, draft.instruction)
        if same_words and self._rules.applies(Reason.DUPLICATE_INSTRUCTION):
            return drop(Reason.DUPLICATE_INSTRUCTION, draft.instruction)
        if kept_of_answer >= MAX_TASKS and self._rules.applies(Reason.TOO_MANY_TASKS):
            return drop(Reason.TOO_MANY_TASKS, f"more than {MAX_TASKS}")
        self._kept.setdefault(words, set()).add(fields)
        return None
