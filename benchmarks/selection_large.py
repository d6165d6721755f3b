"""Selection at the sizes that take minutes: 52K to 2M points, growth by the day, 768 dimensions.

`make bench` leaves this one out; `python -m benchmarks.selection_large [--case NAME]` runs all
cases or one. Each method runs in a process of its own, one after the other. Pools above 22K points
are grown from the real embeddings by mixing near neighbours with noise. The objective is recomputed
in float32 on up to 16,384 points of the pool, the same for every method of a case. Excess is
(f - f_random) / (f_reference - f_random).

    python -m benchmarks.selection_large [--case NAME] [--quick] [--json]
"""

import argparse
import math
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Figure, main, measured_child, peer_python
from benchmarks.selection import CHILD, PEERS, pool_of

NEIGHBOURS_MIXED = 8
MEASURED_POINTS = 16_384
QUICK_PART = 20


@dataclass(frozen=True)
class Bench:
    """A pool on disk, and the selections made of it."""

    folder: Path
    count: int
    k: int

    @property
    def pool_file(self) -> Path:
        return self.folder / f"pool{self.count}.npy"

    def run(self, method: str, python: str = sys.executable, k: int | None = None) -> "Outcome":
        files = [str(self.pool_file), str(k or self.k), str(self.folder / "g.npz")]
        order_file = self.folder / "order.npy"
        told = measured_child(python, CHILD, [method, *files, str(order_file)])
        return Outcome(told, np.load(order_file))

    def reached(self, order: NDArray[np.int64]) -> float:
        """Mean coverage of a sample of the pool."""
        pool = np.load(self.pool_file, mmap_mode="r")
        size = min(self.count, MEASURED_POINTS)
        at = np.sort(np.random.default_rng(1).choice(self.count, size, replace=False))
        points, best = unit(pool[at]), np.zeros(size, np.float32)
        for start in range(0, len(order), 4096):
            picks = unit(pool[np.sort(order[start : start + 4096])])
            np.maximum(best, (points @ picks.T).max(axis=1), out=best)
        return float(best.mean())

    def chance(self) -> float:
        drawn = np.random.default_rng(2).permutation(self.count)[: self.k]
        return self.reached(drawn)


@dataclass(frozen=True)
class Outcome:
    """What a child told, and the order that it found."""

    told: dict[str, Any]
    order: NDArray[np.int64]

    @property
    def seconds(self) -> float:
        return float(self.told["seconds"])

    @property
    def peak(self) -> float:
        return float(self.told["peak_gib"])


def unit(rows: NDArray[np.number]) -> NDArray[np.float32]:
    values = np.asarray(rows, np.float32)
    return np.asarray(values / np.linalg.norm(values, axis=1, keepdims=True), np.float32)


def grow(count: int, k: int, folder: Path, dimensions: int = 384) -> Bench:
    """A pool of float16 on disk: real points as far as there are any, then mixtures with noise."""
    import faiss

    real, _ = pool_of(22_376)
    if dimensions != real.shape[1]:
        turn = np.random.default_rng(3).normal(size=real.shape).astype(np.float32)
        real = unit(np.concatenate((real, np.tanh(real @ turn[:384])), axis=1))[:, :dimensions]
    _, near = faiss.knn(real, real, NEIGHBOURS_MIXED, metric=faiss.METRIC_INNER_PRODUCT)
    bench, rng = Bench(folder, count, k), np.random.default_rng(4)
    shape = (count, real.shape[1])
    file = np.lib.format.open_memmap(bench.pool_file, "w+", np.float16, shape)
    file[: len(real)] = real[:count]
    for start in range(len(real), count, 65_536):
        size = min(65_536, count - start)
        one = rng.integers(0, len(real), size)
        other = near[one, rng.integers(1, NEIGHBOURS_MIXED, size)]
        share = rng.uniform(0.3, 0.7, (size, 1)).astype(np.float32)
        mixed = unit(share * real[one] + (1 - share) * real[other])
        noise = rng.normal(size=mixed.shape).astype(np.float32) * (0.35 / math.sqrt(shape[1]))
        file[start : start + size] = unit(mixed + noise)
    file.flush()
    return bench


def excess(bench: Bench, found: Outcome, reference: float) -> float:
    chance = bench.chance()
    return round((bench.reached(found.order) - chance) / (reference - chance), 5)


