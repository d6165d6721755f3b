"""Scores and vectors beside real instances: made once, and left when a setting changes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from dynosaur_etl.domain.errors import InvalidInput, InvalidSetting
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import StepReport
from dynosaur_etl.flows.prepare import instance_parts
from dynosaur_etl.flows.prepare.embed import embedding_kind
from dynosaur_etl.flows.prepare.scorers import chosen_scorer, score_kind
from dynosaur_etl.flows.runtime.services import open_services
from dynosaur_etl.flows.select import training_set
from dynosaur_etl.inference.embedding import Embedder
from dynosaur_etl.store.steps import files_of
from dynosaur_etl.store.storage import Storage
from tests.flows import growth
from tests.flows.support import (
    DEMO_HUB,
    POLL_STEPS,
    Servers,
    dump_files,
    environment,
    serving,
    settings,
)

DAY = GrowthDay.parse("2026-10-06")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with serving(DEMO_HUB, tmp_path_factory.mktemp("logs")) as running:
        yield running


@pytest.fixture(scope="module")
def values(
    servers: Servers, make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The environment of a day that is filled, and neither scored nor embedded."""
    found = environment(servers, make_database(), tmp_path_factory.mktemp("home"))
    with open_services(settings(found)) as services:
        for step in (*POLL_STEPS, growth.propose_all, growth.validate, growth.fill):
            step(DAY, services)
    return found


def run(values: dict[str, str], *steps: Callable[..., StepReport], **more: str) -> list[StepReport]:
    with open_services(settings(values | more)) as services:
        return [step(DAY, services) for step in steps]


def paths(values: dict[str, str], **more: str) -> dict[str, list[str]]:
    with open_services(settings(values | more)) as services:
        kinds = {"scores": score_kind(chosen_scorer(services)), "vectors": embedding_kind(services)}
        return {
            name: [file.path for file in files_of(services.engine, kind, str(DAY))]
            for name, kind in kinds.items()
        }


def table(values: dict[str, str], path: str) -> Any:
    return Storage(settings(values).storage).read_table(path)


def test_parts_and_the_whole_give_the_same_files(
    values: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance_parts, "PART_ROWS", 40)
    with open_services(settings(values)) as services:
        parts = growth.parts_of(DAY, services)
        assert [part.rows for part in parts][:-1] == [40] * (len(parts) - 1)
        for part in reversed(parts):
            assert growth.embed_part(DAY, services, part.number).counts.kept == part.rows
            assert growth.score_part(DAY, services, part.number).counts.kept == part.rows
        with pytest.raises(InvalidInput, match="part: received 99"):
            growth.embed_part(DAY, services, 99)
        before = dump_files(Path(values["DYNOSAUR_HOME"]))
        growth.score(DAY, services)
        growth.embed(DAY, services)
        for make in (growth.score_part, growth.embed_part):
            assert make(DAY, services, 0).counts.taken == 0, "a finished day is worked on again"
        with services.engine.connect() as connection:
            assert connection.scalar(text("select count(*) from checkpoints")) == 0
    after = dump_files(Path(values["DYNOSAUR_HOME"]))
    [tasks] = [path for path in after if path not in before]
    assert tasks.startswith("task_embeddings/")
    assert {path: after[path] for path in before} == before, "the parts are the files"
    for files in paths(values).values():
        assert len(files) == len(parts)


def test_nothing_that_is_stored_is_embedded_again(
    values: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(values, growth.score, growth.embed)
    [before] = {tuple(paths(values)["vectors"])}
    monkeypatch.setattr(instance_parts, "PART_ROWS", 7)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("embedded again")

    monkeypatch.setattr(Embedder, "embed", never)
    run(values, growth.score)
    with open_services(settings(values)) as services:
        with services.engine.begin() as connection:
            connection.execute(text("delete from growth_runs where step = 'embed'"))
        again = [growth.embed_part(DAY, services, p.number) for p in growth.parts_of(DAY, services)]
        with services.engine.begin() as connection:  # other tests cut the day otherwise
            connection.execute(text("delete from checkpoints"))
    assert sum(report.counts.kept for report in again) == sum(
        table(values, path).num_rows for path in before
    )


def test_another_model_text_or_precision_leaves_the_old_vectors(values: dict[str, str]) -> None:
    run(values, growth.embed)
    old = paths(values)["vectors"]
    changed = {"DYNOSAUR_EMBEDDED_TEXT": "instruction"}
    [report] = run(values, growth.embed, **changed)
    assert report.facts["text"] == "instruction"
    assert set(paths(values, **changed)["vectors"]).isdisjoint(old)
    assert paths(values)["vectors"] == old
    with pytest.raises(InvalidInput, match="dynosaur grow"):
        run(values, training_set.select, DYNOSAUR_EMBEDDING_PRECISION="bfloat16")


def test_a_judge_scores_through_the_ledger_and_is_chosen_by_setting(
    values: dict[str, str], servers: Servers
) -> None:
    judged = {"DYNOSAUR_SCORERS": "heuristics,judge", "DYNOSAUR_QUALITY_SCORER": "judge"}
    paid = len(servers.paid_requests())
    scored, _ = run(values, growth.score, growth.embed, **judged)
    asked = len(servers.paid_requests()) - paid
    assert scored.counts.kept == scored.counts.taken == 2 * asked
    assert set(scored.facts["scorers"]) == {"heuristics", "judge"}
    run(values, growth.score)
    run(values, growth.score, **judged)
    assert len(servers.paid_requests()) == paid + asked
    with open_services(settings(values | judged)) as services:
        built = training_set.build_snapshot(DAY, services)
        manifest = Path(values["DYNOSAUR_HOME"], "store", built.facts["path"], "manifest.json")
    assert '"scorer": "judge"' in manifest.read_text()
    assert '"quality_scale": "rank"' in manifest.read_text()


def test_a_spent_budget_defers_scores_and_the_selection_leaves_those_out(
    values: dict[str, str],
) -> None:
    model = {
        "DYNOSAUR_SCORERS": "judge",
        "DYNOSAUR_QUALITY_SCORER": "judge",
        "DYNOSAUR_JUDGE_DIMENSION": "helpfulness",
        "DYNOSAUR_JUDGE_MODEL": "gpt-4o-mini",
        "DYNOSAUR_LLM_BUDGET_RUN_USD": "0",
    }
    run(values, growth.score, growth.embed)
    scored, _ = run(values, growth.score, growth.embed, **model)
    assert scored.counts.deferred == scored.counts.taken > 0
    assert scored.facts["stands"] == scored.counts.taken, "the heuristics' scores stand"
    with pytest.raises(InvalidInput, match="run `dynosaur grow`"):
        run(values, training_set.select, **model)
    with open_services(settings(values)) as services, services.engine.begin() as connection:
        connection.execute(text("delete from growth_runs where step = 'score'"))
    [scored] = run(values, growth.score, **model)
    assert scored.counts.deferred == scored.counts.taken > 0
    assert not scored.replaced_nothing, "where nothing stood, what is there is taken"
    with pytest.raises(InvalidInput, match="0 instances"):
        run(values, training_set.select, **model)


def test_the_chosen_scorer_has_to_run(values: dict[str, str]) -> None:
    with pytest.raises(InvalidSetting, match="DYNOSAUR_QUALITY_SCORER"):
        run(values, growth.score, DYNOSAUR_QUALITY_SCORER="judge")
