"""The validity filters: which proposals of a config become tasks, in one stated order.

1.  shape: an object with an instruction, input fields and an output field   ANSWER_WRONG_SHAPE
2.  the instruction is missing, or has fewer than 3 words       INSTRUCTION_EMPTY
    it is longer than 1,000 characters                          INSTRUCTION_TOO_LONG
3.  there is no output field                                    OUTPUT_MISSING
4.  there are several                                           OUTPUT_NOT_SINGLE
5.  there is no input field                                     INPUT_MISSING
6.  a field is not the config's                                 FIELD_UNKNOWN
    an input field holds structures other than of plain text    INPUT_NOT_USABLE
7.  an input field is named twice                               FIELD_REPEATED
8.  the output field is an input field                          INPUT_OUTPUT_OVERLAP
9.  the output field holds lists or structures                  OUTPUT_NOT_SCALAR
10. its sampled values are all empty, or all the same           OUTPUT_CONSTANT
11. its few values are unbalanced                               LABELS_UNBALANCED
12. a kept task of the config has the same words and fields     DUPLICATE_TASK
    or the same words with other fields                         DUPLICATE_INSTRUCTION
13. three tasks of the answer are kept already                  TOO_MANY_TASKS

The first filter that applies names the reason. Duplicates are sought among kept tasks only: a
rejected proposal does not stand in the way of a sound one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dynosaur_etl.domain.features import SCALAR_KINDS, Field
from dynosaur_etl.domain.models import Config, Mode, Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.text import clean_text, shorten
from dynosaur_etl.proposals.labels import label_space, with_labels
from dynosaur_etl.proposals.parse import RawProposal
from dynosaur_etl.proposals.prompt import MAX_TASKS
from dynosaur_etl.proposals.values import output_text

VALIDITY_VERSION = "validity-1"
"""Of the filters and their thresholds; a new version judges every proposal again."""

MIN_WORDS = 3
MAX_INSTRUCTION = 1000
_MAX_DETAIL = 300


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


@dataclass(frozen=True)
class _Draft:
    """A proposal of the right shape, with its parts as they were named."""

    instruction: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class _Sample:
    """A config's fields and sampled rows."""

    fields: Mapping[str, Field]
    rows: Sequence[Mapping[str, Any]]

    def values(self, name: str) -> list[Any]:
        return [row.get(name) for row in self.rows]


def judge_proposals(
    config: Config,
    rows: Sequence[Mapping[str, Any]],
    answers: Sequence[tuple[Mode, Sequence[RawProposal]]],
) -> list[JudgedProposal]:
    """Judge all proposals of one config, each mode's answer in the order given.

    The order decides which one of two duplicates is kept, so it must be the same on every run.
    The rows are the sampled ones, with at least the columns of the usable fields and ClassLabels
    as numbers or as names. The payloads may be any JSON.

    Returns:
        One judgement a proposal, in the order given.
    """
    judge = _Judge(_Sample({field.name: field for field in config.fields}, rows))
    return [
        JudgedProposal(mode, raw, judgement)
        for mode, proposals in answers
        for raw, judgement in zip(proposals, judge.answer(proposals), strict=True)
    ]


class _Judge:
    """Judges one answer after the other, and remembers what was kept."""

    def __init__(self, sample: _Sample) -> None:
        self._sample = sample
        self._kept: dict[str, set[tuple[frozenset[str], str]]] = {}

    def answer(self, proposals: Sequence[RawProposal]) -> list[TaskParts | Verdict]:
        judgements: list[TaskParts | Verdict] = []
        kept = 0
        for raw in proposals:
            judgement = self._judge(raw.payload, kept)
            kept += isinstance(judgement, TaskParts)
            judgements.append(judgement)
        return judgements

    def _judge(self, payload: Any, kept_of_answer: int) -> TaskParts | Verdict:
        draft = _read_draft(payload)
        if isinstance(draft, Verdict):
            return draft
        for check in _CHECKS:
            verdict = check(draft, self._sample)
            if verdict is not None:
                return verdict
        output = draft.outputs[0]
        space = label_space(self._sample.fields[output], self._sample.values(output))
        if isinstance(space, Verdict):
            return space
        return self._check_rivals(draft, kept_of_answer) or TaskParts(
            with_labels(draft.instruction, space.labels), draft.inputs, output, space.labels
        )

    def _check_rivals(self, draft: _Draft, kept_of_answer: int) -> Verdict | None:
        """Compare with what is kept already; the draft counts as kept if nothing is found."""
        words = " ".join(draft.instruction.casefold().split()).rstrip(".!?: ")
        fields = (frozenset(draft.inputs), draft.outputs[0])
        same_words = self._kept.get(words, set())
        if fields in same_words:
            return _drop(Reason.DUPLICATE_TASK, draft.instruction)
        if same_words:
            return _drop(Reason.DUPLICATE_INSTRUCTION, draft.instruction)
        if kept_of_answer >= MAX_TASKS:
            return _drop(Reason.TOO_MANY_TASKS, f"more than {MAX_TASKS}")
        self._kept.setdefault(words, set()).add(fields)
        return None


