"""What goes wrong outside: each fault has its words, nothing is lost, and the next run goes on."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from dynosaur_etl.flows.runtime.services import open_services
from tests.flows.hubs import notes, write_dataset
from tests.flows.support import (
    DEMO_HUB,
    ROOT,
    Servers,
    dump_files,
    dump_tables,
    environment,
    run_all,
    serving,
    settings,
)

DAY = "2026-10-05"
NOBODY = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with serving(DEMO_HUB, tmp_path_factory.mktemp("logs")) as running:
        yield running


def dynosaur(
    values: dict[str, str], *arguments: str, before: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dynosaur_etl", *arguments],
        cwd=ROOT,
        env={**os.environ, **values},
        capture_output=True,
        text=True,
        preexec_fn=before,
    )


def error_of(result: subprocess.CompletedProcess[str]) -> dict[str, str]:
    error: dict[str, str] = json.loads(result.stdout)["error"]
    return error


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(text(statement))]
    engine.dispose()
    return rows


def test_a_dead_hub_is_named_and_the_next_run_goes_on(
    servers: Servers, database_url: str, tmp_path: Path
) -> None:
    dead = environment(replace(servers, hub=NOBODY), database_url, tmp_path)
    result = dynosaur(dead, "poll", "--day", DAY, "--json")
    assert result.returncode == 4
    assert error_of(result)["kind"] == "HubUnavailable"
    assert NOBODY in error_of(result)["message"]
    assert query(database_url, "select * from growth_runs") == []
    alive = environment(servers, database_url, tmp_path)
    assert dynosaur(alive, "poll", "--day", DAY, "--json").returncode == 0


def test_a_dead_llm_defers_nothing_silently_and_the_next_run_goes_on(
    servers: Servers, database_url: str, tmp_path: Path
) -> None:
    alive = environment(servers, database_url, tmp_path)
    assert dynosaur(alive, "poll", "--day", DAY, "--json").returncode == 0
    dead = alive | {"OPENAI_BASE_URL": f"{NOBODY}/v1", "DYNOSAUR_LLM_ATTEMPTS": "2"}
    result = dynosaur(dead, "grow", "--day", DAY, "--json")
    assert result.returncode == 4
    assert error_of(result)["kind"] == "LlmUnavailable"
    assert query(database_url, "select * from tasks") == []
    assert dynosaur(alive, "grow", "--day", DAY, "--json").returncode == 0
    assert query(database_url, "select count(*) from tasks")[0][0] > 0
    audit = json.loads(dynosaur(alive, "ledger", "audit", "--json").stdout)
    assert audit["consistent"], audit


def test_wrong_credentials_stop_the_run_at_once(
    servers: Servers, database_url: str, tmp_path: Path
) -> None:
    alive = environment(servers, database_url, tmp_path)
    dynosaur(alive, "poll", "--day", DAY)
    free = {f"DYNOSAUR_LLM_BUDGET_{cap}_USD": "unlimited" for cap in ("RUN", "MONTH")}
    wrong = alive | free | {"DYNOSAUR_LLM_MODEL": "gpt-none"}
    result = dynosaur(wrong, "grow", "--day", DAY, "--json")
    assert result.returncode == 3
    assert error_of(result)["kind"] == "LlmRefused"
    assert "gpt-none" in error_of(result)["message"]


def test_a_budget_that_is_spent_defers_and_says_so(
    servers: Servers, database_url: str, tmp_path: Path
) -> None:
    alive = environment(servers, database_url, tmp_path)
    dynosaur(alive, "poll", "--day", DAY)
    poor = alive | {"DYNOSAUR_LLM_BUDGET_RUN_USD": "0.0000001"}
    result = dynosaur(poor, "grow", "--day", DAY, "--json")
    assert result.returncode == 5
    steps = {step["step"]: step for step in json.loads(result.stdout)["steps"]}
    assert steps["propose"]["deferred"] == steps["propose"]["taken"] > 0
    assert "budget" in json.dumps(steps["propose"]["facts"])
    assert dynosaur(alive, "grow", "--day", DAY, "--json").returncode == 0
    assert query(database_url, "select deferred from growth_runs where step = 'validate'") == [(0,)]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://postgres@127.0.0.1:9/none",
        "postgresql://postgres:hunter2@/none?host=/nowhere",
    ],
)
def test_a_wrong_database_url_is_told_without_its_password(
    servers: Servers, tmp_path: Path, url: str
) -> None:
    result = dynosaur(environment(servers, url, tmp_path), "status", "--json")
    assert result.returncode == 4
    assert error_of(result)["kind"] == "StoreUnavailable"
    assert "none" in error_of(result)["message"]
    assert "hunter2" not in result.stdout + result.stderr


def full_disk() -> None:
    """Let the kernel refuse every byte past 3 kB of a file, as a full disk refuses them."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))


