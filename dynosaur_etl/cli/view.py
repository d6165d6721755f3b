"""The command that shows a version's folder in a browser."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dynosaur_etl.cli.console import Json, err, out
from dynosaur_etl.cli.context import command_settings

if TYPE_CHECKING:
    from dynosaur_etl.flows.views.folder_view import FolderView

app = typer.Typer()


@app.command()
def view(
    version: Annotated[
        str, typer.Argument(metavar="VERSION|FOLDER", help="Number of a version, or its folder.")
    ],
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on this machine; 0: any that is free.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Look at a version in a browser: card, rows, statistics, sources; without a database."""
    from dynosaur_etl.pages.serving import serve_folder

    serve_folder(_folder(version), port, _tell_as_json if as_json else _tell)


def _folder(version: str) -> Path:
    """Return the folder that is meant: one of that path, or a version's in the store."""
    from dynosaur_etl.flows.runtime.version_records import version_number
    from dynosaur_etl.flows.views.folder_view import stored_folder

    number = version.removeprefix("v")
    if Path(version).is_dir() or not (number.isascii() and number.isdigit()):
        return Path(version)
    return stored_folder(command_settings().storage, version_number(version))


def _tell(address: str, found: "FolderView") -> None:
    err.print(f"{found.name} in {found.path}; Ctrl-C ends it", markup=False, soft_wrap=True)
    out.print(address, markup=False, highlight=False, soft_wrap=True)
    out.file.flush()


def _tell_as_json(address: str, found: "FolderView") -> None:
    out.print_json(data={"address": address, "version": found.name, "folder": str(found.path)})
    out.file.flush()
