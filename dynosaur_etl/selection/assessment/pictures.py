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
_MAPS_ACROSS = 3
_DARK_FROM = 0.6
_DARK, _BRIGHT, _GREY = "#1f5fa8", "#d1495b", "#b4bcc6"


def coverage_picture(selection: Selection) -> str:
    """Draw the coverage curve with its knee."""
    figure, axes = _canvas("picks", _covered_words(selection))
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


def curves_picture(names: Sequence[str], selections: Sequence[Selection]) -> str:
    """Draw the coverage curves of several selections."""
    figure, axes = _canvas("picks", _covered_words(selections[0]))
    for name, selection in zip(names, selections, strict=True):
        axes.plot(np.arange(1, len(selection) + 1), selection.coverage, label=name)
    axes.legend(fontsize="small")
    return _png(figure)


def _covered_words(selection: Selection) -> str:
    weighted = ", by weight" if selection.params.get("weighted") else ""
    return f"mean coverage of the pool{weighted}"


def overlap_picture(names: Sequence[str], overlap: NDArray[np.float64]) -> str:
    """Draw which part of each two selections is the same [m, m]."""
    figure, axes = _canvas("", "")
    axes.imshow(overlap, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    for row, values in enumerate(overlap.tolist()):
        for column, value in enumerate(values):
            ink = "white" if value > _DARK_FROM else "black"
            axes.text(column, row, f"{value:.0%}", ha="center", va="center", color=ink, fontsize=7)
    return _png(figure)


def maps_picture(
    names: Sequence[str], embeddings: NDArray[np.number], orders: Sequence[NDArray[np.int64]]
) -> str:
    """Draw the pool and each selection's picks, one map each, on the same axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    at = _flat_map(embeddings, 0)
    across = min(_MAPS_ACROSS, len(names))
    down = -(-len(names) // across)
    figure = Figure(figsize=(3 * across, 2.4 * down), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    all_axes = np.atleast_1d(figure.subplots(down, across, sharex=True, sharey=True)).ravel()
    for axes in all_axes:
        axes.set_axis_off()
    for axes, name, order in zip(all_axes, names, orders, strict=False):
        axes.scatter(*at.T, s=1, color=_GREY, linewidths=0)
        axes.scatter(*at[order].T, s=3, color=_BRIGHT, linewidths=0)
        axes.set_title(name, fontsize="small")
    return _png(figure)
