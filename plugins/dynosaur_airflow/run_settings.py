"""The settings of a running DAG run: the environment's, its connections' and its own params'."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from airflow.sdk import Connection, get_current_context
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret

from dynosaur_airflow.params import SETTING_OF_PARAM
from dynosaur_etl.settings import Settings, load_settings, secrets_of

if TYPE_CHECKING:
    from dynosaur_etl.flows.runtime.services import Services

CONNECTIONS = {
    "openai_default": ("openai_base_url", "openai_api_key"),
    "huggingface_default": ("hf_endpoint", "hf_token"),
}
"""The settings that a connection's host and password stand for."""


def run_settings() -> Settings:
    """Give the settings of the running Airflow task.

    A param of the run goes before everything, a connection before the environment.

    Raises:
        InvalidSetting: a param, a connection or the environment holds what is not allowed.
    """
    return _masked(load_settings(overrides=_from_connections() | _from_params()))


async def trigger_settings() -> Settings:
    """Give the settings of a trigger: those of its task, but for the params of the run.

    Raises:
        InvalidSetting: a connection or the environment holds what is not allowed.
    """
    found: dict[str, Any] = {}
    for name in CONNECTIONS:
        with suppress(AirflowNotFoundException):
            found |= _from_connection(name, await Connection.async_get(name))
    return _masked(load_settings(overrides=found))


@contextmanager
def run_services() -> Iterator["Services"]:
    """Open the services under the settings of the running Airflow task."""
    from dynosaur_etl.flows.runtime.services import open_services

    with open_services(run_settings()) as services:
        yield services


def _masked(settings: Settings) -> Settings:
    """Let Airflow hide every secret of the settings in the log of this process, traces included."""
    for secret in secrets_of(settings):
        mask_secret(secret)
    return settings


def _from_params() -> dict[str, Any]:
    params = get_current_context()["params"]
    chosen = {name: params.get(name) for name in SETTING_OF_PARAM}
    return {
        SETTING_OF_PARAM[name]: value for name, value in chosen.items() if value not in (None, "")
    }


def _from_connections() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in CONNECTIONS:
        with suppress(AirflowNotFoundException):
            found |= _from_connection(name, Connection.get(name))
    return found


def _from_connection(name: str, connection: Any) -> dict[str, Any]:
    host_setting, secret_setting = CONNECTIONS[name]
    found: dict[str, Any] = {}
    if connection.host:
        found[host_setting] = _url(connection)
    if connection.password:
        found[secret_setting] = connection.password
    return found


def _url(connection: Connection) -> str:
    host = str(connection.host)
    if "://" in host:
        return host
    port = f":{connection.port}" if connection.port else ""
    return f"{connection.schema or 'https'}://{host}{port}"
