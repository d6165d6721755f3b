"""The command line: the flows without Airflow.

Results go to standard output, one JSON object with `--json`; progress and logs to standard error.
Exit codes: 0 done, 1 unexpected, 2 wrong usage, 3 somebody has to change something (Terminal),
4 a retry can help (Transient), 5 done in part (something is deferred to the next run).
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from dynosaur_etl.cli_alert import app as alert_app
from dynosaur_etl.cli_audit import app as audit_app
from dynosaur_etl.cli_backfill import app as backfill_app
from dynosaur_etl.cli_batches import app as batches_app
from dynosaur_etl.cli_cost import app as cost_app
from dynosaur_etl.cli_proposals import app as proposals_app
from dynosaur_etl.cli_select import app as select_app
from dynosaur_etl.cli_snapshots import app as snapshots_app
from dynosaur_etl.domain.errors import (
    DynosaurError,
    InvalidInput,
    Terminal,
    Transient,
    not_allowed,
)
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import StepReport
from dynosaur_etl.settings import Settings, load_settings

EXIT_TERMINAL, EXIT_TRANSIENT, EXIT_DEFERRED = 3, 4, 5

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Grow an instruction-tuning set from the Hugging Face Hub, and snapshot the best of it.",
)
database_app = typer.Typer(no_args_is_help=True, help="The product's own database.")
ledger_app = typer.Typer(no_args_is_help=True, help="The ledger of paid requests.")
catalogue_app = typer.Typer(no_args_is_help=True, help="The catalogue of all datasets seen.")
app.add_typer(catalogue_app, name="catalogue")
app.add_typer(database_app, name="db")
app.add_typer(ledger_app, name="ledger")
app.add_typer(alert_app, name="alert")
app.add_typer(audit_app)
app.add_typer(backfill_app)
app.add_typer(cost_app, name="cost")
app.add_typer(proposals_app)
app.add_typer(batches_app, name="batches")
app.add_typer(select_app)
app.add_typer(snapshots_app)

out = Console()
err = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Day = Annotated[
    str, typer.Option("--day", help="Growth day as YYYY-MM-DD (UTC); default: yesterday.")
]
First = Annotated[str, typer.Option("--from", help="First of several days, in place of --day.")]
Last = Annotated[str, typer.Option("--to", help="Last of several days; default: yesterday.")]


class State:
    """The settings file that was named on the command line, if any."""

    env_file: Path | None = None


@app.callback()
def common(
    env_file: Annotated[
        Path | None, typer.Option("--env-file", help="Settings file; the environment goes first.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every step.")] = False,
) -> None:
    State.env_file = env_file
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )


@app.command()
def poll(day: Day = "", first: First = "", last: Last = "", as_json: Json = False) -> None:
    """Follow the Hub, and examine what was created or changed on the day, or on several."""
    from dynosaur_etl.flows import poll as flow

    steps = (
        ("listing the Hub", flow.sync_catalogue),
        ("reading commits", flow.find_candidates),
        ("examining datasets", flow.examine_candidates),
    )
    _run_steps(_days(day, first, last), steps, as_json)


@catalogue_app.command("sync")
def sync_catalogue(as_json: Json = False) -> None:
    """Bring the catalogue up to now; a listing that was cut short goes on where it was."""
    from dynosaur_etl.flows.catalogue import sync_now

    with _services() as services, _bar(as_json) as progress:
        report = sync_now(services, progress("listing the Hub"))
    _show_steps([report], as_json)


@catalogue_app.command("import")
def import_catalogue(
    file: Annotated[Path, typer.Argument(help="Parquet file of Hub statistics.")],
    as_of: Annotated[str, typer.Option("--as-of", help="Day of the file, YYYY-MM-DD (UTC).")],
    as_json: Json = False,
) -> None:
    """Add the datasets of a past day's file that the catalogue does not know."""
    from dynosaur_etl.flows.catalogue import import_statistics

    day = GrowthDay.parse(as_of)
    with _services() as services, _bar(as_json) as progress:
        report = import_statistics(file, day, services, progress("reading the file"))
    _show_steps([report], as_json)


