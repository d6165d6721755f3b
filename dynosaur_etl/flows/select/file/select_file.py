"""Select from a file of the user's own, without the store."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.flows.select.file.file_selection import FileSelection
from dynosaur_etl.flows.select.file.output import new_folder
from dynosaur_etl.flows.select.file.points import FilePoints, read_points
from dynosaur_etl.flows.select.file.request import FileRequest
from dynosaur_etl.flows.select.file.vectorising import Progress, silent
from dynosaur_etl.flows.select.file.written import write
from dynosaur_etl.selection import Selection, select_by
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
        points = read.ground_set(read.similarity)
        selection = select_by(request.method, points, request.specification)
        swept = _swept(points.embeddings, read, selection, request, sweeping)
        found = _described(source, target, read, points.embeddings, selection, swept)
        write(folder, read.table, read.rows.at, selection, points.embeddings, found)
    return found


def _described(
    source: Path,
    target: Path,
    read: FilePoints,
    vectors: NDArray[np.number],
    selection: Selection,
    swept: tuple[SweepPoint, ...],
) -> FileSelection:
    rows = {"read": read.table.num_rows, "left_out": read.left_out, "eligible": len(read.rows)}
    metrics = summarise(vectors, selection.order, read.rows.quality, read.rows.sources)
    return FileSelection(
        input=source.name,
        path=str(target),
        columns=asdict(read.columns),
        method=selection.method,
        selected=len(selection),
        rows=rows,
        notes=read.notes,
        knee=knee(selection.coverage),
        metrics=metrics | _reached(selection),
        sweep=swept,
        parameters=selection.params,
        diagnostics=selection.diagnostics,
    )


def _reached(selection: Selection) -> dict[str, float]:
    found = selection.diagnostics.get("target_coverage")
    return {} if found is None else {"target_coverage": found}


def _swept(
    vectors: NDArray[np.number],
    read: FilePoints,
    selection: Selection,
    request: FileRequest,
    progress: Progress,
) -> tuple[SweepPoint, ...]:
    """What as many picks reach at several alphas; of qdit alone, and within memory."""
    quality = read.rows.quality
    by_parts = selection.method == "partitioned"
    if request.method != "qdit" or quality is None or len(vectors) < 2 or by_parts:
        return ()
    seed, scale = request.specification.seed, request.specification.quality_scale
    return tuple(sweep(vectors, quality, len(selection), seed, scale, progress))
