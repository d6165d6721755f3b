"""The command that tries out how failures are told."""

import typer

from dynosaur_etl.cli.console import Json, emit, show_fields
from dynosaur_etl.cli.context import command_settings

app = typer.Typer(no_args_is_help=True, help="The message that a failed run sends.")

TEST_MESSAGE = "dynosaur: this is a test; a failed run would be told of here"


@app.command("test")
def send_test(as_json: Json = False) -> None:
    """Send a test message by the notifier of the settings."""
    from dynosaur_etl.local.alert import send_alert

    settings = command_settings()
    send_alert(settings, TEST_MESSAGE)
    emit({"sent_by": settings.alert_notifier}, as_json, show_fields)


@app.callback()
def alert() -> None:
    """Keep `test` a word of its own, as long as it is the only command."""
