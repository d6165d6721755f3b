"""The strict JSON schema of an answer."""

from collections.abc import Sequence
from typing import Any


def task_schema(names: Sequence[str]) -> dict[str, Any]:
    """Give the strict schema of an answer; its enum lets a task name no field but these."""
    name = {"type": "string", "enum": list(names)}
    task = closed_object(
        {
            "instruction": {"type": "string"},
            "input_fields": {"type": "array", "items": name},
            "output_field": name,
        }
    )
    return closed_object({"tasks": {"type": "array", "items": task}})


def closed_object(properties: dict[str, Any]) -> dict[str, Any]:
    """Give the schema of an object with these properties, all of them required, and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
