"""Files and batches of the demo LLM server, kept in memory.

A batch moves one state each time that it is looked at, so its course depends on no clock:
validating, in_progress, finalizing, completed; or failed, expired, or cancelling and cancelled.
What goes wrong with real batches goes wrong here on demand: see `BatchFaults`.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

CREATED = 1_790_000_000
ENDPOINT = "/v1/chat/completions"

# Answers one line of a batch: (batch id, custom id, request body) to (status, response body).
AnswerLine = Callable[[str, str, Any], tuple[int, Json]]


@dataclass
class BatchFaults:
    """What goes wrong with the batches of a server; may be changed while it runs.

    Attributes:
        forgets_keys: an `Idempotency-Key` does not keep the server from making a batch again.
        busy_submits: so many requests for a batch are answered by 429 before one is taken.
        lost_submits: so many batches are made whose making is answered by 500.
        refused: code and words for which every batch fails as a whole.
        slow_looks: so many looks find a batch in progress before it is worked on.
        expire_after: lines that are answered before the batch expires; None lets it complete.
        cancel_after: lines that are answered before a cancelled batch stops.
        statuses: by the line's number, from 1, the status that it fails with.
        missing: numbers of the lines that no file tells of.
        garbled: numbers of the lines that are answered, but by no chat completion.
        cut_downloads: so many downloads of output and error files break off in the middle.
        absent_downloads: so many of them are answered by 404.
        unnamed_files: so many looks at an ended batch find it without the ids of its files.
        forgotten: no batch is known any more.
        never_cancelled: a batch that is cancelled does not end.
    """

    forgets_keys: bool = False
    busy_submits: int = 0
    lost_submits: int = 0
    refused: tuple[str, str] | None = None
    slow_looks: int = 0
    expire_after: int | None = None
    cancel_after: int = 0
    statuses: Mapping[int, int] = field(default_factory=dict)
    missing: Collection[int] = ()
    garbled: Collection[int] = ()
    cut_downloads: int = 0
    absent_downloads: int = 0
    unnamed_files: int = 0
    forgotten: bool = False
    never_cancelled: bool = False


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
    looks: int = 0

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

    def __init__(self, answer_line: AnswerLine, faults: BatchFaults) -> None:
        self._answer_line = answer_line
        self._faults = faults
        self._files: dict[str, StoredFile] = {}
        self._batches: dict[str, Batch] = {}

    def add_file(self, filename: str, purpose: str, content: bytes) -> StoredFile:
        order = str(len(self._files)).encode()
        file_id = "file-demo-" + hashlib.sha256(order + b"\n" + content).hexdigest()[:20]
        self._files[file_id] = StoredFile(file_id, filename, purpose, content)
        return self._files[file_id]

    def file(self, file_id: str) -> StoredFile | None:
        return self._files.get(file_id)

    def batches(self, after: str | None = None) -> list[Batch]:
        """All batches, or those older than one, the newest first, without moving them on."""
        newest_first = list(reversed(self._batches.values()))
        ids = [batch.id for batch in newest_first]
        return newest_first[ids.index(after) + 1 :] if after in ids else newest_first

    def create(self, source: StoredFile, window: str, metadata: Json | None) -> Batch:
        order = str(len(self._batches)).encode()
        batch_id = "batch_demo_" + hashlib.sha256(order + source.id.encode()).hexdigest()[:20]
        batch = Batch(batch_id, ENDPOINT, source.id, window, metadata)
        self._batches[batch_id] = batch
        return batch

    def look(self, batch_id: str) -> Batch | None:
        """The batch, one state further than it was seen before."""
        batch = None if self._faults.forgotten else self._batches.get(batch_id)
        if batch is not None:
            step = {
                "validating": self._validate,
                "in_progress": self._answer,
                "finalizing": _complete,
                "cancelling": self._end_cancelled,
            }.get(batch.status)
            if step is not None:
                step(batch)
        return batch

    def cancel(self, batch_id: str) -> Batch | None:
        """Stop the batch where its lines are not answered yet; an ended batch stays as it is."""
        batch = None if self._faults.forgotten else self._batches.get(batch_id)
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
        if self._faults.refused is not None:
            code, message = self._faults.refused
            batch.errors.append({"code": code, "line": None, "message": message, "param": None})
        batch.status = "failed" if batch.errors else "in_progress"

    def _answer(self, batch: Batch) -> None:
        batch.looks += 1
        if batch.looks <= self._faults.slow_looks:
            return
        if self._faults.expire_after is None:
            self._work_off(batch, len(batch.requests), "")
            batch.status = "finalizing"
        else:
            self._work_off(batch, self._faults.expire_after, "batch_expired")
            batch.status = "expired"

    def _end_cancelled(self, batch: Batch) -> None:
        if self._faults.never_cancelled:
            return
        if self._faults.cancel_after:
            self._work_off(batch, self._faults.cancel_after, "batch_cancelled")
        batch.status = "cancelled"

    def _work_off(self, batch: Batch, limit: int, code: str) -> None:
        """Answer lines up to the limit; the files have them in the opposite order of the input."""
        good: list[str] = []
        bad: list[str] = []
        for number, request in enumerate(batch.requests, start=1):
            if number > limit:
                bad.append(_unanswered_line(request, code))
                continue
            status, body = self._answer_one(batch, number, request)
            if number not in self._faults.missing:
                (good if status == 200 else bad).append(_output_line(request, status, body))
        batch.completed, batch.failed = len(good), len(bad)
        batch.output_file_id = self._write(f"{batch.id}_output.jsonl", good)
        batch.error_file_id = self._write(f"{batch.id}_error.jsonl", bad)

    def _answer_one(self, batch: Batch, number: int, request: Json) -> tuple[int, Json]:
        status = self._faults.statuses.get(number, 200)
        if status != 200:
            return status, {"error": {"message": f"status {status}", "code": None}}
        if number in self._faults.garbled:
            return 200, {"choices": []}
        return self._answer_line(batch.id, request["custom_id"], request["body"])

    def _write(self, filename: str, lines: Sequence[str]) -> str | None:
        if not lines:
            return None
        content = "".join(line + "\n" for line in reversed(lines))
        return self.add_file(filename, "batch_output", content.encode()).id


def _complete(batch: Batch) -> None:
    batch.status = "completed"


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


def _unanswered_line(request: Json, code: str) -> str:
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    line = {
        "id": "batch_req_" + digest[:20],
        "custom_id": request["custom_id"],
        "response": None,
        "error": {"code": code, "message": "This request was not executed before the batch ended."},
    }
    return json.dumps(line)
