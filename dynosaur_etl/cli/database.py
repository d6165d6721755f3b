"""The commands about the product's own database: its tables, looked at and migrated."""

from typing import TYPE_CHECKING

import typer

from dynosaur_etl.cli.console import Json, emit, out
from dynosaur_etl.cli.context import open_command_database
from dynosaur_etl.cli.exits import EXIT_TERMINAL

if TYPE_CHECKING:
    from dynosaur_etl.store.database import Schema

app = typer.Typer(no_args_is_help=True, help="The product's own database.")


@app.command("check")
def check_database(as_json: Json = False) -> None:
    """Tell whether the tables are those of this version; ends with 3 where they are not."""
    from dynosaur_etl.store.database import SchemaState, schema

    with open_command_database() as engine:
        found = schema(engine)
    emit(found, as_json, _show_schema)
    if found.state != SchemaState.CURRENT:
        raise typer.Exit(EXIT_TERMINAL)


@app.command("upgrade")
def upgrade_database(as_json: Json = False) -> None:
    """Bring the tables to the newest migration."""
    from dynosaur_etl.store.database import schema_version, upgrade

    with open_command_database() as engine:
        upgrade(engine)
        found = schema_version(engine)
    emit({"migration": found}, as_json, lambda state: out.print(f"at {state['migration']}"))


def _show_schema(found: "Schema") -> None:
    from dynosaur_etl.store.database import SchemaState

    words = f"current: the tables are at migration {found.database}"
    if found.state != SchemaState.CURRENT:
        words = f"{found.state}: {found.refusal()}"
    out.print(words, markup=False, highlight=False, soft_wrap=True)
