"""The commands about the installation: start, stop, look, check, migrate."""

from typing import Any

import typer
from rich.padding import Padding
from rich.text import Text

from dynosaur_etl.cli.console import Json, emit, err, out, show_fields
from dynosaur_etl.cli.context import State, command_settings, open_command_services
from dynosaur_etl.cli.exits import EXIT_TERMINAL
from dynosaur_etl.cli.tables import show_table

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
    """Check database, storage, disk, Hub, LLM and model, and say what to do first."""
    from dataclasses import asdict

    from dynosaur_etl.flows.upkeep.doctor import examine, first_step, has_begun

    settings = command_settings()
    checks = list(examine(settings))
    first = first_step(checks, State.env_file, begun=has_begun(settings))
    emit({"checks": [asdict(check) for check in checks], "first": first}, as_json, _show_checks)
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
    names = ("datasets_seen", "datasets_kept", "proposals", "tasks", "instances", "cost_usd")
    lines = [*state["days"], state | {"day": "all"}]
    rows = [(line["day"], *(line[name] for name in names)) for line in lines]
    show_table(("day", *(name.replace("_", " ") for name in names)), rows)
    for day in state["days"]:
        if day["alarm"]:
            out.print(f"{day['day']}: {day['alarm']}", style="red", markup=False)
        for step in day["held_back"]:
            words = "a later run was not whole and replaced nothing; run the day again"
            out.print(f"{day['day']}, {step}: {words}", style="red", markup=False)
    out.print(f"datasets kept: {state['datasets_kept']}, configs kept: {state['configs_kept']}")
    for kind, reasons in state["rejected"].items():
        if reasons:
            out.print(f"{kind} rejected: {_listed(reasons)}", markup=False)
    out.print(f"requests: {_listed(state['requests']) or 'none'}", markup=False)
    for row in state["snapshots"]:
        rows = row["counts"].get("selected")
        head = "  head" if row["head"] else "  trial" if row["trial"] else ""
        out.print(
            f"v{row['version']:04d}  {row['day']}  {rows} rows  {row['path']}{head}",
            markup=False,
            soft_wrap=True,
        )


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.items())


def _show_checks(state: dict[str, Any]) -> None:
    for check in state["checks"]:
        mark, style = ("ok", "green") if check["ok"] else ("wrong", "red")
        out.print(f"{check['name']}: {mark}", style=style, markup=False)
        for words in filter(None, (check["found"], check["mend"])):
            out.print(Padding(Text(words, overflow="fold"), (0, 0, 0, 2)))
    if state["first"]:
        out.print(f"First: {state['first']}", markup=False, soft_wrap=True)
