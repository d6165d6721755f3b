"""What the step runner adds to a step: too few answers fail it, and so does what still stands."""

from typing import Any

from tests.airflow.conftest import ROOT, clean_environment
from tests.airflow.test_dag_laws import run_python

ENSURED = """
import json, sys
from dynosaur_airflow.steps import ensure_whole
from dynosaur_etl.domain.errors import DynosaurError, Transient
from dynosaur_etl.domain.models import STANDS, WAITING, Counts, StepReport
def told(step, taken, deferred, reasons, facts):
    report = StepReport(step, "2026-10-05", Counts(taken, taken - deferred, 0, deferred), reasons,
                        facts)
    try:
        ensure_whole(report, 0.2)
    except DynosaurError as error:
        return [type(error).__name__, isinstance(error, Transient), str(error)]
print(json.dumps([told(*case) for case in json.loads(sys.argv[1])]))
"""
DAYS = """
import json, sys
from datetime import datetime
from dynosaur_etl.domain.run_day import day_of_run
from dynosaur_etl.domain.errors import DynosaurError
def told(dag, key, day, moment):
    try:
        return str(day_of_run(dag, key, {"day": day}, datetime.fromisoformat(moment)))
    except DynosaurError as error:
        return f"{type(error).__name__}: {error}"
print(json.dumps([told(*case) for case in json.loads(sys.argv[1])]))
"""


def probe(code: str, cases: list[Any]) -> Any:
    import json

    paths = {"PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"}
    return run_python(code, clean_environment() | paths, json.dumps(cases))


ANSWERS = [
    (("propose", 10, 2, {"unavailable": 2}, {}), None),
    (("propose", 10, 3, {"unavailable": 3}, {}), "LlmUnavailable"),
    (("propose", 10, 3, {"held": 3}, {}), "LlmUnavailable"),
    (("propose", 10, 2, {"budget": 2}, {}), None),
    (("propose", 10, 3, {"budget": 3}, {}), "Incomplete"),
    (("propose", 10, 10, {"budget": 8, "unavailable": 2}, {}), "Incomplete"),
    (("propose", 10, 10, {"budget": 2, "unavailable": 8}, {}), "LlmUnavailable"),
    (("score", 10, 5, {"answer_without_score": 1}, {"waiting": {"budget": 5}}), "Incomplete"),
    (("score", 10, 5, {}, {"waiting": {"unavailable": 5}}), "LlmUnavailable"),
    (("validate", 10, 3, {"output_constant": 2}, {}), "Incomplete"),
    (("validate", 100, 1, {}, {"stands": 306}), "Incomplete"),
    (("examine", 100, 1, {}, {"stands": 5}), "HubUnavailable"),
    (("score", 100, 1, {}, {"stands": 5, "waiting": {"held": 1}}), "LlmUnavailable"),
    (("candidates", 5, 3, {}, {"over_cap": 3}), None),
    (("candidates", 5, 3, {}, {"over_cap": 3, "stands": 5}), "Incomplete"),
    (("fill", 0, 0, {}, {"stands": 306}), "Incomplete"),
]


def test_what_has_too_few_answers_or_replaces_nothing_is_not_green() -> None:
    found = probe(ENSURED, [case for case, _ in ANSWERS])
    assert [told and told[0] for told in found] == [expected for _, expected in ANSWERS]
    for told in found:
        if told is not None:
            assert told[1] == (told[0] != "Incomplete"), "another try does not mend a spent budget"
            assert "2026-10-05" in told[2]
    assert "306 kept, stands until all is there" in found[10][2]
    assert "3 of 10 are deferred, 3 of them by a budget that is spent" in found[4][2]


RUNS = [
    (("hub_poll", "2026-10-05", None, "2026-11-30T10:00:00Z"), "2026-10-05"),
    (("hub_poll", None, "2026-10-05", "2026-11-30T10:00:00Z"), "2026-10-05"),
    (("hub_poll", "", "", "2026-11-30T10:00:00Z"), "2026-11-29"),
    (("hub_poll", None, None, "2026-11-30T00:00:00Z"), "2026-11-29"),
    (("task_growth", None, None, "2026-11-30T23:59:59-03:00"), "2026-11-30"),
    (("hub_poll", "2026-10-05", "2026-10-05", "2026-11-30T10:00:00Z"), "2026-10-05"),
    (("hub_poll", "2026-10-05", "2026-10-06", "2026-11-30T10:00:00Z"), "InvalidInput: day"),
    (("hub_poll", None, "yesterday", "2026-11-30T10:00:00Z"), "InvalidInput: growth day"),
    (("training_set", None, None, "2026-11-30T10:00:00Z"), "InvalidInput: partition key"),
    (("training_set", "all", None, "2026-11-30T10:00:00Z"), "InvalidInput: growth day"),
]


def test_a_run_is_about_its_key_its_param_or_the_day_before() -> None:
    found = probe(DAYS, [case for case, _ in RUNS])
    for told, (case, expected) in zip(found, RUNS, strict=True):
        assert told.startswith(expected), case
