"""The command that shows scorers beside one another."""

from dataclasses import asdict
from typing import Any

import typer

from dynosaur_etl.cli.console import Json, emit, out
from dynosaur_etl.cli.context import open_command_services
from dynosaur_etl.cli.tables import show_table

app = typer.Typer()


@app.command()
def scores(as_json: Json = False) -> None:
    """Show how the scorers that are set rank the same instances."""
    from dynosaur_etl.flows.prepare.score_comparison import compare_scores

    with open_command_services() as services:
        found = compare_scores(services)
    emit(asdict(found), as_json, _show)


def _show(state: dict[str, Any]) -> None:
    columns = ("scorer", "scored", "missing", "mean", "deviation")
    rows = [
        (name, row["scored"], row["missing"], _figure(row["mean"]), _figure(row["deviation"]))
        for name, row in state["scorers"].items()
    ]
    show_table(columns, rows)
    out.print()
    ranks = [
        (f"{at} {name}", *map(_figure, found.values()))
        for at, (name, found) in enumerate(state["correlations"].items(), start=1)
    ]
    show_table(("rank correlation", *(str(at + 1) for at in range(len(ranks)))), ranks)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
