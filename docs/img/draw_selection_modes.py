"""Draws which mode `auto` takes, by rows, memory limit and cores, into selection-modes.png.

Usage: python docs/img/draw_selection_modes.py
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.modes import CONCRETE, Machine, Size, automatic

mpl.use("agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

ROWS = np.geomspace(1e3, 1e7, 240)
GIB = np.geomspace(0.5, 64, 120)
CORES = (2, 16)
DIMENSIONS = 384
PICKED = 20  # of so many rows one is picked
COLOURS = ("#1b4d8f", "#4f8fc0", "#e0a030", "#9a4a3c")


def modes(cores: int) -> NDArray[np.int64]:
    """Number of the mode at each memory limit and each number of rows."""
    return np.array(
        [
            [
                CONCRETE.index(
                    automatic(
                        Size(int(rows), DIMENSIONS, int(rows) // PICKED),
                        Machine(int(gib * 2**30), cores),
                    ).mode
                )
                for rows in ROWS
            ]
            for gib in GIB
        ]
    )


def draw(axes: Axes, cores: int) -> None:
    found = modes(cores)
    axes.pcolormesh(ROWS, GIB, found, cmap=ListedColormap(COLOURS), vmin=-0.5, vmax=3.5)
    for number, name in enumerate(CONCRETE):
        at = np.argwhere(found == number)
        if len(at):
            gib, rows = np.median(at, axis=0).astype(int)
            turned = 90 if name == "near-exact" else 0  # its strip is narrow
            axes.text(
                ROWS[rows], GIB[gib], name, color="white", ha="center", va="center", rotation=turned
            )
    axes.set(xscale="log", yscale="log", xlabel="rows of the pool", title=f"{cores} cores")
    marks = (0.5, 1, 2, 4, 8, 16, 32, 64)
    axes.set_yticks(marks, labels=[f"{mark:g}" for mark in marks])
    axes.minorticks_off()


def main() -> None:
    figure, panels = plt.subplots(1, len(CORES), figsize=(9, 3.4), sharey=True)
    for axes, cores in zip(panels, CORES, strict=True):
        draw(axes, cores)
    panels[0].set_ylabel("memory limit, GiB")
    figure.tight_layout()
    figure.savefig(Path(__file__).parent / "selection-modes.png", dpi=110)


if __name__ == "__main__":
    main()
