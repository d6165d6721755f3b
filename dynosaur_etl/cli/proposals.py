"""The commands about proposals: how many are valid, and what the filters do."""

from typing import Annotated, Any

import typer

from dynosaur_etl.cli.console import Json, emit, progress_bar
from dynosaur_etl.cli.context import open_command_services
from dynosaur_etl.cli.tables import show_table

app = typer.Typer()
ablate_app = typer.Typer(no_args_is_help=True, help="What the result owes to a part of the system.")
app.add_typer(ablate_app, name="ablate")

_SHOWN_SOURCES = 20


@app.command()
def validity(as_json: Json = False) -> None:
    """Show the share of valid proposals by growth day and by source, and where too few are."""
    from dynosaur_etl.flows.propose.validity_rate import validity_rates

    with open_command_services() as services:
        rates = validity_rates(services)
    emit(rates, as_json, _show_validity)


@ablate_app.command("filters")
def ablate_filters(
    day: Annotated[str, typer.Option("--day", help="Growth day; default: all days.")] = "",
    as_json: Json = False,
) -> None:
    """Judge the stored answers under each strictness, and without each filter; asks no LLM."""
    from dynosaur_etl.domain.growth_day import GrowthDay
    from dynosaur_etl.flows.propose.ablate import ablate_filters as flow

    with open_command_services() as services, progress_bar(as_json) as progress:
        of_day = GrowthDay.parse(day) if day else None
        rows = [found.row() for found in flow(services, of_day, progress("judging again"))]
    emit({"ablations": rows}, as_json, _show_ablations)


def _show_validity(state: dict[str, Any]) -> None:
    numbers = ("valid", "invalid", "surplus")
    for title, name in (("days", "day"), ("sources", "dataset")):
        shown = state[title][:_SHOWN_SOURCES] if title == "sources" else state[title]
        rows = [
            (row[name], *(row[part] for part in numbers), f"{row['valid_share']:.0%}", row["alarm"])
            for row in shown
        ]
        show_table((name, *numbers, "valid share", "alarm"), rows, text="alarm")


def _show_ablations(state: dict[str, Any]) -> None:
    rows = []
    for row in state["ablations"]:
        reasons = ", ".join(f"{reason} {number}" for reason, number in row["reasons"].items())
        rows.append((row["strictness"], row["without"], row["kept"], row["dropped"], reasons))
    show_table(("strictness", "without", "kept", "dropped", "reasons"), rows, text="reasons")
