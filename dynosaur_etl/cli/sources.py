"""The commands about sources: audit them, withdraw and readmit them, and find where they went."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from dynosaur_etl.cli.console import Json, emit, out, progress_bar, show_fields
from dynosaur_etl.cli.context import open_command_services
from dynosaur_etl.cli.tables import show_table
from dynosaur_etl.domain.models import StepReport

if TYPE_CHECKING:
    from dynosaur_etl.flows.upkeep.audit import Holding
    from dynosaur_etl.store.facts.withdrawals import Withdrawal

app = typer.Typer()

Repo = Annotated[str, typer.Argument(help="Dataset as owner/name.")]


@app.command()
def audit(as_json: Json = False) -> None:
    """Look for sources of the pool that are deleted, gated, private, disabled or re-licensed."""
    from dynosaur_etl.flows.upkeep.audit import audit_sources

    with open_command_services() as services, progress_bar(as_json) as progress:
        report = audit_sources(_today(), services, progress("listing the Hub"))
    emit(report, as_json, _show_audit)


@app.command()
def withdraw(
    repo: Repo,
    why: Annotated[str, typer.Option("--why", help="What those will read who ask.")],
    as_json: Json = False,
) -> None:
    """Leave a dataset out of every version from now on."""
    from dynosaur_etl.flows.upkeep.audit import withdraw as flow

    with open_command_services() as services:
        found = flow(repo, why, _today(), services)
    emit(found, as_json, show_fields)


@app.command()
def readmit(repo: Repo, as_json: Json = False) -> None:
    """Lift every withdrawal of a dataset, whoever made it."""
    from dynosaur_etl.flows.upkeep.audit import readmit as flow

    with open_command_services() as services:
        lifted = flow(repo, _today(), services)
    emit({"lifted": lifted}, as_json, lambda _: _show_lifted(lifted))


@app.command()
def where(repo: Repo, as_json: Json = False) -> None:
    """List the versions that hold a dataset, whether it is selected there or only in the pool."""
    from dynosaur_etl.flows.upkeep.audit import versions_with

    with open_command_services() as services:
        found = versions_with(repo, services)
    emit({"dataset": repo, "versions": found}, as_json, lambda _: _show_versions(found))


def _today() -> date:
    return datetime.now(UTC).date()


def _show_audit(report: StepReport) -> None:
    facts, counts = report.facts, report.counts
    out.print(
        f"{facts['listed']} datasets listed; {counts.taken} sources: {counts.kept} in use, "
        f"{counts.rejected} withdrawn, {facts['new']} of them now"
    )
    for name, reason, detail in facts["found"]:
        out.print(f"{name}: {reason}, {detail}", markup=False, soft_wrap=True)
    for name in facts["lift"]:
        words = "is open again; `dynosaur readmit` lifts its withdrawal"
        out.print(f"{name}: {words}", markup=False, soft_wrap=True)


def _show_lifted(lifted: "list[Withdrawal]") -> None:
    for item in lifted:
        words = f"{item.reason} since {item.found_on} is lifted"
        out.print(f"{item.dataset_id}: {words}", markup=False, soft_wrap=True)


def _show_versions(found: "list[Holding]") -> None:
    rows = [
        (
            f"v{held.version:04d}", held.day, held.revision, held.licence,
            held.pool_instances, held.selected_instances,
        )
        for held in found
    ]  # fmt: skip
    columns = ("version", "day", "revision", "licence", "in the pool", "selected")
    show_table(columns, rows, text="licence")
