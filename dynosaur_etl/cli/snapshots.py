"""The commands about versions: list, show, compare, verify, rebuild and publish them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from dynosaur_etl.cli.console import Json, emit, out, show_fields, show_steps
from dynosaur_etl.cli.context import open_command_services

if TYPE_CHECKING:
    from dynosaur_etl.flows.snapshot.version_details import (
        VersionComparison,
        VersionDetails,
        VersionSummary,
    )
    from dynosaur_etl.flows.upkeep.garbage import Garbage

app = typer.Typer()

Version = Annotated[str, typer.Argument(help="Number of a version: 7 or v0007.")]

_MEGABYTE = 10**6


@app.command()
def snapshots(as_json: Json = False) -> None:
    """List all versions."""
    from dynosaur_etl.flows.snapshot.version_details import list_versions

    with open_command_services() as services:
        found = list_versions(services)
    emit({"snapshots": found}, as_json, lambda _: _show_list(found))


@app.command()
def show(version: Version, as_json: Json = False) -> None:
    """Tell what a version holds and how it came about."""
    from dynosaur_etl.flows.snapshot.version_details import show_version
    from dynosaur_etl.flows.snapshot.versions import version_number

    number = version_number(version)
    with open_command_services() as services:
        found = show_version(number, services)
    emit(found, as_json, _show_version)


@app.command()
def diff(old: Version, new: Version, as_json: Json = False) -> None:
    """Tell what a version has and lacks against another, and why."""
    from dynosaur_etl.flows.snapshot.version_details import diff_versions
    from dynosaur_etl.flows.snapshot.versions import version_number

    numbers = version_number(old), version_number(new)
    with open_command_services() as services:
        changes = diff_versions(*numbers, services)
    emit(changes, as_json, _show_diff)


@app.command()
def verify(
    version: Version,
    deep: Annotated[
        bool, typer.Option("--deep", help="Follow each row to the store and each source as well.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check every file of a version against its manifest: checksums, counts and keys."""
    from dynosaur_etl.flows.snapshot.versions import verify_deeply, verify_snapshot, version_number

    number = version_number(version)
    check = verify_deeply if deep else verify_snapshot
    with open_command_services() as services:
        report = check(number, services)
    show_steps([report], as_json)


@app.command()
def restore(version: Version, as_json: Json = False) -> None:
    """Rebuild a version from the store, byte by byte, unless its files are sound."""
    from dynosaur_etl.flows.snapshot.versions import restore_version, version_number

    number = version_number(version)
    with open_command_services() as services:
        restored = restore_version(number, services)
    emit(restored, as_json, show_fields)


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
    from dynosaur_etl.flows.upkeep.garbage import collect, find_garbage

    act = find_garbage if dry_run else collect
    with open_command_services() as services:
        garbage = act(services, timedelta(hours=hours), datetime.now(UTC))
    state = {"removed": not dry_run, "files": garbage}
    emit(state, as_json, lambda _: _show_garbage(garbage, "to remove" if dry_run else "removed"))


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
    from dynosaur_etl.flows.snapshot import publish as flow
    from dynosaur_etl.flows.snapshot.versions import version_number

    number = version_number(version)
    with open_command_services() as services:
        services.settings = flow.aimed(services.settings, to)
        if dry_run or candidate:
            act = flow.plan_version if dry_run else flow.propose_version
            emit(act(number, services), as_json, show_fields)
        else:
            report = flow.publish_version(number, services)
            emit(report.facts, as_json, show_fields)


def _show_list(found: "list[VersionSummary]") -> None:
    from rich.table import Table

    table = Table("version", "parent", "day", "rows", "kept", "path")
    for version in found:
        parent = "" if version.parent is None else f"v{version.parent:04d}"
        rows = str(version.counts.get("selected", ""))
        kept = str(version.kept)
        table.add_row(f"v{version.version:04d}", parent, version.day, rows, kept, version.path)
    out.print(table)


def _show_version(found: "VersionDetails") -> None:
    summary = found.summary
    parent = "" if summary.parent is None else f", after v{summary.parent:04d}"
    out.print(f"v{summary.version:04d} of {summary.day}{parent}: {summary.path}")
    counts = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in summary.counts.items())
    out.print(counts, markup=False)
    for licence, share in found.licences.items():
        words = f"{licence}: {share.sources} sources, {share.rows} rows"
        out.print(words, markup=False, soft_wrap=True)
    for name, entry in found.files.items():
        rows = "" if entry.rows is None else f", {entry.rows} rows"
        out.print(f"{entry.sha256[:12]}  {name}  {entry.bytes} bytes{rows}", markup=False)


def _show_diff(found: "VersionComparison") -> None:
    from rich.table import Table

    diff = found.diff
    before = diff.kept.number + diff.dropped.number
    out.print(
        f"{diff.kept.number} of the {before} rows of v{found.from_:04d} stayed in v{found.to:04d}"
    )
    table = Table("rows", "number", "by reason", "by task type", "by licence")
    for name, part in (("added", diff.added), ("dropped", diff.dropped), ("kept", diff.kept)):
        tallies = map(_tally, (part.by_reason, part.by_task_type, part.by_licence))
        table.add_row(name, str(part.number), *tallies)
    out.print(table)
    for name, move in diff.figures.items():
        out.print(f"{name}: {move.from_} to {move.to}")
    for name, why in diff.sources.withdrawn.items():
        out.print(f"withdrawn: {name}, {why}", markup=False, soft_wrap=True)


def _tally(numbers: Mapping[str, int]) -> str:
    from rich.markup import escape

    return escape(", ".join(f"{name} {number}" for name, number in numbers.items()))


def _show_garbage(garbage: "list[Garbage]", done: str) -> None:
    for item in garbage:
        out.print(f"{item.why}: {item.path}, {item.bytes} bytes", markup=False)
    total = sum(item.bytes for item in garbage) / _MEGABYTE
    out.print(f"{len(garbage)} files {done}, {total:.1f} MB")
