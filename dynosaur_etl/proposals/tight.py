"""Our own wording of the request for tasks: tight rules, one invented demonstration, short rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from dynosaur_etl.domain.features import Field, FieldKind, usable_fields
from dynosaur_etl.domain.models import Config
from dynosaur_etl.domain.nested import flatten
from dynosaur_etl.domain.text import clean_text, shorten
from dynosaur_etl.proposals.fence import CLOSING_FENCE, INTRODUCTION, fenced_json
from dynosaur_etl.proposals.schema import task_schema
from dynosaur_etl.proposals.values import shown_value
from dynosaur_etl.proposals.wording import Wording

VERSION = "tight-3"
MAX_ANSWER_TOKENS = 400

MIN_FIELDS = 2
MAX_FIELDS = 60
MAX_FIELD_NAME = 100
MAX_SUMMARY = 600
MAX_LABELS = 20
MAX_LABEL = 30
SHOWN_ROWS = 2
MAX_VALUE = 200
MIN_VALUE = 40
ROW_CHARACTERS = 3000

SYSTEM = """\
Design instruction-tuning tasks from a dataset's fields. Answer with JSON alone: {"tasks": [...]}, \
one to three tasks {"instruction", "input_fields", "output_field"}.
- instruction: one or two English sentences on what is given and what to do with it. Its reader \
sees the inputs, never the dataset: name no dataset, table or column.
- input_fields: the fields that the instruction needs.
- output_field: one other field, a single value that follows from the inputs; no list, structure, \
identifier, link or date that nobody could work out.
- Tasks differ in what they ask for. If none is good: {"tasks": []}.
Example, fields complaint, department (label: billing, delivery), reply:
{"tasks": [{"instruction": "Decide which department handles the customer's complaint.", \
"input_fields": ["complaint"], "output_field": "department"}, {"instruction": "Write a polite \
reply to the complaint on behalf of the given department.", "input_fields": ["complaint", \
"department"], "output_field": "reply"}]}"""

_CLOSING = f"{CLOSING_FENCE}Design up to three tasks for this dataset."


def word_tightly(
    summary: str | None, dataset_id: str, config: Config, rows: Sequence[Mapping[str, Any]]
) -> Wording | None:
    """Word the request for one config; the card's summary is shown where it is given.

    The config's usable fields are shown, 60 at most, with their type where it is not text;
    whatever a field is called, none is hidden for its name. Of the rows the two with the fewest
    empty fields are shown, with values cut to 200 characters, or to fewer where the fields are
    many; the summary is cut to 600. A nested field of plain text is shown as the flat text that an
    instance has of it. The schema allows every shown field as an input, and as the output those of
    a single value.

    Returns:
        None where there are fewer than two usable fields, or none for an output.
    """
    fields = _offered(config)
    outputs = [field.name for field in fields if field.can_be_output]
    if len(fields) < MIN_FIELDS or not outputs:
        return None
    data: dict[str, Any] = {"dataset": dataset_id, "config": config.name}
    if summary is not None:
        data["summary"] = shorten(" ".join(summary.split()), MAX_SUMMARY)
    data["fields"] = [_described(field, config.features.get(field.name)) for field in fields]
    hidden = len(usable_fields(config.fields)) - len(fields)
    if hidden:
        data["fields_left_out"] = hidden
    data["rows"] = _shown_rows(fields, rows)
    return Wording(
        system=SYSTEM,
        user=INTRODUCTION + fenced_json(data) + _CLOSING,
        schema=task_schema([field.name for field in fields], outputs),
        max_tokens=MAX_ANSWER_TOKENS,
        version=VERSION,
    )


def _offered(config: Config) -> tuple[Field, ...]:
    """Give the fields that are shown: usable, with a name that fits into a schema's enum."""
    fields = [
        field
        for field in usable_fields(config.fields)
        if 0 < len(field.name) <= MAX_FIELD_NAME and field.name == clean_text(field.name)
    ]
    return tuple(fields[:MAX_FIELDS])


def _described(field: Field, feature: Any) -> dict[str, Any]:
    described: dict[str, Any] = {"name": field.name}
    if field.kind is not FieldKind.TEXT:
        described["type"] = _type_words(field, feature)
    if field.labels:
        described["labels"] = [shorten(label, MAX_LABEL) for label in field.labels[:MAX_LABELS]]
        if len(field.labels) > MAX_LABELS:
            described["labels_in_all"] = len(field.labels)
    return described


def _type_words(field: Field, feature: Any) -> str:
    if field.kind is FieldKind.TEXT_LIST:
        return "list of strings"
    if field.flattens:
        return "structure"
    if field.kind is FieldKind.NUMBER and isinstance(feature, Mapping):
        return shorten(str(feature.get("dtype")), MAX_LABEL)
    return str(field.kind)


def _shown_rows(fields: Sequence[Field], rows: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """Give each row as its values in the order of the fields, whose names are not repeated."""
    limit = max(MIN_VALUE, min(MAX_VALUE, ROW_CHARACTERS // len(fields)))

    def shown_cell(field: Field, value: Any) -> Any:
        if field.flattens and value is not None:
            value = flatten(field.name, value)
        return shown_value(field, value, limit)

    shown = [[shown_cell(field, row.get(field.name)) for field in fields] for row in rows]
    gaps = [sum(map(_is_gap, row)) for row in shown]
    best = sorted(range(len(shown)), key=lambda number: (gaps[number], number))[:SHOWN_ROWS]
    return [shown[number] for number in sorted(best)]


def _is_gap(value: Any) -> bool:
    return value is None or value == [] or (isinstance(value, str) and not value.strip())
