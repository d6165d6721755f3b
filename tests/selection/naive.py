"""The textbook algorithm: all gains at every pick. Written apart from what it checks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def cosines(embeddings: NDArray[np.floating]) -> NDArray[np.float64]:
    """Clipped cosines [n, n] in float64."""
    x = np.asarray(embeddings, np.float64)
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    found = np.clip(x @ x.T, 0.0, 1.0)
    np.fill_diagonal(found, 1.0)
    return found


def fixed_point(integers: NDArray[np.number], scale: int, one: int) -> NDArray[np.int64]:
    """Fixed-point similarities [n, n] by integer arithmetic alone."""
    x = integers.astype(np.int64)
    dots = np.array([[int(np.dot(a, b)) for b in x] for a in x], dtype=object)
    rounded = np.array([[(2 * d * one + scale**2) // (2 * scale**2) for d in row] for row in dots])
    found = np.clip(rounded.astype(np.int64), 0, one)
    np.fill_diagonal(found, one)
    return found


@dataclass
class Greedy:
    """Greedy by (weight * gain + quality), ties to the lowest position."""

    similarity: NDArray[np.number]
    weight: float
    quality: NDArray[np.float64]
    room: dict[int, int]
    group: NDArray[np.int64]

    def run(
        self, k: int, barred: tuple[int, ...] = (), cover: NDArray[np.number] | None = None
    ) -> tuple[list[int], list[float]]:
        count = len(self.similarity)
        cover = np.zeros(count, self.similarity.dtype) if cover is None else cover.copy()
        order: list[int] = []
        gains: list[float] = []
        for _ in range(k):
            all_gains = np.maximum(self.similarity - cover, 0).sum(axis=1)
            scores = self.weight * all_gains.astype(np.float64) + self.quality
            for a in range(count):
                if a in order or a in barred or self.room[int(self.group[a])] == 0:
                    scores[a] = -np.inf
            pick = int(np.argmax(scores))
            order.append(pick)
            gains.append(float(all_gains[pick]))
            self.room[int(self.group[pick])] -= 1
            cover = np.maximum(cover, self.similarity[pick])
        return order, gains
