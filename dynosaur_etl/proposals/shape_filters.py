"""The validity filters that need the names alone: what is there, and what is a field at all."""

from dynosaur_etl.domain.features import SCALAR_KINDS
from dynosaur_etl.domain.models import Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.proposals.draft import Draft, Sample, drop

MIN_WORDS = 3
MAX_INSTRUCTION = 1000


def instruction_empty(draft: Draft, _: Sample) -> Verdict | None:
    """The instruction has no letter."""
    if any(character.isalpha() for character in draft.instruction):
        return None
    return drop(Reason.INSTRUCTION_EMPTY, repr(draft.instruction))


def instruction_too_short(draft: Draft, _: Sample) -> Verdict | None:
    """The instruction has fewer than 3 words."""
    if len(draft.instruction.split()) >= MIN_WORDS:
        return None
    return drop(Reason.INSTRUCTION_TOO_SHORT, repr(draft.instruction))


def instruction_too_long(draft: Draft, _: Sample) -> Verdict | None:
    """The instruction is longer than 1,000 characters."""
    if len(draft.instruction) <= MAX_INSTRUCTION:
        return None
    return drop(Reason.INSTRUCTION_TOO_LONG, f"{len(draft.instruction)} characters")


def output_missing(draft: Draft, _: Sample) -> Verdict | None:
    """No output field is named."""
    return None if draft.output else drop(Reason.OUTPUT_MISSING, "")


def output_not_single(draft: Draft, _: Sample) -> Verdict | None:
    """More than one output field is named."""
    if len(draft.outputs) <= 1:
        return None
    return drop(Reason.OUTPUT_NOT_SINGLE, ", ".join(draft.outputs))


def input_missing(draft: Draft, _: Sample) -> Verdict | None:
    """No input field is named."""
    return None if draft.inputs else drop(Reason.INPUT_MISSING, "")


def field_unknown(draft: Draft, sample: Sample) -> Verdict | None:
    """A named field is none of the config's."""
    unknown = [name for name in (*draft.inputs, *draft.outputs) if sample.field(name) is None]
    return drop(Reason.FIELD_UNKNOWN, ", ".join(unknown)) if unknown else None


def input_not_usable(draft: Draft, sample: Sample) -> Verdict | None:
    """An input field holds structures, media or translations."""
    fields = [field for name in draft.inputs if (field := sample.field(name)) is not None]
    unusable = [field.name for field in fields if not field.can_be_input]
    return drop(Reason.INPUT_NOT_USABLE, ", ".join(unusable)) if unusable else None


def field_repeated(draft: Draft, _: Sample) -> Verdict | None:
    """An input field is named twice."""
    if len(set(draft.inputs)) == len(draft.inputs):
        return None
    return drop(Reason.FIELD_REPEATED, ", ".join(draft.inputs))


def input_output_overlap(draft: Draft, sample: Sample) -> Verdict | None:
    """An output field is an input field too, or a part of one."""
    both = [name for name in draft.outputs if {name, *_whole(name, sample)} & set(draft.inputs)]
    return drop(Reason.INPUT_OUTPUT_OVERLAP, ", ".join(both)) if both else None


def _whole(name: str, sample: Sample) -> tuple[str, ...]:
    """Give the nested field of which a field is a part."""
    field = sample.field(name)
    return (field.part_of,) if field is not None and field.part_of else ()


def output_not_scalar(draft: Draft, sample: Sample) -> Verdict | None:
    """The output field holds lists or structures."""
    field = sample.field(draft.output)
    if field is None or field.kind in SCALAR_KINDS:
        return None
    return drop(Reason.OUTPUT_NOT_SCALAR, f"{field.name}: {field.kind}")