@app.command()
def grow(day: Day = "", first: First = "", last: Last = "", as_json: Json = False) -> None:
    """Turn a polled day's kept datasets into tasks and instances, or those of several days."""
    from dynosaur_etl.flows import growth as flow

    steps = (
        ("asking the LLM", flow.propose_all),
        ("asking the critic", flow.criticise),
        ("judging proposals", flow.validate),
        ("filling tasks", flow.fill),
        ("scoring instances", flow.score),
        ("embedding instances", flow.embed),
    )
    _run_steps(_days(day, first, last), steps, as_json)


@app.command()
def snapshot(
    k: Annotated[int | None, typer.Option("-k", help="Instances to select.")] = None,
    alpha: Annotated[float | None, typer.Option(help="Weight of quality, 0 to 1.")] = None,
    day: Annotated[str, typer.Option("--day", help="Last day of the pool; default: newest.")] = "",
    as_json: Json = False,
) -> None:
    """Select from the pool, and write the selection as the next version."""
    from dynosaur_etl.flows import training_set as flow

    with _services() as services, _bar(as_json) as progress:
        last = day or flow.newest_grown_day(services)
        if last is None:
            raise InvalidInput(
                "snapshot: no day has grown an instance yet; run `dynosaur grow` first"
            )
        report = flow.build_snapshot(
            GrowthDay.parse(last), services, k, alpha, progress("selecting")
        )
        version = int(report.facts["version"])
        verified = flow.verify_snapshot(version, services)
    _show_steps([report, verified], as_json)


