"""Pictures of a selection, the same bytes for the same data."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.assessment.alpha_sweep import SweepPoint
from dynosaur_etl.selection.assessment.coverage_curve import knee
from dynosaur_etl.selection.problem.result import Selection

_MAP_POINTS = 20_000
_DARK, _BRIGHT, _GREY = "#1f5fa8", "#d1495b", "#b4bcc6"


def coverage_picture(selection: Selection) -> str:
    """Draw the coverage curve with its knee."""
    figure, axes = _canvas("picks", "mean coverage of the pool")
    size = np.arange(1, len(selection) + 1)
    axes.plot(size, selection.coverage, color=_DARK)
    at = knee(selection.coverage)
    axes.axvline(at, color=_BRIGHT, linestyle="--")
    axes.annotate(
        f"knee at {at}", (at, selection.coverage[at - 1]), (8, -14), textcoords="offset points"
    )
    return _png(figure)


def sweep_picture(sweep: Sequence[SweepPoint]) -> str:
    """Draw quality against coverage over alpha."""
    figure, axes = _canvas("mean coverage of the pool", "mean quality of the picks")
    axes.plot([p.coverage for p in sweep], [p.quality for p in sweep], "o-", color=_DARK)
    for point in sweep:
        axes.annotate(
            f"α {point.alpha:g}",
            (point.coverage, point.quality),
            (6, 4),
            textcoords="offset points",
        )
    return _png(figure)


def map_picture(embeddings: NDArray[np.number], selection: Selection) -> str:
    """Draw pool and picks on the pool's first two principal axes."""
    at = _flat_map(embeddings, int(selection.params.get("seed", 0)))
    figure, axes = _canvas("first axis", "second axis")
    axes.scatter(*at.T, s=3, color=_GREY, linewidths=0, label="pool")
    axes.scatter(*at[selection.order].T, s=6, color=_BRIGHT, linewidths=0, label="picks")
    axes.legend(markerscale=3)
    return _png(figure)


def _flat_map(embeddings: NDArray[np.number], seed: int) -> NDArray[np.float64]:
    """Points on the first two principal axes, found on a sample of 20,000 [n, 2]."""
    size = min(len(embeddings), _MAP_POINTS)
    at = np.sort(np.random.default_rng(seed).choice(len(embeddings), size, replace=False))
    sample = np.asarray(embeddings[at], np.float64)
    middle = sample.mean(axis=0)
    _, axes = np.linalg.eigh((sample - middle).T @ (sample - middle))
    two = axes[:, ::-1][:, :2]
    two = two * np.where(two[np.abs(two).argmax(axis=0), range(two.shape[1])] < 0, -1, 1)
    found = np.zeros((len(embeddings), 2))
    for start in range(0, len(embeddings), _MAP_POINTS):
        block = np.asarray(embeddings[start : start + _MAP_POINTS], np.float64) - middle
        found[start : start + _MAP_POINTS, : two.shape[1]] = block @ two
    return found


def _canvas(across: str, up: str) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set(xlabel=across, ylabel=up)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _png(figure: Any) -> str:
    """The figure as base64, the same bytes for the same data."""
    kept = io.BytesIO()
    figure.savefig(kept, format="png", metadata={"Software": None})
    return base64.b64encode(kept.getvalue()).decode()
