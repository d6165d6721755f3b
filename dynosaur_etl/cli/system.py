"""The commands about the installation: start, stop, look, check, migrate."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from dynosaur_etl.cli.console import Json, emit, err, out, show_fields
from dynosaur_etl.cli.context import CommandLine, command_settings, open_command_services
from dynosaur_etl.cli.exits import EXIT_TERMINAL, EXIT_WARNING
from dynosaur_etl.cli.tables import show_table
from dynosaur_etl.domain.money import dollars

if TYPE_CHECKING:
    from dynosaur_etl.flows.upkeep.doctor import Check
    from dynosaur_etl.flows.views.overview import Overview, StatusReport
    from dynosaur_etl.store.facts.funnel import Funnel

app = typer.Typer()
ledger_app = typer.Typer(no_args_is_help=True, help="The ledger of paid requests.")


@app.command()
def status(as_json: Json = False) -> None:
    """Show how the night went, and what the store holds: days, tasks, rejects, cost, snapshots."""
    from dynosaur_etl.cli.airflow_state import local_airflow
    from dynosaur_etl.flows.views.overview import StatusReport, overview
    from dynosaur_etl.flows.views.tonight import tonight

    with open_command_services() as services:
        airflow = local_airflow(services.settings.home)
        night = tonight(services, airflow, datetime.now(UTC))
        found = StatusReport(overview(services), night)
    emit(found, as_json, _show_status)


@app.command()
def doctor(
    deep: Annotated[
        bool, typer.Option("--deep", help="Check that files, steps and ledger fit together, too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check database, storage, disk, Hub, LLM and models, and say what to do first."""
    from dynosaur_etl.flows.upkeep.doctor import examine, first_step, has_begun
    from dynosaur_etl.flows.upkeep.invariants import examine_deeply

    settings = command_settings()
    checks = [*examine(settings), *(examine_deeply(settings) if deep else ())]
    first = first_step(checks, CommandLine.env_file, begun=has_begun(settings))
    emit({"checks": checks, "first": first}, as_json, lambda _: _show_checks(checks, first))
    if not all(check.ok for check in checks):
        raise typer.Exit(EXIT_TERMINAL)
    if any(check.warning for check in checks):
        raise typer.Exit(EXIT_WARNING)


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


def _show_status(found: "StatusReport") -> None:
    out.print(found.tonight.sentence, style="bold", markup=False, soft_wrap=True)
    for line in found.tonight.lines:
        out.print(f"{line.kind}: {line.words}", markup=False, soft_wrap=True)
    _show_overview(found.overview)


def _show_overview(found: "Overview") -> None:
    columns = ("datasets seen", "datasets kept", "proposals", "tasks", "instances", "cost usd")
    rows = [(day.day, *_figures(day.funnel, day.cost_usd)) for day in found.days]
    rows.append(("all", *_figures(found.funnel, found.llm.cost_usd)))
    show_table(("day", *columns), rows)
    for day in found.days:
        if day.alarm:
            out.print(f"{day.day}: {day.alarm}", style="red", markup=False)
        for step in day.held_back:
            words = "a later run was not whole and replaced nothing; run the day again"
            out.print(f"{day.day}, {step}: {words}", style="red", markup=False)
    kept = f"datasets kept: {found.funnel.datasets_kept}, configs kept: {found.configs_kept}"
    out.print(kept)
    for kind, reasons in found.rejected.items():
        if reasons:
            out.print(f"{kind} rejected: {_listed(reasons)}", markup=False)
    out.print(f"requests: {_listed(found.llm.requests) or 'none'}", markup=False)
    for version in found.snapshots:
        rows_in_it = version.counts.get("selected")
        head = "  head" if version.head else "  trial" if version.trial else ""
        out.print(
            f"v{version.version:04d}  {version.day}  {rows_in_it} rows  {version.path}{head}",
            markup=False,
            soft_wrap=True,
        )


def _figures(made: "Funnel", cost: Decimal) -> tuple[str, ...]:
    counts = (made.datasets_seen, made.datasets_kept, made.proposals, made.tasks, made.instances)
    return (*map(str, counts), dollars(cost))


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.items())


def _show_checks(checks: "list[Check]", first: str) -> None:
    for check in checks:
        mark, style = ("ok", "green") if check.ok else ("wrong", "red")
        if check.warning:
            mark, style = "warning", "yellow"
        out.print(f"{check.name}: {mark}", style=style, markup=False)
        for words in filter(None, (check.found, check.mend)):
            out.print(Padding(Text(words, overflow="fold"), (0, 0, 0, 2)))
    if first:
        out.print(f"First: {first}", markup=False, soft_wrap=True)
