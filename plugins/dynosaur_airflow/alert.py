"""Sends a message by the Airflow notifier that the settings name.

`python -m dynosaur_airflow.alert MESSAGE` sends one by hand; `dynosaur alert test` does so.
"""

import json
import logging
import sys
from importlib import import_module
from typing import Any

from airflow.sdk import BaseNotifier

from dynosaur_etl.domain.errors import InvalidSetting, not_allowed
from dynosaur_etl.settings import env_name, load_settings

log = logging.getLogger(__name__)

PLACE = "{message}"


def to_log(message: str) -> None:
    """Write the message to the log of the process, which for failed runs is the DAG processor's."""
    log.error(message)


def to_notifier(message: str) -> None:
    """Send the message by the notifier of the settings; nothing is sent where none is named.

    Raises:
        InvalidSetting: the notifier cannot be made.
    """
    settings = load_settings()
    if not settings.alert_notifier:
        return
    arguments = filled(json.loads(settings.alert_arguments), message)
    notifier = _notifier(settings.alert_notifier, arguments)
    notifier.notify({})  # not called, as that would read the message as a template


def filled(value: Any, message: str) -> Any:
    """Put the message into every text of the arguments that holds its place."""
    if isinstance(value, str):
        return value.replace(PLACE, message)
    if isinstance(value, list):
        return [filled(item, message) for item in value]
    if isinstance(value, dict):
        return {name: filled(item, message) for name, item in value.items()}
    return value


def _notifier(path: str, arguments: dict[str, Any]) -> BaseNotifier:
    module, _, name = path.rpartition(".")
    setting = env_name("alert_notifier")
    try:
        kind = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        words = f"a class that can be imported ({error})"
        raise InvalidSetting(not_allowed(setting, path, words)) from error
    if not (isinstance(kind, type) and issubclass(kind, BaseNotifier)):
        raise InvalidSetting(not_allowed(setting, path, "a class below airflow.sdk.BaseNotifier"))
    try:
        return kind(**arguments)
    except TypeError as error:
        names = ", ".join(sorted(arguments)) or "no arguments"
        setting = env_name("alert_arguments")
        raise InvalidSetting(not_allowed(setting, names, f"what {path} takes ({error})")) from error


if __name__ == "__main__":
    to_notifier(sys.argv[1])
