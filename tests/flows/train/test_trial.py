"""The trial of a version, its report, the gate, and publishing through it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dynosaur_etl.domain.errors import Corrupt, InvalidInput
from dynosaur_etl.flows.runtime.services import Services, open_services
from dynosaur_etl.flows.snapshot import publish
from dynosaur_etl.flows.train import trial
from dynosaur_etl.flows.train.places import set_folder, training_set
from dynosaur_etl.flows.train.trial import Arm, draw_tokens, judge_gains, steps_of, without_tasks
from dynosaur_etl.flows.upkeep.garbage import find_garbage
from dynosaur_etl.flows.views.version_figures import version_report
from dynosaur_etl.store.evaluations import (
    Gain,
    LossChange,
    VersionEvaluation,
    read_evaluation,
    report_path,
    write_evaluation,
)
from dynosaur_etl.training.presets import PRESETS, TINY
from dynosaur_etl.training.runs import list_runs
from dynosaur_etl.training.sets import read_set
from tests.flows.train.conftest import Taught

ARMS = [Arm(kind, seed) for seed in (0, 1) for kind in ("version", "parent", "random")]


def trained(taught: Taught, **values: str) -> dict[str, str]:
    return {
        "training_model": str(taught.model), "training_preset": "tiny", "training_seeds": "2",
        **values,
    }  # fmt: skip


def test_a_version_is_tried_against_the_one_before_and_against_chance(taught: Taught) -> None:
    with open_services(taught.settings(**trained(taught))) as services:
        assert trial.plan_arms(2, services) == ARMS
        with pytest.raises(InvalidInput, match="not trained"):
            trial.report_trial(2, services)
        for arm in ARMS:
            trial.run_arm(2, services, arm.kind, arm.seed)
        names = [run.name for run in list_runs(taught.home / "runs")]
        assert len(names) == 6
        again = trial.run_arm(2, services, "version", 0)
        assert again.facts["arm"] == "version, seed 0"
        assert sorted(run.name for run in list_runs(taught.home / "runs")) == sorted(names)
        report = trial.report_trial(2, services)
        found = read_evaluation(services.storage, 2)
        shown = version_report(services, 2).evaluation
        garbage = find_garbage(services, *_forever())
    assert found is not None
    assert found == shown
    assert report.facts["verdict"] == found.verdict == "passed"
    assert [gain.against for gain in found.gains] == ["v0001", "random at equal tokens"]
    held = read_set(taught.version(2), "test")
    for gain in found.gains:
        assert gain.change.number == 2
        assert set(gain.by_source) == held.sources
        assert sum(change.number for change in gain.by_source.values()) == len(held)
    steps = {run.manifest.figures["steps"] for run in list_runs(taught.home / "runs")}
    assert len(steps) == 1, "all arms take the same steps"
    assert not [item for item in garbage if "evaluations/" in item.path]


def _forever() -> tuple[Any, Any]:
    from datetime import UTC, datetime, timedelta

    return timedelta(0), datetime.now(UTC)


def test_no_held_out_task_is_in_any_arm(taught: Taught) -> None:
    held = read_set(taught.version(2), "test")
    assert held.tasks
    for kind in ("train", "full"):
        assert not held.tasks & read_set(taught.version(2), kind).tasks
    older = training_set(taught.version(1))
    cleared = without_tasks(older, frozenset(sorted(older.tasks)[:1]))
    assert cleared.tasks == older.tasks - {min(older.tasks)}
    assert without_tasks(older, held.tasks) is older
    with pytest.raises(InvalidInput, match="of the fixed set"):
        without_tasks(older, older.tasks)


def test_a_version_whose_training_part_holds_a_held_out_task_is_refused(taught: Taught) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    [train] = taught.version(2).glob("data/train-*")
    [test] = taught.version(2).glob("data/test-*")
    rows = [pq.read_table(file, partitioning=None) for file in (train, test)]
    pq.write_table(pa.concat_tables([rows[0], rows[1].slice(0, 1)]), train)
    with pytest.raises(InvalidInput, match="no task of the split `test`"):
        training_set(taught.version(2))


def test_without_a_model_or_a_parent_or_a_pool_there_are_fewer_arms(
    taught: Taught, services: Services
) -> None:
    assert trial.plan_arms(2, services) == []
    with open_services(taught.settings(**trained(taught, training_seeds="1"))) as opened:
        assert trial.plan_arms(1, opened) == [Arm("version", 0), Arm("random", 0)]
        for file in taught.version(2).glob("full/*"):
            file.unlink()
        assert trial.plan_arms(2, opened) == [Arm("version", 0), Arm("parent", 0)]


def test_another_preset_or_evaluation_set_is_another_trial(taught: Taught, tmp_path: Path) -> None:
    other = tmp_path / "fixed.jsonl"
    other.write_text(json.dumps({"prompt": "Say a.", "completion": "a"}) + "\n")
    values = trained(taught, training_seeds="1", training_evaluation=str(other))
    with open_services(taught.settings(**trained(taught, training_seeds="1"))) as services:
        trial.run_arm(2, services, "version", 0)
    with open_services(taught.settings(**values)) as services:
        trial.run_arm(2, services, "version", 0)
    arms = sorted((taught.home / "store" / "evaluations" / "v0002" / "arms").iterdir())
    assert len(arms) == 2
    assert len(list_runs(taught.home / "runs")) == 1, "the same training serves both"


LAST, CHANCE = "v0001", "random at equal tokens"


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ([Gain(LAST, LossChange(0.30, 0.05, 0.55, 3))], "refused"),
        ([Gain(LAST, LossChange(0.30, 0.01, 0.59, 3))], "passed"),
        ([Gain(LAST, LossChange(0.30, -0.10, 0.70, 3))], "passed"),
        ([Gain(LAST, LossChange(0.90, None, None, 1))], "passed"),
        ([Gain(LAST, LossChange(-0.30, -0.35, -0.25, 3))], "passed"),
        ([Gain(CHANCE, LossChange(0.30, 0.25, 0.35, 3))], "passed"),
        (
            [Gain(CHANCE, LossChange(-1, -2, -0.5, 3)), Gain(LAST, LossChange(0.3, 0.2, 0.4, 3))],
            "refused",
        ),
        ([], "passed"),
    ],
)
def test_the_gate_refuses_what_is_worse_beyond_noise_and_margin_and_nothing_else(
    gains: Sequence[Gain], verdict: str
) -> None:
    found, words = judge_gains(gains, margin=0.02)
    assert found == verdict
    assert words


def evaluated(verdict: str) -> VersionEvaluation:
    return VersionEvaluation(2, "0" * 64, verdict, "because", (), {})


def test_a_version_is_published_once_it_has_passed_the_gate(taught: Taught) -> None:
    values = {"publish_gate": "true", "publish_url": str(taught.home / "published")}
    with open_services(taught.settings(**values)) as services:
        assert not publish.may_publish(2, services)
        with pytest.raises(InvalidInput, match="dynosaur try v0002"):
            publish.publish_version(2, services)
        with pytest.raises(InvalidInput, match="not tried"):
            trial.passes_gate(2, services)
        write_evaluation(services.storage, evaluated("refused"))
        assert not publish.may_publish(2, services)
        with pytest.raises(InvalidInput, match="because"):
            trial.passes_gate(2, services)
        assert not (taught.home / "published").exists()
        write_evaluation(services.storage, evaluated("passed"))
        assert trial.passes_gate(2, services)
        assert publish.publish_version(2, services).facts["copy_new"]
    assert (taught.home / "published" / "snapshots" / "v0002").is_dir()


def test_without_a_gate_publishing_asks_for_no_trial(taught: Taught) -> None:
    values = {"publish_url": str(taught.home / "published")}
    with open_services(taught.settings(**values)) as services:
        assert publish.may_publish(2, services)
        assert not trial.passes_gate(2, services)
        assert publish.publish_version(2, services).facts["copy_new"]


def test_a_report_that_is_not_what_was_written_is_said_so(services: Services) -> None:
    write_evaluation(services.storage, evaluated("passed"))
    services.storage.write_bytes(report_path(2), b'{"version": "two"}')
    with pytest.raises(Corrupt, match=r"evaluations/v0002/report\.json"):
        read_evaluation(services.storage, 2)


def test_the_steps_are_those_that_the_preset_takes_over_the_version() -> None:
    assert steps_of(PRESETS["qdit"], 0, 1000) == 24
    assert steps_of(PRESETS["smol"], 204_800, 999) == 300
    assert steps_of(PRESETS["small"], 1024 * 320, 9999) == 30
    assert steps_of(TINY.changed(steps=7), 1, 1) == 7


def test_random_rows_have_as_many_tokens_within_half_a_row() -> None:
    lengths = [10, 200, 30, 45, 80, 5, 60] * 30
    for seed in range(10):
        drawn = draw_tokens(lengths, 3_000, seed)
        assert len(set(drawn)) == len(drawn)
        assert abs(sum(lengths[at] for at in drawn) - 3_000) <= 100
    assert draw_tokens(lengths, 3_000, 0) != draw_tokens(lengths, 3_000, 1)
    assert len(draw_tokens(lengths, 10**9, 0)) == len(lengths)


def test_a_version_with_anothers_files_is_that_one_to_training_and_to_the_gate(
    taught: Taught,
) -> None:
    values = {**trained(taught, training_seeds="1"), "publish_gate": "true"}
    assert not taught.version(3).exists()
    with open_services(taught.settings(**values)) as services:
        assert trial.head_number(services) == 3
        assert trial.plan_arms(3, services) == trial.plan_arms(1, services)
        assert set_folder("v0003", services.settings) == taught.version(1)
        assert not publish.may_publish(3, services)
        write_evaluation(services.storage, replace(evaluated("passed"), version=1))
        assert publish.may_publish(3, services)
        assert trial.passes_gate(3, services)
        assert version_report(services, 3).evaluation == read_evaluation(services.storage, 1)
        with pytest.raises(InvalidInput, match="received 4; allowed: 1 to 3"):
            set_folder("4", services.settings)
