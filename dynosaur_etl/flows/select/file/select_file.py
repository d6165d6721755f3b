"""Select from a file of the user's own, without the store."""

from dataclasses import asdict
from pathlib import Path

from dynosaur_etl.flows.select.file.file_selection import FileSelection
from dynosaur_etl.flows.select.file.output import new_folder
from dynosaur_etl.flows.select.file.points import FilePoints, Progress, read_points, silent
from dynosaur_etl.flows.select.file.request import FileRequest
from dynosaur_etl.flows.select.file.written import write
from dynosaur_etl.selection import Selection, select
from dynosaur_etl.selection.assessment.alpha_sweep import SweepPoint, sweep
from dynosaur_etl.selection.assessment.coverage_curve import knee
from dynosaur_etl.selection.assessment.metrics import summarise


def select_file(
    source: Path,
    request: FileRequest,
    target: Path,
    embedding: Progress = silent,
    sweeping: Progress = silent,
) -> FileSelection:
    """Select from a file or a folder of data files, and write what was selected.

    All arguments and rows are checked before anything is embedded. `target` appears when all is
    written: `selected.parquet` (the rows, in order), `selection.parquet` (rank, row, gain,
    coverage, quality), `report.json` and `report.html`.

    Raises:
        InvalidInput: the file or a column is not there, a value is not allowed, or `target` holds
            something already.
        StoreUnavailable: there is no room for what is written.
    """
    request.check()
    with new_folder(target) as folder:
        read = read_points(source, request, embedding)
        selection = select(read.points, request.specification)
        points = _swept(read, selection, request, sweeping)
        found = _described(source, target, read, selection, points)
        write(folder, read.table, read.rows.at, selection, read.points.embeddings, found)
    return found


def _described(
    source: Path,
    target: Path,
    read: FilePoints,
    selection: Selection,
    points: tuple[SweepPoint, ...],
) -> FileSelection:
    rows = {"read": read.table.num_rows, "left_out": read.left_out, "eligible": len(read.rows)}
    metrics = summarise(
        read.points.embeddings, selection.order, read.rows.quality, read.rows.groups
    )
    return FileSelection(
        input=source.name,
        path=str(target),
        columns=asdict(read.columns),
        method=selection.method,
        selected=len(selection),
        rows=rows,
        notes=read.notes,
        knee=knee(selection.coverage),
        metrics=metrics,
        sweep=points,
        parameters=selection.params,
        diagnostics=selection.diagnostics,
    )


def _swept(
    read: FilePoints, selection: Selection, request: FileRequest, progress: Progress
) -> tuple[SweepPoint, ...]:
    """What as many picks reach at several alphas; nothing without quality or beyond memory."""
    quality, vectors = read.rows.quality, read.points.embeddings
    if quality is None or len(vectors) < 2 or selection.method == "partitioned":
        return ()
    seed, scale = request.specification.seed, request.specification.quality_scale
    return tuple(sweep(vectors, quality, len(selection), seed, scale, progress))
