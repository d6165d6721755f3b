"""One selection in a process of its own, for its time and peak memory.

Runs under this project's interpreter for `ours-*` and under the peers' own for the others, so
nothing but numpy is imported before the method is known. A small selection first pays for
compilation, on every side.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

TOLD: dict[str, Any] = {}
Method = Callable[[Any, int, Path], Any]


def similarities(pool: Any) -> Any:
    return np.clip(pool @ pool.T, 0, 1)


def apricot(pool: Any, k: int, _: Path) -> Any:
    from apricot import FacilityLocationSelection

    chosen = FacilityLocationSelection(k, metric="precomputed", optimizer="lazy")
    return chosen.fit(similarities(pool)).ranking


def apricot_graph(pool: Any, k: int, graph: Path) -> Any:
    from apricot import FacilityLocationSelection
    from scipy.sparse import csr_matrix

    stored = np.load(graph)
    neighbours, values = stored["neighbours"][: len(pool)], stored["values"][: len(pool)]
    rows = np.repeat(np.arange(len(pool)), neighbours.shape[1])
    inside = neighbours.ravel() < len(pool)
    matrix = csr_matrix(
        (values.ravel()[inside].astype(np.float64), (rows[inside], neighbours.ravel()[inside])),
        shape=(len(pool), len(pool)),
    )
    chosen = FacilityLocationSelection(k, metric="precomputed", optimizer="lazy")
    return chosen.fit(matrix).ranking


def submodlib(pool: Any, k: int, _: Path) -> Any:
    from submodlib import FacilityLocationFunction

    function = FacilityLocationFunction(
        n=len(pool), mode="dense", sijs=similarities(pool), separate_rep=False
    )
    picked = function.maximize(
        budget=k, optimizer="LazyGreedy", stopIfZeroGain=False, stopIfNegativeGain=False
    )
    return np.array([position for position, _ in picked])


def ours(mode: str) -> Method:
    def run(pool: Any, k: int, _: Path) -> Any:
        from dynosaur_etl.selection import qdit

        return qdit(pool, k, mode=mode).order

    return run


def baselines(pool: Any, k: int, _: Path) -> Any:
    """Greedy on a graph from a cover of 0, as a library does that is given one, and our way.

    On the graph that mode `graph` takes, and on one of half as many neighbours; tells the orders.
    """
    from dynosaur_etl.selection import Specification, build_graph, qdit
    from dynosaur_etl.selection.graph.greedy import graph_pairs
    from dynosaur_etl.selection.graph.neighbour_graph import default_neighbours
    from dynosaur_etl.selection.greedy.pairs import pick_lazily
    from dynosaur_etl.selection.problem.objective import build_objective
    from dynosaur_etl.selection.problem.state import GreedyState
    from dynosaur_etl.selection.vectors.fixed_point import COARSE, as_vectors

    vectors = as_vectors(pool, COARSE, "pool")
    neighbours = default_neighbours(len(pool), k)
    for name, width in (("taken", neighbours), ("narrow", neighbours // 2)):
        graph = build_graph(vectors, width)
        plain = GreedyState.unbound(np.zeros(len(pool), np.int32), k)
        objective = build_objective(None, Specification(k), 1.0, vectors.one, plain.cost)
        pick_lazily(graph_pairs(graph, plain.cover), plain, objective)
        TOLD[f"{name} from 0"] = plain.order
        TOLD[f"{name} ours"] = qdit(pool, k, graph=graph).order.tolist()
    return np.zeros(0, np.int64)


def floor_pass(pool: Any, _k: int, _: Path) -> Any:
    """Every product of the upper triangle in float32 blocks, and nothing else."""
    factors = np.asarray(pool, np.float32)
    for row in range(0, len(factors), 1024):
        for column in range(row, len(factors), 8192):
            _ = factors[row : row + 1024] @ factors[column : column + 8192].T
    return np.zeros(0, np.int64)


def floor_clustered(pool: Any, _k: int, _: Path) -> Any:
    """As many products as clustered graph building takes: 1,000 points by 10,000, for all."""
    factors = np.asarray(pool[:11_000], np.float32)
    for _ in range(0, len(pool), 1000):
        _ = factors[:1000] @ factors[-10_000:].T
    return np.zeros(0, np.int64)


def ours_growth(pool: Any, k: int, _: Path) -> Any:
    """Yesterday's graph without the last hundredth, updated; tells the times beside the order."""
    from dynosaur_etl.selection import build_graph, qdit, update_graph
    from dynosaur_etl.selection.graph.neighbour_graph import default_neighbours
    from dynosaur_etl.selection.vectors.fixed_point import COARSE, as_vectors

    ids, old = [str(at) for at in range(len(pool))], len(pool) - len(pool) // 100
    vectors, neighbours = as_vectors(pool, COARSE, "pool"), default_neighbours(len(pool), k)
    yesterday = build_graph(vectors.part(np.arange(old)), neighbours, "clustered")
    started = time.perf_counter()
    updated = update_graph(yesterday, ids[:old], vectors, ids)
    TOLD["updated_s"] = time.perf_counter() - started
    started = time.perf_counter()
    rebuilt = build_graph(vectors, neighbours, "clustered")
    TOLD["rebuilt_s"] = time.perf_counter() - started
    found = [qdit(pool, k, graph=graph) for graph in (updated, rebuilt)]
    TOLD["objective_ratio"] = float(found[0].coverage[-1] / found[1].coverage[-1])
    return found[0].order