def _read_draft(payload: Any) -> _Draft | Verdict:
    if not isinstance(payload, dict):
        return _drop(Reason.ANSWER_WRONG_SHAPE, f"a {type(payload).__name__}, no object")
    instruction = payload.get("instruction")
    inputs, outputs = _names(payload.get("input_fields")), _names(payload.get("output_field"))
    if not isinstance(instruction, str | None):
        return _drop(Reason.ANSWER_WRONG_SHAPE, f"instruction: {instruction!r:.200}")
    if inputs is None:
        return _drop(Reason.ANSWER_WRONG_SHAPE, f"input_fields: {payload['input_fields']!r:.200}")
    if outputs is None:
        return _drop(Reason.ANSWER_WRONG_SHAPE, f"output_field: {payload['output_field']!r:.200}")
    return _Draft(" ".join(clean_text(instruction or "").split()), inputs, outputs)


def _names(value: Any) -> tuple[str, ...] | None:
    """Read one name or a list of names; None where it is neither."""
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return tuple(value)
    return None


def _check_instruction(draft: _Draft, _: _Sample) -> Verdict | None:
    if len(draft.instruction.split()) < MIN_WORDS:
        return _drop(Reason.INSTRUCTION_EMPTY, repr(draft.instruction))
    if len(draft.instruction) > MAX_INSTRUCTION:
        return _drop(Reason.INSTRUCTION_TOO_LONG, f"{len(draft.instruction)} characters")
    return None


def _check_named(draft: _Draft, _: _Sample) -> Verdict | None:
    if not draft.outputs:
        return _drop(Reason.OUTPUT_MISSING, "")
    if len(draft.outputs) > 1:
        return _drop(Reason.OUTPUT_NOT_SINGLE, ", ".join(draft.outputs))
    return None if draft.inputs else _drop(Reason.INPUT_MISSING, "")


def _check_known(draft: _Draft, sample: _Sample) -> Verdict | None:
    unknown = [name for name in (*draft.inputs, *draft.outputs) if name not in sample.fields]
    if unknown:
        return _drop(Reason.FIELD_UNKNOWN, ", ".join(unknown))
    unusable = [name for name in draft.inputs if not sample.fields[name].can_be_input]
    return _drop(Reason.INPUT_NOT_USABLE, ", ".join(unusable)) if unusable else None


def _check_inputs(draft: _Draft, _: _Sample) -> Verdict | None:
    if len(set(draft.inputs)) < len(draft.inputs):
        return _drop(Reason.FIELD_REPEATED, ", ".join(draft.inputs))
    if draft.outputs[0] in draft.inputs:
        return _drop(Reason.INPUT_OUTPUT_OVERLAP, draft.outputs[0])
    return None


def _check_output(draft: _Draft, sample: _Sample) -> Verdict | None:
    field = sample.fields[draft.outputs[0]]
    if field.kind not in SCALAR_KINDS:
        return _drop(Reason.OUTPUT_NOT_SCALAR, f"{field.name}: {field.kind}")
    texts = [output_text(field, value) for value in sample.values(field.name)]
    distinct = {text for text in texts if text is not None}
    if not distinct:
        return _drop(Reason.OUTPUT_CONSTANT, f"{field.name}: empty in all {len(texts)} rows")
    filled = len(texts) - texts.count(None)
    if len(distinct) == 1 and filled > 1:
        text = f"{field.name}: {distinct.pop()[:80]!r} in all {filled} filled rows"
        return _drop(Reason.OUTPUT_CONSTANT, text)
    return None


_CHECKS: tuple[Callable[[_Draft, _Sample], Verdict | None], ...] = (
    _check_instruction,
    _check_named,
    _check_known,
    _check_inputs,
    _check_output,
)


def _drop(reason: Reason, detail: str) -> Verdict:
    return Verdict(reason, shorten(clean_text(detail), _MAX_DETAIL))
