"""One dataset, config, row or answer that raises anything, at every step: the rest goes on.

A day of two datasets is grown once, and its database copied before each step. Each test then runs
one step, or a few, over a copy, while one place of the code raises for one of the datasets, or for
one row of it, whatever hypothesis draws.
"""

import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from dynosaur_etl.domain.errors import HubUnavailable, StoreUnavailable
from dynosaur_etl.flows.poll import candidates, examine, forms
from dynosaur_etl.flows.propose import criticise, judging, questions
from dynosaur_etl.flows.select.pool import load_pool
from dynosaur_etl.flows.views.overview import overview
from dynosaur_etl.hub import listing, sources
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.inference.embedding import Embedder
from dynosaur_etl.instances import organise
from dynosaur_etl.proposals import validity
from dynosaur_etl.quality.heuristics import Heuristics
from tests.flows.errors import errors
from tests.flows.hubs import notes, write_dataset
from tests.flows.poisoned import (
    BAD,
    DAY,
    GOOD,
    STEPS,
    Outcome,
    World,
    answer,
    holds_bad,
    once,
    poisoned,
)
from tests.flows.scripted_llm import scripted_llm
from tests.flows.support import serving

FILLER = importlib.import_module("dynosaur_etl.flows.fill.filler")
FEW = hypothesis_settings(
    max_examples=4,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.generate],  # each example is a run over a copy of the store: too slow to shrink
)


