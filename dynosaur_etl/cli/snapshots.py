"""The commands about versions: list, show, compare, verify, rebuild and publish them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dynosaur_etl.cli.console import Json, emit, out, show_fields
from dynosaur_etl.cli.context import open_command_services
from dynosaur_etl.cli.steps import show_steps
from dynosaur_etl.cli.storing import verify_store
from dynosaur_etl.cli.tables import show_table

if TYPE_CHECKING:
    from dynosaur_etl.flows.snapshot.version_details import (
        VersionComparison,
        VersionDetails,
    )
    from dynosaur_etl.flows.upkeep.garbage import Garbage
    from dynosaur_etl.store.facts.version_summaries import VersionSummary

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
    from dynosaur_etl.flows.runtime.version_records import version_number
    from dynosaur_etl.flows.snapshot.version_details import show_version

    number = version_number(version)
    with open_command_services() as services:
        found = show_version(number, services)
    emit(found, as_json, _show_version)


@app.command()
def diff(old: Version, new: Version, as_json: Json = False) -> None:
    """Tell what a version has and lacks against another, and why."""
    from dynosaur_etl.flows.runtime.version_records import version_number
    from dynosaur_etl.flows.snapshot.version_details import diff_versions

    numbers = version_number(old), version_number(new)
    with open_command_services() as services:
        changes = diff_versions(*numbers, services)
    emit(changes, as_json, _show_diff)


@app.command()
def verify(
    version: Annotated[str, typer.Argument(help="Number of a version: 7 or v0007.")] = "",
    deep: Annotated[
        bool, typer.Option("--deep", help="Follow each row to the store and each source as well.")
    ] = False,
    store: Annotated[
        bool, typer.Option("--store", help="Check every file that any row names, and all versions.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check every file of a version against its manifest: checksums, counts and keys."""
    if store == bool(version) or (store and deep):
        raise typer.BadParameter("give the number of a version, or --store alone")
    if store:
        verify_store(as_json)
        return
    from dynosaur_etl.flows.runtime.version_records import version_number
    from dynosaur_etl.flows.snapshot.versions import verify_deeply, verify_snapshot

    number = version_number(version)
    check = verify_deeply if deep else verify_snapshot
    with open_command_services() as services:
        report = check(number, services)
    show_steps([report], as_json)


@app.command()
def restore(version: Version, as_json: Json = False) -> None:
    """Rebuild a version from the store, byte by byte, unless its files are sound."""
    from dynosaur_etl.flows.runtime.version_records import version_number
    from dynosaur_etl.flows.snapshot.versions import restore_version

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
def rollback(version: Version, as_json: Json = False) -> None:
    """Make a chosen version the head again: a new version that points at its files."""
    from dynosaur_etl.flows.runtime.version_records import version_number
    from dynosaur_etl.flows.snapshot.heads import rollback as flow

    number = version_number(version)
    with open_command_services() as services:
        report = flow(number, services)
    emit(report.facts, as_json, _show_rollback)


@app.command()
def publish(
    version: Annotated[str, typer.Argument(help="Number of a version; default: the head.")] = "",
    to: Annotated[
        str,
        typer.Option("--to", help="owner/name, ./folder, /folder or URL; default: the settings."),
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
    from dynosaur_etl.flows.runtime.version_records import version_number
    from dynosaur_etl.flows.snapshot import publish as flow
    from dynosaur_etl.flows.snapshot.targets import aimed

    with open_command_services() as services:
        services.settings = aimed(services.settings, to)
        number = version_number(version) if version else flow.head_number(services)
        if dry_run or candidate:
            act = flow.plan_version if dry_run else flow.propose_version
            emit(act(number, services), as_json, show_fields)
        else:
            report = flow.publish_version(number, services)
            emit(report.facts, as_json, show_fields)


def _show_list(found: "list[VersionSummary]") -> None:
    rows = [
        (
            _name(line.version), _name(line.parent), line.day, line.counts.get("selected"),
            line.kept, _about(line),
        )
        for line in found
    ]  # fmt: skip
    show_table(("version", "parent", "day", "rows", "kept", "state"), rows, text="state")


def _show_rollback(moved: Mapping[str, Any]) -> None:
    name = _name(moved["version"])
    if not moved["new"]:
        out.print(f"{name} has these files already, and is the head", soft_wrap=True)
        return
    out.print(
        f"{name} is the head now, with the files of {_name(moved['same_as'])}: {moved['path']}",
        soft_wrap=True,
    )
    out.print(f"`dynosaur publish {name}` publishes it where the settings say", soft_wrap=True)


def _name(version: int | None) -> str:
    return "" if version is None else f"v{version:04d}"


def _about(version: "VersionSummary") -> str:
    """Word the state of a version, and where it was published."""
    same = "rolled back to" if version.rolled_back else "same files as"
    words = [
        "head" if version.head else "",
        "trial" if version.trial else "",
        f"{same} {_name(version.same_as)}" if version.same_as else "",
        *(f"published to {publication.target}" for publication in version.published),
    ]
    return ", ".join(filter(None, words))


def _show_version(found: "VersionDetails") -> None:
    summary = found.summary
    parent = "" if summary.parent is None else f", after v{summary.parent:04d}"
    out.print(f"v{summary.version:04d} of {summary.day}{parent}: {summary.path}")
    out.print(_about(summary) or "neither the head nor published", markup=False, soft_wrap=True)
    counts = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in summary.counts.items())
    out.print(counts, markup=False)
    for licence, share in found.licences.items():
        words = f"{licence}: {share.sources} sources, {share.rows} rows"
        out.print(words, markup=False, soft_wrap=True)
    for name, entry in found.files.items():
        rows = "" if entry.rows is None else f", {entry.rows} rows"
        out.print(f"{entry.sha256[:12]}  {name}  {entry.bytes} bytes{rows}", markup=False)


def _show_diff(found: "VersionComparison") -> None:
    diff = found.diff
    before = diff.kept.number + diff.dropped.number
    out.print(
        f"{diff.kept.number} of the {before} rows of v{found.from_:04d} stayed in v{found.to:04d}"
    )
    for name, part in (("added", diff.added), ("dropped", diff.dropped), ("kept", diff.kept)):
        out.print(f"{name}: {part.number} rows", markup=False)
        tallies = {
            "reason": part.by_reason, "task type": part.by_task_type, "licence": part.by_licence,
        }  # fmt: skip
        for what, tally in tallies.items():
            if tally:
                out.print(f"  by {what}: {_tally(tally)}", markup=False, soft_wrap=True)
    for name, move in diff.figures.items():
        out.print(f"{name}: {move.from_} to {move.to}")
    for name, why in diff.sources.withdrawn.items():
        out.print(f"withdrawn: {name}, {why}", markup=False, soft_wrap=True)


def _tally(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in numbers.items())


def _show_garbage(garbage: "list[Garbage]", done: str) -> None:
    for item in garbage:
        out.print(f"{item.why}: {item.path}, {item.bytes} bytes", markup=False)
    total = sum(item.bytes for item in garbage) / _MEGABYTE
    out.print(f"{len(garbage)} files {done}, {total:.1f} MB")
