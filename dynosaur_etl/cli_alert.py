"""The command that tries out how failures are told."""

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="The message that a failed run sends.")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
TEST_MESSAGE = "dynosaur: this is a test; a failed run would be told of here"


@app.command("test")
def send_test(as_json: Json = False) -> None:
    """Send a test message by the notifier of the settings."""
    from dynosaur_etl import cli
    from dynosaur_etl.local.alert import send_alert

    settings = cli._settings()
    send_alert(settings, TEST_MESSAGE)
    cli._emit({"sent_by": settings.alert_notifier}, as_json, cli._show_fields)


@app.callback()
def alert() -> None:
    """Keep `test` a word of its own, as long as it is the only command."""
