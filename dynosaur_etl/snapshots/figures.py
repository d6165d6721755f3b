"""The pictures of the card: how the pool grew, what was left of it, quality against coverage."""

from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dynosaur_etl.snapshots.content import SnapshotContent
from dynosaur_etl.snapshots.layout import FUNNEL_FIGURE, GROWTH_FIGURE, QUALITY_FIGURE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FUNNEL = ("datasets_seen", "datasets_kept", "proposals", "tasks", "instances", "pool", "selected")

_INCHES = (7.0, 3.0)
_DPI = 100
_FRAME = (0.18, 0.17, 0.78, 0.78)
_FIRST, _SECOND = "#1f4e79", "#c55a11"
_LABELLED_DAYS = 8
_POINTS = 400


def draw_figures(content: SnapshotContent, folder: Path) -> Iterator[str]:
    """Draw the three figures as PNG and give their names; the same content gives the same bytes."""
    drawings = {
        GROWTH_FIGURE: _draw_growth,
        FUNNEL_FIGURE: _draw_funnel,
        QUALITY_FIGURE: _draw_quality,
    }
    for name, draw in drawings.items():
        _save(lambda axes, draw=draw: draw(axes, content), folder / name)
        yield name


def _save(draw: Any, target: Path) -> None:
    """Draw under matplotlib's own defaults, whatever this machine's `matplotlibrc` says."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    target.parent.mkdir(exist_ok=True)
    with mpl.rc_context(mpl.rcParamsDefault):
        figure = Figure(figsize=_INCHES, dpi=_DPI)
        FigureCanvasAgg(figure)
        axes = figure.add_axes(_FRAME)
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        figure.savefig(target, format="png", metadata={"Software": None})


def _draw_growth(axes: "Axes", content: SnapshotContent) -> None:
    days = sorted(content.growth) or sorted(content.days)
    new = [content.growth.get(day, 0) for day in days]
    axes.bar(range(len(days)), list(accumulate(new)), color=_FIRST, label="pool")
    axes.bar(range(len(days)), new, color=_SECOND, label="new on the day")
    every = max(1, -(-len(days) // _LABELLED_DAYS))
    axes.set_xticks(range(0, len(days), every), days[::every], fontsize=8)
    axes.set_ylabel("instances")
    axes.legend(frameon=False)


def _draw_funnel(axes: "Axes", content: SnapshotContent) -> None:
    steps = [name for name in FUNNEL if name in content.counts]
    numbers = [content.counts[name] for name in steps]
    bars = axes.barh(range(len(steps)), numbers, color=_FIRST)
    axes.bar_label(bars, [f"{number:,}" for number in numbers], padding=3, fontsize=8)
    axes.set_yticks(range(len(steps)), [name.replace("_", " ") for name in steps])
    axes.set_xscale("symlog")
    axes.minorticks_off()
    axes.margins(x=0.15)
    axes.invert_yaxis()


def _draw_quality(axes: "Axes", content: SnapshotContent) -> None:
    quality = content.selection["quality"].to_numpy()
    ranks = np.arange(1, len(quality) + 1)
    shown = np.unique(np.linspace(0, len(quality) - 1, _POINTS).round().astype(np.int64))
    coverage = content.selection["coverage"].to_numpy()
    axes.plot(ranks[shown], coverage[shown], color=_FIRST, label="coverage of the pool")
    mean = np.cumsum(quality) / ranks
    axes.plot(ranks[shown], mean[shown], color=_SECOND, label="mean quality")
    axes.set_ylim(0, 1.05)
    axes.set_xlabel("rows, in selection order")
    axes.legend(frameon=False)