@app.command()
def status(as_json: Json = False) -> None:
    """Show what the store holds: days, tasks, rejects, cost and snapshots."""
    from dynosaur_etl.flows.status import overview

    with _services() as services:
        state = overview(services)
    _emit(state, as_json, _show_overview)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check database, storage, disk, Hub, LLM and model, and say how to mend what is wrong."""
    from dataclasses import asdict

    from dynosaur_etl.flows.doctor import examine

    checks = list(examine(_settings()))
    _emit({"checks": [asdict(check) for check in checks]}, as_json, _show_checks)
    if not all(check.ok for check in checks):
        raise typer.Exit(EXIT_TERMINAL)


@database_app.command("upgrade")
def upgrade_database(as_json: Json = False) -> None:
    """Bring the tables to the newest migration."""
    from dynosaur_etl.store.database import schema_version

    with _services() as services:
        found = schema_version(services.engine)
    _emit({"migration": found}, as_json, lambda state: out.print(f"at {state['migration']}"))


@ledger_app.command("audit")
def audit_ledger(as_json: Json = False) -> None:
    """Check that the ledger is consistent, and sum up what was asked and paid."""
    from dynosaur_etl.flows.status import ledger_audit

    with _services() as services:
        audit = ledger_audit(services)
    _emit(audit, as_json, _show_fields)
    if not audit["consistent"]:
        raise typer.Exit(EXIT_TERMINAL)


@app.command()
def up(as_json: Json = False) -> None:
    """Start Airflow and the embedded PostgreSQL on this machine."""
    from dynosaur_etl.local.system import start_system

    address = start_system(_settings(), {}, progress=err.print)
    state = {"url": address.url, "user": address.user, "password": address.password}
    _emit(state, as_json, _show_fields)


@app.command()
def stop(as_json: Json = False) -> None:
    """Stop everything that `up` or the demo has started under the home folder."""
    from dynosaur_etl.local.system import stop_system

    stopped = stop_system(_settings().home)
    _emit({"stopped": stopped}, as_json, _show_fields)


def main() -> None:
    """Run the command line; our own errors end it with one line and their exit code."""
    try:
        app()
    except DynosaurError as error:
        kind = type(error).__name__
        if "--json" in _arguments():
            out.print_json(data={"error": {"kind": kind, "message": str(error)}})
        err.print(f"{kind}: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise SystemExit(_exit_code(error)) from None


def _arguments() -> list[str]:
    import sys

    return sys.argv[1:]


def _exit_code(error: DynosaurError) -> int:
    if isinstance(error, Transient):
        return EXIT_TRANSIENT
    return EXIT_TERMINAL if isinstance(error, Terminal) else 1


def _settings() -> Settings:
    return load_settings(State.env_file)


@contextmanager
def _services() -> Iterator[Any]:
    from dynosaur_etl.flows.services import open_services

    with open_services(_settings()) as services:
        yield services


def _day(text: str) -> GrowthDay:
    if text:
        return GrowthDay.parse(text)
    return GrowthDay((datetime.now(UTC) - timedelta(days=1)).date())


def _days(day: str, first: str, last: str) -> list[GrowthDay]:
    """Give the days that a command is about, oldest first."""
    if not first and not last:
        return [_day(day)]
    if day or not first:
        given = " ".join(name for name, text in (("--day", day), ("--to", last)) if text)
        raise InvalidInput(
            not_allowed("days", given, "--day alone, or --from with or without --to")
        )
    start, end = GrowthDay.parse(first), _day(last)
    if end < start:
        raise InvalidInput(not_allowed("days", f"{start} to {end}", "--from no later than --to"))
    number = (end.date - start.date).days + 1
    return [GrowthDay(start.date + timedelta(days=after)) for after in range(number)]


def _run_steps(
    days: list[GrowthDay],
    steps: tuple[tuple[str, Callable[..., StepReport]], ...],
    as_json: bool,
) -> None:
    reports = []
    with _services() as services, _bar(as_json) as progress:
        for day in days:
            of_day = f" of {day}" if len(days) > 1 else ""
            for words, step in steps:
                reports.append(step(day, services, progress=progress(words + of_day)))
    _show_steps(reports, as_json)
    if any(report.unfinished for report in reports):
        raise typer.Exit(EXIT_DEFERRED)


@contextmanager
def _bar(as_json: bool) -> Iterator[Callable[[str], Callable[[int, int | None], None]]]:
    columns = (
        TextColumn("{task.description:20}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, disable=as_json or not err.is_terminal) as bar:

        def start(words: str) -> Callable[[int, int | None], None]:
            task = bar.add_task(words, total=None)

            def advance(done: int, of: int | None) -> None:
                bar.update(task, completed=done, total=of)

            return advance

        yield start


def _emit(state: dict[str, Any], as_json: bool, show: Callable[[dict[str, Any]], None]) -> None:
    if as_json:
        out.print_json(data=state, default=str)
    else:
        show(state)


def _show_steps(reports: list[StepReport], as_json: bool) -> None:
    from dynosaur_etl.flows.status import report_dict

    _emit({"steps": [report_dict(report) for report in reports]}, as_json, _show_step_table)


def _show_step_table(state: dict[str, Any]) -> None:
    table = Table("step", "day", "taken", "kept", "rejected", "deferred", "reasons")
    for step in state["steps"]:
        reasons = ", ".join(f"{reason} {number}" for reason, number in step["reasons"].items())
        numbers = [str(step[name]) for name in ("taken", "kept", "rejected", "deferred")]
        table.add_row(step["step"], step["day"], *numbers, reasons)
    out.print(table)
    for step in state["steps"]:
        if "path" in step["facts"]:
            out.print(f"{step['step']}: {step['facts']['path']}", markup=False, soft_wrap=True)


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
        table.add_row(mark, check["name"], check["found"], check["mend"])
    out.print(table)


def _show_fields(state: dict[str, Any]) -> None:
    for name, value in state.items():
        out.print(f"{name}: {value}", markup=False, soft_wrap=True)
