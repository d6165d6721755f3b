"""Evaluation sets that come as a folder of tasks: Super-NaturalInstructions', and BIG-bench's.

Super-NI has `tasks/taskNNN_name.json` with `Definition` and `Instances`, and names its test tasks
in `splits/default/test_tasks.txt`; BIG-bench has `task.json`, with a `task_prefix` and `examples`.
The instruction is the definition alone, without the demonstrations.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.training.examples import as_messages
from dynosaur_etl.training.sets import LABEL, SHORT, SHORT_WORDS, TEXT, Example, ExampleSet

MOST_LABELS = 10
_TEST_TASKS = "splits/default/test_tasks.txt"
_NUMBER = re.compile(r"^(?:sub)?task\d+_")


def read_tasks(folder: Path, per_task: int = 0, seed: int = 0) -> ExampleSet:
    """Read a folder of tasks as an evaluation set.

    Args:
        folder: of Super-NI's layout, or with BIG-bench's task files.
        per_task: most examples of a task, drawn by the seed; 0 for all.
        seed: of the draw, which depends on the task's name too.

    Raises:
        InvalidInput: the folder holds no task, or a file is none.
    """
    files = _task_files(folder)
    if not files:
        raise InvalidInput(not_allowed("tasks", str(folder), "a folder with task files (.json)"))
    examples = [example for file in files for example in _drawn(file, folder, per_task, seed)]
    keys = [[example.key, *example.answers] for example in examples]
    return ExampleSet(folder.name, digest("tasks", keys), tuple(examples))


def _task_files(folder: Path) -> list[Path]:
    found = sorted(folder.rglob("task.json"))
    if found:
        return found
    place = folder / "tasks" if (folder / "tasks").is_dir() else folder
    chosen = folder / _TEST_TASKS
    if chosen.is_file():
        names = chosen.read_text(encoding="utf-8").split()
        return [place / f"{name}.json" for name in names]
    return sorted(place.glob("*.json"))


def _drawn(file: Path, folder: Path, per_task: int, seed: int) -> Sequence[Example]:
    name = file.parent.name if file.name == "task.json" and file.parent != folder else file.stem
    examples = list(_examples(name, _read(file)))
    if not per_task or len(examples) <= per_task:
        return examples
    at = sorted(Random(f"{seed} {name}").sample(range(len(examples)), per_task))  # noqa: S311
    return [examples[position] for position in at]


def _read(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"task {str(file)!r} cannot be read: {error}") from error
    if not isinstance(found, dict) or not {"examples", "Instances"} & found.keys():
        raise InvalidInput(not_allowed(f"task {file.name}", "no examples", "examples or Instances"))
    return found


def _examples(name: str, task: Mapping[str, Any]) -> Iterator[Example]:
    instruction, pairs = _super_ni(task) if "Instances" in task else _big_bench(task)
    source = _source(name, task)
    labels = _labels([answers[0] for _, answers in pairs])
    lengths = sorted(len(answers[0].split()) for _, answers in pairs)
    is_short = bool(lengths) and lengths[len(lengths) // 2] <= SHORT_WORDS
    kind = LABEL if labels else SHORT if is_short else TEXT
    for number, (given, answers) in enumerate(pairs):
        row = {"instruction": instruction, "input": given, "output": ""}
        turns = tuple(as_messages(row)[:1])
        yield Example(f"{name}:{number}", turns, answers, name, source, kind, labels)


def _super_ni(task: Mapping[str, Any]) -> tuple[str, list[tuple[str, tuple[str, ...]]]]:
    words = task.get("Definition", "")
    instruction = " ".join(words) if isinstance(words, list) else str(words)
    return instruction, _pairs(task["Instances"], "output")


def _big_bench(task: Mapping[str, Any]) -> tuple[str, list[tuple[str, tuple[str, ...]]]]:
    instruction = str(task.get("task_prefix") or task.get("description", ""))
    return instruction, _pairs(task["examples"], "target")


def _pairs(rows: Sequence[Mapping[str, Any]], answer: str) -> list[tuple[str, tuple[str, ...]]]:
    found = []
    for row in rows:
        said = row.get(answer) or [name for name, score in _scores(row) if score > 0]
        answers = tuple(str(text) for text in (said if isinstance(said, list) else [said]))
        right = tuple(text for text in answers if text.strip())
        if right:
            found.append((str(row.get("input", "")), right))
    return found


def _scores(row: Mapping[str, Any]) -> list[tuple[str, float]]:
    """The choices of BIG-bench's tasks of several choices, with their scores."""
    scores = row.get("target_scores")
    return list(scores.items()) if isinstance(scores, dict) else []


def _labels(answers: Sequence[str]) -> tuple[str, ...]:
    """The closed list of answers, where a task has so few that each stands for many examples."""
    distinct = sorted(set(answers))
    is_closed = 1 < len(distinct) <= MOST_LABELS and len(answers) >= 10 * len(distinct)
    return tuple(distinct) if is_closed else ()


def _source(name: str, task: Mapping[str, Any]) -> str:
    told = task.get("Source")
    if isinstance(told, list) and told:
        return str(told[0])
    return _NUMBER.sub("", name).split("_")[0]
