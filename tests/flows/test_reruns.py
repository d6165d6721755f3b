"""A rerun of finished days builds no request, reads no file and asks nobody."""

from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest
from sqlalchemy import text

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.flows import finished, training_set
from dynosaur_etl.flows.propose import questions
from dynosaur_etl.flows.runtime.services import Services, open_services
from dynosaur_etl.store.storage import Storage
from tests.flows import growth
from tests.flows.copies import copied
from tests.flows.support import (
    DEMO_HUB,
    GROW_STEPS,
    POLL_STEPS,
    Servers,
    environment,
    serving,
    settings,
)

pytestmark = pytest.mark.xdist_group("reruns")

DAYS = ("2026-10-05", "2026-10-06")
DAY = GrowthDay.parse(DAYS[0])


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with serving(DEMO_HUB, tmp_path_factory.mktemp("logs")) as running:
        yield running


@pytest.fixture(scope="module")
def whole(
    servers: Servers, make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The settings of two days that have grown, with a critic."""
    found = environment(servers, make_database(), tmp_path_factory.mktemp("whole"))
    found["DYNOSAUR_CRITIC_MODEL"] = found["DYNOSAUR_LLM_MODEL"]
    with open_services(settings(found)) as services:
        run(services)
    return found


@pytest.fixture
def values(whole: dict[str, str], postgres_host: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The same of a copy that is the test's own."""
    with copied(whole, postgres_host, tmp_path / "copy") as found:
        yield found


def run(services: Services, *days: str) -> list[tuple[str, tuple[int, int, int, int]]]:
    counted = []
    for day in days or DAYS:
        for step in (*POLL_STEPS, *GROW_STEPS):
            report = step(GrowthDay.parse(day), services)
            told = report.counts
            counts = (told.taken, told.kept, told.rejected, told.deferred)
            counted.append((report.step, counts))
    return counted


def test_a_rerun_builds_reads_and_asks_nothing(values: dict[str, str], servers: Servers) -> None:
    with open_services(settings(values)) as services:
        once = run(services)
    before = servers.hub_requests(), len(servers.paid_requests())
    with (
        open_services(settings(values)) as services,
        mock.patch.object(questions, "build_request") as built,
        mock.patch.object(Storage, "open") as opened,
        mock.patch("dynosaur_etl.llm.client.LlmClient.ask_all") as asked,
    ):
        services.records.read(list(DAYS))
        assert run(services) == once, "the reports are those of the first run"
    assert (built.call_count, opened.call_count, asked.call_count) == (0, 0, 0)
    assert (servers.hub_requests(), len(servers.paid_requests())) == before


def test_what_another_process_commits_is_seen(values: dict[str, str]) -> None:
    with open_services(settings(values)) as one, open_services(settings(values)) as other:
        one.records.read(list(DAYS))
        with other.engine.begin() as connection:
            connection.execute(text("delete from growth_runs where step = 'fill'"))
        assert growth.fill(DAY, other).counts.kept > 0
        assert growth.fill(DAY, one).counts == growth.fill(DAY, other).counts


def test_a_part_builds_its_own_requests_alone(values: dict[str, str]) -> None:
    small = values | {
        "DYNOSAUR_LLM_MODEL": "dynosaur-demo-rules-2026-02-01", "DYNOSAUR_LLM_BATCH_CALLS": "2"
    }  # fmt: skip
    with open_services(settings(small)) as services:
        parts = growth.plan_proposals(DAY, services, services.settings.llm_mode)
        assert len(parts) > 2
        wraps = questions.build_request
        with mock.patch.object(questions, "build_request", wraps=wraps) as built:
            report = growth.propose(DAY, services, 1)
        assert report.counts.kept == report.facts["sent"] == 2
        modes_of_two_configs = 4
        assert built.call_count <= modes_of_two_configs
        with mock.patch.object(questions, "build_request", wraps=wraps) as built:
            again = growth.propose(DAY, services, 1)
        assert (again.counts.kept, again.facts["sent"], built.call_count) == (2, 0, 0)


def test_requests_that_are_worded_otherwise_under_an_old_version_are_asked_anew(
    values: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_services(settings(values)) as services:
        asked = [question.request.key for question in questions.questions(DAY, services)]
        monkeypatch.setattr(questions, "EXAMPLE_ROWS", 1)
        with services.engine.begin() as connection:
            connection.execute(
                text("update llm_requests set status = 'failed' where key = :key"),
                {"key": asked[0]},
            )
        report = growth.propose_all(DAY, services)
        now = [question.request.key for question in questions.questions(DAY, services)]
        assert set(now) != set(asked)
        assert report.counts.kept == report.counts.taken == len(set(now))
        assert growth.criticise(DAY, services).counts.deferred == 0
        assert growth.validate(DAY, services).unfinished == 0


def test_validation_keeps_the_plan_to_what_is_worded_now(
    values: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tasks that stand are kept until the requests of today have been asked."""
    stricter = values | {"DYNOSAUR_VALIDITY": "paper"}
    with open_services(settings(stricter)) as services:
        monkeypatch.setattr(questions, "EXAMPLE_ROWS", 1)
        held_back = growth.validate(DAY, services)
        assert held_back.replaced_nothing
        assert growth.propose_all(DAY, services).facts["sent"] > 0
        growth.criticise(DAY, services)
        assert growth.validate(DAY, services).unfinished == 0


def test_a_day_is_finished_once_a_selection_has_read_it(values: dict[str, str]) -> None:
    last = GrowthDay.parse(DAYS[1])
    with open_services(settings(values)) as services:
        assert not finished.is_grown(DAY, services), "nothing has selected from it"
        training_set.build_snapshot(DAY, services)
        assert finished.is_polled_and_grown(DAY, services)
        assert not finished.is_grown(last, services)
        training_set.build_snapshot(last, services)
        assert finished.is_polled_and_grown(last, services)
        assert not finished.is_polled_and_grown(GrowthDay.parse("2026-10-07"), services)


@pytest.mark.parametrize(
    ("name", "value", "polled"),
    [
        ("LLM_MODEL", "dynosaur-demo-rules-2026-02-02", True),
        ("VALIDITY", "lenient", True),
        ("INSTANCES_PER_TASK", "7", True),
        ("SCORERS", "heuristics,judge", True),
        ("EMBEDDED_TEXT", "instruction", True),
        ("SAMPLE_ROWS", "12", False),
        ("DATASETS_PER_OWNER", "7", False),
        ("LLM_MODE", "batch", None),
        ("SELECTION_SIZE", "11", None),
    ],
)
def test_another_setting_is_work_where_it_changes_the_day(
    values: dict[str, str], name: str, value: str, polled: bool | None
) -> None:
    with open_services(settings(values)) as services:
        training_set.build_snapshot(GrowthDay.parse(DAYS[1]), services)
    changed = values | {f"DYNOSAUR_{name}": value}
    with open_services(settings(changed)) as services:
        nothing_to_do = polled is None
        assert finished.is_polled_and_grown(DAY, services) is nothing_to_do
        if polled is False:
            assert finished.is_grown(DAY, services), "growth does not ask for it"


@pytest.mark.parametrize("step", ["candidates", "examine", "validate", "fill", "score", "embed"])
def test_a_day_with_a_step_missing_or_deferred_is_not_finished(
    values: dict[str, str], step: str
) -> None:
    with open_services(settings(values)) as services:
        training_set.build_snapshot(GrowthDay.parse(DAYS[1]), services)
        assert finished.is_polled_and_grown(DAY, services)
        for change in ("update growth_runs set deferred = 1, taken = taken + 1 where step = :step",
                       "delete from growth_runs where step = :step"):  # fmt: skip
            with services.engine.begin() as connection:
                connection.execute(text(change), {"step": step})
            assert not finished.is_polled_and_grown(DAY, services)


def test_a_lost_answer_is_work(values: dict[str, str]) -> None:
    with open_services(settings(values)) as services:
        training_set.build_snapshot(GrowthDay.parse(DAYS[1]), services)
        with services.engine.begin() as connection:
            connection.execute(text("update llm_requests set status = 'failed' where day = :day"),
                               {"day": DAYS[0]})  # fmt: skip
        assert not finished.is_grown(DAY, services)
