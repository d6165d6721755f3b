"""The commands about versions: list, show, compare, verify, rebuild and publish them."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

app = typer.Typer()

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Version = Annotated[str, typer.Argument(help="Number of a version: 7 or v0007.")]

_MEGABYTE = 10**6


@app.command()
def snapshots(as_json: Json = False) -> None:
    """List all versions."""
    from dynosaur_etl import cli
    from dynosaur_etl.flows.versions import list_versions

    with cli._services() as services:
        found = list_versions(services)
    cli._emit({"snapshots": found}, as_json, _show_list)


@app.command()
def show(version: Version, as_json: Json = False) -> None:
    """Tell what a version holds and how it came about."""
    from dynosaur_etl import cli
    from dynosaur_etl.flows.versions import show_version, version_number

    number = version_number(version)
    with cli._services() as services:
        found = show_version(number, services)
    cli._emit(found, as_json, _show_version)


@app.command()
def diff(old: Version, new: Version, as_json: Json = False) -> None:
    """Tell what a version has and lacks against another, and why."""
    from dynosaur_etl import cli
    from dynosaur_etl.flows.versions import diff_versions, version_number

    numbers = version_number(old), version_number(new)
    with cli._services() as services:
        changes = diff_versions(*numbers, services)
    cli._emit(changes, as_json, _show_diff)


@app.command()
def verify(
    version: Version,
    deep: Annotated[
        bool, typer.Option("--deep", help="Follow each row to the store and each source as well.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check every file of a version against its manifest: checksums, counts and keys."""
    from dynosaur_etl import cli
    from dynosaur_etl.flows.versions import verify_deeply, verify_snapshot, version_number

    number = version_number(version)
    check = verify_deeply if deep else verify_snapshot
    with cli._services() as services:
        report = check(number, services)
    cli._show_steps([report], as_json)


@app.command()
def restore(version: Version, as_json: Json = False) -> None:
    """Rebuild a version from the store, byte by byte, unless its files are sound."""
    from dataclasses import asdict

    from dynosaur_etl import cli
    from dynosaur_etl.flows.versions import restore_version, version_number

    number = version_number(version)
    with cli._services() as services:
        restored = restore_version(number, services)
    cli._emit(asdict(restored), as_json, cli._show_fields)


@app.command()
def gc(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would be removed.")
    ] = False,
    hours: Annotated[
        int, typer.Option("--older-than", min=0, help="Hours that a file must have lain there.")
    ] = 24,
    as_json: Json = False,
) -> None:
    """Remove files of the store that nothing needs; never a version, nor what it is made from."""
    from dataclasses import asdict

    from dynosaur_etl import cli
    from dynosaur_etl.flows.collect import collect, find_garbage

    act = find_garbage if dry_run else collect
    with cli._services() as services:
        garbage = act(services, timedelta(hours=hours), datetime.now(UTC))
    state = {"removed": not dry_run, "files": [asdict(item) for item in garbage]}
    cli._emit(state, as_json, _show_garbage)


@app.command()
def publish(
    version: Version,
    to: Annotated[
        str, typer.Option("--to", help="owner/name, or a folder or URL; default: the settings.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what the Hub would get.")
    ] = False,
    candidate: Annotated[
        bool, typer.Option("--candidate", help="Open a pull request at the Hub instead.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Publish a version to the Hub (one commit, one tag), or to a folder or an object store."""
    from dataclasses import asdict

    from dynosaur_etl import cli
    from dynosaur_etl.flows import publish as flow
    from dynosaur_etl.flows.versions import version_number

    number = version_number(version)
    with cli._services() as services:
        services.settings = flow.aimed(services.settings, to)
        if dry_run or candidate:
            act = flow.plan_version if dry_run else flow.propose_version
            cli._emit(asdict(act(number, services)), as_json, cli._show_fields)
        else:
            report = flow.publish_version(number, services)
            cli._emit({**report.facts}, as_json, cli._show_fields)


def _show_list(state: dict[str, Any]) -> None:
    from rich.table import Table

    from dynosaur_etl import cli

    table = Table("version", "parent", "day", "rows", "kept", "path")
    for row in state["snapshots"]:
        parent = "" if row["parent"] is None else f"v{row['parent']:04d}"
        rows = str(row["counts"].get("selected", ""))
        table.add_row(
            f"v{row['version']:04d}", parent, row["day"], rows, str(row["kept"]), row["path"]
        )
    cli.out.print(table)


def _show_version(state: dict[str, Any]) -> None:
    from dynosaur_etl import cli

    parent = "" if state["parent"] is None else f", after v{state['parent']:04d}"
    cli.out.print(f"v{state['version']:04d} of {state['day']}{parent}: {state['path']}")
    counts = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in state["counts"].items())
    cli.out.print(counts, markup=False)
    for licence, part in state["licences"].items():
        words = f"{licence}: {part['sources']} sources, {part['rows']} rows"
        cli.out.print(words, markup=False, soft_wrap=True)
    for name, entry in state["files"].items():
        rows = "" if entry["rows"] is None else f", {entry['rows']} rows"
        cli.out.print(f"{entry['sha256'][:12]}  {name}  {entry['bytes']} bytes{rows}", markup=False)


def _show_diff(state: dict[str, Any]) -> None:
    from rich.table import Table

    from dynosaur_etl import cli

    before = state["kept"]["number"] + state["dropped"]["number"]
    cli.out.print(
        f"{state['kept']['number']} of the {before} rows of v{state['from']:04d} stayed in "
        f"v{state['to']:04d}"
    )
    table = Table("rows", "number", "by reason", "by task type", "by licence")
    for name in ("added", "dropped", "kept"):
        part = state[name]
        tallies = [_tally(part[f"by_{what}"]) for what in ("reason", "task_type", "licence")]
        table.add_row(name, str(part["number"]), *tallies)
    cli.out.print(table)
    for name, move in state["figures"].items():
        cli.out.print(f"{name}: {move['from']} to {move['to']}")
    for name, why in state["sources"]["withdrawn"].items():
        cli.out.print(f"withdrawn: {name}, {why}", markup=False, soft_wrap=True)


def _tally(numbers: dict[str, int]) -> str:
    from rich.markup import escape

    return escape(", ".join(f"{name} {number}" for name, number in numbers.items()))


def _show_garbage(state: dict[str, Any]) -> None:
    from dynosaur_etl import cli

    for item in state["files"]:
        cli.out.print(f"{item['why']}: {item['path']}, {item['bytes']} bytes", markup=False)
    total = sum(item["bytes"] for item in state["files"]) / _MEGABYTE
    done = "removed" if state["removed"] else "to remove"
    cli.out.print(f"{len(state['files'])} files {done}, {total:.1f} MB")
