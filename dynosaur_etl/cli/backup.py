"""The commands that back the database and the files up, and recover them."""

from typing import Annotated

import typer

from dynosaur_etl.cli.console import Json, emit, out, show_fields
from dynosaur_etl.cli.context import (
    command_settings,
    open_command_database,
    open_command_services,
)

app = typer.Typer()

Target = Annotated[str, typer.Argument(help="Folder or URL that backups are kept in.")]
Name = Annotated[str, typer.Option("--name", help="Of the backup; default: the newest.")]


@app.command()
def backup(
    target: Target,
    check: Annotated[
        bool, typer.Option("--check", help="Only read a backup whole, and compare its checksums.")
    ] = False,
    name: Name = "",
    as_json: Json = False,
) -> None:
    """Copy the database and the files of one moment to a target; what it has is not sent again."""
    from dynosaur_etl.store.backup import back_up, check_backup
    from dynosaur_etl.store.storage import Storage

    if check:
        chosen, found = check_backup(Storage(target), name)
        told = {"name": chosen, "tables": len(found.tables), "files": len(found.files)}
        emit(told, as_json, lambda _: out.print(f"backup {chosen} is whole", markup=False))
        return
    with open_command_services() as services:
        report = back_up(services.engine, services.storage, Storage(target))
    emit(report, as_json, show_fields)


@app.command("recover")
def recover_backup(target: Target, name: Name = "", as_json: Json = False) -> None:
    """Put a backup's files into the storage and its rows into the database, which is empty."""
    from dynosaur_etl.store.backup import recover
    from dynosaur_etl.store.storage import Storage

    with open_command_database() as engine:
        made = recover(engine, Storage(command_settings().storage), Storage(target), name)
    told = {
        "made_at": made.made_at,
        "migration": made.migration,
        "tables": len(made.tables),
        "rows": sum(table.rows for table in made.tables),
        "files": len(made.files),
    }
    emit(told, as_json, show_fields)
