"""Credentials, ports and the environment that the components are given."""

import json
import socket
import stat
from decimal import Decimal
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from dynosaur_etl.domain.errors import Corrupt
from dynosaur_etl.local.credentials import load_credentials
from dynosaur_etl.local.environment import airflow_environment, settings_environment
from dynosaur_etl.local.ports import Ports, choose_ports, free_port, remembered_ports
from dynosaur_etl.settings import Settings, load_settings


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_credentials_are_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "airflow"
    made = load_credentials(folder)
    assert load_credentials(folder) == made
    assert len(made.jwt_secret.encode()) >= 64
    Fernet(made.fernet_key.encode())
    assert made.password_of("admin") != made.password_of("viewer")
    assert mode(folder) == 0o700
    assert {mode(file) for file in folder.iterdir()} == {0o600}
    assert "passwords.json" in {file.name for file in folder.iterdir()}


def test_other_homes_have_other_credentials(tmp_path: Path) -> None:
    one, other = load_credentials(tmp_path / "one"), load_credentials(tmp_path / "other")
    assert one.jwt_secret != other.jwt_secret
    assert one.password_of("admin") != other.password_of("admin")


def test_broken_keys_are_refused_with_a_way_out(tmp_path: Path) -> None:
    load_credentials(tmp_path)
    (tmp_path / "keys.json").write_text(json.dumps({"jwt_secret": "x"}))
    with pytest.raises(Corrupt, match="make clean"):
        load_credentials(tmp_path)


def test_a_taken_port_gives_the_next_one(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        assert free_port(number) > number
        ports = choose_ports(tmp_path / "run" / "ports.json", number)
    assert ports.ui > number
    assert remembered_ports(tmp_path / "run" / "ports.json") == ports


def test_no_ports_are_remembered_before_the_first_start(tmp_path: Path) -> None:
    assert remembered_ports(tmp_path / "ports.json") is None


def test_settings_survive_the_way_through_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(
        home=tmp_path,
        languages=("en", "de"),
        llm_budget_run_usd=Decimal("1.25"),
        OPENAI_API_KEY="sk-of-the-test",
    )
    for name, value in settings_environment(settings).items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


def test_components_listen_on_loopback_and_share_one_execution_url(tmp_path: Path) -> None:
    environment = airflow_environment(
        tmp_path, load_credentials(tmp_path / "airflow"), Ports(8123, 1, 2), "postgresql://x"
    )
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    url = environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"]
    assert url == "http://127.0.0.1:8123/execution/"
    assert environment["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert (Path(environment["AIRFLOW__CORE__DAGS_FOLDER"]) / "hub_poll.py").is_file()
    assert Path(environment["AIRFLOW__CORE__PLUGINS_FOLDER"]).is_dir()
