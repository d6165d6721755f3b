"""Instances for the tests of scorers."""

from collections.abc import Sequence

import pyarrow as pa

from dynosaur_etl.domain.schemas import SCORABLE


def instances(*texts: tuple[str, str, str], labels: Sequence[str] = ()) -> pa.Table:
    """Make instances of (instruction, input, output), all of one label space."""
    columns = {
        field.name: [0 if pa.types.is_integer(field.type) else ""] * len(texts)
        for field in SCORABLE
    }
    columns |= {
        "instance_key": [f"key-{number}" for number in range(len(texts))],
        "instruction": [text[0] for text in texts],
        "input": [text[1] for text in texts],
        "output": [text[2] for text in texts],
        "label_space": [list(labels)] * len(texts),
    }
    return pa.table(columns, schema=SCORABLE)
