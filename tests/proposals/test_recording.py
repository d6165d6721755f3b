"""The filters over what GPT-3.5 really wrote, and the prompt over real configs."""

import json
from collections import Counter
from pathlib import Path

import pytest

from dynosaur_etl.domain.models import Mode, Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.proposals.parse import RawProposal
from dynosaur_etl.proposals.prompt import build_request
from dynosaur_etl.proposals.validity import TaskParts, ValidityRules, judge_proposals
from tests.proposals.filter_table import PAGE, judge_recording, page
from tests.proposals.recording import configs_with_rows, read_config, recorded_tasks

pytestmark = pytest.mark.recording


def judge_strictly(hub: Path) -> dict[int, TaskParts | Verdict]:
    return dict(judge_recording(hub, ValidityRules()))


def test_the_verdicts_on_recorded_tasks_are_facts_of_the_data(recorded_hub: Path) -> None:
    tasks = recorded_tasks(recorded_hub)
    judged = judge_strictly(recorded_hub)
    assert set(judged) == {n for n, task in enumerate(tasks) if task["has_rows"]}
    reasons = Counter(v.reason for v in judged.values() if isinstance(v, Verdict))
    several = [n for n in judged if len(tasks[n]["output_field"]) > 1]

    assert reasons[Reason.OUTPUT_NOT_SINGLE] == len(several) == 17
    assert reasons[Reason.OUTPUT_COPIED] == 5
    assert reasons[Reason.OUTPUT_CONSTANT] == 4
    assert reasons[Reason.OUTPUT_IDENTIFIER] == 23
    assert 240 <= len(judged) - reasons.total() <= 260
    constant = {
        tasks[n]["dataset"]
        for n, v in judged.items()
        if isinstance(v, Verdict) and v.reason is Reason.OUTPUT_CONSTANT
    }
    assert {"banking77", "snips_built_in_intents", "disfl_qa"} & constant
    assert not constant & {"glue", "ag_news", "imdb", "sciq"}
    assert "squad" not in constant, "one row, written several times, shows no constant"


def test_class_labels_give_the_label_space_that_the_paper_recorded(recorded_hub: Path) -> None:
    tasks = recorded_tasks(recorded_hub)
    compared = 0
    for number, parts in judge_strictly(recorded_hub).items():
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
    asked = [RawProposal(n, t) for n, t in enumerate(written[:3])]
    twice = [(Mode.AWARE, asked), (Mode.UNAWARE, asked)]
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


def test_the_page_about_the_filters_is_what_they_do(recorded_hub: Path) -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == page(recorded_hub), "python -m tests.proposals.filter_table RECORDED_HUB"
