"""Each filter alone, their order, and whatever JSON comes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.models import Mode, Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.proposals.parse import RawProposal, read_proposals
from dynosaur_etl.proposals.shape_filters import MAX_INSTRUCTION
from dynosaur_etl.proposals.validity import (
    JudgedProposal,
    TaskParts,
    judge_proposals,
)
from tests.proposals.configs import FEATURES, make_config, make_rows

GOOD: dict[str, Any] = {
    "instruction": "Answer the question with the help of the evidence.",
    "input_fields": ["question", "evidence"],
    "output_field": "answer",
}


def judge(
    *payloads: Any, rows: list[dict[str, Any]] | None = None, mode: Mode = Mode.AWARE
) -> list[JudgedProposal]:
    raw = [RawProposal(position, payload) for position, payload in enumerate(payloads)]
    rows = make_rows() if rows is None else rows
    return judge_proposals(make_config(), rows, [(mode, raw)]).proposals


def reason_of(judged: JudgedProposal) -> Reason | None:
    return judged.judgement.reason if isinstance(judged.judgement, Verdict) else None


def test_a_sound_proposal_becomes_a_task() -> None:
    [judged] = judge(GOOD)
    assert judged.judgement == TaskParts(
        GOOD["instruction"], ("question", "evidence"), "answer", ()
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"instruction": None}, Reason.INSTRUCTION_EMPTY),
        ({"instruction": " \n\t "}, Reason.INSTRUCTION_EMPTY),
        ({"instruction": "Answer it."}, Reason.INSTRUCTION_TOO_SHORT),
        ({"instruction": ["Answer", "the", "question"]}, Reason.ANSWER_WRONG_SHAPE),
        ({"instruction": "word " * MAX_INSTRUCTION}, Reason.INSTRUCTION_TOO_LONG),
        ({"input_fields": None}, Reason.INPUT_MISSING),
        ({"input_fields": []}, Reason.INPUT_MISSING),
        ({"input_fields": {"question": 1}}, Reason.ANSWER_WRONG_SHAPE),
        ({"input_fields": ["question", 3]}, Reason.ANSWER_WRONG_SHAPE),
        ({"input_fields": ["question", "evidence", "additional_notes"]}, Reason.FIELD_UNKNOWN),
        ({"input_fields": ["question "]}, Reason.FIELD_UNKNOWN),
        ({"input_fields": ["question", "meta"]}, Reason.INPUT_NOT_USABLE),
        ({"input_fields": ["question", "question"]}, Reason.FIELD_REPEATED),
        ({"input_fields": ["question", "answer"]}, Reason.INPUT_OUTPUT_OVERLAP),
        ({"output_field": None}, Reason.OUTPUT_MISSING),
        ({"output_field": ""}, Reason.OUTPUT_MISSING),
        ({"output_field": []}, Reason.OUTPUT_MISSING),
        ({"output_field": 7}, Reason.ANSWER_WRONG_SHAPE),
        ({"output_field": ["answer", "mood"]}, Reason.OUTPUT_NOT_SINGLE),
        ({"output_field": "reply"}, Reason.FIELD_UNKNOWN),
        ({"output_field": "choices"}, Reason.OUTPUT_NOT_SCALAR),
        ({"output_field": "meta"}, Reason.OUTPUT_NOT_SCALAR),
        ({"output_field": "source"}, Reason.OUTPUT_CONSTANT),
        ({"output_field": "empty"}, Reason.OUTPUT_ALL_EMPTY),
    ],
)
def test_each_filter_names_its_reason(change: dict[str, Any], reason: Reason) -> None:
    [judged] = judge(GOOD | change)
    assert reason_of(judged) is reason


@pytest.mark.parametrize("payload", [None, 1, "text", [], [GOOD], True])
def test_what_is_no_object_is_dropped(payload: Any) -> None:
    assert reason_of(judge(payload)[0]) is Reason.ANSWER_WRONG_SHAPE


@pytest.mark.parametrize("missing", list(GOOD))
def test_a_missing_key_is_dropped(missing: str) -> None:
    [judged] = judge({key: value for key, value in GOOD.items() if key != missing})
    assert not judged.keep


def test_the_first_filter_that_applies_names_the_reason() -> None:
    broken = {"instruction": "", "input_fields": [], "output_field": ["a", "b"]}
    assert reason_of(judge(broken)[0]) is Reason.INSTRUCTION_EMPTY
    fixed = broken | {"instruction": GOOD["instruction"]}
    assert reason_of(judge(fixed)[0]) is Reason.OUTPUT_NOT_SINGLE


def test_lists_of_one_name_and_bare_names_are_understood() -> None:
    loose = {"instruction": "Answer the question.", "input_fields": "question"}
    [judged] = judge({**loose, "output_field": ["answer"]})
    assert judged.keep


def test_an_unbalanced_output_is_dropped() -> None:
    rows = make_rows(60)
    for row in rows[:50]:
        row["mood"] = 0
    [judged] = judge(GOOD | {"output_field": "mood"}, rows=rows)
    assert reason_of(judged) is Reason.LABELS_UNBALANCED


def test_a_class_label_closes_the_task_in_the_papers_words() -> None:
    [judged] = judge(GOOD | {"output_field": "mood"})
    assert isinstance(judged.judgement, TaskParts)
    assert judged.judgement.label_space == ("bad", "good", "mixed")
    assert judged.judgement.instruction.endswith(
        "of the evidence. Answers must be one of bad, good, mixed."
    )


def test_duplicates_are_found_across_modes_and_spelling() -> None:
    shouted = GOOD | {"instruction": "ANSWER the question  with the help of the evidence"}
    other_fields = GOOD | {"input_fields": ["question", "evidence", "stars"]}
    judged = judge_proposals(
        make_config(),
        make_rows(),
        [
            (Mode.AWARE, [RawProposal(0, GOOD), RawProposal(1, other_fields)]),
            (Mode.UNAWARE, [RawProposal(0, shouted)]),
        ],
    ).proposals
    assert [reason_of(j) for j in judged] == [
        None,
        Reason.DUPLICATE_INSTRUCTION,
        Reason.DUPLICATE_TASK,
    ]
    assert [j.mode for j in judged] == [Mode.AWARE, Mode.AWARE, Mode.UNAWARE]


def test_a_rejected_proposal_does_not_stand_in_the_way() -> None:
    broken = GOOD | {"output_field": "source"}
    assert [reason_of(j) for j in judge(broken, GOOD)] == [Reason.OUTPUT_CONSTANT, None]


def test_more_than_three_tasks_of_one_answer_are_too_many() -> None:
    payloads = [GOOD | {"instruction": f"Answer the question in way {n}."} for n in range(5)]
    reasons = [reason_of(j) for j in judge({}, *payloads)]
    assert reasons == [Reason.INSTRUCTION_EMPTY, None, None, None, *[Reason.TOO_MANY_TASKS] * 2]


def test_a_single_row_proves_no_constant() -> None:
    assert judge(GOOD, rows=make_rows(1))[0].keep
    assert reason_of(judge(GOOD, rows=[])[0]) is Reason.OUTPUT_ALL_EMPTY


NAMES = st.sampled_from([*FEATURES, "nope", "", "question"])
TEXTS = st.sampled_from(
    [GOOD["instruction"], "Sort the reviews by mood.", "", "a\x00b\ud800 c d e"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | NAMES | TEXTS | st.text()
ANY = st.recursive(
    SCALARS, lambda i: st.lists(i, max_size=3) | st.dictionaries(NAMES, i, max_size=3), max_leaves=5
)
PAYLOADS = ANY | st.fixed_dictionaries(
    {},
    optional={
        "instruction": TEXTS | ANY,
        "input_fields": st.lists(NAMES, max_size=3) | NAMES | ANY,
        "output_field": NAMES | st.lists(NAMES, max_size=2) | ANY,
    },
)


@given(st.lists(PAYLOADS, max_size=8), st.integers(0, 40))
def test_no_invalid_task_is_kept_whatever_comes(payloads: list[Any], number: int) -> None:
    rows = make_rows(number)
    judged = judge(*payloads, rows=rows)
    assert len(judged) == len(payloads)
    usable = set(FEATURES) - {"meta"}
    kept = [j.judgement for j in judged if isinstance(j.judgement, TaskParts)]
    for task in kept:
        assert len(task.instruction.split()) >= 3
        task.instruction.encode()
        assert "\x00" not in task.instruction
        constant = {"source"} if number > 1 else set()  # one row shows nothing of constancy
        assert task.output_field in usable - {"choices", "empty"} - constant
        assert set(task.input_fields) <= usable
        assert task.input_fields
        assert len(set(task.input_fields)) == len(task.input_fields)
        assert task.output_field not in task.input_fields
    assert len({" ".join(task.instruction.lower().split()) for task in kept}) == len(kept) <= 3
    for verdict in (j.judgement for j in judged if isinstance(j.judgement, Verdict)):
        assert verdict.reason is not None
        verdict.detail.encode()


@given(PAYLOADS)
def test_what_the_parser_gives_the_judge_takes(payload: Any) -> None:
    answer = read_proposals(json.dumps({"tasks": [payload]}), None, "stop")
    answers = [(Mode.AWARE, answer.proposals)]
    judged = judge_proposals(make_config(), make_rows(), answers).proposals
    assert len(judged) == len(answer.proposals)
