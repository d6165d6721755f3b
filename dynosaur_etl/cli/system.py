"""The commands about the installation: start, stop, look, check, migrate."""

from typing import Any

import typer
from rich.table import Table

from dynosaur_etl.cli.console import Json, emit, err, out, show_fields
from dynosaur_etl.cli.context import command_settings, open_command_services
from dynosaur_etl.cli.exits import EXIT_TERMINAL, EXIT_WARNING

app = typer.Typer()
database_app = typer.Typer(no_args_is_help=True, help="The product's own database.")
ledger_app = typer.Typer(no_args_is_help=True, help="The ledger of paid requests.")


@app.command()
def status(as_json: Json = False) -> None:
    """Show what the store holds: days, tasks, rejects, cost and snapshots."""
    from dynosaur_etl.flows.views.status import overview

    with open_command_services() as services:
        state = overview(services)
    emit(state, as_json, _show_overview)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check database, storage, disk, Hub, LLM and models, and say how to mend what is wrong."""
    from dataclasses import asdict

    from dynosaur_etl.flows.upkeep.doctor import examine

    checks = list(examine(command_settings()))
    emit({"checks": [asdict(check) for check in checks]}, as_json, _show_checks)
    if not all(check.ok for check in checks):
        raise typer.Exit(EXIT_TERMINAL)
    if any(check.warning for check in checks):
        raise typer.Exit(EXIT_WARNING)


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
    from dynosaur_etl.flows.views.status import ledger_audit

    with open_command_services() as services:
        audit = ledger_audit(services)
    emit(audit, as_json, show_fields)
    if not audit["consistent"]:
        raise typer.Exit(EXIT_TERMINAL)


@app.command()
def up(as_json: Json = False) -> None:
    """Start Airflow and the embedded PostgreSQL on this machine."""
    from dynosaur_etl.local.system import start_system

    address = start_system(command_settings(), {}, progress=err.print)
    state = {"url": address.url, "user": address.user, "password": address.password}
    emit(state, as_json, show_fields)


@app.command()
def stop(as_json: Json = False) -> None:
    """Stop everything that `up` or the demo has started under the home folder."""
    from dynosaur_etl.local.system import stop_system

    stopped = stop_system(command_settings().home)
    emit({"stopped": stopped}, as_json, show_fields)


def _show_overview(state: dict[str, Any]) -> None:
    columns = ("datasets_seen", "datasets_kept", "proposals", "tasks", "instances", "cost_usd")
    table = Table("day", *columns)
    for day in state["days"]:
        table.add_row(day["day"], *(str(day[name]) for name in columns))
    table.add_row("all", *(str(state[name]) for name in columns), style="bold")
    out.print(table)
    for day in state["days"]:
        if day["alarm"]:
            out.print(f"{day['day']}: {day['alarm']}", style="red", markup=False)
    for title in ("rejects", "requests"):
        words = ", ".join(f"{name} {number}" for name, number in state[title].items())
        out.print(f"{title}: {words or 'none'}", markup=False)
    for row in state["snapshots"]:
        rows = row["counts"].get("selected")
        out.print(f"v{row['version']:04d}  {row['day']}  {rows} rows  {row['path']}", markup=False)


def _show_checks(state: dict[str, Any]) -> None:
    table = Table("", "check", "found", "mend")
    for check in state["checks"]:
        mark = "[green]ok[/]" if check["ok"] else "[red]wrong[/]"
        mark = "[yellow]warning[/]" if check["warning"] else mark
        table.add_row(mark, check["name"], check["found"], check["mend"])
    out.print(table)
