"""The command that shows scorers beside one another."""

from dataclasses import asdict
from typing import Any

import typer
from rich.table import Column, Table

from dynosaur_etl.cli.console import Json, emit, out
from dynosaur_etl.cli.context import open_command_services

app = typer.Typer()


@app.command()
def scores(as_json: Json = False) -> None:
    """Show how the scorers that are set rank the same instances."""
    from dynosaur_etl.flows.prepare.score_comparison import compare_scores

    with open_command_services() as services:
        found = compare_scores(services)
    emit(asdict(found), as_json, _show)


def _show(state: dict[str, Any]) -> None:
    names = list(state["scorers"])
    table = Table(Column("scorer", no_wrap=True), "scored", "missing", "mean", "deviation")
    for name, row in state["scorers"].items():
        table.add_row(name, str(row["scored"]), str(row["missing"]), *_means(row))
    out.print(table)
    ranks = Table(
        Column("rank correlation", no_wrap=True), *(str(at + 1) for at in range(len(names)))
    )
    for at, name in enumerate(names):
        values = state["correlations"][name].values()
        ranks.add_row(f"{at + 1} {name}", *map(_figure, values))
    out.print(ranks)


def _means(row: dict[str, Any]) -> tuple[str, str]:
    return _figure(row["mean"]), _figure(row["deviation"])


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
