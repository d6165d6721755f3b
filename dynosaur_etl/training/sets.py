"""Sets to train on and to evaluate on, read from a version's folder or a file of one's own."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.training.examples import Message, as_messages

PARTS: Mapping[str, str] = {"train": "data/train-*", "test": "data/test-*", "full": "full/train-*"}
"""The parts of a version: what was selected, what is held out, and the whole pool."""

LABEL, SHORT, TEXT = "label", "short answer", "text"
SHORT_WORDS = 5
SUFFIXES = (".parquet", ".jsonl", ".csv")
_PAIRS = (
    ("instruction", "output"), ("instruction", "response"), ("prompt", "completion"),
    ("prompt", "response"), ("question", "answer"), ("input", "output"),
)  # fmt: skip


@dataclass(frozen=True)
class Example:
    """A prompt and its answers.

    Attributes:
        key: names it within its set.
        turns: of the prompt, the user's last.
        answers: all that are right; the first is what is learnt.
        task: that it belongs to.
        source: of the task.
        kind: `label`, `short answer` or `text`.
        labels: the closed list of answers, empty where the answer is open.
        quality: from 0 to 1, where the set tells it.
        day: growth day that brought it, empty where the set does not tell.
    """

    key: str
    turns: tuple[Message, ...]
    answers: tuple[str, ...]
    task: str
    source: str
    kind: str = TEXT
    labels: tuple[str, ...] = ()
    quality: float | None = None
    day: str = ""

    @property
    def answer(self) -> str:
        return self.answers[0]

    @property
    def prompt(self) -> str:
        """The text of the prompt's last turn: instruction and input."""
        return self.turns[-1]["content"]


@dataclass(frozen=True)
class ExampleSet:
    """Examples in their order, and what they are.

    Attributes:
        name: of the version, file or folder.
        digest: of all that is read of it, SHA-256 in hex.
        rejected: rows that are no example, by reason.
    """

    name: str
    digest: str
    examples: tuple[Example, ...]
    rejected: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def sources(self) -> frozenset[str]:
        return frozenset(example.source for example in self.examples)

    @property
    def tasks(self) -> frozenset[str]:
        return frozenset(example.task for example in self.examples)

    def take(self, positions: Iterable[int], name: str) -> "ExampleSet":
        """Return some of the examples, in the order of the positions, as a set of its own."""
        chosen = [self.examples[position] for position in positions]
        keys = [example.key for example in chosen]
        return ExampleSet(name, digest("part", self.digest, keys), tuple(chosen))


def read_set(folder: Path, part: str = "train") -> ExampleSet:
    """Read a part of a version, or a Parquet, JSONL or CSV file, or a folder of such files.

    A version's rows keep the order of selection. Rows of one's own have `messages`, whose last turn
    is the answer, or two columns such as `prompt` and `completion`; `task` and `source` are taken
    from columns of these names, or of a version's names.

    Raises:
        InvalidInput: there is no such file or part, it cannot be read, or no row is an example.
    """
    if part not in PARTS:
        raise InvalidInput(not_allowed("part", part, PARTS.keys()))
    if is_version(folder):
        files = sorted(folder.glob(f"{PARTS[part]}.parquet"))
        name = f"{folder.name} {part}"
        labels = _label_spaces(folder)
    else:
        files, name, labels = _files(folder), folder.stem, {}
    if not files:
        allowed = "a part that the version holds; `full` and `test` are there by setting"
        raise InvalidInput(not_allowed(f"part of {folder}", part, allowed))
    found = example_set(name, _digest(files), _rows(files), labels)
    if not found.examples:
        allowed = "rows with messages, or with a prompt and an answer"
        raise InvalidInput(not_allowed(f"rows of {folder}", dict(found.rejected), allowed))
    return found


def example_set(
    name: str,
    sha256: str,
    rows: Iterable[Mapping[str, Any]],
    labels: Mapping[str, Sequence[str]] = {},
) -> ExampleSet:
    """Return the examples among some rows.

    Args:
        name: of the set.
        sha256: of its content.
        rows: see `read_set`.
        labels: the label space of each task that has one.
    """
    examples: list[Example] = []
    rejected: Counter[str] = Counter()
    for number, row in enumerate(rows):
        found = _example(row, number, labels)
        if isinstance(found, str):
            rejected[found] += 1
        else:
            examples.append(found)
    return ExampleSet(name, sha256, _with_kinds(examples), dict(rejected))


