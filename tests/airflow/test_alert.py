"""`dynosaur alert test` and the notifier of the settings, through a real notifier and server."""

import json
from pathlib import Path

import pytest

from tests.airflow.conftest import ROOT, run_module
from tests.airflow.smtp_server import smtp_server

SMTP = "airflow.providers.smtp.notifications.smtp.SmtpNotifier"
ARGUMENTS = json.dumps(
    {"to": ["ops@example.org"], "subject": "dynosaur", "html_content": "<p>{message}</p>"}
)


@pytest.fixture
def values(tmp_path: Path) -> dict[str, str]:
    """An Airflow of its own: a connection is then looked for in the environment and here."""
    return {
        "DYNOSAUR_HOME": str(tmp_path),
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/none.db",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    }


def test_the_test_message_arrives(values: dict[str, str]) -> None:
    with smtp_server() as server:
        by_mail = {
            "AIRFLOW_CONN_SMTP_DEFAULT": server.connection,
            "DYNOSAUR_ALERT_NOTIFIER": SMTP,
            "DYNOSAUR_ALERT_ARGUMENTS": ARGUMENTS,
        }
        ended = run_module("dynosaur_etl", "alert", "test", "--json", **values, **by_mail)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == {"sent_by": SMTP}
    [mail] = server.mails
    assert mail["To"] == "ops@example.org"
    assert "this is a test" in server.texts()[0]


def test_a_message_is_never_read_as_a_template(values: dict[str, str]) -> None:
    with smtp_server() as server:
        by_mail = {
            "AIRFLOW_CONN_SMTP_DEFAULT": server.connection,
            "DYNOSAUR_ALERT_NOTIFIER": SMTP,
            "DYNOSAUR_ALERT_ARGUMENTS": ARGUMENTS,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}",
        }
        ended = run_module(
            "dynosaur_airflow.alert", "run {{ 6 * 7 }} has failed", **values, **by_mail
        )
    assert ended.returncode == 0, ended.stderr
    assert server.texts()[0].strip() == "<p>run {{ 6 * 7 }} has failed</p>"


@pytest.mark.parametrize(
    ("notifier", "arguments", "code", "words"),
    [
        ("", "{}", 3, "no notifier is set"),
        ("no.such.Notifier", "{}", 4, "DYNOSAUR_ALERT_NOTIFIER"),
        (SMTP, '{"no_such": "argument"}', 4, "DYNOSAUR_ALERT_ARGUMENTS"),
    ],
    ids=["none", "unknown", "wrong arguments"],
)
def test_what_is_wrong_is_told(
    values: dict[str, str], notifier: str, arguments: str, code: int, words: str
) -> None:
    setting = {"DYNOSAUR_ALERT_NOTIFIER": notifier, "DYNOSAUR_ALERT_ARGUMENTS": arguments}
    ended = run_module("dynosaur_etl", "alert", "test", **values, **setting)
    assert ended.returncode == code, ended.stderr
    assert words in ended.stderr
