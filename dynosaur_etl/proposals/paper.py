"""The paper's form of the request, with its truncation rules and demonstrations of our own.

From the released code of Dynosaur (arXiv 2305.14327): two demonstrations, two rows, values cut to
1,000 characters, lists and flat dictionaries to 1,000 characters of their JSON; nested values,
nulls and every field whose name holds "id" are left out; answers of 256 tokens. Its wording and its
demonstrations (SQuAD, ANLI, MathQA, CommonGen) are not copied, and ours are shorter. Two things are
not the paper's: the data is fenced, and the list of fields stands inside the fence.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from dynosaur_etl.domain.features import Field, FieldKind
from dynosaur_etl.domain.models import Config
from dynosaur_etl.domain.text import clean_json, clean_text
from dynosaur_etl.proposals.fence import CLOSING_FENCE, INTRODUCTION, fenced_json
from dynosaur_etl.proposals.values import label_name
from dynosaur_etl.proposals.wording import Wording

VERSION = "paper-1"
MAX_ANSWER_TOKENS = 256
MIN_FIELDS = 2
MAX_VALUE = 1000
SHOWN_ROWS = 2
HIDDEN = "id"

SYSTEM = "You are a helpful assistant for task design."

_DEMONSTRATION_ROWS: tuple[dict[str, Any], ...] = (
    {
        "dataset": "harbour-logbook",
        "summary": "The harbour logbook holds entries that the harbour master of a small port "
        "wrote about ships, cargo and weather between 1921 and 1938. Volunteers transcribed them, "
        "and wrote for every entry a question that it answers, with the answer in their own words. "
        "It is meant for research on reading comprehension over short historical texts.",
        "fields": ["entry", "question", "answer"],
        "rows": [
            {
                "entry": "At six in the morning the Marigold came in from the north with timber "
                "for Hansen and Sons, her foremast broken in the gale of the night before. Two men "
                "were brought to the doctor. The pilot asked that nobody else be let in before "
                "noon, since the bar was breaking and the buoy at the western end had gone adrift. "
                "The mail boat waited outside until one o'clock and then made for the fishing "
                "harbour on the other side of the bay.",
                "question": "Why did the mail boat not come in?",
                "answer": "The bar was breaking, and the pilot had asked to let nobody in.",
            },
            {
                "entry": "Calm and very warm. The dredger has worked at the inner basin since "
                "Monday and will be done on Friday if the coal lasts. Captain Orr paid the dues "
                "for the Alice and for the Speedwell, four pounds and two shillings in all.",
                "question": "For how many ships did Captain Orr pay?",
                "answer": "For two, the Alice and the Speedwell.",
            },
        ],
    },
    {
        "dataset": "museum-claims",
        "summary": "Museum claims pairs the text of a label beside an exhibit with a statement of "
        "a visitor, and says whether the label supports the statement, contradicts it, or does not "
        "settle it. The statements were written by visitors of three museums of technology, the "
        "judgements by two curators each.",
        "fields": ["label_text", "statement", "judgement"],
        "rows": [
            {
                "label_text": "Steam pump, built in 1874 for the waterworks. It ran day and night "
                "for forty years and was stopped for repairs only twice.",
                "statement": "The pump was still running in 1900.",
                "judgement": "supported",
            },
            {
                "label_text": "Loom of the second half of the nineteenth century, from a mill on "
                "the river. The last owner used it to show visitors how cloth was made.",
                "statement": "The loom was the first one in the region.",
                "judgement": "not settled",
            },
        ],
    },
)
_DEMONSTRATION_TASKS: tuple[dict[str, Any], ...] = (
    {
        "task1": {
            "instruction": "Read the logbook entry and answer the question about it.",
            "input_fields": ["entry", "question"],
            "output_field": ["answer"],
        },
        "task2": {
            "instruction": "Ask a question that the given logbook entry answers.",
            "input_fields": ["entry"],
            "output_field": ["question"],
        },
        "task3": {
            "instruction": "Given an answer, write a question that it could belong to.",
            "input_fields": ["answer"],
            "output_field": ["question"],
        },
    },
    {
        "task1": {
            "instruction": "Decide whether the label supports the visitor's statement, contradicts "
            "it, or does not settle it.",
            "input_fields": ["label_text", "statement"],
            "output_field": ["judgement"],
        },
        "task2": {
            "instruction": "Write a statement about the exhibit that stands in the given relation "
            "to its label.",
            "input_fields": ["label_text", "judgement"],
            "output_field": ["statement"],
        },
    },
)

_REQUEST = (
    "Based on the information about the dataset, design up to three different tasks that its "
    "fields can serve. Write each task as a dictionary with an 'instruction', a list of "
    "'input_fields' and a list of one 'output_field'."
)
_NOTE = (
    "Note that input fields and output field must not be duplicated, and must appear in the "
    "dataset's list of fields. Write nothing outside the dictionary "
    "{'task1': {...}, 'task2': {...}, 'task3': {...}}."
)


def word_like_the_paper(
    summary: str | None, dataset_id: str, config: Config, rows: Sequence[Mapping[str, Any]]
) -> Wording | None:
    """Word the request for one config; the card's summary is shown where it is given.

    Returns:
        None where the paper's rules leave fewer than two fields.
    """
    shown = [_shown_row(config.fields, row) for row in rows[:SHOWN_ROWS]]
    names = [field.name for field in config.fields if any(field.name in row for row in shown)]
    if len(names) < MIN_FIELDS:
        return None
    data: dict[str, Any] = {"dataset": f"{dataset_id}/{config.name}"}
    if summary is not None:
        data["summary"] = clean_text(summary[:MAX_VALUE])
    data |= {"fields": [clean_text(name) for name in names], "rows": shown}
    demonstrations = "".join(map(_demonstration, _demonstrations(with_summary=summary is not None)))
    return Wording(
        system=SYSTEM,
        user=f"{demonstrations}{INTRODUCTION}{fenced_json(data)}{CLOSING_FENCE}{_REQUEST} {_NOTE}",
        schema=None,
        max_tokens=MAX_ANSWER_TOKENS,
        version=VERSION,
    )


def may_be_shown(field: Field) -> bool:
    """Tell whether the paper's rules show a field at all, whatever its values."""
    is_column = not field.part_of and HIDDEN not in field.name
    return is_column and field.kind not in {FieldKind.MEDIA, FieldKind.OTHER}


