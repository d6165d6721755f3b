"""The command that selects from a file of the user's own."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from dynosaur_etl.cli.console import Json, emit, err, out, progress_bar

app = typer.Typer()

Source = Annotated[
    Path, typer.Argument(help="File of Parquet, Arrow, JSON, JSONL or CSV, or folder of such.")
]
Name = str | None
Number = int | None


@app.command()
def select(
    source: Source,
    k: Annotated[Number, typer.Option("-k", help="Rows to select; or give --budget.")] = None,
    alpha: Annotated[float, typer.Option(help="Weight of quality, 0 to 1.")] = 0.7,
    output: Annotated[Path, typer.Option("--out", help="New folder.")] = Path("selection"),
    text: Annotated[Name, typer.Option(help="Column to embed.")] = None,
    embedding: Annotated[Name, typer.Option(help="Column that holds vectors already.")] = None,
    quality: Annotated[Name, typer.Option(help="Column of numbers from 0 to 1.")] = None,
    ids: Annotated[Name, typer.Option("--id", help="Column of distinct names.")] = None,
    group: Annotated[Name, typer.Option(help="Column that --most is about.")] = None,
    most: Annotated[Number, typer.Option(help="Most rows of one group.")] = None,
    budget: Annotated[Number, typer.Option(help="Most that all rows may cost, say tokens.")] = None,
    cost: Annotated[Name, typer.Option(help="Column of whole numbers for --budget.")] = None,
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
    from dynosaur_etl.flows.select.file.columns import Columns
    from dynosaur_etl.flows.select.file.request import FileRequest
    from dynosaur_etl.flows.select.file.select_file import select_file
    from dynosaur_etl.selection import Specification

    rules = Specification(k, budget, alpha, mode, group_cap=most, seed=seed)
    columns = Columns(text, embedding, quality, ids, group, cost)
    request = FileRequest(rules, columns, format_weight, model, split, encoding)
    with progress_bar(as_json) as progress:
        found = select_file(
            source, request, output, progress("embedding"), progress("sweeping alpha")
        )
    for note in found.notes:
        err.print(f"note: {note}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    emit(asdict(found), as_json, _show)


def _show(state: dict[str, Any]) -> None:
    covered = state["metrics"]["coverage_mean"]
    out.print(
        f"{state['selected']} rows by {state['method']}, mean coverage {covered:.4f}, knee at "
        f"{state['knee']}: {state['path']}/report.html",
        markup=False,
        soft_wrap=True,
    )
