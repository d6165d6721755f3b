"""What the step runner adds to a step: too few answers fail it, a spent budget does not."""

from tests.airflow.conftest import ROOT, clean_environment
from tests.airflow.test_dag_laws import run_python

ANSWERED = """
import json
from dynosaur_airflow.steps import _ensure_answered
from dynosaur_etl.domain.errors import LlmUnavailable
from dynosaur_etl.domain.models import Counts, StepReport
def told(unavailable, budget):
    waiting = unavailable + budget
    reasons = {"unavailable": unavailable, "budget": budget}
    report = StepReport("propose", "2026-10-05", Counts(10, 10 - waiting, 0, waiting), reasons)
    try:
        _ensure_answered(report, 0.2)
    except LlmUnavailable as error:
        return str(error)
print(json.dumps([told(2, 8), told(3, 0)]))
"""


def test_a_step_fails_where_too_many_requests_have_no_answer() -> None:
    paths = {"PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"}
    few, many = run_python(ANSWERED, clean_environment() | paths)
    assert few is None
    assert "3 of 10 requests of 2026-10-05 have no answer" in many