def test_a_full_disk_leaves_nothing_half_written(
    servers: Servers, database_url: str, tmp_path: Path
) -> None:
    values = environment(servers, database_url, tmp_path) | {"PYTHONDONTWRITEBYTECODE": "1"}
    result = dynosaur(values, "poll", "--day", DAY, "--json", before=full_disk)
    assert result.returncode == 4, result.stderr
    assert error_of(result)["kind"] == "StoreUnavailable"
    assert dump_files(tmp_path) == {}
    assert query(database_url, "select * from verdicts") == []
    assert dynosaur(values, "poll", "--day", DAY, "--json").returncode == 0
    assert len(dump_files(tmp_path)) == 3


@pytest.fixture
def odd_hub(tmp_path: Path) -> Path:
    """A Hub of odd datasets and two sound ones, all of one day."""
    root = tmp_path / "hub"
    root.mkdir()
    configs = "---\nlicense: mit\nlanguage: en\nconfigs:\n- config_name: {0}\n  data_files: {1}\n"
    broken = '{"note": "one", "mood": "calm"}\n{"note": ["not", "a", "text"]}\nnot json at all\n'
    write_dataset(root, "a/sound", DAY, data__train_dot_parquet=notes())
    write_dataset(root, "b/card-broken", DAY, "---\nlicense: [mit\n---\n# x", train_dot_csv="a,b")
    write_dataset(root, "c/card-not-text", DAY, b"---\n\xff\xfe\x00\n---\n")
    write_dataset(
        root, "d/config-missing", DAY, configs.format("gone", "gone/*.parquet") + "---\n# d",
        other__train_dot_parquet=notes(),
    )  # fmt: skip
    write_dataset(root, "e/rows-of-another-shape", DAY, train_dot_jsonl=broken)
    write_dataset(root, "f/not-parquet", DAY, data__train_dot_parquet="PAR1 but not really")
    write_dataset(root, "g/no-files", DAY)
    write_dataset(root, "h/no-rows", DAY, data__train_dot_parquet=notes(0))
    write_dataset(root, "i/also-sound", DAY, train_dot_csv="note,mood\n" + "A note,calm\n" * 9)
    return root


def test_odd_datasets_are_rejected_each_with_its_reason_and_the_sound_ones_kept(
    odd_hub: Path, database_url: str, tmp_path: Path
) -> None:
    with serving(odd_hub, tmp_path / "logs") as running:
        values = environment(running, database_url, tmp_path / "home")
        result = dynosaur(values, "poll", "--day", DAY, "--json")
    assert result.returncode == 0, result.stderr
    verdicts = dict(query(database_url, "select dataset_id, reason from verdicts"))
    assert verdicts == {
        "a/sound": None,
        "b/card-broken": "card_unreadable",
        "c/card-not-text": "card_unreadable",
        "d/config-missing": "config_missing",
        "e/rows-of-another-shape": "rows_unreadable",
        "f/not-parquet": "rows_unreadable",
        "g/no-files": "no_data_files",
        "h/no-rows": "no_rows",
        "i/also-sound": None,
    }
    examine = json.loads(result.stdout)["steps"][-1]
    assert (examine["taken"], examine["kept"], examine["rejected"]) == (9, 2, 7)


def test_a_day_that_is_not_over_is_refused(
    servers: Servers, database_url: str, tmp_path: Path
) -> None:
    values = environment(servers, database_url, tmp_path)
    result = dynosaur(values, "poll", "--day", "2199-01-01", "--json")
    assert result.returncode == 3
    assert "2199-01-01" in error_of(result)["message"]
    assert servers.hub not in result.stderr


def test_two_processes_on_the_same_day_do_it_once(
    servers: Servers, make_database: Callable[[], str], tmp_path: Path
) -> None:
    url, alone_url = make_database(), make_database()
    values = {**os.environ, **environment(servers, url, tmp_path / "both")}
    command = [sys.executable, "-m", "dynosaur_etl", "poll", "--day", DAY, "--json"]
    pair = [
        subprocess.Popen(command, cwd=ROOT, env=values, stdout=subprocess.PIPE) for _ in range(2)
    ]
    outputs = [json.loads(process.communicate()[0])["steps"][-1] for process in pair]
    assert outputs[0] == outputs[1]
    dynosaur(environment(servers, alone_url, tmp_path / "alone"), "poll", "--day", DAY)
    assert dump_tables(url) == dump_tables(alone_url)
    assert dump_files(tmp_path / "both") == dump_files(tmp_path / "alone")


def test_the_order_of_the_days_changes_nothing(
    servers: Servers, make_database: Callable[[], str], tmp_path: Path
) -> None:
    days = ("2026-10-05", "2026-10-06")
    dumps = []
    for name, order in (("forward", days), ("backward", days[::-1])):
        url = make_database()
        with open_services(settings(environment(servers, url, tmp_path / name))) as services:
            run_all((*order, days[-1]), services)
        dumps.append((dump_tables(url), dump_files(tmp_path / name)))
    assert dumps[0] == dumps[1]
