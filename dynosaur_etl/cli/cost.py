"""The commands about money: what was spent, what a day would spend, what was lost."""

from typing import Annotated, Any

import typer

from dynosaur_etl.cli.console import Json, emit, out, show_fields
from dynosaur_etl.cli.context import open_command_services, parse_day
from dynosaur_etl.cli.tables import show_table
from dynosaur_etl.domain.jsonable import to_json

app = typer.Typer(help="What the LLM costs.")

Day = Annotated[str, typer.Option("--day", help="Growth day as YYYY-MM-DD (UTC).")]


@app.callback(invoke_without_command=True)
def cost(context: typer.Context, day: Day = "", as_json: Json = False) -> None:
    """Show what was spent, reserved and lost, by day, purpose and model."""
    from dynosaur_etl.domain.growth_day import GrowthDay
    from dynosaur_etl.flows.views.cost import cost as flow

    if context.invoked_subcommand is not None:
        return
    growth_day = str(GrowthDay.parse(day)) if day else None
    with open_command_services() as services:
        found = flow(services, growth_day)
    emit(to_json(found), as_json, _show_cost)


@app.command()
def estimate(day: Day = "", as_json: Json = False) -> None:
    """Tell what growing a polled day would send and spend; default: yesterday."""
    from dynosaur_etl.flows.propose.estimate import estimate as flow

    with open_command_services() as services:
        found = flow(parse_day(day), services)
    emit(found, as_json, show_fields)


@app.command("forgive")
def forgive_lost(day: Day = "", as_json: Json = False) -> None:
    """Count lost answers as not paid, once the provider's bill has shown that they were not."""
    from dynosaur_etl.domain.growth_day import GrowthDay
    from dynosaur_etl.flows.views.cost import forgive

    growth_day = str(GrowthDay.parse(day)) if day else None
    with open_command_services() as services:
        found = forgive(services, growth_day)
    emit(found, as_json, show_fields)


def _show_cost(state: dict[str, Any]) -> None:
    for words, name in (("day", "by_day"), ("purpose", "by_purpose"), ("model", "by_model")):
        _show_group(words, state[name], state["total"])
    month = state["month"]
    left = "no budget" if month["left_usd"] is None else f"{month['left_usd']} left"
    out.print(
        f"{month['month']}: {month['spent_usd']} US dollars spent, "
        f"{month['reserved_or_lost_usd']} reserved or lost, {left}, "
        f"{month['projected_usd']} by the month's end at this pace",
        soft_wrap=True,
    )


def _show_group(words: str, rows: list[dict[str, Any]], total: dict[str, Any]) -> None:
    names = ["answered", "lost", "unknown", "spent_usd", "reserved_usd", "lost_usd"]
    if words == "day":
        names += ["per_1000_tasks_usd", "per_1000_instances_usd"]
    lines = [*rows, total | {"name": "all"}]
    cells = [(line["name"], *(line.get(name) for name in names)) for line in lines]
    show_table((words, *(name.replace("_", " ") for name in names)), cells)