def exact_52k(part: int, folder: Path) -> list[Figure]:
    bench = grow(52_000 // part, 10_000 // part, folder)
    floor, found = bench.run("floor-pass"), bench.run("ours-exact")
    return [
        Figure("exact 52K/10K time", found.seconds, "s", "one fp32 pass", floor.seconds),
        Figure("exact 52K/10K peak memory", found.peak, "GiB", "at most", 1.5),
    ]


def graph_52k(part: int, folder: Path) -> list[Figure]:
    bench = grow(52_000 // part, 10_000 // part, folder)
    exact = bench.reached(bench.run("ours-exact").order)
    building = bench.run("make-graph", k=100)
    peer = bench.run("apricot-graph", peer_python("selection", PEERS))
    found = bench.run("ours-graph")
    notes = {"excess": excess(bench, found, exact), "peer's excess": excess(bench, peer, exact)}
    theirs = building.seconds + peer.seconds
    return [
        Figure("graph 52K/10K time", found.seconds, "s", "apricot on a graph", theirs, notes),
        Figure("graph 52K/10K peak memory", found.peak, "GiB", "apricot on a graph", peer.peak),
    ]


def graph_200k(part: int, folder: Path) -> list[Figure]:
    bench = grow(200_000 // part, 10_000 // part, folder)
    near, found = bench.run("ours-near-exact"), bench.run("ours-graph")
    notes = {"excess": excess(bench, found, bench.reached(near.order))}
    return [Figure("graph 200K/10K time", found.seconds, "s", "near-exact", near.seconds, notes)]


def graph_800k(part: int, folder: Path) -> list[Figure]:
    bench = grow(800_000 // part, 20_000 // part, folder)
    floor, found = bench.run("floor-clustered"), bench.run("ours-graph")
    told = bench.run("baselines").told
    reached = {name: bench.reached(np.array(told[name])) for name in told if " " in name}
    return [
        Figure("graph 800K/20K time", found.seconds, "s", "its products alone", floor.seconds),
        Figure("graph 800K/20K peak memory", found.peak, "GiB", "at most", 4.5),
        Figure("graph 800K/20K objective", bench.reached(found.order), "mean"),
        over_baseline("800K/20K objective on that graph", reached, "taken"),
        over_baseline("800K/20K objective, half as many neighbours", reached, "narrow"),
    ]


def over_baseline(name: str, reached: dict[str, float], graph: str) -> Figure:
    here, there = reached[f"{graph} ours"], reached[f"{graph} from 0"]
    return Figure(name, here, "mean", "baseline 0", there, {"above it": f"{here / there - 1:.2%}"})


def scaling(part: int, folder: Path) -> list[Figure]:
    sizes = [count // part for count in (100_000, 200_000, 400_000, 800_000)]
    seconds = [grow(n, n // 40, folder).run("ours-graph").seconds for n in sizes]
    slope = float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
    notes = {str(n): f"{s:.1f} s" for n, s in zip(sizes, seconds, strict=True)}
    return [Figure("graph, time grows as N to the", slope, "", "at most", 1.5, notes)]


def growth(part: int, folder: Path) -> list[Figure]:
    bench = grow(200_000 // part, 10_000 // part, folder)
    told = bench.run("ours-growth").told
    updated, rebuilt = float(told["updated_s"]), float(told["rebuilt_s"])
    ratio = {"objective over that of a rebuild": round(float(told["objective_ratio"]), 6)}
    return [Figure("200K, +1% points: update", updated, "s", "rebuild", rebuilt, ratio)]


def wide(part: int, folder: Path) -> list[Figure]:
    bench = grow(15_000 // part, 3_000 // part, folder, 768)
    python = peer_python("selection", PEERS)
    found, peer = bench.run("ours-exact"), bench.run("apricot", python)
    here, there = bench.reached(found.order), bench.reached(peer.order)
    return [
        Figure("768 dimensions, exact 15K/3K time", found.seconds, "s", "apricot", peer.seconds),
        Figure("768 dimensions, exact 15K/3K objective", here, "mean", "apricot", there),
    ]


def partitioned_2m(part: int, folder: Path) -> list[Figure]:
    bench = grow(2_000_000 // part, 20_000 // part, folder)
    found = bench.run("ours-partitioned")
    notes = {"objective": bench.reached(found.order), "random": bench.chance()}
    return [
        Figure("partitioned 2M/20K time", found.seconds, "s", notes=notes),
        Figure("partitioned 2M/20K peak memory", found.peak, "GiB"),
    ]


def mig_52k(part: int, folder: Path) -> list[Figure]:
    bench = grow(52_000 // part, 10_000 // part, folder)
    found = bench.run("ours-mig")
    rows = [Figure("MIG 52K/10K time", found.seconds, "s")]
    for method, name in (("plain-mig", "plain greedy"), ("gradient-mig", "by the gradient")):
        other = bench.run(method)
        here, there = (float(one.told["information"]) for one in (found, other))
        rows += [
            Figure("MIG 52K/10K picks, CPU time", picking(found), "s", name, picking(other)),
            Figure("MIG 52K/10K information", here, "", name, there),
        ]
    return rows


def picking(found: Outcome) -> float:
    """CPU seconds without those of the labels."""
    return float(found.told["cpu_seconds"]) - float(found.told["labels_cpu_s"])


def mig_800k(part: int, folder: Path) -> list[Figure]:
    bench = grow(800_000 // part, 20_000 // part, folder)
    found = bench.run("ours-mig")
    return [
        Figure("MIG 800K/20K time", found.seconds, "s", "at most", 60.0),
        Figure("MIG 800K/20K CPU time", float(found.told["cpu_seconds"]), "s"),
        Figure("MIG 800K/20K peak memory", found.peak, "GiB"),
    ]


CASES: dict[str, Callable[[int, Path], list[Figure]]] = {
    "exact-52k": exact_52k,
    "graph-52k": graph_52k,
    "graph-200k": graph_200k,
    "graph-800k": graph_800k,
    "scaling": scaling,
    "growth": growth,
    "wide": wide,
    "partitioned-2m": partitioned_2m,
    "mig-52k": mig_52k,
    "mig-800k": mig_800k,
}


def measure_cases(names: list[str]) -> Callable[[bool], list[Figure]]:
    def measure(quick: bool) -> list[Figure]:
        rows: list[Figure] = []
        for name in names:
            print(f"measuring {name}", file=sys.stderr)
            with tempfile.TemporaryDirectory() as folder:
                rows += CASES[name](QUICK_PART if quick else 1, Path(folder))
        return rows

    return measure


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--case", choices=sorted(CASES))
    chosen, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    main(measure_cases([chosen.case] if chosen.case else list(CASES)), "selection at large sizes")
