"""What a selection from a file found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dynosaur_etl.selection.assessment.alpha_sweep import SweepPoint


@dataclass(frozen=True)
class FileSelection:
    """What was selected from a file.

    Attributes:
        input: name of the file.
        path: folder that was written.
        columns: the names that mattered.
        method: the mode that ran.
        selected: number of rows.
        rows: how many were read, left out and eligible.
        notes: what was left out or not seen, each in a sentence.
        knee: picks after which coverage rises more slowly than on average.
        metrics: of the picks, see `summarise`.
        sweep: quality and coverage over alpha; empty without quality.
        parameters: those really used.
        diagnostics: counts of the work.
    """

    input: str
    path: str
    columns: Mapping[str, str | None]
    method: str
    selected: int
    rows: Mapping[str, int]
    notes: tuple[str, ...]
    knee: int
    metrics: Mapping[str, Any]
    sweep: tuple[SweepPoint, ...]
    parameters: Mapping[str, Any]
    diagnostics: Mapping[str, Any]
