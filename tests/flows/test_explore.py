"""Looking things up in a store of some days: lists in parts, sums, shares, and what is refused."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import text

from benchmarks.ui_store import Size, make_store
from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.domain.jsonable import to_json
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.current_day import current_day
from dynosaur_etl.flows.views.growth_history import growth_history
from dynosaur_etl.flows.views.paging import (
    Part,
    Placed,
    PlaceNumber,
    PlaceText,
    cursor,
    read_cursor,
)
from dynosaur_etl.flows.views.pool_map import pool_map
from dynosaur_etl.flows.views.reject_list import RejectSearch, find_rejects
from dynosaur_etl.flows.views.source_shares import SourceSearch, find_sources
from dynosaur_etl.flows.views.spending import spent
from dynosaur_etl.flows.views.task_list import TaskSearch, find_tasks
from dynosaur_etl.flows.views.task_report import filter_verdicts, task_report
from dynosaur_etl.flows.views.version_figures import compare, version_lines, version_report
from dynosaur_etl.snapshots.diff import diff_folders
from dynosaur_etl.snapshots.publish import open_snapshot
from tests.flows.support import settings

PLACES: TypeAdapter[tuple[str, int]] = TypeAdapter(tuple[PlaceText, PlaceNumber])
Row = TypeVar("Row", bound=Placed)
SIZE = Size(days=3, requests=8, instances=40, selected=10)
PROPOSALS = SIZE.days * SIZE.requests * 3


@pytest.fixture(scope="module")
def store(
    make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Services]:
    home: Path = tmp_path_factory.mktemp("explore")
    made = Services(
        settings({"DYNOSAUR_HOME": str(home), "DYNOSAUR_DATABASE_URL": make_database()})
    )
    make_store(made, SIZE)
    yield made
    made.close()


@examples(max_examples=10)
@given(size=st.integers(1, 60), reason=st.sampled_from(["", Reason.OUTPUT_CONSTANT]))
def test_parts_of_the_tasks_make_up_the_whole(store: Services, size: int, reason: Reason) -> None:
    search = TaskSearch(reason=reason, size=size)
    rows = _all(lambda after: find_tasks(store, search.model_copy(update={"after": after})))
    whole = find_tasks(store, TaskSearch(reason=reason).for_download()).rows
    assert rows == whole
    assert len({(row.request_key, row.position) for row in rows}) == len(rows)
    assert [row.day for row in rows] == sorted((row.day for row in rows), reverse=True)
    if not reason:
        assert len(rows) == PROPOSALS


@examples(max_examples=10)
@given(size=st.integers(1, 200))
def test_parts_of_the_rejects_make_up_the_whole(store: Services, size: int) -> None:
    search = RejectSearch(stage="validate", size=size)
    rows = _all(lambda after: find_rejects(store, search.model_copy(update={"after": after})))
    assert rows == find_rejects(store, RejectSearch(stage="validate").for_download()).rows
    assert {row.stage for row in rows} == {"validate"}


@examples(max_examples=10)
@given(size=st.integers(1, 40))
def test_parts_of_the_sources_make_up_the_whole(store: Services, size: int) -> None:
    search = SourceSearch(size=size)
    rows = _all(lambda after: find_sources(store, search.model_copy(update={"after": after})).part)
    assert len(rows) == SIZE.days * SIZE.requests // 2
    assert sum(row.share for row in rows) == pytest.approx(1)
    assert sum(row.selected_share for row in rows) == pytest.approx(1)


def test_each_filter_of_the_tasks_leaves_what_it_names(store: Services) -> None:
    some = find_tasks(store, TaskSearch(verdict="kept")).rows[0]
    owner = some.dataset.partition("/")[0] + "/"
    for search, fits in (
        (TaskSearch(verdict="kept"), lambda row: row.reason is None),
        (TaskSearch(verdict="rejected"), lambda row: row.reason is not None),
        (TaskSearch(mode="aware"), lambda row: row.mode == "aware"),
        (TaskSearch(day=some.day), lambda row: row.day == some.day),
        (TaskSearch(source=some.dataset), lambda row: row.dataset == some.dataset),
        (TaskSearch(source=owner), lambda row: row.dataset.startswith(owner)),
        (TaskSearch(licence="MIT"), lambda row: row.licence == "mit"),
        (TaskSearch(words="WORD7 estimate"), lambda row: " word7 " in row.instruction),
        (TaskSearch(words="word7 word8"), lambda _: False),
    ):
        every = find_tasks(store, TaskSearch().for_download()).rows
        found = find_tasks(store, search.for_download()).rows
        assert found == [row for row in every if fits(row)], search


@examples(max_examples=50)
@given(words=st.text(max_size=40), source=st.text(max_size=20))
def test_no_search_breaks_the_query(store: Services, words: str, source: str) -> None:
    try:
        search = TaskSearch(words=words, source=source)
    except ValidationError:
        return
    find_tasks(store, search)
    find_rejects(store, RejectSearch(subject=source))


def test_a_wildcard_in_a_name_is_a_letter(store: Services) -> None:
    assert find_tasks(store, TaskSearch(source="%/")).rows == []
    assert find_rejects(store, RejectSearch(subject="owner_")).rows == []


@given(key=st.tuples(st.text(max_size=9), st.integers()) | st.tuples(st.booleans(), st.none()))
def test_a_cursor_that_is_not_ours_is_refused(key: tuple[str, int]) -> None:
    try:
        found = read_cursor(cursor(key), PLACES)
    except InvalidInput:
        return
    assert found is not None
    assert found[1] == key[1]
    assert abs(key[1]) < 2**62


@pytest.mark.parametrize("after", ["x", "e30=", "W10=", "bnVsbA==", "W1tbW1tb"])
def test_a_broken_cursor_is_refused(after: str) -> None:
    with pytest.raises(InvalidInput, match="after"):
        read_cursor(after, PLACES)


def test_one_task_tells_prompt_answer_verdicts_and_rows(store: Services) -> None:
    row = find_tasks(store, TaskSearch(verdict="kept")).rows[0]
    report = task_report(store, row.day, row.request_key, row.position)
    assert report.request.messages[0]["role"] == "user"
    assert len(report.examples) >= 2
    assert {line.task_key for line in report.examples} == {row.task_key}
    assert {line.verdict for line in report.filters} == {"passed"}
    assert report.links.files.endswith(f"/datasets/{row.dataset}/tree/{'a' * 40}")
    with pytest.raises(InvalidInput, match="proposal"):
        task_report(store, row.day, "none", 0)


def test_a_rejected_proposal_fails_one_filter_and_is_asked_no_further() -> None:
    lines = filter_verdicts(Reason.FIELD_UNKNOWN)
    verdicts = [line.verdict for line in lines]
    at = verdicts.index("rejected")
    assert lines[at].reason == "field_unknown"
    assert set(verdicts[:at]) == {"passed"}
    assert set(verdicts[at + 1 :]) == {"not asked"}
    assert filter_verdicts(Reason.CRITIC_SAYS_INVALID)[-1].verdict == "rejected"


def test_sums_are_those_of_the_rows(store: Services) -> None:
    history, found = growth_history(store), to_json(spent(store))
    with store.engine.connect() as connection:
        paid = connection.execute(text("select sum(cost_usd) from llm_requests")).scalar_one()
    assert Decimal(found["total"]["cost_usd"]) == paid == history.total.cost_usd
    for part in ("by_day", "by_purpose", "by_model"):
        assert sum(line["requests"] for line in found[part]) == SIZE.days * SIZE.requests
    assert [day.day for day in history.days] == SIZE.names
    assert {day.validity for day in history.days} == {0.75}
    kept = next(stage for stage in history.funnel if stage.stage is Stage.EXAMINE)
    assert kept.rejected == 100 * SIZE.days == sum(line.number for line in kept.lost)
    assert current_day(store).running is False


def test_versions_are_compared_and_drawn(store: Services) -> None:
    assert [line.name for line in version_lines(store)] == ["v0002", "v0001"]
    report = version_report(store, 2)
    assert report.state.manifest
    assert report.state.wrong == []
    assert report.curve.rows[-1] == SIZE.selected
    assert report.curve.coverage[-1] == pytest.approx(0.8)
    changed = compare(store, 1, 2)
    assert changed.added.number == changed.dropped.number == SIZE.selected // 2
    folders = [open_snapshot(store.storage, version) for version in (1, 2)]
    assert changed == diff_folders(*folders), "what is stored is what is compared anew"
    back = compare(store, 2, 1)
    assert back.added.keys == changed.dropped.keys
    drawn = pool_map(store, 1)
    assert drawn.points == SIZE.days * SIZE.instances
    for wrong in (0, 3, 10**6):
        with pytest.raises(InvalidInput, match="version"):
            version_report(store, wrong)


def _all(ask: Callable[[str], Part[Row]]) -> list[Row]:
    part = ask("")
    rows = list(part.rows)
    while part.following:
        part = ask(part.following)
        rows += part.rows
    return rows
