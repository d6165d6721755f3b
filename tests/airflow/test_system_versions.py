"""Runs by hand on a grown system: trials, rollbacks, and a rerun that cannot pay."""

import json
from typing import Any

import pytest

from demo.run import DAYS, SELECTION_SIZE
from tests.airflow.conftest import Demo
from tests.airflow.test_system import ask_for_run, states_of

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1200), pytest.mark.xdist_group("airflow")]


def versions(demo: Demo) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = demo.command("snapshots")["snapshots"]
    return found


def head(demo: Demo) -> dict[str, Any]:
    [found] = [row for row in versions(demo) if row["head"]]
    return found


def pointer(demo: Demo) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((demo.home / "published" / "latest.json").read_text())
    return told


@pytest.fixture(scope="module", autouse=True)
def published_head(demo: Demo) -> None:
    """Let a run make the head what the settings select; other tests select by the command line."""
    assert ask_for_run(demo, "all", "training_set")["state"] == "success"


def test_what_the_demo_published_is_told(demo: Demo) -> None:
    [target] = head(demo)["published"]
    assert target["target"] == str(demo.home / "published")
    with demo.client("viewer") as viewer:
        page = viewer.get(f"/training-set/snapshots/{head(demo)['version']}").text
    assert str(demo.home / "published") in page


def test_the_demo_tells_what_unpausing_does(demo: Demo) -> None:
    assert "hub_poll: paused, as it is made" in demo.shown
    assert "Unpausing it runs" in demo.shown


def test_a_run_with_a_small_k_is_a_trial(demo: Demo) -> None:
    before = head(demo)
    run = ask_for_run(demo, "all", "training_set", k=SELECTION_SIZE - 100)
    states = states_of(demo, run)
    assert (run["state"], states["verify"]) == ("success", "success")
    assert (states["approve"], states["publish_version"]) == ("skipped", "skipped")
    newest = versions(demo)[-1]
    assert (newest["trial"], newest["published"]) == (True, [])
    assert newest["counts"]["selected"] == SELECTION_SIZE - 100
    assert head(demo) == before


def test_a_run_rolls_back_and_publishing_follows(demo: Demo) -> None:
    trial = versions(demo)[-1]
    old = head(demo)
    run = ask_for_run(demo, "all", "training_set", rollback=trial["version"])
    states = states_of(demo, run)
    assert run["state"] == "success"
    assert states["select"] == "skipped"
    assert (states["build"], states["publish_version"]) == ("success", "success")
    rolled = head(demo)
    assert (rolled["version"], rolled["path"]) == (trial["version"] + 1, trial["path"])
    assert (pointer(demo)["version"], pointer(demo)["path"]) == (rolled["version"], rolled["path"])
    held = ask_for_run(demo, "all", "training_set")
    assert (held["state"], head(demo)["version"]) == ("success", rolled["version"])
    assert states_of(demo, held)["publish_version"] == "skipped"
    ask_for_run(demo, "all", "training_set", rollback=old["version"])
    assert head(demo)["path"] == old["path"]
    assert pointer(demo)["path"] == old["path"]
    refused = ask_for_run(demo, "all", "training_set", rollback=999)
    assert refused["state"] == "failed"
    assert head(demo)["path"] == old["path"]


def test_a_rerun_that_cannot_pay_fails_and_empties_nothing(demo: Demo) -> None:
    """As it was met: another model by hand, and no budget left; 306 instances became none."""
    before = demo.command("status")
    snapshots = len(before["snapshots"])
    params = {"model": "dynosaur-demo-rules-2026-01-02", "budget_usd": 0}
    run = ask_for_run(demo, DAYS[0], "task_growth", **params)
    states = states_of(demo, run)
    assert run["state"] == "failed"
    assert states["propose"] == "failed"
    assert states["announce"] == "upstream_failed"
    after = demo.command("status")
    for name in ("tasks", "instances", "datasets_kept"):
        assert after[name] == before[name]
    assert len(after["snapshots"]) == snapshots
    for key, dag in ((DAYS[0], "task_growth"), ("all", "training_set")):
        assert ask_for_run(demo, key, dag)["state"] == "success", "as nothing was lost"
