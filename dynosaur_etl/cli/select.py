"""The command that selects from a file of the user's own."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from dynosaur_etl.cli.console import Json, emit, err, out, progress_bar
from dynosaur_etl.cli.tables import show_table

app = typer.Typer()

Source = Annotated[
    Path, typer.Argument(help="File of Parquet, Arrow, JSON, JSONL or CSV, or folder of such.")
]
Name = str | None
Number = int | None
_SHOWN = ("rows", "tokens", "coverage", "quality", "vendi", "target")


@app.command()
def select(
    source: Source,
    k: Annotated[Number, typer.Option("-k", help="Rows to select; or give --budget.")] = None,
    alpha: Annotated[float, typer.Option(help="Weight of quality, 0 to 1.")] = 0.7,
    output: Annotated[Path, typer.Option("--out", help="New folder.")] = Path("selection"),
    method: Annotated[
        Name, typer.Option(help="qdit, mig, rds, longest, random; any of docs/selection.md.")
    ] = None,
    compare: Annotated[
        Name, typer.Option(help="Several methods with commas between them, in one report.")
    ] = None,
    target: Annotated[
        Path | None, typer.Option(help="File of what the selection is for; same columns.")
    ] = None,
    text: Annotated[Name, typer.Option(help="Column to embed.")] = None,
    embedding: Annotated[Name, typer.Option(help="Column that holds vectors already.")] = None,
    quality: Annotated[Name, typer.Option(help="Column of numbers from 0 to 1.")] = None,
    ids: Annotated[Name, typer.Option("--id", help="Column of distinct names.")] = None,
    group: Annotated[Name, typer.Option(help="Column that --most is about.")] = None,
    most: Annotated[Number, typer.Option(help="Most rows of one group.")] = None,
    budget: Annotated[Number, typer.Option(help="Most that all rows may cost, say tokens.")] = None,
    cost: Annotated[Name, typer.Option(help="Column of whole numbers for --budget.")] = None,
    tags: Annotated[Name, typer.Option(help="Column of labels, for the method mig.")] = None,
    length: Annotated[Name, typer.Option(help="Column of lengths; default: words.")] = None,
    origin: Annotated[
        Name, typer.Option("--source", help="Column of where rows are from; default: --group.")
    ] = None,
    similarity: Annotated[
        Name, typer.Option(help="text, prompt, output, format, task, or prompt:0.8+format:0.2.")
    ] = None,
    input_: Annotated[Name, typer.Option("--input", help="Column of inputs.")] = None,
    output_: Annotated[Name, typer.Option("--output", help="Column of outputs.")] = None,
    task: Annotated[Name, typer.Option(help="Column of what task a row is of.")] = None,
    mode: Annotated[
        str, typer.Option(help="auto, exact, near-exact, graph, partitioned.")
    ] = "auto",
    format_weight: Annotated[
        float, typer.Option(help="Share of length, list, code and question in the similarity.")
    ] = 0.0,
    model: Annotated[Name, typer.Option(help="Embedder: folder or Hub id.")] = None,
    seed: Annotated[int, typer.Option(help="Of the samples that are drawn.")] = 0,
    split: Annotated[
        Name, typer.Option(help="Of a folder: a name, several with + between them, or all.")
    ] = None,
    encoding: Annotated[Name, typer.Option(help="Of CSV and JSON that is not UTF-8.")] = None,
    as_json: Json = False,
) -> None:
    """Select diverse rows of high quality from a file, with a report; needs no settings."""
    from dynosaur_etl.domain.errors import InvalidInput, not_allowed
    from dynosaur_etl.flows.select.file.columns import Columns
    from dynosaur_etl.flows.select.file.request import FileRequest
    from dynosaur_etl.selection import Specification

    if method and compare:
        raise InvalidInput(not_allowed("--method with --compare", method, "one of the two"))
    rules = Specification(k, budget, alpha, mode, group_cap=most, seed=seed)
    texts = {"text": text, "input": input_, "output": output_, "embedding": embedding}
    numbers = {"quality": quality, "cost": cost, "length": length}
    names = {"ids": ids, "group": group, "source": origin, "tags": tags, "task": task}
    columns = Columns(**texts, **numbers, **names)
    request = FileRequest(
        rules, columns, method or "qdit", similarity, target, format_weight, model, split, encoding
    )
    if compare is None:
        _select(source, request, output, as_json)
    else:
        _compare(source, request, compare, output, as_json)


def _select(source: Path, request: Any, output: Path, as_json: bool) -> None:
    from dynosaur_etl.flows.select.file.select_file import select_file

    with progress_bar(as_json) as progress:
        found = select_file(
            source, request, output, progress("embedding"), progress("sweeping alpha")
        )
    _note(found.notes)
    emit(asdict(found), as_json, _show)


def _compare(source: Path, request: Any, names: str, output: Path, as_json: bool) -> None:
    from dynosaur_etl.flows.select.file.compare_file import compare_file, read_contenders

    contenders = read_contenders(names)
    with progress_bar(as_json) as progress:
        found = compare_file(
            source, request, contenders, output, progress("embedding"), progress("selecting")
        )
    _note(found.notes)
    emit(asdict(found), as_json, _show_comparison)


def _note(notes: Sequence[str]) -> None:
    for note in notes:
        err.print(f"note: {note}", style="yellow", markup=False, highlight=False, soft_wrap=True)


def _show(state: dict[str, Any]) -> None:
    covered = state["metrics"]["coverage_mean"]
    reached = state["metrics"].get("target_coverage")
    aim = "" if reached is None else f", of the target {reached:.4f}"
    out.print(
        f"{state['selected']} rows by {state['method']}, mean coverage {covered:.4f}{aim}, knee at "
        f"{state['knee']}: {state['path']}/report.html",
        markup=False,
        soft_wrap=True,
    )


def _show_comparison(state: dict[str, Any]) -> None:
    for title, entries in state["groups"].items():
        known = [
            name for name in _SHOWN if any(entry[name] is not None for entry in entries.values())
        ]
        rows = [
            (name, *(_figure(entry[column]) for column in known)) for name, entry in entries.items()
        ]
        out.print(title, style="bold")
        show_table(("method", *known), rows)
        out.print()
    out.print(f"{state['path']}/report.html", markup=False, soft_wrap=True)


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