def is_version(folder: Path) -> bool:
    return (folder / "manifest.json").is_file() and (folder / "data").is_dir()


def _example(
    row: Mapping[str, Any], number: int, labels: Mapping[str, Sequence[str]]
) -> Example | str:
    turns = _turns(row)
    if turns is None:
        return "no prompt and answer"
    *prompt, last = turns
    if not last["content"].strip():
        return "empty answer"
    if not prompt or last["role"] != "assistant":
        return "last turn is no answer"
    task = str(row.get("task_key") or row.get("task") or prompt[-1]["content"].split("\n\n")[0])
    quality = row.get("quality")
    return Example(
        key=str(row.get("instance_key") or number),
        turns=tuple(prompt),
        answers=(last["content"],),
        task=task,
        source=str(row.get("dataset") or row.get("source") or task),
        labels=tuple(labels.get(task, ())),
        quality=None if quality is None else float(quality),
        day=str(row.get("growth_day") or ""),
    )


def _turns(row: Mapping[str, Any]) -> list[Message] | None:
    if row.get("messages"):
        return [
            {"role": str(turn["role"]), "content": str(turn["content"] or "")}
            for turn in row["messages"]
        ]
    for asked, said in _PAIRS:
        if isinstance(row.get(asked), str) and isinstance(row.get(said), str):
            given = str(row.get("input") or "") if asked == "instruction" else ""
            return as_messages({"instruction": row[asked], "input": given, "output": row[said]})
    return None


def _with_kinds(examples: Sequence[Example]) -> tuple[Example, ...]:
    """Give every example the kind of its task: a closed list of answers, short ones, or text."""
    words: dict[str, list[int]] = {}
    for example in examples:
        words.setdefault(example.task, []).append(len(example.answer.split()))
    short = {task for task, numbers in words.items() if median(numbers) <= SHORT_WORDS}
    return tuple(
        replace(example, kind=LABEL if example.labels else SHORT if example.task in short else TEXT)
        for example in examples
    )


def _label_spaces(folder: Path) -> dict[str, Sequence[str]]:
    tasks = pq.read_table(folder / "tasks.parquet", columns=["task_key", "label_space"])
    return {row["task_key"]: row["label_space"] for row in tasks.to_pylist() if row["label_space"]}


def _files(folder: Path) -> list[Path]:
    if folder.is_file() and folder.suffix in SUFFIXES:
        return [folder]
    found = [sorted(folder.rglob(f"*{suffix}")) for suffix in SUFFIXES] if folder.is_dir() else []
    files = next((files for files in found if files), [])
    if not files:
        allowed = f"a version, or a file or folder of {', '.join(SUFFIXES)}"
        raise InvalidInput(not_allowed("set", str(folder), allowed))
    return files


def _rows(files: Sequence[Path]) -> Iterator[Mapping[str, Any]]:
    for file in files:
        try:
            yield from _READERS[file.suffix](file)
        except (pa.ArrowInvalid, ValueError, OSError) as error:
            raise InvalidInput(f"set {str(file)!r} cannot be read: {error}") from error


def _parquet_rows(file: Path) -> Iterator[Mapping[str, Any]]:
    for batch in pq.ParquetFile(file).iter_batches():
        yield from batch.to_pylist()


def _json_rows(file: Path) -> Iterator[Mapping[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line) if line.strip() else None
            if isinstance(row, dict):
                yield row


def _csv_rows(file: Path) -> Iterator[Mapping[str, Any]]:
    import csv

    with file.open(encoding="utf-8-sig", newline="") as lines:
        yield from csv.DictReader(lines)


_READERS = {".parquet": _parquet_rows, ".jsonl": _json_rows, ".csv": _csv_rows}


def _digest(files: Sequence[Path]) -> str:
    digests = []
    for file in files:
        with file.open("rb") as opened:
            digests.append(hashlib.file_digest(opened, "sha256").hexdigest())
    return digest("set", digests)
