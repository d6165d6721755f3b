"""The whole system as a newcomer meets it: the demo, its pages, reruns, crashes and the end.

The tests share one running system; those that break and stop it stand in `test_the_end.py`.
"""

import json
import time
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest

from demo.run import DAYS, SELECTION_SIZE
from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.local.credentials import ADMIN
from dynosaur_etl.local.growth import GrowthFailed, followed, set_paused
from tests.airflow.conftest import Demo, run_module
from tests.airflow.forwarding_hub import forwarding_hub
from tests.airflow.metrics_listener import metrics_listener

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1200), pytest.mark.xdist_group("airflow")]


def runs_of(demo: Demo, dag: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = demo.api().get(f"/dags/{dag}/dagRuns", order_by="id")["dag_runs"]
    return found


def run_path(run: dict[str, Any]) -> str:
    return f"/dags/{run['dag_id']}/dagRuns/{quote(run['dag_run_id'], safe='')}"


def states_of(demo: Demo, run: dict[str, Any]) -> dict[str, str | None]:
    """Give the state of each Airflow task of a run; of a mapped one, that of its last instance."""
    tasks = demo.api().get(f"{run_path(run)}/taskInstances")["task_instances"]
    return {task["task_id"]: task["state"] for task in tasks}


def ask_for_run(
    demo: Demo, day: str | None, dag: str = "hub_poll", **params: Any
) -> dict[str, Any]:
    """Start a run by hand, and wait until it has ended."""
    api = demo.api()
    body = {"logical_date": None, "partition_key": day, "conf": params}
    run = api.call("POST", f"/dags/{dag}/dagRuns", json=body).json()
    end = time.monotonic() + 120
    while run["state"] in ("queued", "running"):
        assert time.monotonic() < end, run
        time.sleep(0.5)
        run = api.get(run_path(run))
    return dict(run)


def test_three_days_have_grown_into_one_training_set(demo: Demo) -> None:
    state = demo.command("status")
    assert [day["day"] for day in state["days"]] == list(DAYS)
    assert all(day["tasks"] and day["instances"] for day in state["days"])
    assert state["datasets_seen"] > state["datasets_kept"] > 0
    for reason in ("licence_missing", "card_unreadable", "language_not_allowed"):
        assert state["rejects"][reason] >= 1
    newest = state["snapshots"][-1]
    assert newest["day"] == DAYS[-1]
    [data] = (demo.home / "store" / newest["path"] / "data").glob("*.parquet")
    assert pq.read_metadata(data).num_rows == SELECTION_SIZE == newest["counts"]["selected"]


def test_the_demo_tells_what_was_made_and_how_to_log_in(demo: Demo) -> None:
    state = demo.command("status")
    for number in (state["datasets_seen"], state["tasks"], state["instances"]):
        assert str(number) in demo.shown
    assert demo.url in demo.shown
    assert demo.password("admin") in demo.shown
    assert str(demo.home / "store" / state["snapshots"][-1]["path"]) in demo.shown


def test_the_runs_are_one_a_day_and_carry_its_key(demo: Demo) -> None:
    for dag in ("hub_poll", "task_growth"):
        runs = runs_of(demo, dag)
        assert sorted(run["partition_key"] for run in runs) == list(DAYS)
        assert {run["state"] for run in runs} == {"success"}
    assert {run["run_type"] for run in runs_of(demo, "hub_poll")} == {"backfill"}
    assert {run["partition_key"] for run in runs_of(demo, "training_set")} == {"all"}


def test_batches_are_labelled_and_run_in_the_pool_of_the_llm(demo: Demo) -> None:
    assert demo.api().get("/pools/llm")["slots"] == 2
    for run in runs_of(demo, "task_growth"):
        tasks = demo.api().get(f"{run_path(run)}/taskInstances")["task_instances"]
        batches = [task for task in tasks if task["task_id"] == "propose"]
        assert batches
        for task in batches:
            assert task["pool"] == "llm"
            assert "/" in task["rendered_map_index"], "it names the datasets of the batch"


def test_asset_events_tell_counts_reasons_cost_and_path(demo: Demo) -> None:
    def extras(dag: str) -> list[Any]:
        answer = demo.api().get("/assets/events", source_dag_id=dag)
        return [event["extra"] for event in answer["asset_events"]]

    assert any(extra["examine"]["reasons"] for extra in extras("hub_poll"))
    state = demo.command("status")
    grown = extras("task_growth")
    assert sum(extra["validate"]["kept"] for extra in grown) == state["tasks"]
    assert sum(float(extra["cost_usd"]) for extra in grown) == pytest.approx(
        float(state["cost_usd"])
    )
    assert state["snapshots"][-1]["path"] in {e["snapshot"]["path"] for e in extras("training_set")}


def test_metrics_tell_what_the_store_holds(demo: Demo) -> None:
    state, told = demo.command("status"), metrics_listener().values
    for metric, name in (
        ("datasets.kept", "datasets_kept"), ("proposals.kept", "tasks"),
        ("instances.kept", "instances"), ("dollars", "cost_usd"),
    ):  # fmt: skip
        assert told[f"airflow.dynosaur.{metric}"] == pytest.approx(float(state[name])), metric
    assert told["airflow.dynosaur.tokens.prompt"] == state["tokens"]["prompt"]
    for step in ("examine", "propose", "validate", "fill", "embed", "select"):
        assert told[f"airflow.dynosaur.step.{step}"] > 0


def test_a_dry_run_tells_what_it_would_do_and_changes_nothing(demo: Demo) -> None:
    before = demo.contents()
    run = ask_for_run(demo, DAYS[0], "task_growth", dry_run=True)
    tasks = demo.api().get(f"{run_path(run)}/taskInstances")["task_instances"]
    states = {task["task_id"]: task["state"] for task in tasks}
    assert (run["state"], states.pop("preview")) == ("success", "success")
    assert set(states.values()) == {"skipped"}
    entry = demo.api().get(f"{run_path(run)}/taskInstances/preview/xcomEntries/forecast")
    assert entry["value"]["to_send"] == 0
    assert entry["value"]["requests"] > 0
    assert demo.contents() == before
    demo.api().call("DELETE", run_path(run))


def test_params_hold_for_one_run_and_are_checked(demo: Demo) -> None:
    with pytest.raises(InvalidInput, match="less than the minimum"):
        ask_for_run(demo, DAYS[0], "task_growth", budget_usd=-1)
    before = demo.contents()
    run = ask_for_run(demo, DAYS[0], "task_growth", model="a-model-of-no-price", dry_run=True)
    entry = demo.api().get(f"{run_path(run)}/taskInstances/preview/xcomEntries/forecast")
    assert entry["value"]["model"] == "a-model-of-no-price"
    assert entry["value"]["to_send"] == entry["value"]["requests"]
    assert demo.contents() == before
    demo.api().call("DELETE", run_path(run))


def test_an_audit_takes_its_token_from_the_connection_and_leaves_no_trace_of_it(
    demo: Demo,
) -> None:
    api, secret = demo.api(), "hf_a-token-that-stays-secret"
    port = json.loads((demo.home / "ports.json").read_text())["demo-hub"]
    before = demo.contents()["tables"]["withdrawals"]
    with forwarding_hub(f"http://127.0.0.1:{port}") as hub:
        connection = {"connection_id": "huggingface_default", "conn_type": "generic"}
        api.call("POST", "/connections", json=connection | {"host": hub.url, "password": secret})
        try:
            set_paused(api, "hub_audit", paused=False)
            run = ask_for_run(demo, None, "hub_audit")
        finally:
            api.call("DELETE", "/connections/huggingface_default")
            set_paused(api, "hub_audit", paused=True)
    assert run["state"] == "success"
    assert hub.credentials == {f"Bearer {secret}"}
    assert demo.contents()["tables"]["withdrawals"] == before
    assert _lines_with(demo.home / "airflow" / "logs", secret) == []
    assert _lines_with(demo.home / "run", secret) == []
    entries = api.get(f"{run_path(run)}/taskInstances/audit_sources/xcomEntries")["xcom_entries"]
    values = [
        api.get(f"{run_path(run)}/taskInstances/audit_sources/xcomEntries/{entry['key']}")
        for entry in entries
    ]
    assert values
    assert secret not in json.dumps(values)


def test_a_backfill_is_made_in_an_airflow_of_another_home(demo: Demo, tmp_path: Path) -> None:
    elsewhere = {
        "DYNOSAUR_HOME": str(tmp_path),
        "DYNOSAUR_DATABASE_URL": f"postgresql://postgres@/dynosaur?host={demo.home}/postgres",
        "DYNOSAUR_STORAGE_URL": str(demo.home / "store"),
        "DYNOSAUR_AIRFLOW_URL": demo.url,
        "DYNOSAUR_AIRFLOW_PASSWORD": demo.password(ADMIN),
    }
    days = ("--from", DAYS[0], "--to", DAYS[-1])
    ended = run_module("dynosaur_etl", "backfill", *days, "--json", **elsewhere)
    assert ended.returncode == 0, ended.stderr
    made = json.loads(ended.stdout)["backfill"]
    try:
        assert (made["dag_id"], made["from_date"][:10]) == ("hub_poll", DAYS[0])
    finally:
        with suppress(InvalidInput):  # it may be over already, as every day is done
            demo.api().call("PUT", f"/backfills/{made['id']}/cancel")
    refused = run_module(
        "dynosaur_etl", "backfill", *days, **elsewhere | {"DYNOSAUR_AIRFLOW_PASSWORD": "wrong"}
    )
    assert refused.returncode == 3
    assert "401" in refused.stderr


def test_a_backfill_is_told_before_it_is_made(demo: Demo) -> None:
    days = ("--from", DAYS[0], "--to", DAYS[-1])
    told = demo.command("backfill", *days, "--dry-run")
    assert [line["day"] for line in told["days"]] == list(DAYS)
    assert (told["hub_requests"], told["dollars"]) == (0, "0")
    assert "backfill" not in told
    made = demo.command("backfill", *days)["backfill"]
    assert made["dag_is_paused"]
    with suppress(InvalidInput):  # it may be over already, as every day is done
        demo.api().call("PUT", f"/backfills/{made['id']}/cancel")


def test_no_request_is_paid_twice(demo: Demo) -> None:
    paid = demo.paid_requests()
    assert paid
    assert len(paid) == len(set(paid))


def test_a_viewer_sees_growth_rejects_and_snapshots(demo: Demo) -> None:
    with demo.client("viewer") as viewer:
        page = viewer.get("/training-set/")
    assert page.status_code == 200
    state = demo.command("status")
    for day in state["days"]:
        assert f'href="/training-set/day/{day["day"]}"' in page.text
        assert f"{day['instances']:,}" in page.text
    assert "The card names no licence, or says that it is unknown." in page.text
    assert f"v{state['snapshots'][-1]['version']:04d}" in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "style=" not in page.text, "inline styles are forbidden by the policy"


def test_a_run_leads_to_the_report_of_its_day(demo: Demo) -> None:
    [run] = [run for run in runs_of(demo, "task_growth") if run["partition_key"] == DAYS[0]]
    with demo.client("viewer") as viewer:
        report = viewer.get(f"/training-set/run/task_growth/{quote(run['dag_run_id'], safe='')}")
        assert report.status_code == 200
        assert f"<h1>Growth day {DAYS[0]}</h1>" in report.text
        whole = runs_of(demo, "training_set")[0]["dag_run_id"]
        made = viewer.get(f"/training-set/run/training_set/{quote(whole, safe='')}")
        assert "What this run made" in made.text
        assert viewer.get("/training-set/run/hub_poll/no-such-run").status_code == 404
        assert viewer.get("/training-set/day/yesterday").status_code == 404


def test_the_pages_stand_in_the_navigation_and_on_each_run(demo: Demo) -> None:
    [plugin] = [p for p in demo.api().get("/plugins")["plugins"] if p["name"] == "dynosaur"]
    views = {view["destination"]: view["href"] for view in plugin["external_views"]}
    assert views == {
        "nav": "/training-set/",
        "dag_run": "/training-set/run/{DAG_ID}/{RUN_ID}",
        "task_instance": "/training-set/run/{DAG_ID}/{RUN_ID}",
    }
    assert demo.api().get("/plugins/importErrors")["total_entries"] == 0


def test_a_day_run_again_adds_nothing(demo: Demo) -> None:
    before, runs = demo.contents(), len(runs_of(demo, "task_growth"))
    api, known = demo.api(), {run["dag_run_id"] for run in runs_of(demo, "hub_poll")}
    set_paused(api, "hub_poll", paused=False)
    body = {
        "dag_id": "hub_poll",
        "from_date": f"{DAYS[1]}T00:00:00Z",
        "to_date": f"{DAYS[1]}T00:00:00Z",
        "reprocess_behavior": "completed",
    }
    api.call("POST", "/backfills", json=body)
    end = time.monotonic() + 300
    made: list[dict[str, Any]] = []
    while not made or made[-1]["state"] in ("queued", "running"):
        assert time.monotonic() < end
        time.sleep(0.5)
        made = [run for run in runs_of(demo, "hub_poll") if run["dag_run_id"] not in known]
    states = states_of(demo, made[-1])
    assert (made[-1]["state"], states.pop("preview")) == ("success", "success")
    assert set(states.values()) == {"skipped"}, "a finished day has nothing to do"
    for done in followed(api, DAYS):
        assert done == dict.fromkeys(done, len(DAYS))
    set_paused(api, "hub_poll", paused=True)
    assert len(runs_of(demo, "task_growth")) == runs
    assert demo.contents() == before


def test_a_day_in_batches_waits_without_a_slot_and_costs_half(demo: Demo) -> None:
    day, ledger = DAYS[0], {"llm_attempts", "llm_requests", "llm_batches", "llm_budgets"}
    before, cost = demo.contents()["tables"], cost_of(demo, day)
    with demo.connect() as connection:
        connection.execute(
            "delete from llm_attempts a using llm_requests r where r.key = a.key and r.day = %s",
            [day],
        )
        connection.execute("delete from llm_requests where day = %s", [day])
        connection.execute(
            "update llm_budgets b set used_usd = coalesce((select "
            "sum(coalesce(cost_usd, 0) + reserved_usd) from llm_attempts "
            "where b.scope like 'month %' or b.scope = 'run ' || day || ' ' || purpose), 0)"
        )
    api = demo.api()
    body = {"logical_date": None, "partition_key": day, "conf": {"llm_mode": "batch"}}
    run = api.call("POST", "/dags/task_growth/dagRuns", json=body).json()
    states, pools, end = set(), [], time.monotonic() + 600
    while run["state"] in ("queued", "running"):
        assert time.monotonic() < end, states
        tasks = api.get(f"{run_path(run)}/taskInstances")["task_instances"]
        [*now] = [task["state"] for task in tasks if task["task_id"] == "propose"]
        if now == ["deferred"]:
            pools.append(api.get("/pools/llm"))
        states.update(now)
        time.sleep(0.1)
        run = api.get(run_path(run))

    assert run["state"] == "success", states
    assert "deferred" in states
    assert pools[0]["deferred_slots"] == 1
    assert pools[0]["occupied_slots"] == 0
    batches = demo.command("batches")["batches"]
    assert [batch["purpose"] for batch in batches] == ["critic", "propose"]
    for batch in batches:
        assert (batch["status"], batch["server_status"]) == ("closed", "completed")
        assert batch["answered"] == batch["requests"] > 0
    assert demo.command("ledger", "audit")["consistent"]
    assert cost_of(demo, day) == cost / 2
    after = demo.contents()["tables"]
    assert {name for name in after if after[name] != before[name]} == ledger


def cost_of(demo: Demo, day: str) -> Decimal:
    [found] = [line for line in demo.command("status")["days"] if line["day"] == day]
    return Decimal(found["cost_usd"])


def test_a_day_that_is_not_over_fails_at_once_with_one_message(demo: Demo) -> None:
    set_paused(demo.api(), "hub_poll", paused=False)  # the tests before leave it paused
    run = ask_for_run(demo, "2999-12-31")
    assert run["state"] == "failed"
    [first, *_] = [
        task
        for task in demo.api().get(f"{run_path(run)}/taskInstances")["task_instances"]
        if task["state"] == "failed"
    ]
    assert (first["task_id"], first["try_number"]) == ("sync_catalogue", 1)
    logs = demo.home / "airflow" / "logs" / "dag_processor"
    end = time.monotonic() + 60
    while not (told := _lines_with(logs, "hub_poll has failed for 2999-12-31")):
        assert time.monotonic() < end
        time.sleep(0.5)
    assert len(told) == 1
    assert f"{demo.url}/training-set/run/hub_poll/" in told[0]
    assert "rejects: none; deferred: none; cost: $0" in told[0]
    set_paused(demo.api(), "hub_poll", paused=True)
    with pytest.raises(GrowthFailed, match="days that are over in UTC"):
        list(followed(demo.api(), ["2999-12-31"]))


def test_a_late_day_is_told_and_its_run_can_be_cleared(demo: Demo) -> None:
    api = demo.api()
    [run] = [run for run in runs_of(demo, "hub_poll") if run["partition_key"] == "2999-12-31"]
    api.call("POST", f"{run_path(run)}/clear", json={"dry_run": False, "only_failed": True})
    with demo.connect("airflow") as connection:
        due = connection.execute(
            "update deadline set deadline_time = now() where not missed and dagrun_id ="
            " (select id from dag_run where run_id = %s) returning id",
            [run["dag_run_id"]],
        ).fetchall()
    assert len(due) == 1
    end = time.monotonic() + 60
    logs = demo.home / "airflow" / "logs"
    while not (told := _lines_with(logs, "hub_poll is not done after 24 hours")):
        assert time.monotonic() < end
        time.sleep(0.5)
    assert "2999-12-31" in told[0]
    api.call("DELETE", run_path(run))


def _lines_with(folder: Path, words: str) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    lines = (line for file in files for line in file.read_text(errors="replace").splitlines())
    return [line for line in lines if words in line]
