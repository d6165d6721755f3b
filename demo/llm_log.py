"""The demo LLM server's request log: what was asked, what was paid, and the answers for replay."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One request for an answer. `batch_id` and `custom_id` are set for a line of a batch."""

    path: str
    request_hash: str
    model: str | None
    status: int
    paid: bool
    prompt_tokens: int = 0
    completion_tokens: int = 0
    idempotency_key: str | None = None
    batch_id: str | None = None
    custom_id: str | None = None


@dataclass(frozen=True)
class Paid:
    """An answer that was paid under an idempotency key."""

    request_hash: str
    answer: Json


class RequestLog:
    """Counts requests and keeps paid answers, on disk where a path is given.

    A line is flushed to the operating system before `record` returns, so a killed server loses no
    line of an answer that has left it. A last line that was cut short is dropped on opening.
    """

    def __init__(self, path: Path | None) -> None:
        self._count = 0
        self._paid: dict[str, Paid] = {}
        self._file: TextIO | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._read_back(path)
            self._file = path.open("a", encoding="utf-8")

    def paid_answer(self, idempotency_key: str | None) -> Paid | None:
        return self._paid.get(idempotency_key) if idempotency_key else None

    def record(self, entry: Entry, answer: Json | None = None) -> None:
        """Write the line; the answer stands in it where a later request may ask for it again."""
        self._count += 1
        line: Json = {"n": self._count, **asdict(entry)}
        if entry.paid and entry.idempotency_key and answer is not None:
            line["answer"] = answer
        self._remember(line)
        if self._file is not None:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _remember(self, line: Json) -> None:
        if line["paid"] and "answer" in line:
            self._paid[line["idempotency_key"]] = Paid(line["request_hash"], line["answer"])

    def _read_back(self, path: Path) -> None:
        if not path.exists():
            return
        stored = path.read_bytes()
        whole = stored[: stored.rfind(b"\n") + 1]
        if len(whole) < len(stored):
            path.write_bytes(whole)
        for line in whole.splitlines():
            entry = json.loads(line)
            self._count = entry["n"]
            self._remember(entry)
