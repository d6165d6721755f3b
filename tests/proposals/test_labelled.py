"""The filters against tasks that were read by hand: how much they find, and how much they lose."""

from collections import Counter
from pathlib import Path

import pytest

from dynosaur_etl.domain.models import Strictness, Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.proposals.validity import ValidityRules
from tests.proposals.labelled_tasks import (
    SEVERAL,
    VALID,
    LabelledTask,
    by_strictness,
    invented,
    judged,
    recorded,
)

KINDS = {
    VALID, SEVERAL, "asks_input", "one_row", "other_thing", "not_given", "unanswerable",
    "wrong_output", "unclear", "leaked",
}  # fmt: skip


@pytest.mark.recording
def test_real_tasks_are_judged_as_a_reader_does(recorded_hub: Path) -> None:
    tasks = tuple(task for task in recorded(recorded_hub) if task.kind != SEVERAL)
    assert len(tasks) >= 300
    found = by_strictness(tasks, Strictness.STRICT)
    assert found.recall >= 0.85
    assert found.loss <= 0.03
    assert found.kept_valid >= 0.9, "the paper's tasks are valid in 79% of cases"
    before = by_strictness(tasks, Strictness.PAPER)
    assert before.recall < 0.1


@pytest.mark.parametrize(
    ("part", "number", "recall", "loss"),
    [("invented", 300, 0.88, 0.02), ("held out", 150, 0.85, 0.05)],
)
def test_invented_tasks_are_judged_as_a_reader_does(
    part: str, number: int, recall: float, loss: float
) -> None:
    tasks = invented(part)
    assert len(tasks) >= number
    found = by_strictness(tasks, Strictness.STRICT)
    assert found.recall >= recall
    assert found.loss <= loss


@pytest.mark.parametrize("part", ["invented", "held out"])
@pytest.mark.parametrize(
    ("kind", "share"),
    [("asks_input", 0.7), ("one_row", 0.9), ("unanswerable", 0.7), ("other_thing", 0.6)],
)
def test_every_kind_is_found(part: str, kind: str, share: float) -> None:
    tasks = [task for task in invented(part) if task.kind == kind]
    assert len(tasks) >= 10
    dropped = [task for task in tasks if not judged(task, ValidityRules()).keep]
    assert len(dropped) >= share * len(tasks)


def test_what_is_dropped_is_told_in_words() -> None:
    for task in invented("held out"):
        judgement = judged(task, ValidityRules()).judgement
        if isinstance(judgement, Verdict):
            assert len(judgement.detail) > 20
            assert judgement.reason is not None


def reasons(tasks: tuple[LabelledTask, ...], kind: str) -> Counter[Reason]:
    judgements = (judged(task, ValidityRules()).judgement for task in tasks if task.kind == kind)
    return Counter(v.reason for v in judgements if isinstance(v, Verdict) and v.reason)


def test_most_of_a_kind_is_dropped_for_its_own_reason() -> None:
    tasks = (*invented("invented"), *invented("held out"))
    for kind, expected in (
        ("asks_input", {Reason.ASKS_FOR_INPUT}),
        ("one_row", {Reason.FITS_FEW_ROWS}),
        ("unanswerable", {Reason.OUTPUT_IDENTIFIER, Reason.OUTPUT_NOT_DERIVABLE}),
        ("other_thing", {Reason.ASKS_FOR_OTHER}),
        ("wrong_output", {Reason.FITS_FEW_ROWS, Reason.ASKS_FOR_OTHER}),
    ):
        found = reasons(tasks, kind)
        assert sum(found[reason] for reason in expected) >= 0.6 * found.total(), (kind, found)


@pytest.mark.recording
def test_every_label_says_why(recorded_hub: Path) -> None:
    tasks = (*recorded(recorded_hub), *invented("invented"), *invented("held out"))
    assert {task.kind for task in tasks} == KINDS
    assert all(len(task.why.split()) >= 3 and task.why.endswith(".") for task in tasks)
