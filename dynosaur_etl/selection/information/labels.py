"""Labels of points: tags that somebody gave, or clusters and key phrases, which cost nothing."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection.vectors.fixed_point import READ_BLOCK, IntArray, Vectors
from dynosaur_etl.selection.vectors.k_means import spherical_k_means
from dynosaur_etl.selection.vectors.products import nearest_rows

Tags = Sequence[Iterable[str | None] | None]
"""The tags of each point; None and nothing mean the same."""

_CLUSTERS_PER_POINT = 3
_MOST_CLUSTERS = 2048
_PHRASES_PER_TEXT = 8
_RAREST_PHRASE = 3
_MOST_FREQUENT_PART = 0.1
_WORD = re.compile(r"[^\W\d_]{3,}(?:['’-][^\W\d_]+)*", re.UNICODE)


@dataclass(frozen=True)
class PointLabels:
    """Labels of points, row by row.

    Attributes:
        starts: where each point's labels begin in `labels` [n + 1].
        labels: numbers of labels, ascending within a point.
        names: of the labels.
    """

    starts: IntArray
    labels: IntArray
    names: list[str]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def counts(self) -> IntArray:
        """Count the labels of each point."""
        return np.diff(self.starts)


def labels_of_tags(tags: Tags, count: int) -> PointLabels:
    """Return the labels that tags name; case and white space around them do not count.

    Raises:
        InvalidInput: tags of another number of points, or none at all.
    """
    if len(tags) != count:
        raise InvalidInput(not_allowed("tags", len(tags), f"{count}, one list a point"))
    found = _numbered([sorted({*map(_plain, own or ())} - {""}) for own in tags])
    if not found.names:
        raise InvalidInput(not_allowed("tags", "none at all", "some"))
    return found


def labels_of_clusters(vectors: Vectors, seed: int) -> PointLabels:
    """Return the three clusters nearest to each point as its labels; twice the root of n in all."""
    count = len(vectors)
    clusters = int(np.clip(round(2 * count**0.5), 1, min(count, _MOST_CLUSTERS)))
    centroids = spherical_k_means(vectors, clusters, seed)
    near = min(_CLUSTERS_PER_POINT, clusters)
    labels = np.empty((count, near), np.int64)
    for start in range(0, count, READ_BLOCK):
        _, nearest = nearest_rows(
            centroids, vectors.working(slice(start, start + READ_BLOCK)), near
        )
        labels[start : start + READ_BLOCK] = np.sort(nearest, axis=1)
    starts = np.arange(count + 1, dtype=np.int64) * near
    return PointLabels(starts, labels.ravel(), [f"cluster {at}" for at in range(clusters)])


def labels_of_phrases(texts: Sequence[str]) -> PointLabels:
    """Return words and word pairs of each text as its labels, the rarest eight of it.

    What stands in fewer than three texts, or in more than a tenth of them, is no label.
    """
    phrases = [list(dict.fromkeys(_phrases(text))) for text in texts]
    seen = Counter(chain.from_iterable(phrases))
    most = max(_MOST_FREQUENT_PART * len(texts), _RAREST_PHRASE)
    kept = {phrase: number for phrase, number in seen.items() if _RAREST_PHRASE <= number <= most}
    chosen = [
        sorted((p for p in own if p in kept), key=lambda p: (kept[p], p))[:_PHRASES_PER_TEXT]
        for own in phrases
    ]
    return _numbered(chosen)


def joined(one: PointLabels, other: PointLabels) -> PointLabels:
    """Return the labels of both, those of the second numbered after those of the first."""
    counts = one.counts + other.counts
    starts = np.concatenate(([0], np.cumsum(counts)))
    labels = np.empty(starts[-1], np.int64)
    rank = np.arange(len(one.labels)) - np.repeat(one.starts[:-1], one.counts)
    labels[np.repeat(starts[:-1], one.counts) + rank] = one.labels
    rank = np.arange(len(other.labels)) - np.repeat(other.starts[:-1], other.counts)
    after = np.repeat(starts[:-1] + one.counts, other.counts)
    labels[after + rank] = other.labels + len(one.names)
    return PointLabels(starts, labels, [*one.names, *other.names])


def _plain(tag: str | None) -> str:
    return " ".join((tag or "").casefold().split())


def _phrases(text: str) -> Iterable[str]:
    words = [word.casefold() for word in _WORD.findall(text)]
    return chain(words, map(" ".join, pairwise(words)))


def _numbered(names: Sequence[Sequence[str]]) -> PointLabels:
    known = sorted(set(chain.from_iterable(names)))
    number = {name: at for at, name in enumerate(known)}
    labels = [sorted(number[name] for name in own) for own in names]
    starts = np.concatenate(([0], np.cumsum([len(own) for own in labels]))).astype(np.int64)
    return PointLabels(starts, np.array([*chain.from_iterable(labels)], np.int64), known)
