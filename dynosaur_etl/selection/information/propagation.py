"""The label graph, and what each point gives to each label along it.

Two labels are neighbours where their vectors are alike. A point's quality lies on its own labels,
and a part of it on their neighbours: the columns of the matrix of similarities are scaled to sum
to 1, as the authors' code does it. A label's vector is the mean direction of the points that have
it, so that tags, phrases and clusters have one without any further embedding.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.information.labels import PointLabels
from dynosaur_etl.selection.vectors.fixed_point import BLOCK, READ_BLOCK, IntArray, Vectors

_SHORTEST = 1e-12


@dataclass(frozen=True)
class Mass:
    """What each point gives to the labels, row by row.

    Attributes:
        starts: where each point's entries begin [n + 1].
        labels: numbers of labels.
        values: what is given, above 0.
        edges: pairs of labels that are neighbours.
    """

    starts: IntArray
    labels: NDArray[np.int32]
    values: NDArray[np.float64]
    edges: int


def propagated(
    labels: PointLabels,
    vectors: Vectors,
    quality: NDArray[np.float64] | None,
    threshold: float,
    weight: float,
) -> Mass:
    """Return the points' quality on their labels and, along the graph, on the labels' neighbours.

    Args:
        labels: of the points.
        vectors: of the points, coarse.
        quality: of the points, or None for 1.
        threshold: least cosine of two labels that are neighbours.
        weight: of a neighbour's similarity, against 1 of the label itself.
    """
    from scipy.sparse import csr_matrix

    worth = np.ones(len(labels)) if quality is None else quality
    own = csr_matrix(
        (np.repeat(worth, labels.counts), labels.labels, labels.starts),
        shape=(len(labels), len(labels.names)),
    )
    graph = _graph(_label_vectors(labels, vectors), threshold, weight)
    spread = (own @ _columns_to_one(graph)).tocsr()
    spread.sort_indices()
    edges = (graph.nnz - graph.shape[0]) // 2
    return Mass(
        spread.indptr.astype(np.int64),
        spread.indices.astype(np.int32),
        spread.data.astype(np.float64),
        int(edges),
    )


def _label_vectors(labels: PointLabels, vectors: Vectors) -> NDArray[np.float32]:
    """Mean direction of the points that have each label [labels, d], unit length."""
    from scipy.sparse import csr_matrix

    ones = np.ones(len(labels.labels), np.float32)
    shape = (len(labels), len(labels.names))
    has = csr_matrix((ones, labels.labels, labels.starts), shape=shape)
    sums = np.zeros((len(labels.names), vectors.dimensions), np.float32)
    for start in range(0, len(labels), READ_BLOCK):
        block = slice(start, start + READ_BLOCK)
        sums += has[block].T @ vectors.working(block)
    lengths = np.sqrt(np.square(sums, dtype=np.float64).sum(axis=1))
    found: NDArray[np.float32] = (sums / np.maximum(lengths, _SHORTEST)[:, None]).astype(np.float32)
    return found


def _graph(vectors: NDArray[np.float32], threshold: float, weight: float) -> Any:
    """Similarities of neighbours, and 1 on the diagonal, as a sparse matrix."""
    from scipy.sparse import csr_matrix

    rows, columns, values = [], [], []
    for start in range(0, len(vectors), BLOCK):
        near = vectors[start : start + BLOCK] @ vectors.T
        row, column = np.nonzero(near >= threshold)
        other = row + start != column
        rows.append(row[other] + start)
        columns.append(column[other])
        values.append(near[row[other], column[other]] * weight)
    itself = np.arange(len(vectors))
    entries = np.concatenate([*values, np.ones(len(vectors))])
    at = (np.concatenate([*rows, itself]), np.concatenate([*columns, itself]))
    return csr_matrix((entries, at), shape=(len(vectors), len(vectors)))


def _columns_to_one(graph: Any) -> Any:
    from scipy.sparse import diags

    return graph @ diags(1.0 / np.asarray(graph.sum(axis=0)).ravel())
