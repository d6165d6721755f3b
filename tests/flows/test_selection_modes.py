"""Ways to make a selection: parts that are solved elsewhere, and a graph that grows by the day."""

from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.flows import training_set
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.select import selection_parts
from dynosaur_etl.flows.select.selection_parts import plan_parts, solve_stored_part
from dynosaur_etl.selection.partitioned import part_task, rounds
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.steps import files_of
from tests.flows.versioned import DAYS, Grown, build

FIRST, LAST = (GrowthDay.parse(day) for day in DAYS)
IN_PARTS = {"selection_mode": "partitioned", "selection_part_points": "30", "selection_size": "75"}
BY_GRAPH = {"selection_mode": "graph", "selection_size": "20"}


def keys(services: Services, day: GrowthDay = LAST) -> list[str]:
    [file] = files_of(services.engine, FileKind.SELECTIONS, str(day))
    found: list[str] = services.storage.read_table(file.path)["instance_key"].to_pylist()
    return found


def facts(services: Services, day: GrowthDay) -> dict[str, Any]:
    return dict(training_set.select(day, services).facts)


def graphs(services: Services) -> list[str]:
    return [file.day for file in files_of(services.engine, FileKind.GRAPHS)]


def test_parts_that_were_solved_ahead_are_not_solved_again(
    grown: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = grown.services(**IN_PARTS)
    here = facts(services, LAST)
    alone = keys(services)
    with services.engine.begin() as connection:
        connection.execute(text("delete from growth_runs where step = 'select'"))
    planned = plan_parts(LAST, services)
    assert len(planned) > 2
    found = [solve_stored_part(part, LAST, grown.services(**IN_PARTS)) for part in planned[::-1]]
    assert sum(found) > 0

    def refuse(_: part_task.PartTask) -> np.ndarray[Any, Any]:
        raise AssertionError("a part was solved again")

    monkeypatch.setattr(rounds, "solve_part", refuse)
    monkeypatch.setattr(selection_parts, "solve_part", refuse)
    assert solve_stored_part(planned[0], LAST, services) == found[-1]
    assert facts(services, LAST)["parameters"] == here["parameters"]
    assert keys(services) == alone
    assert plan_parts(LAST, services) == []


def test_a_part_that_is_missing_is_solved_where_the_selection_is_made(grown: Grown) -> None:
    services = grown.services(**IN_PARTS)
    planned = plan_parts(LAST, services)
    solve_stored_part(planned[0], LAST, services)
    facts(services, LAST)
    with_one_ahead = keys(services)
    with services.engine.begin() as connection:
        connection.execute(text("delete from growth_runs where step = 'select'"))
    facts(services, LAST)
    assert keys(services) == with_one_ahead


def test_a_pool_that_has_no_parts_is_not_read_for_them(
    grown: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the pool was read")

    monkeypatch.setattr(selection_parts, "read_trainable", refuse)
    assert plan_parts(LAST, grown.services(selection_size="20")) == []
    assert plan_parts(LAST, grown.services(**IN_PARTS | {"selection_mode": "graph"})) == []


def test_a_large_pool_is_cut_only_where_the_mode_comes_out_so(grown: Grown) -> None:
    large = {"selection_size": "75", "selection_part_points": "30"}
    assert plan_parts(LAST, grown.services(**large)) == []
    few = grown.services(**large, selection_memory_gib="0.02")
    assert (plan_parts(LAST, few) != []) == (facts(few, LAST)["method"] == "partitioned")


def test_the_graph_of_a_day_grows_into_that_of_the_next(grown: Grown) -> None:
    services = grown.services(**BY_GRAPH)
    assert facts(services, FIRST)["parameters"]["graph_method"] == "flat"
    assert graphs(services) == [str(FIRST)]
    parameters = facts(services, LAST)["parameters"]
    assert parameters["graph_method"] == "updated"
    assert parameters["mode_requested"] == "graph"
    assert graphs(services) == [str(FIRST), str(LAST)]
    by_growth = keys(services)
    assert len(set(by_growth)) == 20
    with services.engine.begin() as connection:
        connection.execute(text("delete from growth_runs where step = 'select'"))
        connection.execute(
            text("delete from files where kind = 'graphs' and day = :d"), {"d": DAYS[0]}
        )
    assert facts(services, LAST)["parameters"]["graph_method"] == "flat"
    assert len(set(keys(services)) & set(by_growth)) >= 15


def test_a_selection_that_is_made_already_grows_no_graph_again(grown: Grown) -> None:
    services = grown.services(**BY_GRAPH)
    first = build(services)
    assert build(services) == first | {"new": False}
    assert graphs(services) == [str(LAST)]


def test_vectors_of_another_model_do_not_grow_from_the_graph(grown: Grown) -> None:
    services = grown.services(**BY_GRAPH)
    facts(services, FIRST)
    with services.engine.begin() as connection:
        connection.execute(text("update files set name = 'other' where kind = 'graphs'"))
    assert facts(services, LAST)["parameters"]["graph_method"] == "flat"


def test_a_mode_beyond_the_memory_that_is_set_is_refused(grown: Grown) -> None:
    services = grown.services(selection_mode="exact", selection_memory_gib="0.00001")
    with pytest.raises(InvalidInput, match="needs about"):
        training_set.select(LAST, services)


def test_the_machine_that_is_set_decides_alone(
    grown: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dynosaur_etl.selection.modes.cpu_count", lambda: 1)
    one = facts(grown.services(), LAST)["parameters"]
    monkeypatch.setattr("dynosaur_etl.selection.modes.cpu_count", lambda: 64)
    services = grown.services()
    with services.engine.begin() as connection:
        connection.execute(text("delete from growth_runs where step = 'select'"))
    assert facts(services, LAST)["parameters"] == one
