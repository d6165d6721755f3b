"""Airflow and PostgreSQL on this machine: started, healed, looked at and stopped as one."""

import fcntl
import importlib.metadata
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dynosaur_etl.domain.identity import digest
from dynosaur_etl.local.airflow_api import AirflowApi
from dynosaur_etl.local.credentials import ADMIN, Credentials, load_credentials
from dynosaur_etl.local.environment import (
    airflow_environment,
    settings_environment,
    with_checkout,
)
from dynosaur_etl.local.errors import SystemDown
from dynosaur_etl.local.ports import Ports, choose_ports, free_port, remembered_ports
from dynosaur_etl.local.postgres import clear_dead_postgres, postgres_runs
from dynosaur_etl.local.processes import Command, ProcessFolder
from dynosaur_etl.settings import Settings
from dynosaur_etl.store.database import EMBEDDED_FOLDER, connect, database_url, prepare, upgrade
from dynosaur_etl.store.embedded import embedded_url, start_embedded, stop_embedded

COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
AIRFLOW_DATABASE = "airflow"
POOLS = {
    "hub": (2, "Airflow tasks that ask the Hub at the same time"),
    "llm": (2, "Airflow tasks that call the LLM at the same time"),
    "training": (1, "Airflow tasks that train at the same time"),
}
HEALTHY_WITHIN = 180.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SystemAddress:
    """Where the Airflow UI is, and the administrator's login."""

    url: str
    user: str
    password: str


@dataclass(frozen=True)
class SystemStatus:
    """What runs of a home's system; `processes` tells of each one on record whether it lives."""

    url: str | None
    processes: Mapping[str, bool]
    postgres: bool

    @property
    def is_up(self) -> bool:
        return all(self.processes.get(name, False) for name in COMPONENTS) and self.postgres


def process_folder(home: Path) -> ProcessFolder:
    """Give the supervised processes of a home."""
    return ProcessFolder(home.absolute() / "run")


def start_system(
    settings: Settings, env: Mapping[str, str], progress: Callable[[str], None] = log.info
) -> SystemAddress:
    """Bring the whole system up: what runs with the same settings stays, the rest is started.

    Args:
        settings: the product's settings, given to every component.
        env: what to add to this process's environment, which every component inherits with its
            paths, proxies, cloud credentials and `AIRFLOW__` options.
        progress: is told each thing that is waited for.

    Raises:
        SystemDown: a component ended or is not healthy in time; its log's end is in the message.
        StoreUnavailable: PostgreSQL does not start, or the product's database does not answer.
        WrongSchema: the database that the settings name is of another version of the product.
    """
    home = settings.home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(home):
        credentials = load_credentials(home / "airflow")
        ports = _ports(settings, home)
        progress("PostgreSQL")
        if not postgres_runs(home / EMBEDDED_FOLDER):
            process_folder(home).stop(COMPONENTS)  # sooner or later they end without it
            clear_dead_postgres(home / EMBEDDED_FOLDER)
        with_database = settings.model_copy(update={"database_url": _product_database(settings)})
        airflow_url = embedded_url(home / EMBEDDED_FOLDER, AIRFLOW_DATABASE, "psycopg2")
        configuration = settings_environment(with_database) | airflow_environment(
            home, credentials, ports, airflow_url
        )
        _start_components(home, {**os.environ, **env}, configuration, progress)
        address = _address(ports, credentials)
        _await_health(home, address, progress)
        return address


def stop_system(home: Path) -> list[str]:
    """Stop every process of the home and its PostgreSQL, and give the names of what was running."""
    home = home.absolute()
    if not home.is_dir():
        return []
    with _one_at_a_time(home):
        folder = process_folder(home)
        stopped = folder.stop(folder.names())
        _ports_file(home).unlink(missing_ok=True)
        clear_dead_postgres(home / EMBEDDED_FOLDER)
        if stop_embedded(home / EMBEDDED_FOLDER):
            stopped.append("postgres")
        return stopped


def system_status(home: Path) -> SystemStatus:
    """Look at what runs, and change nothing."""
    home = home.absolute()
    folder = process_folder(home)
    ports = remembered_ports(_ports_file(home))
    return SystemStatus(
        url=_url(ports) if ports else None,
        processes={name: folder.is_running(name) for name in folder.names()},
        postgres=postgres_runs(home / EMBEDDED_FOLDER),
    )


def system_address(home: Path) -> SystemAddress | None:
    """Give the address of the system that was started; None where none was."""
    ports = remembered_ports(_ports_file(home.absolute()))
    return _address(ports, load_credentials(home.absolute() / "airflow")) if ports else None


def _product_database(settings: Settings) -> str:
    """Bring the home's own database up to date; one that others share must be so already."""
    url = database_url(settings)
    engine = connect(url)
    try:
        if settings.database_url:
            prepare(engine)
        else:
            upgrade(engine)
    finally:
        engine.dispose()
    return url


