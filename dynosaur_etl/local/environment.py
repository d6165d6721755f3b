"""The environment of Airflow's components: the product's settings and Airflow's own."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

import dynosaur_etl
from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.local.credentials import ADMIN, VIEWER, Credentials
from dynosaur_etl.local.ports import Ports
from dynosaur_etl.settings import Settings, env_name

CHECKOUT = Path(dynosaur_etl.__file__).absolute().parents[1]
TASKS_AT_ONCE = 4


def settings_environment(settings: Settings) -> dict[str, str]:
    """Write the settings as environment variables that give the same settings when read."""
    values = {env_name(name): _text(value) for name, value in settings}
    return values | {env_name("home"): str(settings.home.absolute())}


def airflow_environment(
    home: Path, credentials: Credentials, ports: Ports, database_url: str
) -> dict[str, str]:
    """Write Airflow's configuration; its state is under `<home>/airflow`.

    Args:
        home: folder of all local state.
        credentials: keys, and the file of passwords.
        ports: where to listen on 127.0.0.1.
        database_url: Airflow's own database, with the synchronous driver named.

    Raises:
        InvalidInput: the package is not used from a checkout that has the DAGs.
    """
    folder = home.absolute() / "airflow"
    url = f"http://127.0.0.1:{ports.ui}"
    return {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": _folder("dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": _folder("plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(max(TASKS_AT_ONCE, os.cpu_count() or 1)),
        "AIRFLOW__CORE__FERNET_KEY": credentials.fernet_key,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin,{VIEWER}:viewer",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(credentials.passwords),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database_url,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(ports.ui),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": credentials.api_secret_key,
        "AIRFLOW__API_AUTH__JWT_SECRET": credentials.jwt_secret,
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(folder / "logs"),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(ports.worker_logs),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(ports.trigger_logs),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


def with_checkout(environment: Mapping[str, str]) -> dict[str, str]:
    """Let the processes import the product, wherever they are started."""
    paths = [str(CHECKOUT), *filter(None, [environment.get("PYTHONPATH", "")])]
    return {**environment, "PYTHONPATH": os.pathsep.join(paths)}


def _folder(name: str) -> str:
    path = CHECKOUT / name
    if not path.is_dir():
        raise InvalidInput(not_allowed("source folder", str(CHECKOUT), f"one that holds {name}/"))
    return str(path)


def _text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return ",".join(value)
    return "" if value is None else str(value)
