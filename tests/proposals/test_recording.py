"""The filters over what GPT-3.5 really wrote, and the prompt over real configs."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dynosaur_etl.domain.models import Mode, Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.proposals.parse import RawProposal
from dynosaur_etl.proposals.prompt import build_request
from dynosaur_etl.proposals.validity import TaskParts, judge_proposals
from tests.proposals.recording import configs_with_rows, read_config, recorded_tasks

pytestmark = pytest.mark.recording


def judge_recording(hub: Path) -> dict[int, TaskParts | Verdict]:
    """Judge each recorded task that has rows as an answer of its own, by its line."""
    lines: dict[tuple[str, str], list[tuple[int, dict[str, Any]]]] = {}
    for number, task in enumerate(recorded_tasks(hub)):
        lines.setdefault((task["dataset"], task["config"] or ""), []).append((number, task))
    judged: dict[int, TaskParts | Verdict] = {}
    for (dataset, name), tasks in lines.items():
        read = read_config(hub, dataset, name) if name else None
        if read is not None:
            answers = [(Mode.AWARE, [RawProposal(0, task)]) for _, task in tasks]
            verdicts = judge_proposals(*read, answers).proposals
            judged |= {n: v.judgement for (n, _), v in zip(tasks, verdicts, strict=True)}
    return judged


def test_the_verdicts_on_recorded_tasks_are_facts_of_the_data(recorded_hub: Path) -> None:
    tasks = recorded_tasks(recorded_hub)
    judged = judge_recording(recorded_hub)
    assert set(judged) == {n for n, task in enumerate(tasks) if task["has_rows"]}
    reasons = Counter(v.reason for v in judged.values() if isinstance(v, Verdict))
    several = [n for n in judged if len(tasks[n]["output_field"]) > 1]

    assert reasons[Reason.OUTPUT_NOT_SINGLE] == len(several) == 17
    assert reasons == {
        Reason.OUTPUT_NOT_SINGLE: 17,
        Reason.OUTPUT_CONSTANT: 53,
        Reason.OUTPUT_COPIED: 5,
    }
    assert len(judged) - reasons.total() == 326
    constant = {
        tasks[n]["dataset"]
        for n, v in judged.items()
        if isinstance(v, Verdict) and v.reason is Reason.OUTPUT_CONSTANT
    }
    assert {"big_patent", "great_code", "squad", "math_qa"} <= constant
    assert not constant & {"glue", "ag_news", "imdb", "sciq"}


def test_class_labels_give_the_label_space_that_the_paper_recorded(recorded_hub: Path) -> None:
    tasks = recorded_tasks(recorded_hub)
    compared = 0
    for number, parts in judge_recording(recorded_hub).items():
        recorded = tasks[number].get("label_space")
        if isinstance(parts, TaskParts) and recorded and parts.label_space:
            compared += 1
            assert set(recorded.split(", ")) <= set(parts.label_space)
            assert list(parts.label_space) == sorted(parts.label_space)
    assert compared >= 20


def test_repeats_within_a_config_are_dropped(recorded_hub: Path) -> None:
    read = read_config(recorded_hub, "glue", "qqp")
    assert read is not None
    written = [t for t in recorded_tasks(recorded_hub) if t["task_name"] == "glue-qqp"]
    twice = [(mode, [RawProposal(n, t) for n, t in enumerate(written[:3])]) for mode in Mode]
    judged = judge_proposals(*read, twice).proposals
    assert [j.keep for j in judged] == [True] * 3 + [False] * 3
    repeats = [j.judgement for j in judged[3:]]
    assert {v.reason for v in repeats if isinstance(v, Verdict)} == {Reason.DUPLICATE_TASK}


def test_real_configs_of_every_kind_can_be_asked_about(recorded_hub: Path) -> None:
    asked = 0
    for config, rows in configs_with_rows(recorded_hub, limit=400):
        request = build_request("x", config.dataset_id, config, rows, Mode.AWARE, "gpt-4o-mini")
        if request is not None:
            asked += 1
            user = request.messages[1]["content"]
            assert len(user) < 14_000
            json.loads(user.partition("\n<dataset>\n")[2].rpartition("\n</dataset>\n")[0])
    assert asked > 200
