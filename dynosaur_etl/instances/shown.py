"""Sampled rows as an LLM is shown them and as outputs are compared: by the texts of instances."""

import json
from typing import Any

import pyarrow as pa

from dynosaur_etl.domain.features import SCALAR_KINDS, FieldKind
from dynosaur_etl.domain.models import Config
from dynosaur_etl.domain.rendering import readable
from dynosaur_etl.instances.rules import Column, Rules

_LITERALS = frozenset({FieldKind.NUMBER, FieldKind.BOOLEAN})


def shown_rows(config: Config, rows: pa.Table, rules: Rules) -> list[dict[str, Any]]:
    """Return rows whose values are written as the rules write them into instances.

    A scalar is its text; a number or a truth value is itself, where JSON writes it in the letters
    of its text. Lists and structures hold texts.

    Args:
        config: whose fields the columns are.
        rows: sampled rows.
        rules: by which instances are filled.
    """
    fields = {field.name: field for field in config.fields}
    cells = {
        name: _cells(Column(fields[name], config.features[name], one_array(rows[name])), rules)
        for name in rows.column_names
    }
    return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """Return a column in one piece."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _cells(column: Column, rules: Rules) -> list[Any]:
    kind = column.field.kind
    if kind not in SCALAR_KINDS:
        cells: list[Any] = readable(column.values, column.feature).to_pylist()
        return cells
    texts: list[str | None] = rules.scalar_text(column).to_pylist()
    return [_literal(text) for text in texts] if kind in _LITERALS else texts


def _literal(text: str | None) -> Any:
    """Return the JSON value whose writing is the text; the text where there is none."""
    try:
        value = json.loads(text or "null")
    except ValueError:
        return text
    return value if json.dumps(value) == text else text