def _ports(settings: Settings, home: Path) -> Ports:
    """Keep the ports of a system that is up, unless a stranger has taken one meanwhile."""
    ports = remembered_ports(_ports_file(home))
    if ports is not None and _is_ours_or_free(home, ports.ui):
        return ports
    return choose_ports(_ports_file(home), settings.ui_port)


def _is_ours_or_free(home: Path, port: int) -> bool:
    return process_folder(home).is_running("api-server") or free_port(port) == port


def _start_components(
    home: Path,
    env: Mapping[str, str],
    configuration: Mapping[str, str],
    progress: Callable[[str], None],
) -> None:
    version = importlib.metadata.version("apache-airflow")
    options = {name: value for name, value in env.items() if name.startswith("AIRFLOW__")}
    fingerprint = digest(version, sorted((options | dict(configuration)).items()))
    environment = with_checkout({**env, **configuration})
    folder = process_folder(home)
    _migrate(home, version, environment, progress)
    for name in COMPONENTS:
        arguments = [sys.executable, "-m", "airflow", name]
        if folder.start(Command(name, arguments, environment, fingerprint)):
            progress(f"starting the {name}")


def _migrate(
    home: Path, version: str, environment: Mapping[str, str], progress: Callable[[str], None]
) -> None:
    """Bring Airflow's own tables to its version, unless they are known to be there."""
    marker = home / "airflow" / "migrated"
    wanted = f"{version} {_airflow_revision(home)}"
    if marker.is_file() and marker.read_text() == wanted:
        return
    progress("Airflow's tables")
    process_folder(home).stop(COMPONENTS)
    ended = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env=dict(environment), cwd=home, check=False, capture_output=True, text=True,
    )  # fmt: skip
    if ended.returncode != 0:
        raise SystemDown(f"`airflow db migrate` fails:\n{_last_lines(ended.stderr)}")
    marker.write_text(f"{version} {_airflow_revision(home)}")


def _airflow_revision(home: Path) -> str | None:
    import psycopg

    folder = start_embedded(home / EMBEDDED_FOLDER)
    with psycopg.connect(host=str(folder), user="postgres", dbname=AIRFLOW_DATABASE) as connection:
        try:
            row = connection.execute("select version_num from alembic_version").fetchone()
        except psycopg.errors.UndefinedTable:
            return None
        return str(row[0]) if row else None


def _await_health(home: Path, address: SystemAddress, progress: Callable[[str], None]) -> None:
    folder = process_folder(home)
    end = time.monotonic() + HEALTHY_WITHIN
    told: list[str] = []
    with closing(AirflowApi(address.url, address.user, address.password)) as api:
        while waiting := _unhealthy(folder, api):
            if waiting != told:
                progress(f"waiting for the {', the '.join(waiting)}")
                told = waiting
            _ensure_alive(folder)
            if time.monotonic() > end:
                raise SystemDown(_words(folder, waiting[0], "is not healthy in time"))
            time.sleep(0.3)
        for name, (slots, description) in POOLS.items():
            api.set_pool(name, slots, description)


def _unhealthy(folder: ProcessFolder, api: AirflowApi) -> list[str]:
    """Name the components that Airflow has not heard of since they were started."""
    try:
        health = api.health()
    except SystemDown:
        return list(COMPONENTS)
    return [name for name in COMPONENTS[1:] if not _has_beaten(folder, name, health)]


def _has_beaten(folder: ProcessFolder, name: str, health: Mapping[str, Mapping[str, str]]) -> bool:
    key = name.replace("-", "_")
    told, record = health[key], folder.record(name)
    beat = told.get(f"latest_{key}_heartbeat")
    if told["status"] != "healthy" or beat is None or record is None:
        return False
    return datetime.fromisoformat(beat).timestamp() >= record.started


def _ensure_alive(folder: ProcessFolder) -> None:
    for name in COMPONENTS:
        if not folder.is_running(name):
            raise SystemDown(_words(folder, name, "has ended"))


def _words(folder: ProcessFolder, name: str, trouble: str) -> str:
    return f"the {name} {trouble}; the end of {folder.log(name)}:\n{folder.tail(name)}"


def _last_lines(text: str) -> str:
    return "\n".join(text.splitlines()[-15:])


def _address(ports: Ports, credentials: Credentials) -> SystemAddress:
    return SystemAddress(_url(ports), ADMIN, credentials.password_of(ADMIN))


def _url(ports: Ports) -> str:
    return f"http://127.0.0.1:{ports.ui}"


def _ports_file(home: Path) -> Path:
    return home / "run" / "ports.json"


@contextmanager
def _one_at_a_time(home: Path) -> Iterator[None]:
    """Let one command start or stop the system of a home at a time; others wait for it."""
    with (home / "system.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
