"""The commands that grow: poll the Hub, grow a day, select a version."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from dynosaur_etl.cli.console import Json, progress_bar
from dynosaur_etl.cli.context import Day, First, Last, open_command_services, parse_days
from dynosaur_etl.cli.exits import EXIT_DEFERRED
from dynosaur_etl.cli.steps import show_steps
from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import StepReport

app = typer.Typer()
catalogue_app = typer.Typer(no_args_is_help=True, help="The catalogue of all datasets seen.")


@app.command()
def poll(day: Day = "", first: First = "", last: Last = "", as_json: Json = False) -> None:
    """Follow the Hub, and examine what was created or changed on the day, or on several."""
    from dynosaur_etl.flows.poll import candidates as flow

    steps = (
        ("listing the Hub", flow.sync_catalogue),
        ("reading commits", flow.find_candidates),
        ("examining datasets", flow.examine_candidates),
    )
    _run_steps(parse_days(day, first, last), steps, as_json)


@catalogue_app.command("sync")
def sync_catalogue(as_json: Json = False) -> None:
    """Bring the catalogue up to now; a listing that was cut short goes on where it was."""
    from dynosaur_etl.flows.poll.catalogue import sync_now

    with open_command_services() as services, progress_bar(as_json) as progress:
        report = sync_now(services, progress("listing the Hub"))
    show_steps([report], as_json)


@catalogue_app.command("import")
def import_catalogue(
    file: Annotated[Path, typer.Argument(help="Parquet file of Hub statistics.")],
    as_of: Annotated[str, typer.Option("--as-of", help="Day of the file, YYYY-MM-DD (UTC).")],
    as_json: Json = False,
) -> None:
    """Add the datasets of a past day's file that the catalogue does not know."""
    from dynosaur_etl.flows.poll.catalogue import import_statistics

    day = GrowthDay.parse(as_of)
    with open_command_services() as services, progress_bar(as_json) as progress:
        report = import_statistics(file, day, services, progress("reading the file"))
    show_steps([report], as_json)


@app.command()
def grow(day: Day = "", first: First = "", last: Last = "", as_json: Json = False) -> None:
    """Turn a polled day's kept datasets into tasks and instances, or those of several days."""
    from dynosaur_etl.flows.fill.fill import fill
    from dynosaur_etl.flows.prepare.embed import embed
    from dynosaur_etl.flows.prepare.score import score
    from dynosaur_etl.flows.propose.criticise import criticise
    from dynosaur_etl.flows.propose.propose import propose_all
    from dynosaur_etl.flows.propose.validate import validate

    steps = (
        ("asking the LLM", propose_all),
        ("asking the critic", criticise),
        ("judging proposals", validate),
        ("filling tasks", fill),
        ("scoring instances", score),
        ("embedding instances", embed),
    )
    _run_steps(parse_days(day, first, last), steps, as_json)


@app.command()
def snapshot(
    k: Annotated[int | None, typer.Option("-k", help="Instances to select.")] = None,
    alpha: Annotated[float | None, typer.Option(help="Weight of quality, 0 to 1.")] = None,
    day: Annotated[str, typer.Option("--day", help="Last day of the pool; default: newest.")] = "",
    head: Annotated[
        bool, typer.Option("--head", help="Make it the head, also with a smaller -k.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Select from the pool, and write the selection as the next version.

    With a smaller -k than the settings have it is a trial: never the head.
    """
    from dynosaur_etl.flows import training_set as flow
    from dynosaur_etl.flows.snapshot.heads import is_trial

    with open_command_services() as services, progress_bar(as_json) as progress:
        last = day or flow.newest_grown_day(services)
        if last is None:
            raise InvalidInput(
                "snapshot: no day has grown an instance yet; run `dynosaur grow` first"
            )
        trial = not head and is_trial(services.settings, k)
        report = flow.build_snapshot(
            GrowthDay.parse(last), services, k, alpha, progress("selecting"), trial=trial
        )
        version = int(report.facts["version"])
        verified = flow.verify_snapshot(version, services)
    show_steps([report, verified], as_json)


def _run_steps(
    days: list[GrowthDay],
    steps: tuple[tuple[str, Callable[..., StepReport]], ...],
    as_json: bool,
) -> None:
    reports = []
    with open_command_services() as services, progress_bar(as_json) as progress:
        services.records.read([str(day) for day in days])
        for day in days:
            of_day = f" of {day}" if len(days) > 1 else ""
            for words, step in steps:
                reports.append(step(day, services, progress=progress(words + of_day)))
    show_steps(reports, as_json)
    if any(report.unfinished for report in reports):
        raise typer.Exit(EXIT_DEFERRED)
