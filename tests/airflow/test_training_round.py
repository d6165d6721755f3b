"""One small round through Airflow: train on the head, evaluate it, and let it through the gate."""

import json
from pathlib import Path

import pytest

from dynosaur_etl.local.growth import set_paused
from tests.airflow.conftest import Demo
from tests.airflow.test_system import ask_for_run, run_path, states_of
from tests.airflow.test_system_versions import head

pytest.importorskip("trl", reason="the extra [train] is not installed")
pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1200), pytest.mark.xdist_group("airflow")]

DAG = "train_and_evaluate"


def test_a_version_is_trained_on_evaluated_and_passes_the_gate(demo: Demo, tmp_path: Path) -> None:
    from tests.training.tiny import write_model

    fixed = tmp_path / "fixed.jsonl"
    rows = [{"prompt": f"How was day {n}?", "completion": f"calm {n % 3}"} for n in range(6)]
    fixed.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    version, api = head(demo)["version"], demo.api()
    set_paused(api, DAG, paused=False)
    try:
        run = ask_for_run(
            demo, "all", DAG, seconds=900,
            training_model=str(write_model(tmp_path / "model")), training_preset="tiny",
            training_seeds=1, training_evaluation=str(fixed), publish_gate=True,
        )  # fmt: skip
    finally:
        set_paused(api, DAG, paused=True)
    states = states_of(demo, run)
    assert run["state"] == "success", states
    done = {name for name, state in states.items() if state == "success"}
    assert done >= {"version", "plan", "train_arm", "report", "gate"}
    assert states["publish_version"] == "skipped", "every target has the head already"

    told = api.get(f"{run_path(run)}/taskInstances/report/xcomEntries/return_value")["value"]
    report = json.loads((demo.home / "store" / told["path"]).read_text())
    assert report["verdict"] == "passed"
    assert report["facts"]["examples"] == len(rows)
    assert all(len(nats) == 1 for nats in report["facts"]["nats"].values())
    trained = list((demo.home / "runs").glob("*/manifest.json"))
    assert len(trained) == len(report["facts"]["nats"])
    with demo.client("viewer") as viewer:
        page = viewer.get(f"/training-set/snapshots/{version}").text
    assert "Does it help?" in page
    assert "The gate: passed" in page
