"""Files and batches of the demo LLM server, kept in memory.

A batch moves one state each time that it is looked at, so its course depends on no clock:
validating, in_progress, finalizing, completed; or failed, or cancelling and cancelled.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

CREATED = 1_790_000_000
ENDPOINT = "/v1/chat/completions"

# Answers one line of a batch: (batch id, custom id, request body) to (status, response body).
AnswerLine = Callable[[str, str, Any], tuple[int, Json]]


@dataclass(frozen=True)
class StoredFile:
    id: str
    filename: str
    purpose: str
    content: bytes

    def describe(self) -> Json:
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": CREATED,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
        }


@dataclass
class Batch:
    id: str
    endpoint: str
    input_file_id: str
    completion_window: str
    metadata: Json | None
    status: str = "validating"
    requests: list[Json] = field(default_factory=list)
    errors: list[Json] = field(default_factory=list)
    output_file_id: str | None = None
    error_file_id: str | None = None
    completed: int = 0
    failed: int = 0

    def describe(self) -> Json:
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.endpoint,
            "errors": {"object": "list", "data": self.errors} if self.errors else None,
            "input_file_id": self.input_file_id,
            "completion_window": self.completion_window,
            "status": self.status,
            "output_file_id": self.output_file_id,
            "error_file_id": self.error_file_id,
            "created_at": CREATED,
            "request_counts": {
                "total": len(self.requests),
                "completed": self.completed,
                "failed": self.failed,
            },
            "metadata": self.metadata,
        }


class BatchRoom:
    """The server's files and batches. A name that is not known gives None."""

    def __init__(self, answer_line: AnswerLine) -> None:
        self._answer_line = answer_line
        self._files: dict[str, StoredFile] = {}
        self._batches: dict[str, Batch] = {}

    def add_file(self, filename: str, purpose: str, content: bytes) -> StoredFile:
        order = str(len(self._files)).encode()
        file_id = "file-demo-" + hashlib.sha256(order + b"\n" + content).hexdigest()[:20]
        self._files[file_id] = StoredFile(file_id, filename, purpose, content)
        return self._files[file_id]

    def file(self, file_id: str) -> StoredFile | None:
        return self._files.get(file_id)

    def batches(self) -> list[Batch]:
        """All batches, the newest first, without moving them on."""
        return list(reversed(self._batches.values()))

    def create(self, source: StoredFile, window: str, metadata: Json | None) -> Batch:
        order = str(len(self._batches)).encode()
        batch_id = "batch_demo_" + hashlib.sha256(order + source.id.encode()).hexdigest()[:20]
        batch = Batch(batch_id, ENDPOINT, source.id, window, metadata)
        self._batches[batch_id] = batch
        return batch

    def look(self, batch_id: str) -> Batch | None:
        """The batch, one state further than it was seen before."""
        batch = self._batches.get(batch_id)
        if batch is not None:
            step = {
                "validating": self._validate,
                "in_progress": self._answer,
                "finalizing": _complete,
                "cancelling": _end_cancelled,
            }.get(batch.status)
            if step is not None:
                step(batch)
        return batch

    def cancel(self, batch_id: str) -> Batch | None:
        """Stop the batch where its lines are not answered yet; an ended batch stays as it is."""
        batch = self._batches.get(batch_id)
        if batch is not None and batch.status in ("validating", "in_progress"):
            batch.status = "cancelling"
        return batch

    def _validate(self, batch: Batch) -> None:
        lines = self._files[batch.input_file_id].content.decode("utf-8", "replace").splitlines()
        seen: set[str] = set()
        for number, line in enumerate(lines, start=1):
            fault = _line_fault(line, seen)
            if fault is None:
                batch.requests.append(json.loads(line))
            else:
                batch.errors.append(
                    {"code": "invalid_line", "line": number, "message": fault, "param": None}
                )
        if not lines:
            batch.errors.append(
                {"code": "empty_file", "line": None, "message": "The file is empty.", "param": None}
            )
        batch.status = "failed" if batch.errors else "in_progress"

    def _answer(self, batch: Batch) -> None:
        """Answer every line; the output file has them in the opposite order of the input."""
        good: list[str] = []
        bad: list[str] = []
        for request in batch.requests:
            status, body = self._answer_line(batch.id, request["custom_id"], request["body"])
            (good if status == 200 else bad).append(_output_line(request, status, body))
        batch.completed, batch.failed = len(good), len(bad)
        batch.output_file_id = self._write(f"{batch.id}_output.jsonl", good)
        batch.error_file_id = self._write(f"{batch.id}_error.jsonl", bad)
        batch.status = "finalizing"

    def _write(self, filename: str, lines: list[str]) -> str | None:
        if not lines:
            return None
        content = "".join(line + "\n" for line in reversed(lines))
        return self.add_file(filename, "batch_output", content.encode()).id


def _complete(batch: Batch) -> None:
    batch.status = "completed"


def _end_cancelled(batch: Batch) -> None:
    batch.status = "cancelled"


def _line_fault(line: str, seen: set[str]) -> str | None:
    """What is wrong with a line of the input file; notes its custom_id in `seen`."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return "This line is not parseable as valid JSON."
    if not isinstance(request, dict) or not isinstance(request.get("custom_id"), str):
        return "This line has no custom_id."
    if request["custom_id"] in seen:
        return f"The custom_id {request['custom_id']!r} is a duplicate."
    if request.get("method") != "POST" or request.get("url") != ENDPOINT:
        return f"This line must be a POST to {ENDPOINT}."
    if not isinstance(request.get("body"), dict):
        return "This line has no body."
    seen.add(request["custom_id"])
    return None


def _output_line(request: Json, status: int, body: Json) -> str:
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    response = {"status_code": status, "request_id": "req_" + digest[:20], "body": body}
    line = {
        "id": "batch_req_" + digest[:20],
        "custom_id": request["custom_id"],
        "response": response,
        "error": None,
    }
    return json.dumps(line, ensure_ascii=False)
