"""What pages and commands are told of stores of a few rows, or of none."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.domain.jsonable import to_json
from dynosaur_etl.domain.reasons import REASON_WORDS, Reason
from dynosaur_etl.flows.propose.validity_rate import validity_rates
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views import read_only
from dynosaur_etl.flows.views.current_day import CurrentDay, StepState, current_day
from dynosaur_etl.flows.views.dataset_report import dataset_report
from dynosaur_etl.flows.views.day_report import day_report
from dynosaur_etl.flows.views.growth_history import gaps_after, growth_history
from dynosaur_etl.flows.views.metric_totals import totals
from dynosaur_etl.flows.views.overview import overview
from dynosaur_etl.flows.views.paging import Part, counted
from dynosaur_etl.flows.views.parameter_lines import as_words, parameter_lines
from dynosaur_etl.flows.views.reject_list import (
    RejectLine,
    RejectSearch,
    find_rejects,
    subject_address,
)
from dynosaur_etl.flows.views.source_shares import SourceSearch, find_sources
from dynosaur_etl.flows.views.task_list import TaskSearch, find_tasks
from dynosaur_etl.flows.views.task_report import task_address, task_report
from dynosaur_etl.flows.views.version_figures import version_lines
from tests.flows.support import settings
from tests.store import factories as make
from tests.store.factories import DAY, NEXT_DAY, put


@pytest.fixture
def services(database_url: str, tmp_path: Path) -> Iterator[Services]:
    opened = Services(
        settings({"DYNOSAUR_HOME": str(tmp_path), "DYNOSAUR_DATABASE_URL": database_url})
    )
    yield opened
    opened.close()


def test_an_empty_store_is_shown_as_empty(services: Services) -> None:
    found = to_json(overview(services))
    assert set(map(len, found.pop("rejected").values())) == {0}
    assert found == {
        "catalogue": 0, "configs_kept": 0, "datasets_seen": 0, "datasets_kept": 0, "proposals": 0,
        "tasks": 0, "instances": 0, "rejects": {}, "requests": {}, "cost_usd": "0",
        "tokens": {"prompt": 0, "completion": 0}, "days": [], "snapshots": [],
    }  # fmt: skip
    assert current_day(services) == CurrentDay(None, [], {}, running=False)
    assert growth_history(services).days == []
    assert {stage.number for stage in growth_history(services).funnel} == {0}
    assert day_report(DAY, services).steps == []
    assert find_sources(services, SourceSearch()).version is None
    assert version_lines(services) == []
    assert set(totals(services).values()) == {0.0}


def test_the_overview_of_some_days_is_flat_in_json(services: Services) -> None:
    put(
        services.engine,
        make.verdict("a/a"), make.verdict("a/b", "gated"),
        make.step("validate", taken=4, kept=3, facts={"alarm": "1 of 4"}),
        make.step("fill", kept=30), make.step("examine", NEXT_DAY),
        make.rejection("a/b", "gated"), make.request("r1"),
        make.version(1, facts={"counts": {"selected": 5}}),
    )  # fmt: skip
    found = to_json(overview(services))
    assert found["days"][0] == {
        "day": DAY, "datasets_seen": 2, "datasets_kept": 1, "proposals": 4, "tasks": 3,
        "instances": 30, "cost_usd": "0.0003", "alarm": "1 of 4", "held_back": [],
    }  # fmt: skip
    assert found["days"][1]["cost_usd"] == "0"
    assert (found["datasets_seen"], found["instances"], found["rejects"]) == (2, 30, {"gated": 1})
    assert found["tokens"] == {"prompt": 9, "completion": 2}
    assert [line["version"] for line in found["snapshots"]] == [1]


def test_growth_counts_what_its_steps_did(services: Services) -> None:
    put(
        services.engine,
        make.step("examine", kept=3, rejected=7), make.step("fill", kept=30, rejected=2),
        make.step("validate", kept=3, rejected=1, reasons={"output_missing": 1}),
        make.step("validate", NEXT_DAY, kept=0, rejected=0, reasons={"of another version": 4}),
        make.step("select", NEXT_DAY, rejected=9, reasons={"not_scored": 9}),
        make.version(1, day=NEXT_DAY, facts={"counts": {"pool": 20, "selected": 5}}),
        make.request("r1", cost_usd=Decimal("0.5")),
    )  # fmt: skip
    history = growth_history(services)
    first, second = history.days
    assert (first.datasets_seen, first.proposals, first.validity) == (10, 4, 0.75)
    assert (first.rejected, second.rejected, second.validity) == (10, 0, None)
    assert (history.total.tasks, history.total.cost_usd) == (3, Decimal("0.5"))
    by_name = {stage.name: stage for stage in history.funnel}
    lost = [(line.reason, line.words, line.number) for line in by_name["Tasks"].lost]
    assert lost == [
        ("of another version", "of another version", 4),
        ("output_missing", REASON_WORDS[Reason.OUTPUT_MISSING], 1),
    ]
    assert by_name["Pool of the head"].rejected == 9
    assert by_name["Selected in it"].number == 5


def test_validity_is_the_same_for_page_command_alarm_and_metrics(services: Services) -> None:
    """Repeated proposals are no invalid ones, and native tasks no proposals."""
    reasons = {"output_missing": 1, "duplicate_task": 8, "too_many_tasks": 3, "unforeseen_error": 2}
    rejected = sum(reasons.values())
    put(
        services.engine,
        make.step("validate", kept=15, rejected=rejected, reasons=reasons, facts={"native": 5}),
        *(make.task("a/a", f"t{number}") for number in range(10)),
        *(make.task("a/a", f"n{number}", form="choices") for number in range(5)),
        *(make.rejection("a/a", reason, n, stage="validate") for reason, n in reasons.items()),
    )
    [line], [told] = growth_history(services).days, validity_rates(services)["days"]
    assert line.validity == told["valid_share"] == round(10 / 11, 4)
    assert (line.surplus, told["surplus"], told["alarm"]) == (11, 11, "")
    assert totals(services)["proposals.invalid"] == told["invalid"] == 1


def test_the_open_step_of_a_day_is_told_by_its_parts(services: Services) -> None:
    put(services.engine, make.checkpoint("list", "hub", day="catalogue"))
    assert current_day(services).day is None, "a listing of the catalogue is no day"
    put(
        services.engine,
        make.step("candidates"), make.step("examine"), make.step("examine", NEXT_DAY),
        make.checkpoint("fill", "shard 0"), make.request("r1"), make.request("r2", status="sent"),
    )  # fmt: skip
    found = current_day(services)
    assert (found.day, found.running, found.requests) == (DAY, True, {"answered": 1, "sent": 1})
    assert [(step.step, step.state, step.number) for step in found.steps] == [
        ("candidates", StepState.DONE, 2), ("examine", StepState.DONE, 2),
        ("validate", StepState.TO_COME, 0), ("fill", StepState.BEGUN, 1),
        ("score", StepState.TO_COME, 0), ("embed", StepState.TO_COME, 0),
    ]  # fmt: skip
    assert found.steps[0].at == "2026-10-07 12:00 UTC"


def test_metrics_sum_up_steps_reasons_and_queues(services: Services) -> None:
    put(
        services.engine,
        make.step("validate", kept=3, rejected=2, reasons={"output_missing": 2}),
        make.step("validate", NEXT_DAY, deferred=4, reasons={"output_missing": 1}),
        make.step("score", kept=99),
        make.request("r1"),
    )
    found = totals(services)
    assert found["proposals.kept"] == 5
    assert found["proposals.reason.output_missing"] == 3
    assert (found["queue.proposals"], found["instances.kept"]) == (4, 0)
    assert found["dollars"] == pytest.approx(0.0003)


HOSTILE = [" led by a space", "x", "x ", "x\ty", "x\ny", "é/ü", "名" * 400, "<b>&amp;", "%_\\"]


@pytest.mark.parametrize("size", [1, 2, 50])
def test_a_list_of_hostile_names_is_paged_through_to_its_end(services: Services, size: int) -> None:
    put(services.engine, *(make.rejection(name, "gated") for name in HOSTILE))
    shown: list[str] = []
    after = ""
    for _ in HOSTILE:
        part = find_rejects(services, RejectSearch(size=size, after=after))
        shown += [line.subject for line in part.rows]
        assert part.total == f"{len(HOSTILE)}"
        after = part.following
        if not after:
            break
    assert sorted(shown) == sorted(HOSTILE)


def test_a_proposal_of_the_critic_and_of_a_broken_answer_are_told_whole(
    services: Services,
) -> None:
    put(
        services.engine,
        make.proposal("a/a", "r1", 0, reason="critic_says_invalid", task_key="t1"),
        make.proposal("a/a", "r1", 1, reason="answer_wrong_shape", payload=["<script>"]),
    )
    critic, broken = (task_report(services, DAY, "r1", position) for position in (0, 1))
    assert critic.filters[-1].reason == "critic_says_invalid"
    assert {line.verdict for line in critic.filters[:-1]} == {"passed"}
    assert (critic.task, critic.request, critic.answer, critic.examples) == (None, None, "", [])
    assert (broken.payload, broken.proposal.instruction) == ('"<script>"', "")
    with pytest.raises(InvalidInput, match="proposal"):
        task_report(services, NEXT_DAY, "r1", 0)


def test_pages_of_a_database_without_tables_make_them(
    postgres_host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(
        host=postgres_host, user="postgres", dbname="postgres", autocommit=True
    ) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(tmp_path.name)))
    url = f"postgresql+psycopg://postgres@/{tmp_path.name}?host={postgres_host}"
    monkeypatch.setenv("DYNOSAUR_DATABASE_URL", url)
    monkeypatch.setenv("DYNOSAUR_HOME", str(tmp_path))
    opened = _uncached(monkeypatch)
    with opened() as services:
        assert growth_history(services).days == []
        with pytest.raises(Exception, match="read-only"), services.engine.begin() as connection:
            connection.exec_driver_sql("delete from datasets")
        services.close()


def _uncached(monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """Let the services be opened anew, whatever pages were asked for in this process before."""
    monkeypatch.setattr(read_only, "_services", read_only._services.__wrapped__)
    return read_only.read_only_services


@pytest.mark.parametrize(
    ("subject", "address"),
    [
        ("a" * 64, f"/tasks/of/{'a' * 64}"),
        ("owner/set@34fe138a83d3/billing", "/datasets/owner/set"),
        ("owner/set.v2_x-1", "/datasets/owner/set.v2_x-1"),
        ("owner/set@c753ef0e7fb9/default#aware0",
         f"/tasks?source=owner%2Fset&day={DAY}&reason=gated"),
        ("pool", ""),
        ("<script>", ""),
    ],
)  # fmt: skip
def test_whatever_was_left_out_has_a_page(subject: str, address: str) -> None:
    assert subject_address(subject, DAY, "gated") == address


def test_a_dataset_is_told_by_its_days_and_not_by_its_namesakes(services: Services) -> None:
    put(
        services.engine,
        make.verdict("a/a", "gated"), make.verdict("a/a", day=NEXT_DAY), make.verdict("a/aa"),
        make.rejection("a/a", "gated"), make.rejection("a/a@1/default", "gated"),
        make.rejection("a/aa", "gated"), make.withdrawal("a/a"),
    )  # fmt: skip
    found = dataset_report(services, "a/a")
    assert [(line.day, line.reason) for line in found.verdicts] == [(NEXT_DAY, ""), (DAY, "gated")]
    assert {line.subject for line in found.rejects} == {"a/a", "a/a@1/default"}
    assert found.withdrawn is not None
    assert dataset_report(services, "no/such").verdicts == []


def test_a_task_is_found_by_its_key(services: Services) -> None:
    put(services.engine, make.proposal("a/a", "r1", 2, task_key="b" * 64))
    assert task_address(services, "b" * 64) == f"{DAY}/r1/2"
    with pytest.raises(InvalidInput, match="task"):
        task_address(services, "c" * 64)


def test_days_without_growth_are_told_as_a_gap(services: Services) -> None:
    put(services.engine, *(make.step("fill", f"2026-10-{day:02}") for day in (1, 2, 4, 31)))
    assert gaps_after(growth_history(services).days) == {
        "2026-10-04": "1 day without growth", "2026-10-31": "26 days without growth"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "none"), ("", "none"), ([], "none"), (True, "yes"), (0, "0"), (12345, "12,345"),
        (0.1 + 0.2, "0.3"), (0.123456, "0.1235"), (0.0, "0"), (1.0, "1"), ([1, "a"], "1, a"),
        ("plain", "plain"), (1e-9, "0"), (123456.5, "123,456.5"),
    ],
)  # fmt: skip
def test_values_are_written_as_people_read_them(value: object, words: str) -> None:
    assert as_words(value) == words


def test_parameters_stand_one_a_line_without_anything_raw() -> None:
    lines = parameter_lines(
        {"selection": {"alpha": 0.5, "odd": {}}, "seed": 12345, "base": None, "new_one": [1, 2]}
    )
    assert [(line.words, line.value, line.unit) for line in lines] == [
        ("Weight of quality against diversity", "0.5", "0 to 1"),
        ("Selection: odd", "none", ""),
        ("Seed of all that is drawn", "12345", ""),
        ("Version whose picks it began with", "none", ""),
        ("New one", "1, 2", ""),
    ]


def test_a_long_list_is_not_counted_to_its_end(services: Services) -> None:
    part = Part([RejectLine(DAY, "fill", "a/a", "gated", 1, "", "")], "more")
    search = RejectSearch()
    assert counted(part, search, lambda most: most).total == "more than 10,000"
    assert counted(part, search, lambda _: 1234).total == "1,234"
    put(services.engine, *(make.proposal("a/a", f"r{n}") for n in range(3)))
    found = [find_tasks(services, TaskSearch(size=2, source=name)) for name in ("a/*", "b/*")]
    assert [one.total for one in found] == ["3", "0"]
