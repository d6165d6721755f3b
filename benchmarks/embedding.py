"""Embedding against `SentenceTransformer.encode` with its defaults, on real instance texts.

Both sides embed the same texts with the packaged all-MiniLM-L6-v2, in turn in one process, on all
CPU cores; figures are medians of the rounds. The rate of matrix products is measured in the same
run, in the precision that is used, on as many cores. The share of it counts the multiplications of
the transformer's layers: 2 (4 h^2 + 2 h f) a token and 4 h n^2 for attention over n tokens.

    python -m benchmarks.embedding [--quick] [--json]
"""

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.harness import ROOT, Figure, main
from dynosaur_etl.inference.batches import cpu_count
from dynosaur_etl.inference.embedding import Embedder, packaged_folder
from dynosaur_etl.inference.precision import torch_dtype
from dynosaur_etl.selection import qdit
from dynosaur_etl.selection.assessment.metrics import coverage

HUB = ROOT / "../shared/hub/datasets"
DEMO_HUB = ROOT / "demo/hub/datasets"
LONGEST = 2_000
ROWS_OF_A_FILE = 10
WARM_UP = 64
PEER = "SentenceTransformer.encode"


def real_texts(count: int) -> list[str]:
    """An instruction line and a row's text, from as many datasets as there are, by chance."""
    folder = HUB if HUB.exists() else DEMO_HUB
    texts = list(dict.fromkeys(_row_texts(sorted(folder.rglob("*.parquet")))))
    chosen = np.random.default_rng(0).permutation(len(texts))[:count]
    return [texts[at] for at in chosen]


def _row_texts(files: list[Any]) -> Iterator[str]:
    for file in files:
        batch = next(pq.ParquetFile(file).iter_batches(ROWS_OF_A_FILE), None)
        for row in [] if batch is None else batch.to_pylist():
            cells = [f"{name} is '{cell}'." for name, cell in row.items() if isinstance(cell, str)]
            if cells:
                yield f"Read the {next(iter(row))} and answer.\n{' '.join(cells)}"[:LONGEST]


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def product_rate(precision: str, rounds: int) -> float:
    """Multiplications and additions a second of large square products, in 10^9."""
    import torch

    size = 2_048
    left, right = (torch.rand(size, size).to(torch_dtype(precision)) for _ in range(2))
    left @ right
    times = [seconds(lambda: left @ right)[0] for _ in range(rounds)]
    return 2 * size**3 / statistics.median(times) / 1e9


def work_of(embedder: Embedder, texts: list[str]) -> float:
    """Multiplications and additions of the transformer's layers over all texts, in 10^9."""
    config = embedder._model[0].auto_model.config
    hidden, inner = config.hidden_size, config.intermediate_size
    lengths = np.array([len(tokens["input_ids"]) for tokens in embedder._tokenised(texts)])
    dense = 2 * lengths.sum() * (4 * hidden**2 + 2 * hidden * inner)
    attention = 4 * hidden * np.square(lengths, dtype=np.float64).sum()
    return float(config.num_hidden_layers * (dense + attention) / 1e9)


def objective(vectors: NDArray[np.float32], judged_by: NDArray[np.float32], k: int) -> float:
    """Coverage, by the peer's vectors, of what QDIT picks by these."""
    return coverage(judged_by, qdit(vectors, k).order)


def measure(quick: bool) -> list[Figure]:
    from sentence_transformers import SentenceTransformer

    texts = real_texts(200 if quick else 2_000)
    rounds = 1 if quick else 5
    embedder, peer = Embedder(), SentenceTransformer(str(packaged_folder()), device="cpu")
    embedder.embed(texts[:WARM_UP])
    peer.encode(texts[:WARM_UP])
    mine, theirs, rates = [], [], []
    for _ in range(rounds):
        taken, vectors = seconds(lambda: embedder.embed(texts))
        mine.append(len(texts) / taken)
        taken, reference = seconds(lambda: peer.encode(texts, show_progress_bar=False))
        theirs.append(len(texts) / taken)
        rates.append(product_rate(embedder.precision, 5))
    same = bool(embedder.embed(texts[::-1])[::-1].tobytes() == vectors.tobytes())
    cosine = (vectors * reference).sum(axis=1)
    rate = work_of(embedder, texts) / len(texts) * statistics.median(mine)
    notes = {"texts": len(texts), "precision": embedder.precision, "cores": cpu_count()}
    unit = "10^9 operations/s"
    k = len(texts) // 5
    return [
        Figure("texts", statistics.median(mine), "1/s", PEER, statistics.median(theirs), notes),
        Figure("layers", rate, unit, "matrix products", statistics.median(rates)),
        Figure("cosine: mean", float(cosine.mean()), "", "at least", 0.999),
        Figure("cosine: 1st percentile", float(np.percentile(cosine, 1)), "", "at least", 0.998),
        Figure("same bytes in another order", float(same), ""),
        Figure(
            "coverage of QDIT's picks",
            objective(vectors, reference, k),
            "mean",
            f"picks by {PEER}",
            objective(reference, reference, k),
            {"k": k},
        ),
    ]


if __name__ == "__main__":
    main(measure, "embedding against SentenceTransformer.encode")
