"""The commands about damage in the storage: find it, mend it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from dynosaur_etl.cli.console import Json, emit, out, progress_bar
from dynosaur_etl.cli.context import open_command_services
from dynosaur_etl.cli.exits import EXIT_DEFERRED, EXIT_TERMINAL

if TYPE_CHECKING:
    from dynosaur_etl.flows.repair import Repaired
    from dynosaur_etl.flows.upkeep.store_audit import Damage, StoreAudit

app = typer.Typer()


@app.command()
def repair(
    give_up: Annotated[
        bool,
        typer.Option(
            "--give-up", help="Let the next poll and grow make anew what cannot be as it was."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Make again what the storage has lost or damaged: the same bytes, or nothing."""
    from dynosaur_etl.flows.repair import repair as flow

    with open_command_services() as services, progress_bar(as_json) as progress:
        found = flow(services, progress("checking files"), give_up=give_up)
    emit(found, as_json, lambda _: _show_repaired(found))
    if found.left and not found.anew:
        raise typer.Exit(EXIT_TERMINAL)
    if found.anew:
        raise typer.Exit(EXIT_DEFERRED)


def verify_store(as_json: bool) -> None:
    """Check every file that a row names; damage ends the command with its exit code."""
    from dynosaur_etl.flows.upkeep.store_audit import audit_store

    with open_command_services() as services, progress_bar(as_json) as progress:
        found = audit_store(services, progress("checking files"))
    emit(found, as_json, lambda _: _show_audit(found))
    if found.damage:
        raise typer.Exit(EXIT_TERMINAL)


def _show_audit(found: "StoreAudit") -> None:
    _show_damage(found.damage)
    words = f"{found.files} files and {found.versions} versions are looked at"
    out.print(f"{words}, {len(found.damage)} not as they were written", soft_wrap=True)
    if found.damage:
        out.print("`dynosaur repair` makes again what can be made again", soft_wrap=True)


def _show_repaired(found: "Repaired") -> None:
    for path in found.made:
        out.print(f"made again: {path}", markup=False, soft_wrap=True)
    if found.parts:
        out.print(f"{found.parts} finished parts of open steps dropped: their next run makes them")
    for words in found.errors:
        out.print(words, style="yellow", markup=False, soft_wrap=True)
    _show_damage(found.left)
    for step in found.anew:
        out.print(f"the next `poll` and `grow` make anew: {step}", markup=False, soft_wrap=True)
    out.print(f"{len(found.made)} made again, {len(found.left)} left")


def _show_damage(damage: "Sequence[Damage]") -> None:
    for item in damage:
        out.print(f"{item.state}: {item.path}", style="red", markup=False, soft_wrap=True)
        out.print(f"  {item.means}", markup=False, soft_wrap=True)
        for words in item.named_by:
            out.print(f"  named by {words}", markup=False, soft_wrap=True)
