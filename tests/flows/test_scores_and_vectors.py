"""Scores and vectors beside real instances: made once, and left when a setting changes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from dynosaur_etl.cli.main import app
from dynosaur_etl.domain.errors import InvalidInput, InvalidSetting
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import StepReport
from dynosaur_etl.flows import training_set
from dynosaur_etl.flows.prepare import instance_parts
from dynosaur_etl.flows.prepare.score_comparison import compare_scores
from dynosaur_etl.flows.runtime.embeddings import embedding_kind
from dynosaur_etl.flows.runtime.scorers import chosen_scorer, score_kind
from dynosaur_etl.flows.runtime.services import open_services
from dynosaur_etl.inference.embedding import Embedder
from dynosaur_etl.store.kinds import FileKind
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
from tests.quality.causal_model import make_causal

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
    with pytest.raises(InvalidSetting, match="QUALITY_SCORER: received 'judge'; allowed: heur"):
        run(values, growth.score, DYNOSAUR_QUALITY_SCORER="judge")


def test_tags_of_an_llm_are_kept_once_and_are_what_mig_goes_by(
    values: dict[str, str], servers: Servers
) -> None:
    tagged = {"DYNOSAUR_SCORERS": "heuristics,tags", "DYNOSAUR_SELECTION_METHOD": "mig"}
    paid = len(servers.paid_requests())
    scored, _ = run(values, growth.score, growth.embed, **tagged)
    asked = len(servers.paid_requests()) - paid
    assert 0 < asked <= scored.counts.kept // 2
    run(values, growth.score)
    run(values, growth.score, **tagged)
    assert len(servers.paid_requests()) == paid + asked
    [selected] = run(values, training_set.select, **tagged)
    assert selected.facts["parameters"]["label_source"] == "tags"
    [untagged] = run(values, training_set.select, DYNOSAUR_SELECTION_METHOD="mig")
    assert untagged.facts["parameters"]["label_source"] == "clusters and key phrases"
    other = tagged | {"DYNOSAUR_JUDGE_MODEL": "dynosaur-demo-other"}
    with pytest.raises(InvalidInput, match="tags: received 0 rows"):
        run(values, training_set.select, **other)


def test_scorers_are_shown_beside_one_another(values: dict[str, str], tmp_path: Path) -> None:
    every = {
        "DYNOSAUR_SCORERS": "heuristics,length,perplexity,ifd,deita_complexity,deita_quality,tags",
        "DYNOSAUR_CAUSAL_MODEL": str(make_causal(tmp_path / "causal")),
    }
    run(values, growth.score, **every)
    with open_services(settings(values | every)) as services:
        found = compare_scores(services)
        rows = sum(file.rows for file in files_of(services.engine, FileKind.INSTANCES, str(DAY)))
    assert list(found.scorers) == every["DYNOSAUR_SCORERS"].split(",")
    assert found.instances == rows
    assert {figures.missing for figures in found.scorers.values()} == {0}
    assert len({figures.mean for figures in found.scorers.values()}) == 7
    for name, others in found.correlations.items():
        assert others[name] == pytest.approx(1)
        assert all(other is not None and abs(other) <= 1.000001 for other in others.values())
    shown = CliRunner().invoke(app, ["scores"], env=values | every)
    assert shown.exit_code == 0, shown.output
    assert "deita_complexity" in shown.output
    assert shown.output.count("1.00") >= 7


def test_without_scores_there_is_nothing_to_show(values: dict[str, str]) -> None:
    unscored = {
        "DYNOSAUR_SCORERS": "judge",
        "DYNOSAUR_QUALITY_SCORER": "judge",
        "DYNOSAUR_JUDGE_MODEL": "dynosaur-demo-unused",
    }
    words = "after a day that has been grown"
    with (
        open_services(settings(values | unscored)) as services,
        pytest.raises(InvalidInput, match=words),
    ):
        compare_scores(services)
