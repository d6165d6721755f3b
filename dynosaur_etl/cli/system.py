"""The commands about the installation: start, stop, look, check, migrate."""

from decimal import Decimal
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from dynosaur_etl.cli.console import Json, emit, err, out, show_fields
from dynosaur_etl.cli.context import command_settings, open_command_services
from dynosaur_etl.cli.exits import EXIT_TERMINAL
from dynosaur_etl.domain.money import dollars

if TYPE_CHECKING:
    from dynosaur_etl.flows.upkeep.doctor import Check
    from dynosaur_etl.flows.views.overview import Overview
    from dynosaur_etl.store.facts.funnel import Funnel

app = typer.Typer()
database_app = typer.Typer(no_args_is_help=True, help="The product's own database.")
ledger_app = typer.Typer(no_args_is_help=True, help="The ledger of paid requests.")


@app.command()
def status(as_json: Json = False) -> None:
    """Show what the store holds: days, tasks, rejects, cost and snapshots."""
    from dynosaur_etl.flows.views.overview import overview

    with open_command_services() as services:
        found = overview(services)
    emit(found, as_json, _show_overview)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check database, storage, disk, Hub, LLM and model, and say how to mend what is wrong."""
    from dynosaur_etl.flows.upkeep.doctor import examine

    checks = list(examine(command_settings()))
    emit({"checks": checks}, as_json, lambda _: _show_checks(checks))
    if not all(check.ok for check in checks):
        raise typer.Exit(EXIT_TERMINAL)


@database_app.command("upgrade")
def upgrade_database(as_json: Json = False) -> None:
    """Bring the tables to the newest migration."""
    from dynosaur_etl.store.database import schema_version

    with open_command_services() as services:
        found = schema_version(services.engine)
    emit({"migration": found}, as_json, lambda state: out.print(f"at {state['migration']}"))


@ledger_app.command("audit")
def audit_ledger(as_json: Json = False) -> None:
    """Check that the ledger is consistent, and sum up what was asked and paid."""
    from dynosaur_etl.flows.views.ledger_report import ledger_report

    with open_command_services() as services:
        report = ledger_report(services)
    emit(report, as_json, show_fields)
    if not report.consistent:
        raise typer.Exit(EXIT_TERMINAL)


@app.command()
def up(as_json: Json = False) -> None:
    """Start Airflow and the embedded PostgreSQL on this machine."""
    from dynosaur_etl.local.system import start_system

    address = start_system(command_settings(), {}, progress=err.print)
    emit(address, as_json, show_fields)


@app.command()
def stop(as_json: Json = False) -> None:
    """Stop everything that `up` or the demo has started under the home folder."""
    from dynosaur_etl.local.system import stop_system

    stopped = stop_system(command_settings().home)
    emit({"stopped": stopped}, as_json, show_fields)


def _show_overview(found: "Overview") -> None:
    columns = ("datasets_seen", "datasets_kept", "proposals", "tasks", "instances", "cost_usd")
    table = Table("day", *columns)
    for day in found.days:
        table.add_row(day.day, *_figures(day.funnel, day.cost_usd))
    table.add_row("all", *_figures(found.funnel, found.llm.cost_usd), style="bold")
    out.print(table)
    for day in found.days:
        if day.alarm:
            out.print(f"{day.day}: {day.alarm}", style="red", markup=False)
    for title, counts in (("rejects", found.rejects), ("requests", found.llm.requests)):
        words = ", ".join(f"{name} {number}" for name, number in counts.items())
        out.print(f"{title}: {words or 'none'}", markup=False)
    for version in found.snapshots:
        rows = version.counts.get("selected")
        out.print(
            f"v{version.version:04d}  {version.day}  {rows} rows  {version.path}", markup=False
        )


def _figures(made: "Funnel", cost: Decimal) -> tuple[str, ...]:
    counts = (made.datasets_seen, made.datasets_kept, made.proposals, made.tasks, made.instances)
    return (*map(str, counts), dollars(cost))


def _show_checks(checks: "list[Check]") -> None:
    table = Table("", "check", "found", "mend")
    for check in checks:
        mark = "[green]ok[/]" if check.ok else "[red]wrong[/]"
        table.add_row(mark, check.name, check.found, check.mend)
    out.print(table)
