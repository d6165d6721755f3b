"""The demo's LLM server as a process, and requests to it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai

from demo.llm_completion import MODEL

ROOT = Path(__file__).resolve().parents[2]

FIELDS: list[dict[str, Any]] = [
    {"name": "review_text", "type": "string"},
    {"name": "sentiment", "type": "ClassLabel", "labels": ["negative", "positive"]},
    {"name": "cafe", "type": "string"},
    {"name": "id", "type": "int64"},
]
ROWS = [{"review_text": "The {soup} was cold.", "sentiment": "negative", "cafe": "Anchor", "id": 1}]


@contextmanager
def running(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server process of its own and the address that it announces."""
    command = [sys.executable, "-m", "demo.llm_server", "--port", "0", *options]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            announcement = process.stderr.readline()
            assert "NO LLM" in announcement
            yield announcement.split(" answers at ")[1].split(". ")[0], process
        finally:
            process.kill()


def client_of(address: str, key: str = "any") -> openai.OpenAI:
    return openai.OpenAI(base_url=address, api_key=key, max_retries=0)


def lines_of(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def request(note: str = "", **changes: Any) -> dict[str, Any]:
    """A request as the product sends it: prose, the fenced data, the strict schema."""
    data = {"dataset": "riverside/cafe-reviews", "fields": FIELDS, "rows": ROWS}
    names = [field["name"] for field in FIELDS]
    task = {
        "type": "object",
        "additionalProperties": False,
        "required": ["instruction", "input_fields", "output_field"],
        "properties": {
            "instruction": {"type": "string"},
            "input_fields": {"type": "array", "items": {"type": "string", "enum": names}},
            "output_field": {"type": "string", "enum": names},
        },
    }
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["tasks"],
        "properties": {"tasks": {"type": "array", "items": task}},
    }
    text = (
        f"Design {{up to}} three tasks. {note}\n```json\n{json.dumps(data)}\n```\nAnswer in JSON."
    )
    return {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "You design tasks."},
            {"role": "user", "content": text},
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "tasks", "strict": True, "schema": schema},
        },
        **changes,
    }
