"""A proposal with its parts as they were named, and the sampled rows that it is held against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from dynosaur_etl.domain.features import Field, FieldKind
from dynosaur_etl.domain.missing import MISSING, minus_one_is_missing
from dynosaur_etl.domain.models import Config, Verdict
from dynosaur_etl.domain.nested import flatten
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.text import clean_text, shorten
from dynosaur_etl.proposals.meanings import Meanings
from dynosaur_etl.proposals.parse import RawProposal
from dynosaur_etl.proposals.profiles import Profile
from dynosaur_etl.proposals.values import output_text

MAX_LISTED = 100
_MAX_DETAIL = 300
_OTHER_NAMES = {"input_fields": "input_field", "output_field": "output_fields"}


@dataclass(frozen=True)
class Draft:
    """A proposal of the right shape.

    Attributes:
        repairs: what was put right in reading it, one word each.
    """

    instruction: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    repairs: tuple[str, ...] = ()

    @property
    def output(self) -> str:
        """The first output field, empty where there is none."""
        return self.outputs[0] if self.outputs else ""


class Sample:
    """A config's fields and sampled rows, and what instructions are held against.

    Attributes:
        languages: that an instruction may be written in.
        meanings: by which phrases are compared; None leaves the filters out that need them.
    """

    def __init__(
        self,
        config: Config,
        rows: Sequence[Mapping[str, Any]],
        languages: Sequence[str],
        meanings: Meanings | None = None,
    ) -> None:
        self.dataset_id = config.dataset_id
        self.meanings = meanings
        self.fields = {field.name: field for field in config.fields}
        self.features = config.features
        self.rows = rows
        self.languages = frozenset(languages)
        self._texts: dict[str, list[str | None]] = {}
        self._profiles: dict[str, Profile] = {}

    @cached_property
    def field_names(self) -> tuple[str, ...]:
        return tuple(self.fields)

    @cached_property
    def distinct(self) -> tuple[int, ...]:
        """The numbers of the rows without those that repeat an earlier one."""
        first: dict[str, int] = {}
        for number, row in enumerate(self.rows):
            first.setdefault(repr(row), number)
        return tuple(first.values())

    def field(self, name: str) -> Field | None:
        return self.fields.get(name)

    def profile(self, name: str) -> Profile:
        """Tell what a known field's values look like, over rows that do not repeat."""
        if name not in self._profiles:
            field = self.fields[name]
            readable = field.can_be_output or field.flattens
            texts = self.texts(name) if readable else list(map(_listed, self.values(name)))
            self._profiles[name] = Profile(field, tuple(texts[row] for row in self.distinct))
        return self._profiles[name]

    def values(self, name: str) -> list[Any]:
        return [row.get(name) for row in self.rows]

    def texts(self, name: str) -> list[str | None]:
        """Give a known field's values as outputs are compared, None where a row has none.

        Of a nested field it is the flat text that an instance has of it.
        """
        if name not in self._texts:
            values = self.values(name)
            if self.fields[name].kind is FieldKind.NUMBER and _minus_one_is_missing(values):
                values = [None if value == MISSING else value for value in values]
            self._texts[name] = [self._text(name, value) for value in values]
        return self._texts[name]

    def _text(self, name: str, value: Any) -> str | None:
        if self.fields[name].flattens:
            return None if value is None else flatten(name, value)
        return output_text(self.fields[name], value)


def _minus_one_is_missing(values: Sequence[Any]) -> bool:
    whole = all(isinstance(value, int | None) and not isinstance(value, bool) for value in values)
    return whole and minus_one_is_missing(values)


def _listed(value: Any) -> str | None:
    """Give a list's values in one text; None for an empty one and for anything else."""
    return ", ".join(map(str, value[:MAX_LISTED])) or None if isinstance(value, list) else None


def drop(reason: Reason, detail: str) -> Verdict:
    """Give the verdict that drops a proposal, its detail made fit for the database."""
    return Verdict(reason, shorten(clean_text(detail), _MAX_DETAIL))


def read_draft(payload: Any) -> Draft | Verdict:
    """Read a proposal's parts; a bare name counts as a list of one."""
    if not isinstance(payload, dict):
        return drop(Reason.ANSWER_WRONG_SHAPE, f"a {type(payload).__name__}, no object")
    payload, repairs = _with_known_names(payload)
    instruction = payload.get("instruction")
    inputs, outputs = _names(payload.get("input_fields")), _names(payload.get("output_field"))
    if not isinstance(instruction, str | None):
        return drop(Reason.ANSWER_WRONG_SHAPE, f"instruction: {instruction!r:.200}")
    if inputs is None:
        return drop(Reason.ANSWER_WRONG_SHAPE, f"input_fields: {payload['input_fields']!r:.200}")
    if outputs is None:
        return drop(Reason.ANSWER_WRONG_SHAPE, f"output_field: {payload['output_field']!r:.200}")
    if inputs and isinstance(payload["input_fields"], str):
        repairs = (*repairs, "bare_input")
    return Draft(" ".join(clean_text(instruction or "").split()), inputs, outputs, repairs)


def without_repeats(draft: Draft) -> Draft:
    """Give the draft with each input field named once."""
    inputs = tuple(dict.fromkeys(draft.inputs))
    if inputs == draft.inputs:
        return draft
    return replace(draft, inputs=inputs, repairs=(*draft.repairs, "repeat_removed"))


def split_outputs(proposals: Sequence[RawProposal]) -> tuple[list[RawProposal], int]:
    """Make of each proposal with several outputs one for each; the first keeps the position.

    Returns:
        The proposals with the further ones at the end, and how many were split.
    """
    first: list[RawProposal] = []
    further: list[dict[str, Any]] = []
    split = 0
    for raw in proposals:
        outputs = _several_outputs(raw.payload)
        if outputs:
            split += 1
            parts = [{**raw.payload, "output_field": name} for name in outputs]
            first.append(RawProposal(raw.position, parts[0]))
            further += parts[1:]
        else:
            first.append(raw)
    start = 1 + max((raw.position for raw in proposals), default=-1)
    return first + [RawProposal(start + n, part) for n, part in enumerate(further)], split


def _several_outputs(payload: Any) -> list[str]:
    """Give the distinct outputs of a proposal that names more than one, else nothing."""
    outputs = _names(payload.get("output_field")) if isinstance(payload, dict) else None
    distinct = list(dict.fromkeys(outputs or ()))
    return distinct if outputs and len(outputs) > 1 else []


def _with_known_names(payload: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Rename `input_field` and `output_fields`, which LLMs without a schema write now and then."""
    renamed = {
        name: payload[other]
        for name, other in _OTHER_NAMES.items()
        if name not in payload and other in payload
    }
    return {**payload, **renamed}, ("renamed",) if renamed else ()


def _names(value: Any) -> tuple[str, ...] | None:
    """Read one name or a list of names; None where it is neither."""
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return tuple(value)
    return None
