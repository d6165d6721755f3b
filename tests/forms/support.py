"""Rows as a file of JSON lines would hold them, with the features that the reader gives them."""

from collections.abc import Mapping, Sequence
from typing import Any

from dynosaur_etl.forms.find import find_form
from dynosaur_etl.forms.form import FoundForm
from dynosaur_etl.forms.instances import Made, NativeInstance, NativeRules, RefusedRow
from dynosaur_etl.forms.native import native_instances
from dynosaur_etl.forms.values import decoded_rows
from dynosaur_etl.hub.json_records import json_columns

Rows = Sequence[Mapping[str, Any]]


def stored(rows: Rows) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return features and rows as they come out of a store of Parquet."""
    table, features = json_columns(rows)
    return features, decoded_rows(features, table.to_pylist())


def form_of(rows: Rows) -> FoundForm | None:
    return find_form(*stored(rows))


def made_of(rows: Rows, rules: NativeRules | None = None) -> list[Made]:
    features, values = stored(rows)
    found = find_form(features, values)
    assert found is not None, "no form was found"
    return list(native_instances(found, values, rules or NativeRules()))


def instances_of(rows: Rows, rules: NativeRules | None = None) -> list[NativeInstance]:
    return [made for made in made_of(rows, rules) if isinstance(made, NativeInstance)]


def refusals_of(rows: Rows, rules: NativeRules | None = None) -> list[tuple[int, str]]:
    return [
        (made.row, str(made.reason))
        for made in made_of(rows, rules)
        if isinstance(made, RefusedRow)
    ]


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **more}