def posed_mig(pool: Any, k: int) -> tuple[Any, Any]:
    """The problem and its labels, which both ways start from; tells how long they took."""
    from dynosaur_etl.selection import GroundSet, Specification
    from dynosaur_etl.selection.information.mig import informed
    from dynosaur_etl.selection.problem.problem import pose
    from dynosaur_etl.selection.vectors.fixed_point import COARSE

    started = time.perf_counter(), time.process_time()
    problem = pose(GroundSet(pool), Specification(k))
    found = informed(problem, problem.vectors(COARSE))
    TOLD["labels_s"] = time.perf_counter() - started[0]
    TOLD["labels_cpu_s"] = time.process_time() - started[1]
    return problem, found


def ours_mig(pool: Any, k: int, _: Path) -> Any:
    """Lazy greedy by information gain; tells the sum that it reaches."""
    from dynosaur_etl.selection.information.mig import pick_by_information

    found = pick_by_information(*posed_mig(pool, k))
    TOLD["information"] = found.facts["information"]
    return found.order


def plain_mig(pool: Any, k: int, _: Path) -> Any:
    """Plain greedy on the same labels: the gain of every candidate at each pick."""
    from dynosaur_etl.selection.information.mig import POWER

    mass = posed_mig(pool, k)[1].mass

    def gains(held: Any) -> Any:
        before = held[mass.labels]
        return np.add.reduceat((before + mass.values) ** POWER - before**POWER, mass.starts[:-1])

    return picked_one_by_one(mass, gains, k)


def gradient_mig(pool: Any, k: int, _: Path) -> Any:
    """The authors' ranking on the same labels: the gradient of every candidate at each pick."""
    from scipy.sparse import csr_matrix

    from dynosaur_etl.selection.information.mig import POWER

    mass = posed_mig(pool, k)[1].mass
    gifts = csr_matrix((mass.values, mass.labels, mass.starts))
    return picked_one_by_one(mass, lambda held: gifts @ (POWER * (held + 1e-9) ** (POWER - 1)), k)


def picked_one_by_one(mass: Any, worth: Callable[[Any], Any], k: int) -> Any:
    """The best candidate of each step; tells the sum that they reach."""
    from dynosaur_etl.selection.information.mig import POWER

    held, picked = np.zeros(mass.labels.max() + 1), np.zeros(len(mass.starts) - 1, bool)
    order = np.empty(k, np.int64)
    for at in range(k):
        order[at] = best = int(np.argmax(np.where(picked, -1.0, worth(held))))
        picked[best] = True
        own = slice(mass.starts[best], mass.starts[best + 1])
        held[mass.labels[own]] += mass.values[own]
    TOLD["information"] = float((held**POWER).sum())
    return order


def make_graph(pool: Any, k: int, graph: Path) -> Any:
    import faiss

    values, neighbours = faiss.knn(pool, pool, min(k, len(pool)), metric=faiss.METRIC_INNER_PRODUCT)
    np.savez(graph, neighbours=neighbours, values=np.clip(values, 0, 1))
    return np.zeros(0, np.int64)


METHODS: dict[str, Method] = {
    "apricot": apricot,
    "apricot-graph": apricot_graph,
    "submodlib": submodlib,
    "ours-exact": ours("exact"),
    "ours-near-exact": ours("near-exact"),
    "ours-graph": ours("graph"),
    "ours-partitioned": ours("partitioned"),
    "baselines": baselines,
    "ours-growth": ours_growth,
    "ours-mig": ours_mig,
    "plain-mig": plain_mig,
    "gradient-mig": gradient_mig,
    "floor-pass": floor_pass,
    "floor-clustered": floor_clustered,
    "make-graph": make_graph,
}


def main() -> None:
    method, pool_file, k, graph, order_file = sys.argv[1:]
    pool = np.load(pool_file, mmap_mode="r" if method.startswith("ours") else None)
    run = METHODS[method]
    if not method.startswith("ours"):
        pool = pool.astype(np.float32)
    if not method.startswith(("make", "floor")):
        run(pool[:1200], 60, Path(graph))
    started, cpu = time.perf_counter(), time.process_time()
    order = run(pool, int(k), Path(graph))
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    np.save(order_file, np.asarray(order, np.int64))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "peak_gib": peak} | TOLD))


if __name__ == "__main__":
    main()
