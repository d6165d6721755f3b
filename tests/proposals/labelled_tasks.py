"""Tasks that were read by hand: real ones of the recording, and invented ones of every kind.

`labelled/recorded.jsonl` holds a label and a sentence for each recorded task that has rows, by its
line in `recorded_tasks.jsonl`; `invented_fit.jsonl` and `invented_held_out.jsonl` hold datasets
with rows and tasks over them. Limits and words of the filters were set on the recorded and the
first invented part. The held-out part was written after that; the filters found 82% of its invalid
tasks and dropped 10% of its valid ones when they saw it first, and their general faults were mended
then.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dynosaur_etl.domain.models import Config, Mode, Strictness
from dynosaur_etl.inference.embedding import Embedder
from dynosaur_etl.proposals.draft import Sample
from dynosaur_etl.proposals.meanings import Meanings
from dynosaur_etl.proposals.parse import RawProposal
from dynosaur_etl.proposals.validity import (
    Filter,
    JudgedProposal,
    ValidityRules,
    judge_proposals,
    read_draft,
)
from tests.proposals.recording import read_config, recorded_tasks

FOLDER = Path(__file__).parent / "labelled"
VALID = "valid"
SEVERAL = "several_outputs"


@dataclass(frozen=True)
class LabelledTask:
    """One task, the config and rows that it is over, and what a reader says of it.

    Attributes:
        part: `recorded`, `invented` or `held out`.
        kind: `valid`, or what is wrong with it.
    """

    part: str
    config: Config
    rows: tuple[Mapping[str, Any], ...]
    payload: Mapping[str, Any]
    kind: str
    why: str

    @property
    def is_valid(self) -> bool:
        return self.kind == VALID


@dataclass(frozen=True)
class Found:
    """What some filters find among tasks: of the invalid ones, and of the valid ones."""

    found: int
    invalid: int
    lost: int
    valid: int

    @property
    def recall(self) -> float:
        return self.found / self.invalid if self.invalid else 0.0

    @property
    def loss(self) -> float:
        return self.lost / self.valid if self.valid else 0.0

    @property
    def precision(self) -> float:
        """Of what is dropped, the share that is invalid."""
        dropped = self.found + self.lost
        return self.found / dropped if dropped else 1.0

    @property
    def kept_valid(self) -> float:
        """Of what is kept, the share that is valid."""
        kept = self.valid - self.lost
        return kept / (kept + self.invalid - self.found) if kept else 0.0


@cache
def packaged_meanings() -> Meanings:
    return Meanings(Embedder(precision="float32").embed)


@cache
def invented(part: str) -> tuple[LabelledTask, ...]:
    """The invented tasks, of the part `invented` or `held out`."""
    name = {"invented": "invented_fit", "held out": "invented_held_out"}[part]
    return tuple(_invented(part, FOLDER / f"{name}.jsonl"))


def _invented(part: str, path: Path) -> Iterator[LabelledTask]:
    for line in path.read_text(encoding="utf-8").splitlines():
        dataset = json.loads(line)
        config = Config(dataset["dataset"], "0" * 40, "default", dataset["features"], {})
        rows = tuple(dataset["rows"])
        for task in dataset["tasks"]:
            payload = {k: task[k] for k in ("instruction", "input_fields", "output_field")}
            yield LabelledTask(part, config, rows, payload, task["kind"], task["why"])


@cache
def recorded(hub: Path) -> tuple[LabelledTask, ...]:
    """The labelled tasks of the recording; those with several outputs among them."""
    tasks, configs = recorded_tasks(hub), cache(read_config)
    found = []
    for line in (FOLDER / "recorded.jsonl").read_text(encoding="utf-8").splitlines():
        label = json.loads(line)
        read = configs(hub, label["dataset"], label["config"])
        assert read is not None
        config, rows = read
        payload = tasks[label["line"]]
        found.append(
            LabelledTask("recorded", config, tuple(rows), payload, label["kind"], label["why"])
        )
    return tuple(found)


def judged(task: LabelledTask, rules: ValidityRules) -> JudgedProposal:
    """Judge one task as the only proposal about its config."""
    answers = [(Mode.AWARE, [RawProposal(0, task.payload)])]
    strict = rules.strictness is Strictness.STRICT
    meanings = packaged_meanings() if strict else None
    return judge_proposals(task.config, task.rows, answers, rules, meanings).proposals[0]


def by_strictness(tasks: tuple[LabelledTask, ...], level: Strictness) -> Found:
    """What a level of strictness finds."""
    return measured(tasks, lambda task: not judged(task, ValidityRules(level)).keep)


def by_filter(tasks: tuple[LabelledTask, ...], found: Filter) -> Found:
    """What a filter finds alone, whatever others would say before it."""
    return measured(tasks, lambda task: _drops(found, task))


def measured(tasks: tuple[LabelledTask, ...], drops: Callable[[LabelledTask], bool]) -> Found:
    dropped = [(task.is_valid, drops(task)) for task in tasks]
    return Found(
        found=sum(drop and not valid for valid, drop in dropped),
        invalid=sum(not valid for valid, _ in dropped),
        lost=sum(drop and valid for valid, drop in dropped),
        valid=sum(valid for valid, _ in dropped),
    )


def _drops(found: Filter, task: LabelledTask) -> bool:
    draft = read_draft(task.payload)
    assert found.check is not None
    sample = _sample(id(task.config), task)
    return found.check(draft, sample) is not None  # type: ignore[arg-type]


_SAMPLES: dict[int, Sample] = {}


def _sample(key: int, task: LabelledTask) -> Sample:
    if key not in _SAMPLES:
        _SAMPLES[key] = Sample(task.config, task.rows, ("en",), packaged_meanings())
    return _SAMPLES[key]
