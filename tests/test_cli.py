"""The command line as a user meets it: a program with an exit code and two streams."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from dynosaur_etl.cli.main import app
from tests.flows.support import DEMO_HUB, Servers, environment, serving

ROOT = Path(__file__).resolve().parents[1]
DAY = "2026-10-05"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with serving(DEMO_HUB, tmp_path_factory.mktemp("logs")) as running:
        yield running


@pytest.fixture
def values(servers: Servers, database_url: str, tmp_path: Path) -> dict[str, str]:
    return environment(servers, database_url, tmp_path)


def dynosaur(values: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dynosaur_etl", *arguments],
        cwd=ROOT,
        env={**os.environ, **values},
        capture_output=True,
        text=True,
    )


def answer(values: dict[str, str], *arguments: str) -> Any:
    result = dynosaur(values, *arguments, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def commands() -> Iterator[tuple[str, ...]]:
    """Every command, as its words."""

    def walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        if not hasattr(command, "commands"):
            yield words
            return
        for name, child in command.commands.items():
            yield from walk(child, (*words, name))

    yield from walk(get_command(app), ())


def test_the_whole_way_from_poll_to_status_prints_one_object_each(
    values: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    assert [step["step"] for step in answer(values, "poll", "--day", DAY)["steps"]] == [
        "sync", "candidates", "examine",
    ]  # fmt: skip
    assert [step["step"] for step in answer(values, "grow", "--day", DAY)["steps"]] == [
        "propose", "criticise", "validate", "fill", "score", "embed",
    ]  # fmt: skip
    assert "no version is the head yet" in dynosaur(values, "publish", "--to", "./x").stderr
    built = answer(values, "snapshot", "-k", "7", "--alpha", "0.5")["steps"][0]
    assert (built["facts"]["version"], built["facts"]["rows"]) == (1, 7)
    again = answer(values, "snapshot", "-k", "7", "--alpha", "0.5")["steps"][0]
    assert (again["facts"]["version"], again["facts"]["new"]) == (1, False)
    other = answer(values, "snapshot", "-k", "9", "--alpha", "0.5")["steps"][0]
    assert (other["facts"]["version"], other["facts"]["trial"]) == (2, True)
    whole = dynosaur(values, "snapshot", "-k", "5000")
    assert "v0003, snapshots/v0003" in whole.stdout
    assert re.search(r"5000 were asked for, and the pool has \d+", whole.stdout)
    assert answer(values, "rollback", "v0002")["version"] == 4
    assert answer(values, "verify", "v0001")["steps"][0]["facts"] == {"version": 1}
    state = answer(values, "status")
    assert [row["version"] for row in state["snapshots"]] == [1, 2, 3, 4]
    assert [row["head"] for row in state["snapshots"]] == [False, False, False, True]
    published = answer(values, "publish", "--to", str(folder))
    assert (published["version"], published["latest"]) == (4, "latest.json names it now")
    listed = dynosaur(values | {"COLUMNS": "80"}, "snapshots").stdout
    assert [line[:5] for line in listed.splitlines() if line.startswith("v0")] == [
        "v0001", "v0002", "v0003", "v0004",
    ]  # fmt: skip
    assert "head, rolled back to v0002" in " ".join(listed.split())
    assert str(folder) in "".join(listed.split())
    assert state["tasks"] > 0
    assert answer(values, "ledger", "audit")["consistent"] is True
    assert answer(values, "db", "upgrade")["migration"]
    several = answer(values, "poll", "--from", DAY, "--to", "2026-10-06")["steps"]
    assert [(step["day"], step["step"]) for step in several] == [
        (day, step) for day in (DAY, "2026-10-06") for step in ("sync", "candidates", "examine")
    ]


def test_verify_names_the_file_that_was_changed(values: dict[str, str], tmp_path: Path) -> None:
    answer(values, "poll", "--day", DAY)
    answer(values, "grow", "--day", DAY)
    path = answer(values, "snapshot", "-k", "5")["steps"][0]["facts"]["path"]
    with (tmp_path / "store" / path / "tasks.parquet").open("r+b") as file:
        file.seek(10)
        byte = file.read(1)
        file.seek(10)
        file.write(bytes([byte[0] ^ 1]))
    result = dynosaur(values, "verify", "1", "--json")
    assert result.returncode == 3
    error = json.loads(result.stdout)["error"]
    assert error["kind"] == "Corrupt"
    assert "tasks.parquet" in error["message"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("poll", "--day", "yesterday"), "YYYY-MM-DD"),
        (("poll", "--from", DAY, "--day", DAY), "--day alone"),
        (("poll", "--to", DAY), "--day alone"),
        (("poll", "--from", "2026-10-06", "--to", DAY), "no later than"),
        (("grow", "--day", "2001-01-01"), "examine"),
        (("snapshot",), "no day has grown"),
        (("snapshot", "--day", "2001-01-01"), "growth day"),
        (("verify", "../../etc"), "v0007"),
        (("verify", "3"), "no snapshot has been made"),
        (("--env-file", "/nowhere/env", "status"), "/nowhere/env"),
    ],
)
def test_bad_input_ends_with_3_and_says_what_is_allowed(
    values: dict[str, str], arguments: tuple[str, ...], words: str
) -> None:
    result = dynosaur(values, *arguments, "--json")
    assert result.returncode == 3, result.stderr
    assert words in json.loads(result.stdout)["error"]["message"]
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("arguments", [("snapshot", "-k", "many"), ("nosuch",), ("verify",)])
def test_wrong_usage_ends_with_2(values: dict[str, str], arguments: tuple[str, ...]) -> None:
    assert dynosaur(values, *arguments).returncode == 2


@pytest.mark.parametrize(("option", "value"), [("-k", "0"), ("--alpha", "1.5"), ("--alpha", "nan")])
def test_selection_arguments_outside_of_their_range_are_refused(
    values: dict[str, str], option: str, value: str
) -> None:
    answer(values, "poll", "--day", DAY)
    answer(values, "grow", "--day", DAY)
    result = dynosaur(values, "snapshot", option, value, "--json")
    assert result.returncode == 3
    assert value in json.loads(result.stdout)["error"]["message"]


def test_doctor_finds_nothing_wrong_with_a_sound_installation(values: dict[str, str]) -> None:
    checks = answer(values, "doctor")["checks"]
    assert [check["name"] for check in checks] == [
        "database", "storage", "disk", "hub", "catalogue", "llm", "lifecycle", "parameters",
        "batches", "model",
    ]  # fmt: skip
    assert all(check["ok"] for check in checks), checks
    assert answer(values, "doctor")["first"].startswith("`make up` starts Airflow")
    lacking = dynosaur(values, "grow", "--day", DAY)
    assert f"after `dynosaur poll --day {DAY}` has run the step 'examine'" in lacking.stderr
    answer(values, "poll", "--day", DAY)
    ended = dynosaur(values, "doctor")
    assert ended.returncode == 0
    assert "First" not in ended.stdout
    assert answer(values, "doctor")["first"] == ""


def test_doctor_names_each_fault_and_how_to_mend_it(values: dict[str, str]) -> None:
    broken = values | {
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "DYNOSAUR_DATABASE_URL": "postgresql://postgres@127.0.0.1:9/none",
        "DYNOSAUR_STORAGE_URL": "/proc/none",
        "DYNOSAUR_EMBEDDING_MODEL": "/no/such/model",
    }
    result = dynosaur(broken, "doctor", "--json")
    assert result.returncode == 3
    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert {name for name, check in checks.items() if not check["ok"]} == {
        "database", "storage", "hub", "llm", "model",
    }  # fmt: skip
    assert all(check["mend"] for check in checks.values() if not check["ok"])
    assert json.loads(result.stdout)["first"] == checks["database"]["mend"]


def test_doctor_says_what_to_do_first_on_a_fresh_checkout(
    values: dict[str, str], tmp_path: Path
) -> None:
    fresh = {"DYNOSAUR_HOME": str(tmp_path), "HF_ENDPOINT": values["HF_ENDPOINT"]}
    fresh["DYNOSAUR_DATABASE_URL"] = values["DYNOSAUR_DATABASE_URL"]
    here = tmp_path / "checkout"
    here.mkdir()

    def first(*arguments: str) -> str:
        ended = subprocess.run(
            [sys.executable, "-m", "dynosaur_etl", *arguments, "doctor", "--json"],
            cwd=here, env={**os.environ, "PYTHONPATH": str(ROOT), **fresh},
            capture_output=True, text=True,
        )  # fmt: skip
        assert ended.returncode == 3, ended.stderr
        return str(json.loads(ended.stdout)["first"])

    assert first().startswith("`cp .env.example .env`, set OPENAI_API_KEY in it")
    (here / ".env").write_text((ROOT / ".env.example").read_text())
    assert first() == "name the settings file that is here: `dynosaur --env-file .env doctor`"
    assert first("--env-file", ".env").startswith("set OPENAI_API_KEY in .env")


def test_every_command_takes_json() -> None:
    lacking = [
        words
        for words in commands()
        if "--json" not in dynosaur({"COLUMNS": "200"}, *words, "--help").stdout
    ]
    assert lacking == []


def test_every_command_is_told_of_in_the_operators_guide() -> None:
    guide = (ROOT / "docs" / "operations.md").read_text()
    missing = [words for words in commands() if f"`dynosaur {' '.join(words)}`" not in guide]
    assert missing == []


def test_the_documents_name_no_command_that_does_not_exist() -> None:
    known = {words[: len(words)] for words in commands()}
    groups = {words[:1] for words in known}
    for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for named in re.findall(
            r"(?:^|bin/|`)dynosaur ((?:[a-z]+ ?)+)", path.read_text(), re.MULTILINE
        ):
            words = tuple(named.split())
            assert words[:1] in groups or words[:2] in known, f"{path.name}: dynosaur {named}"


def test_every_make_target_is_shown_by_help_and_every_named_one_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    helped = set(re.findall(r"make ([a-z]+)", shown.stdout))
    assert helped >= {"setup", "demo", "up", "stop", "clean", "test", "bench"}
    assert helped <= targets
    for path in (ROOT / "README.md", ROOT / "docs" / "operations.md"):
        assert set(re.findall(r"(?m)(?:^|`)make ([a-z]+)", path.read_text())) <= targets
