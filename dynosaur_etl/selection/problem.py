"""The checked arguments of one selection."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection import checks
from dynosaur_etl.selection.checks import Budget, Groups, Purse
from dynosaur_etl.selection.objective import NORMALISATIONS, Objective, Reference, build_objective
from dynosaur_etl.selection.quality_scale import QUALITY_SCALES
from dynosaur_etl.selection.state import State
from dynosaur_etl.selection.vectors import IntArray, Resolution, Similarity, Vectors, as_vectors

ROWS = 32


@dataclass(frozen=True)
class Problem:
    """Checked arguments of one selection."""

    embeddings: NDArray[np.number]
    purse: Purse
    quality: NDArray[np.float64] | None
    alpha: float
    normalise: str
    quality_scale: str
    anchors: NDArray[Any] | None
    barred: IntArray
    must_include: IntArray
    grouping: checks.Grouping
    ids: list[str] | None
    seed: int

    def __len__(self) -> int:
        return len(self.embeddings)

    @property
    def used_alpha(self) -> float:
        """Without quality, diversity alone decides."""
        return 0.0 if self.quality is None else self.alpha

    def vectors(self, resolution: Resolution) -> Vectors:
        return as_vectors(self.embeddings, resolution, "embeddings")

    def anchor_vectors(self, resolution: Resolution) -> Vectors | None:
        """What covers the space already, or None."""
        if self.anchors is None or not len(self.anchors):
            return None
        given = self.embeddings[self.barred] if len(self.barred) else self.anchors
        return as_vectors(given, resolution, "anchors")

    def anchored_cover(self, vectors: Vectors, given: Vectors | None) -> Similarity:
        """Cover of some points by the anchors."""
        return np.zeros(len(vectors), np.int32) if given is None else vectors.cover_by(given)

    def bare_state(self, cover: Similarity) -> State:
        """Nothing picked; anchors of the pool are barred."""
        taken = np.zeros(len(self), np.bool_)
        taken[self.barred] = True
        room = self.grouping.room.astype(np.int64)
        return State(cover, taken, self.grouping.group, room, self.purse.cost, self.purse.total)

    def state(self, vectors: Vectors) -> State:
        """Anchors cover the space, and what must be included is picked."""
        cover = self.anchored_cover(vectors, self.anchor_vectors(vectors.resolution))
        cover[self.barred] = vectors.one
        state = self.bare_state(cover)
        for start in range(0, len(self.must_include), ROWS):
            part = self.must_include[start : start + ROWS]
            for pick, row in zip(part.tolist(), vectors.rows(part), strict=True):
                gain = int(np.maximum(row - state.cover, 0).sum(dtype=np.int64))
                state.accept(pick, gain, row)
        return state

    def objective(self, reference: Reference, one: int) -> Objective:
        return build_objective(
            self.quality,
            self.used_alpha,
            self.normalise,
            QUALITY_SCALES[self.quality_scale],
            reference.gain,
            one,
            self.purse.cost,
        )


def check(
    embeddings: NDArray[np.number],
    k: int | Budget,
    quality: ArrayLike | None,
    alpha: float,
    anchors: NDArray[Any] | None,
    groups: Groups | None,
    seed: int,
    normalise: str,
    quality_scale: str,
    must_include: ArrayLike | None,
    ids: Sequence[object] | NDArray[Any] | None,
) -> Problem:
    """All arguments checked, before any work; values of embeddings are checked as they are read."""
    pool = checks.check_embeddings(embeddings)
    count = len(pool)
    if normalise not in NORMALISATIONS:
        raise InvalidInput(not_allowed("normalise", normalise, NORMALISATIONS))
    if quality_scale not in QUALITY_SCALES:
        raise InvalidInput(not_allowed("quality_scale", quality_scale, QUALITY_SCALES))
    barred = np.zeros(0, np.int64)
    if anchors is not None:
        anchors = np.asarray(anchors)
        if anchors.dtype.kind in "iu":
            barred = checks.check_positions(anchors, count)
        elif checks.check_embeddings(anchors, "anchors").shape[1] != pool.shape[1]:
            raise InvalidInput(
                not_allowed("anchors of shape", anchors.shape, f"[m, {pool.shape[1]}]")
            )
    purse = checks.check_purse(k, count, barred)
    grouping = checks.check_groups(groups, count, purse, barred)
    return Problem(
        embeddings=pool,
        purse=purse,
        quality=checks.check_quality(quality, count),
        alpha=checks.check_alpha(alpha),
        normalise=normalise,
        quality_scale=quality_scale,
        anchors=anchors,
        barred=barred,
        must_include=checks.check_must_include(must_include, count, barred, purse, grouping),
        grouping=grouping,
        ids=checks.check_ids(ids, count),
        seed=seed,
    )
