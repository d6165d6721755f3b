"""What an LLM and its server get wrong, over HTTP: nothing invalid is kept, all is counted."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import text

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import StepReport
from dynosaur_etl.flows.propose.ablate import ablate_filters
from dynosaur_etl.flows.propose.validity_rate import validity_rates
from dynosaur_etl.flows.runtime.services import Services, open_services
from dynosaur_etl.flows.views.ledger_report import ledger_report
from dynosaur_etl.flows.views.overview import overview
from tests.flows import growth
from tests.flows.hubs import notes, write_dataset
from tests.flows.scripted_llm import TIMEOUT, Answer, Body, ScriptedLlm, fenced, scripted_llm
from tests.flows.support import POLL_STEPS, environment, serving, settings

pytestmark = pytest.mark.xdist_group("answer_faults")

DAY = GrowthDay.parse("2026-10-05")
MOOD = {
    "instruction": "Decide in which mood the note was written.",
    "input_fields": ["note"],
    "output_field": "mood",
}
NOTE = {
    "instruction": "Write a note in the given mood.",
    "input_fields": ["mood"],
    "output_field": "note",
}
BOTH = json.dumps({"tasks": [MOOD, NOTE]})


def with_second(**change: Any) -> str:
    return json.dumps({"tasks": [MOOD, NOTE | change]})


@dataclass(frozen=True)
class Fault:
    """An answer, how many of its two tasks are kept, and what is said of the rest."""

    answer: Answer
    kept: int
    reason: str | None = None
    rescue: str | None = None


PASSING: dict[str, int | str] = {
    "html": "html", "429": 429, "429-with-retry-after": "wait", "500": 500, "lost": "lost",
    "timeout": "timeout", "error-with-200": '{"error": {"message": "busy", "code": 503}}',
}  # fmt: skip
LOST = ("html", "lost", "timeout")
FAULTS = {
    "sound": Fault({"content": BOTH}, 2),
    "invalid-json": Fault({"content": "Here you are: task one, task two."}, 0, "answer_not_json"),
    "prose": Fault({"content": f"Certainly!\n{BOTH}\nI hope it helps."}, 2, rescue="prose"),
    "single-quotes": Fault({"content": repr({"task1": MOOD, "task2": NOTE})}, 2, rescue="python"),
    "missing-field": Fault({"content": with_second(input_fields=["author"])}, 1, "field_unknown"),
    "overlap": Fault(
        {"content": with_second(input_fields=["mood", "note"])}, 1, "input_output_overlap"
    ),
    "empty-output": Fault({"content": with_second(output_field="")}, 1, "output_missing"),
    "two-outputs": Fault(
        {"content": with_second(output_field=["note", "mood"])}, 1, "output_not_single"
    ),
    "duplicate": Fault({"content": json.dumps([MOOD, MOOD])}, 1, "duplicate_task"),
    "wrong-types": Fault({"content": with_second(instruction=["a"])}, 1, "answer_wrong_shape"),
    "refusal": Fault({"content": None, "refusal": "I cannot do that."}, 0, "llm_refusal"),
    "length": Fault(
        {"content": BOTH[:-40], "finish_reason": "length"}, 1, rescue="truncated"
    ),
    "null": Fault({"content": None}, 0, "answer_empty"),
    "usage-null": Fault({"content": BOTH, "usage": None}, 2),
    "draft": Fault({"content": f"<think>{BOTH}</think>" + json.dumps([MOOD])}, 1),
    "draft-alone": Fault({"content": f"<thinking>Maybe {BOTH}"}, 0, "answer_empty"),
    "channels": Fault(
        {"content": f"<|channel|>analysis<|message|>{BOTH}<|end|><|channel|>final<|message|>[]"},
        0,
        "answer_empty",
    ),
    "parts": Fault(
        {"content": [{"type": "thinking", "thinking": BOTH}, {"type": "text", "text": BOTH}]}, 2
    ),
    **{name: Fault({"content": BOTH, "first": first}, 2) for name, first in PASSING.items()},
}  # fmt: skip


def answer(body: Body) -> Answer:
    """Fail as the name of the dataset says; the mode without a summary has no task to give."""
    data = fenced(body)
    if "summary" not in data:
        return {"content": '{"tasks": []}'}
    return FAULTS[data["dataset"].partition("/")[2]].answer


@dataclass
class Grown:
    services: Services
    llm: ScriptedLlm
    report: StepReport

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        with self.services.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]


@pytest.fixture(scope="module")
def grown(
    make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Grown]:
    home = tmp_path_factory.mktemp("faults")
    for name in FAULTS:
        write_dataset(home / "hub", f"faulty/{name}", str(DAY), **{"train.parquet": notes()})
    with serving(home / "hub", home / "logs") as servers, scripted_llm(answer) as llm:
        here, seconds = replace(servers, llm=llm.url), str(TIMEOUT)
        values = environment(here, make_database(), home, DYNOSAUR_LLM_TIMEOUT=seconds)
        with open_services(settings(values)) as services:
            for step in (*POLL_STEPS, growth.propose_all):
                step(DAY, services)
            yield Grown(services, llm, growth.validate(DAY, services))


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_costs_its_own_task_and_no_other(grown: Grown, name: str) -> None:
    fault, dataset = FAULTS[name], f"faulty/{name}"
    kept = grown.rows("select instruction from tasks where dataset_id = :d", d=dataset)
    assert len(kept) == fault.kept
    query = "select reason from rejections where stage = 'validate' and subject like :s"
    reasons = [reason for (reason,) in grown.rows(query, s=f"{dataset}@%#aware%")]
    assert reasons == ([fault.reason] if fault.reason else [])


def test_every_rescue_is_counted(grown: Grown) -> None:
    rescues = [fault.rescue for fault in FAULTS.values() if fault.rescue]
    assert grown.report.facts["rescued"] == dict.fromkeys(sorted(rescues), 1)


def test_the_counts_reconcile_and_the_ledger_is_the_servers_to_the_token(grown: Grown) -> None:
    counts = grown.report.counts
    assert counts.kept == sum(fault.kept for fault in FAULTS.values())
    empty = len(FAULTS)  # one answer each in the mode without a summary
    assert counts.rejected == sum(fault.reason is not None for fault in FAULTS.values()) + empty
    assert (counts.deferred, counts.taken) == (0, counts.kept + counts.rejected)
    sums = "select sum(prompt_tokens), sum(completion_tokens), count(*) from llm_requests"
    asked = (grown.llm.prompt_tokens, grown.llm.completion_tokens, len(grown.llm.bodies))
    assert grown.rows(sums) == [asked]
    ledger = ledger_report(grown.services)
    assert ledger.consistent
    assert ledger.unknown_costs == grown.llm.untold == 1


def test_every_sending_is_in_the_ledger_with_what_became_of_it(grown: Grown) -> None:
    outcomes = dict(grown.rows("select outcome, count(*) from llm_attempts group by outcome"))
    assert outcomes["answered"] == len(grown.llm.bodies)
    assert outcomes["lost"] == len(LOST)
    assert outcomes["lost"] + outcomes["failed"] == grown.llm.faults == len(PASSING)


def test_no_invalid_task_is_kept(grown: Grown) -> None:
    tasks = grown.rows("select instruction, input_fields, output_field from tasks")
    for instruction, inputs, output in tasks:
        assert len(instruction.split()) > 2
        assert {*inputs, output} == {"note", "mood"}
        assert output not in inputs


def test_a_day_of_faults_raises_the_alarm_where_people_look(
    grown: Grown, caplog: pytest.LogCaptureFixture
) -> None:
    growth.validate(DAY, grown.services)
    alarm = grown.report.facts["alarm"]
    assert "are invalid, more than 20%" in alarm
    assert alarm in caplog.text
    assert overview(grown.services).days[0].alarm == alarm
    rates = validity_rates(grown.services)
    assert [(row["day"], row["alarm"]) for row in rates["days"]] == [(str(DAY), alarm)]
    assert rates["days"][0]["valid"] == grown.report.counts.kept
    by_source = {row["dataset"]: row for row in rates["sources"]}
    assert by_source["faulty/duplicate"]["surplus"] == 1
    assert by_source["faulty/sound"]["valid"] == 2
    assert rates["sources"][0]["valid_share"] == 0
    assert sum(row["valid"] for row in rates["sources"]) == grown.report.counts.kept


def test_ablation_judges_the_stored_answers_again_and_asks_nothing(grown: Grown) -> None:
    before = len(grown.llm.bodies)
    rows = ablate_filters(grown.services, DAY)
    assert len(grown.llm.bodies) == before
    by_rules = {(str(row.strictness), row.without): row for row in rows}
    strict = by_rules["strict", ""]
    assert strict.kept == grown.report.counts.kept
    assert by_rules["lenient", ""].kept == strict.kept + 1, "two outputs become two, one overlaps"
    without = by_rules["strict", "duplicate_task"]
    assert without.reasons["duplicate_instruction"] == 1, "the next filter takes it"
    assert by_rules["strict", "field_unknown"].reasons["field_not_given"] == 1, "names the mood"
    assert [row.without for row in rows[:3]] == ["", "", ""]
    assert all(row.kept + row.dropped >= strict.kept + strict.dropped for row in rows)
