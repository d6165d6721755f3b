"""The commands about batches: list them, cancel one, take up what was left behind."""

from typing import Annotated, Any

import typer

from dynosaur_etl.cli.console import Json, emit
from dynosaur_etl.cli.context import open_command_services
from dynosaur_etl.cli.tables import show_table
from dynosaur_etl.domain.jsonable import to_json

app = typer.Typer(help="Batches of requests that the LLM server answers in its own time.")


@app.callback(invoke_without_command=True)
def batches(context: typer.Context, as_json: Json = False) -> None:
    """List every batch, the newest first."""
    if context.invoked_subcommand is not None:
        return
    from dynosaur_etl.flows.runtime.batches import list_batches

    with open_command_services() as services:
        found = list_batches(services)
    emit(to_json({"batches": found}), as_json, _show)


@app.command()
def cancel(
    batch: Annotated[str, typer.Argument(help="Server's id, or the first characters of the key.")],
    as_json: Json = False,
) -> None:
    """End a batch: what is answered is collected, the rest is left for the next run."""
    from dynosaur_etl.flows.runtime.batches import cancel_batch

    with open_command_services() as services:
        found = cancel_batch(batch, services)
    emit(to_json({"batches": [found]}), as_json, _show)


@app.command()
def abandon(
    batch: Annotated[str, typer.Argument(help="Server's id, or the first characters of the key.")],
    as_json: Json = False,
) -> None:
    """Close a batch without asking its server: what it may have answered counts as lost."""
    from dynosaur_etl.flows.runtime.batches import abandon_batch

    with open_command_services() as services:
        found = abandon_batch(batch, services)
    emit(to_json({"batches": [found]}), as_json, _show)


@app.command()
def resume(as_json: Json = False) -> None:
    """Take up every open batch: submit what was not submitted, collect what has ended."""
    from dynosaur_etl.flows.runtime.batches import resume_batches

    with open_command_services() as services:
        found = resume_batches(services)
    emit(to_json({"batches": found}), as_json, _show)


def _show(state: dict[str, Any]) -> None:
    numbers = ("requests", "completed", "answered", "refused", "failed", "lost")
    rows = [
        (
            row["id"] or row["key"][:12], row["day"], row["status"], row["server_status"],
            *(row[name] for name in numbers), row["trouble"], row["error"],
        )
        for row in state["batches"]
    ]  # fmt: skip
    headings = ("batch", "day", "status", "on the server", *numbers, "trouble", "error")
    show_table(headings, rows, text="error")