def _demonstrations(*, with_summary: bool) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    left_out = set() if with_summary else {"summary"}
    shown = [{k: v for k, v in data.items() if k not in left_out} for data in _DEMONSTRATION_ROWS]
    return list(zip(shown, _DEMONSTRATION_TASKS, strict=True))


def _demonstration(pair: tuple[dict[str, Any], dict[str, Any]]) -> str:
    data, tasks = pair
    return f"Example.\n{fenced_json(data)}\n{_REQUEST}\n{tasks!r}\n\n"


def _shown_row(fields: Sequence[Field], row: Mapping[str, Any]) -> dict[str, Any]:
    values = ((field, _shown(field, row.get(field.name))) for field in fields)
    return {clean_text(field.name): value for field, value in values if value is not None}


def _shown(field: Field, value: Any) -> Any:
    """Cut a value by the paper's rules; None where it is left out."""
    if not may_be_shown(field):
        return None
    value = clean_json(label_name(field, value))
    if isinstance(value, dict | list):
        return None if _is_nested(value) else _cut_json(value)
    if isinstance(value, datetime | date | time | timedelta | Decimal):
        return str(value)
    if isinstance(value, str):
        return clean_text(value[:MAX_VALUE])
    if isinstance(value, int) and not isinstance(value, bool):
        return value if len(str(value)) <= MAX_VALUE else str(value)[:MAX_VALUE]
    return value if isinstance(value, bool | float) else None


def _is_nested(value: dict[str, Any] | list[Any]) -> bool:
    items = value.values() if isinstance(value, dict) else value
    return any(isinstance(item, dict | list | bytes) for item in items)


def _cut_json(value: dict[str, Any] | list[Any]) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:MAX_VALUE]
