"""The report of a selection: one HTML file with its pictures inside, readable offline."""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.result import Selection
from dynosaur_etl.selection.sweep import SweepPoint

MAP_POINTS = 20_000
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#1c2430}table{border-collapse:collapse}td,th{padding:.2rem .8rem;text-align:left;"
    "border-bottom:1px solid #ccd2da}img{max-width:100%}"
)
DARK, BRIGHT, GREY = "#1f5fa8", "#d1495b", "#b4bcc6"


def knee(coverage: NDArray[np.float64]) -> int:
    """Number of picks after which coverage rises more slowly than on average over all picks.

    The point of the curve that lies farthest above the line from its start to its end.
    """
    line = np.linspace(coverage[0], coverage[-1], len(coverage))
    return int(np.argmax(coverage - line)) + 1


def flat_map(embeddings: NDArray[np.number], seed: int) -> NDArray[np.float64]:
    """Points on the first two principal axes, found on a sample of 20,000 [n, 2]."""
    size = min(len(embeddings), MAP_POINTS)
    at = np.sort(np.random.default_rng(seed).choice(len(embeddings), size, replace=False))
    sample = np.asarray(embeddings[at], np.float64)
    middle = sample.mean(axis=0)
    _, axes = np.linalg.eigh((sample - middle).T @ (sample - middle))
    two = axes[:, ::-1][:, :2]
    two = two * np.where(two[np.abs(two).argmax(axis=0), range(two.shape[1])] < 0, -1, 1)
    found = np.zeros((len(embeddings), 2))
    for start in range(0, len(embeddings), MAP_POINTS):
        block = np.asarray(embeddings[start : start + MAP_POINTS], np.float64) - middle
        found[start : start + MAP_POINTS, : two.shape[1]] = block @ two
    return found


def report(
    selection: Selection,
    embeddings: NDArray[np.number],
    sweep: Sequence[SweepPoint],
    told: Mapping[str, Any],
) -> str:
    """The page.

    Args:
        selection: what was selected.
        embeddings: of the pool, for the map [n, d].
        sweep: quality and coverage over alpha; may be empty.
        told: what the page states in its table, plain values.
    """
    pictures = [("Coverage against size", coverage_picture(selection))]
    if sweep:
        pictures.append(("Quality against coverage over alpha", sweep_picture(sweep)))
    at = flat_map(embeddings, int(selection.params.get("seed", 0)))
    pictures.append(("Pool and picks on two principal axes", map_picture(at, selection)))
    rows = {**told, **selection.params, **selection.diagnostics}
    table = "".join(
        f"<tr><th>{html.escape(str(name))}</th><td>{html.escape(str(value))}</td></tr>"
        for name, value in rows.items()
    )
    shown = "".join(
        f'<h2>{title}</h2><img alt="{title}" src="data:image/png;base64,{data}">'
        for title, data in pictures
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Selection</title>'
        f"<style>{STYLE}</style><h1>{len(selection)} picks of {len(embeddings)}</h1>"
        f"{shown}<h2>What was asked and done</h2><table>{table}</table></html>\n"
    )


def coverage_picture(selection: Selection) -> str:
    figure, axes = canvas("picks", "mean coverage of the pool")
    size = np.arange(1, len(selection) + 1)
    axes.plot(size, selection.coverage, color=DARK)
    at = knee(selection.coverage)
    axes.axvline(at, color=BRIGHT, linestyle="--")
    axes.annotate(
        f"knee at {at}", (at, selection.coverage[at - 1]), (8, -14), textcoords="offset points"
    )
    return png(figure)


def sweep_picture(sweep: Sequence[SweepPoint]) -> str:
    figure, axes = canvas("mean coverage of the pool", "mean quality of the picks")
    axes.plot([p.coverage for p in sweep], [p.quality for p in sweep], "o-", color=DARK)
    for point in sweep:
        axes.annotate(
            f"α {point.alpha:g}",
            (point.coverage, point.quality),
            (6, 4),
            textcoords="offset points",
        )
    return png(figure)


def map_picture(at: NDArray[np.float64], selection: Selection) -> str:
    figure, axes = canvas("first axis", "second axis")
    axes.scatter(*at.T, s=3, color=GREY, linewidths=0, label="pool")
    axes.scatter(*at[selection.order].T, s=6, color=BRIGHT, linewidths=0, label="picks")
    axes.legend(markerscale=3)
    return png(figure)


def canvas(across: str, up: str) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set(xlabel=across, ylabel=up)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def png(figure: Any) -> str:
    """The figure as base64, the same bytes for the same data."""
    kept = io.BytesIO()
    figure.savefig(kept, format="png", metadata={"Software": None})
    return base64.b64encode(kept.getvalue()).decode()
