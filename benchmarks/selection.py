"""Facility-location selection against apricot-select and submodlib-py.

Each method runs in a process of its own, one after the other in the same run. Time begins with
embeddings in memory and ends with the order; the peers' time includes their similarity matrix or
graph. The objective is recomputed for every selection in float64. Excess is
(f - f_random) / (f_apricot - f_random): a random subset already reaches about nine tenths.

    python -m benchmarks.selection [--quick] [--json]
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import ROOT, Figure, main, measured_child, peer_python
from dynosaur_etl.selection.assessment.metrics import coverage

REAL = ROOT / "../shared/selection/real22k.float16.npy"
PEERS = ("apricot-select==0.6.1", "submodlib-py==0.0.3")
SIZES = ((5_000, 1_000), (15_000, 3_000))
QUICK_SIZES = ((2_000, 400),)
GRAPH_NEIGHBOURS = 100
CHILD = "benchmarks.selection_child"


@dataclass(frozen=True)
class Outcome:
    seconds: float
    cpu_seconds: float
    peak_gib: float
    objective: float


def pool_of(count: int) -> tuple[NDArray[np.float32], str]:
    """Unit vectors and where they come from."""
    if REAL.exists():
        pool, source = np.load(REAL)[:count].astype(np.float32), "real MiniLM embeddings"
    else:
        rng = np.random.default_rng(0)
        centres = rng.normal(size=(200, 384)) + 0.3
        pool = centres[rng.integers(0, 200, count)] + 0.9 * rng.normal(size=(count, 384))
        pool, source = pool.astype(np.float32), "synthetic, clustered"
    return pool / np.linalg.norm(pool, axis=1, keepdims=True), source


def outcomes(pool: NDArray[np.float32], k: int, folder: Path) -> dict[str, Outcome]:
    """Every method on one pool."""
    peers = peer_python("selection", PEERS)
    pool_file, graph, order_file = (folder / name for name in ("pool.npy", "g.npz", "order.npy"))
    np.save(pool_file, pool)

    def child(python: str, method: str, size: int) -> dict[str, Any]:
        files = [str(pool_file), str(size), str(graph), str(order_file)]
        return measured_child(python, CHILD, [method, *files])

    building = child(sys.executable, "make-graph", GRAPH_NEIGHBOURS)
    nothing = {"seconds": 0.0, "cpu_seconds": 0.0}
    found = {}
    for method in ("apricot", "submodlib", "apricot-graph"):
        told = child(peers, method, k)
        extra = building if method == "apricot-graph" else nothing
        found[method] = outcome(told, pool, order_file, extra)
    for method in ("ours-exact", "ours-near-exact", "ours-graph"):
        found[method] = outcome(child(sys.executable, method, k), pool, order_file, nothing)
    return found


def outcome(
    told: dict[str, Any], pool: NDArray[np.float32], order_file: Path, extra: dict[str, Any]
) -> Outcome:
    """What a child told, with the cost of what was prepared for it."""
    return Outcome(
        told["seconds"] + extra["seconds"],
        told["cpu_seconds"] + extra["cpu_seconds"],
        told["peak_gib"],
        coverage(pool, np.load(order_file)),
    )


def figures(count: int, k: int) -> list[Figure]:
    pool, source = pool_of(count)
    with tempfile.TemporaryDirectory() as folder:
        found = outcomes(pool, k, Path(folder))
    draws = [np.random.default_rng(seed).permutation(count)[:k] for seed in range(3)]
    chance = float(np.mean([coverage(pool, draw) for draw in draws]))
    best = found["apricot"].objective
    rows = []
    for method, peer in (
        ("ours-exact", "apricot"),
        ("ours-exact", "submodlib"),
        ("ours-near-exact", "apricot"),
        ("ours-graph", "apricot-graph"),
    ):
        mine, theirs = found[method], found[peer]
        title = f"{method} {count}/{k}"
        notes = {"data": source, "excess": round((mine.objective - chance) / (best - chance), 5)}
        rows += [
            Figure(f"{title} time", mine.seconds, "s", peer, theirs.seconds, notes),
            Figure(f"{title} CPU time", mine.cpu_seconds, "s", peer, theirs.cpu_seconds),
            Figure(f"{title} peak memory", mine.peak_gib, "GiB", peer, theirs.peak_gib),
            Figure(f"{title} objective", mine.objective, "mean", peer, theirs.objective),
        ]
    return rows


def measure(quick: bool) -> list[Figure]:
    return [row for count, k in (QUICK_SIZES if quick else SIZES) for row in figures(count, k)]


if __name__ == "__main__":
    main(measure, "selection against apricot-select and submodlib-py")