@pytest.fixture(scope="module")
def world(
    make_database: Callable[[], str], postgres_host: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    root = tmp_path_factory.mktemp("world")
    for name in (GOOD, BAD):
        table = notes(40)
        texts = [f"{name}: {note}" for note in table["note"].to_pylist()]
        table = table.set_column(0, "note", [texts])
        write_dataset(root / "hub", name, str(DAY), train_dot_parquet=table)
    database = make_database().partition("?")[0].rpartition("/")[2]
    with serving(root / "hub", root / "logs") as servers, scripted_llm(answer) as llm:
        here = replace(servers, llm=llm.url)
        made = World(here, root / "home", postgres_host, Embedder())
        for name, step in STEPS.items():
            made.before[name] = made.copy(database)
            with made.services(database) as services:
                step(DAY, services)
        made.before["end"] = database
        yield made


@pytest.fixture(scope="module")
def whole(world: World) -> Iterator[Outcome]:
    """The day as it is where nothing raises."""
    with world.services(world.before["end"]) as services:
        found = Outcome(services, {})
        assert found.met == []
        assert overview(services).days[0].alarm == ""
        assert all(len(found.instances(name)) > 10 for name in (GOOD, BAD))
        yield found


@FEW
@given(errors())
def test_an_entry_of_the_hubs_list(world: World, error: Exception) -> None:
    wrapped = poisoned(error, listing._entry, lambda entry: entry["id"] == BAD)
    with world.running("sync candidates examine", (listing, "_entry", wrapped)) as found:
        assert found.reports["sync"].counts.rejected == 1
        assert [row[:3] for row in found.met] == [("candidates", BAD, "unforeseen_error")]
        assert [row[1] for row in found.rows("select * from verdicts")] == [GOOD]


@FEW
@given(errors())
def test_the_commits_of_a_dataset(world: World, whole: Outcome, error: Exception) -> None:
    bad = poisoned(error, HubClient.commits, lambda _, name: name == BAD)
    unknown = (candidates, "change_told", lambda *_: None)  # so that commits have to be read
    with world.running("candidates examine", unknown, (HubClient, "commits", bad)) as found:
        assert [row[:3] for row in found.met] == [("examine", BAD, "unforeseen_error")]
        assert found.of("configs", GOOD) == whole.of("configs", GOOD)
        assert found.reports["examine"].counts.rejected == 1


@FEW
@given(errors(), st.sampled_from(["parse_card", "sample_dataset", "examine_listed", "card_filter"]))
def test_a_dataset_that_is_examined(
    world: World, whole: Outcome, error: Exception, place: str
) -> None:
    wrapped = poisoned(error, getattr(examine, place), holds_bad)
    if place == "card_filter":
        of_settings = examine.card_filter

        def wrapped(chosen: Any) -> Any:
            return poisoned(error, of_settings(chosen), holds_bad)

    with world.running("examine", (examine, place, wrapped)) as found:
        found.check("examine", error)
        assert [row[1] for row in found.met] == [BAD]
        assert found.of("configs", GOOD) == whole.of("configs", GOOD)


@FEW
@given(
    errors(),
    st.sampled_from(
        [
            (sources, "sample_config"),
            (sources, "_judge"),
            (examine, "judge_config"),
            (forms, "find_form"),
            (forms, "detect_language"),
        ]
    ),
)
def test_a_config_that_is_sampled_and_judged(
    world: World, whole: Outcome, error: Exception, place: tuple[Any, str]
) -> None:
    owner, name = place
    opened = (forms, "leaves_language_open", lambda *_: True)
    wrapped = poisoned(error, getattr(owner, name), holds_bad)
    with world.running("examine", opened, (owner, name, wrapped)) as found:
        found.check("configs", error)
        assert {(row[0], row[1].partition("@")[0]) for row in found.met} == {
            ("configs", BAD),
            ("examine", BAD),
        }
        assert found.of("configs", GOOD) == whole.of("configs", GOOD)


@FEW
@given(errors(), st.sampled_from(["build_request", "shown_rows"]))
def test_a_prompt(world: World, whole: Outcome, error: Exception, place: str) -> None:
    wrapped = poisoned(error, getattr(questions, place), holds_bad)
    with world.running("propose criticise validate", (questions, place, wrapped)) as found:
        found.check("propose", error)
        assert found.of("tasks", BAD) == []
        assert found.of("tasks", GOOD) == whole.of("tasks", GOOD)


@FEW
@given(errors(), st.sampled_from(["judge_proposals", "shown_rows"]))
def test_the_answers_about_a_config(
    world: World, whole: Outcome, error: Exception, place: str
) -> None:
    wrapped = poisoned(error, getattr(judging, place), holds_bad)
    with world.running("validate", (judging, place, wrapped)) as found:
        found.check("validate", error)
        assert found.of("tasks", BAD) == []
        assert found.of("tasks", GOOD) == whole.of("tasks", GOOD)


@FEW
@given(errors())
def test_one_answer(world: World, whole: Outcome, error: Exception) -> None:
    first: list[str] = []

    def is_first(content: str, *_: Any) -> bool:
        first[:] = first or [content]
        return content == first[0]

    wrapped = poisoned(error, judging.read_proposals, is_first)
    with world.running("criticise validate", (judging, "read_proposals", wrapped)) as found:
        found.check("validate", error)
        everything = {row[1] for row in whole.rows("select * from tasks")}
        assert {row[1] for row in found.rows("select * from tasks")} < everything


@FEW
@given(errors(), st.integers(0, 3))
def test_one_proposal(world: World, whole: Outcome, error: Exception, which: int) -> None:
    met: list[str] = []

    def is_nth(payload: Any) -> bool:
        told = json.dumps(payload, sort_keys=True)
        met.extend([] if told in met else [told])
        return met.index(told) == which

    wrapped = poisoned(error, validity.read_draft, is_nth)
    with world.running("criticise validate", (validity, "read_draft", wrapped)) as found:
        found.check("validate", error)
        numbers = [len(outcome.rows("select * from proposals")) for outcome in (found, whole)]
        assert numbers[0] == numbers[1]


@FEW
@given(errors(), st.sampled_from(["fill_rows", "build_critic_request", "read_verdicts"]))
def test_what_the_critic_is_asked_and_says(
    world: World, whole: Outcome, error: Exception, place: str
) -> None:
    said: list[str] = []

    def is_first(content: Any, *args: Any, **named: Any) -> bool:
        if place != "read_verdicts":
            return holds_bad(content, *args, **named)
        said.append(content)
        return len(said) == 1

    wrapped = poisoned(error, getattr(criticise, place), is_first)
    steps = "validate" if place == "read_verdicts" else "criticise validate"
    with world.running(steps, (criticise, place, wrapped)) as found:
        found.check("validate", error)
        lost = len(whole.rows("select * from tasks")) - len(found.rows("select * from tasks"))
        assert lost >= 1
        assert found.rows("select * from tasks")


@FEW
@given(errors())
def test_a_task_that_is_opened(world: World, error: Exception) -> None:
    with world.running(
        "fill", (FILLER, "draw_rows", poisoned(error, FILLER.draw_rows, once()))
    ) as found:
        found.check("fill", error)
        assert sum(row[3] for row in found.met) == 1
        assert found.reports["fill"].counts.kept > 0


@FEW
@given(errors(), st.sampled_from(["organise", "_without_pii", "instance_keys"]), st.data())
def test_a_row_that_is_filled(
    world: World, whole: Outcome, error: Exception, place: str, data: st.DataObject
) -> None:
    target = data.draw(st.sampled_from(whole.instances(BAD)))

    def is_bad(*args: Any) -> bool:
        if place == "organise":
            task, _, rows, _ = args
            return task.key == target["task_key"] and target["row"] in rows["__row__"].to_pylist()
        texts = args[0].inputs if place == "_without_pii" else args[1]
        return target["input"] in texts.to_pylist()

    wrapped = poisoned(error, getattr(organise, place), is_bad)
    with world.running("fill", (organise, place, wrapped)) as found:
        found.check("fill", error)
        lost = [row for row in whole.instances(BAD) if row not in found.instances(BAD)]
        assert target in lost
        assert sum(row[3] for row in found.met) >= len(lost)
        assert all(row["input"] == target["input"] for row in lost)
        assert all(row in whole.instances(BAD) for row in found.instances(BAD))


def check_pool(instances: pa.Table, whole: Outcome, lost: set[str]) -> None:
    """The pool has lost these instances, and no other."""
    left = set(instances["instance_key"].to_pylist())
    before = load_pool(whole.services, [str(DAY)]).instances["instance_key"].to_pylist()
    assert len(left) > 10
    assert left.isdisjoint(lost)
    assert set(before) - lost <= left


@FEW
@given(errors(), st.data())
def test_an_instance_that_is_scored(
    world: World, whole: Outcome, error: Exception, data: st.DataObject
) -> None:
    target = data.draw(st.sampled_from(whole.instances(BAD)))

    def is_bad(_: Any, given_text: str, output: str, labels: Any) -> bool:
        return (given_text, output) == (target["input"], target["output"])

    wrapped = poisoned(error, Heuristics._signals, is_bad)
    with world.running("score embed", (Heuristics, "_signals", wrapped)) as found:
        found.check("score", error)
        pool = load_pool(found.services, [str(DAY)])
        everything = whole.instances(GOOD) + whole.instances(BAD)
        texts = (target["input"], target["output"])
        same = {row["instance_key"] for row in everything if (row["input"], row["output"]) == texts}
        assert pool.unscored == sum(row[3] for row in found.met)
        check_pool(pool.instances, whole, same)


@FEW
@given(errors(), st.data())
def test_an_instance_that_is_embedded(
    world: World, whole: Outcome, error: Exception, data: st.DataObject
) -> None:
    target = data.draw(st.sampled_from(whole.instances(BAD)))
    words = f"{target['instruction']}\n{target['input']}"
    wrapped = poisoned(error, Embedder.embed, lambda _, texts, **__: words in texts)
    with world.running("score embed", (Embedder, "embed", wrapped)) as found:
        found.check("embed", error)
        pool = load_pool(found.services, [str(DAY)])
        everything = whole.instances(GOOD) + whole.instances(BAD)
        same = {
            row["instance_key"]
            for row in everything
            if f"{row['instruction']}\n{row['input']}" == words
        }
        assert target["instance_key"] in same
        check_pool(pool.instances, whole, same)
        assert pool.unembedded == sum(row[3] for row in found.met) == len(same)


@FEW
@given(errors())
def test_what_fails_for_every_instance_is_no_instances_fault(
    world: World, error: Exception
) -> None:
    always = poisoned(error, Embedder.embed, lambda *_, **__: True)
    with pytest.raises(type(error)), world.running("score embed", (Embedder, "embed", always)):
        pass


DOWN = OperationalError("select 1", {}, Exception("the server closed the connection"))


@pytest.mark.parametrize("place", ["parse_card", "judge_config"])
@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (StoreUnavailable("no room"), StoreUnavailable),
        (HubUnavailable("no answer"), HubUnavailable),
        (DOWN, StoreUnavailable),
        (OSError(28, "No space left"), OSError),
    ],
    ids=["store", "hub", "database", "disk"],
)
def test_an_outage_is_nobodys_reject(
    world: World, place: str, error: Exception, seen: type[Exception]
) -> None:
    wrapped = poisoned(error, getattr(examine, place), holds_bad)
    with pytest.raises(seen), world.running("examine", (examine, place, wrapped)):
        pass
