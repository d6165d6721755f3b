"""Sending a message by the notifier of the settings, in a process of its own that has Airflow."""

import os
import subprocess
import sys

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.local.credentials import load_credentials
from dynosaur_etl.local.environment import (
    CHECKOUT,
    airflow_environment,
    settings_environment,
    with_checkout,
)
from dynosaur_etl.local.errors import AlertNotSent
from dynosaur_etl.local.ports import Ports, remembered_ports
from dynosaur_etl.local.system import AIRFLOW_DATABASE
from dynosaur_etl.settings import Settings
from dynosaur_etl.store.database import EMBEDDED_FOLDER
from dynosaur_etl.store.embedded import embedded_url

SENT_WITHIN = 120.0
_OWN_DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


def send_alert(settings: Settings, message: str) -> None:
    """Send the message as a failed run would.

    Connections are those of the Airflow that the environment configures, else of the one that
    `dynosaur up` has started under the home.

    Raises:
        InvalidInput: no notifier is set.
        AlertNotSent: the notifier fails; its words are in the message.
    """
    if not settings.alert_notifier:
        raise InvalidInput("no notifier is set; name one in DYNOSAUR_ALERT_NOTIFIER")
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "dynosaur_airflow.alert", message],
            env=_environment(settings), cwd=CHECKOUT, check=False,
            capture_output=True, text=True, timeout=SENT_WITHIN,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise AlertNotSent(f"the notifier has not ended in {SENT_WITHIN:.0f} s") from error
    if ended.returncode != 0:
        told = ended.stderr.strip().splitlines()[-1:] or ["no word from the notifier"]
        raise AlertNotSent(f"{settings.alert_notifier}: {told[0]}")


def _environment(settings: Settings) -> dict[str, str]:
    environment = {**os.environ, **settings_environment(settings)}
    if _OWN_DATABASE not in os.environ:
        home = settings.home.absolute()
        ports = remembered_ports(home / "run" / "ports.json") or Ports(settings.ui_port, 0, 0)
        url = embedded_url(home / EMBEDDED_FOLDER, AIRFLOW_DATABASE, "psycopg2")
        credentials = load_credentials(home / "airflow")
        environment |= airflow_environment(home, credentials, ports, url)
    found = with_checkout(environment)
    plugins = str(CHECKOUT / "plugins")
    return found | {
        "PYTHONPATH": os.pathsep.join([plugins, found["PYTHONPATH"]]),
        "_AIRFLOW_PROCESS_CONTEXT": "server",  # connections are read from the database itself
    }
