"""The strict JSON schema of an answer."""

from collections.abc import Sequence
from typing import Any


def task_schema(inputs: Sequence[str], outputs: Sequence[str]) -> dict[str, Any]:
    """Give the strict schema of an answer; its enums let a task name no fields but these."""
    task = closed_object(
        {
            "instruction": {"type": "string"},
            "input_fields": {"type": "array", "items": _one_of(inputs)},
            "output_field": _one_of(outputs),
        }
    )
    return closed_object({"tasks": {"type": "array", "items": task}})


def _one_of(names: Sequence[str]) -> dict[str, Any]:
    return {"type": "string", "enum": list(names)}


def closed_object(properties: dict[str, Any]) -> dict[str, Any]:
    """Give the schema of an object with these properties, all of them required, and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
