"""The command that backfills days through the running Airflow, after telling what they cost."""

from contextlib import closing
from typing import Annotated, Any

import typer

from dynosaur_etl.cli.console import Json, emit, out
from dynosaur_etl.cli.context import (
    command_settings,
    open_command_services,
    parse_days,
)
from dynosaur_etl.cli.tables import show_table
from dynosaur_etl.domain.jsonable import to_json

app = typer.Typer()

First = Annotated[str, typer.Option("--from", help="First day as YYYY-MM-DD (UTC).")]
Last = Annotated[str, typer.Option("--to", help="Last day; default: yesterday.")]
AtOnce = Annotated[int, typer.Option(min=1, max=16, help="Days that run beside one another.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what it would ask and cost.")]


@app.command()
def backfill(
    first: First,
    last: Last = "",
    at_once: AtOnce = 1,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Backfill days in Airflow: what is missing or has failed; what is done stays as it is."""
    from dynosaur_etl.flows.forecast import backfill_forecast

    days = parse_days("", first, last)
    with open_command_services() as services:
        told: dict[str, Any] = to_json(backfill_forecast(days, services))
    if not dry_run:
        told["backfill"] = _start([str(day) for day in days], at_once)
    emit(told, as_json, _show_forecast)


def _start(days: list[str], at_once: int) -> dict[str, Any]:
    from dynosaur_etl.local.access import airflow_api
    from dynosaur_etl.local.growth import create_backfill

    with closing(airflow_api(command_settings())) as api:
        return create_backfill(api, days, at_once)


def _show_forecast(state: dict[str, Any]) -> None:
    names = ("candidates", "hub_requests", "llm_requests", "dollars")
    rows = [(line["day"], *(_cell(line[name]) for name in names)) for line in state["days"]]
    total = ("all", "", _cell(state["hub_requests"]), "", _cell(state["dollars"]))
    show_table(("day", *(name.replace("_", " ") for name in names)), [*rows, total])
    if started := state.get("backfill"):
        out.print(f"backfill {started['id']} of hub_poll is created", soft_wrap=True)
        if started["dag_is_paused"]:
            out.print("hub_poll is paused: nothing starts until it is switched on")


def _cell(value: Any) -> str:
    return "not known" if value is None else str(value)
