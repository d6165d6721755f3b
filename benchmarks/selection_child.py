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
        from dynosaur_etl.selection.qdit import qdit

        return qdit(pool, k, mode=mode).order

    return run


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
    "make-graph": make_graph,
}


def main() -> None:
    method, pool_file, k, graph, order_file = sys.argv[1:]
    pool = np.load(pool_file)
    run = METHODS[method]
    if method != "make-graph":
        run(pool[:1200], 60, Path(graph))
    started, cpu = time.perf_counter(), time.process_time()
    order = run(pool, int(k), Path(graph))
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    np.save(order_file, np.asarray(order, np.int64))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "peak_gib": peak}))


if __name__ == "__main__":
    main()
