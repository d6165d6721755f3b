"""The image and the composition of containers, as far as they can be checked without an engine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSITION = ROOT / "docker-compose.yaml"
SECRETS = {
    "POSTGRES_PASSWORD": "p" * 20,
    "AIRFLOW_FERNET_KEY": "f" * 20,
    "AIRFLOW_API_SECRET_KEY": "s" * 20,
    "AIRFLOW_JWT_SECRET": "j" * 64,
    "AIRFLOW_PASSWORDS_FILE": "./passwords.json",
    "OPENAI_API_KEY": "k" * 20,
}


def compose(tmp_path: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    program = shutil.which("docker-compose")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("docker-compose is missing: apt-get install docker-compose")
        pytest.skip("docker-compose is not installed")
    empty = tmp_path / "env"
    empty.write_text("")
    options = ["--env-file", str(empty), "--file", str(COMPOSITION)]
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(
        [program, *options, "config"], env=environment, capture_output=True, text=True, check=False
    )


def test_composition_is_valid_and_complete(tmp_path: Path) -> None:
    ended = compose(tmp_path, SECRETS)
    assert ended.returncode == 0, ended.stderr
    services = yaml.safe_load(ended.stdout)["services"]
    components = {"api-server", "scheduler", "dag-processor", "triggerer"}
    assert set(services) == components | {"postgres", "init"}
    for name in components:
        assert services[name]["command"] == [name]
        assert services[name]["environment"]["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"


@pytest.mark.parametrize("secret", sorted(SECRETS))
def test_no_secret_has_a_default(secret: str, tmp_path: Path) -> None:
    ended = compose(tmp_path, {name: SECRETS[name] for name in SECRETS if name != secret})
    assert ended.returncode != 0
    assert "Missing mandatory value" in ended.stderr


def test_airflow_and_the_product_have_a_database_each(tmp_path: Path) -> None:
    environment = yaml.safe_load(compose(tmp_path, SECRETS).stdout)["services"]["scheduler"][
        "environment"
    ]
    assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].endswith("/airflow")
    assert environment["DYNOSAUR_DATABASE_URL"].endswith("/dynosaur")
    assert "CREATE DATABASE dynosaur " in (ROOT / "deploy" / "create_database.sql").read_text()


def test_image_recipe_has_no_lint() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    ended = subprocess.run(
        [hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr


def test_build_context_holds_what_the_recipe_copies_and_no_secret() -> None:
    recipe = (ROOT / "Dockerfile").read_text().splitlines()
    copied = {
        source.removeprefix("./")
        for line in recipe
        if line.startswith("COPY ")
        for source in line.split()[1:-1]
    }
    first, *rest = (ROOT / ".dockerignore").read_text().split()
    assert first == "*"
    assert copied == {line.removeprefix("!") for line in rest if line.startswith("!")}
