"""Tasks that say nearly the same as another one of another config or of an earlier day.

Two instructions count as the same from a cosine of 0.95 on. Embeddings hardly tell a task from its
reverse ("commands to actions" and "actions to commands" reach 0.98), so a pair in which the output
of one is an input of the other is left alone.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

REPEATS_VERSION = "repeats-1"
MIN_COSINE = 0.95
_MARGIN = 0.01
_BLOCK = 1024


@dataclass(frozen=True)
class ComparedTask:
    """A task as it is compared with others."""

    day: str
    dataset_id: str
    config: str
    instruction: str
    input_fields: tuple[str, ...]
    output_field: str

    def may_repeat(self, other: "ComparedTask") -> bool:
        """Tell whether it can be a repeat at all: from elsewhere, and not the reverse task."""
        here = (self.day, self.dataset_id, self.config)
        return here != (other.day, other.dataset_id, other.config) and not (
            self.output_field in other.input_fields or other.output_field in self.input_fields
        )


@dataclass(frozen=True)
class Repeat:
    """The earlier task that a task repeats, by its place, and their cosine."""

    of: int
    cosine: float


def find_repeats(tasks: Sequence[ComparedTask], vectors: NDArray[np.float16]) -> dict[int, Repeat]:
    """Find the tasks that repeat an earlier one which is none itself.

    Args:
        tasks: in the order that decides which of two is kept, the first.
        vectors: of the instructions, float16 [n, d], unit length; the same instruction has the
            same vector.

    Returns:
        What each repeat repeats, by its place. Candidates come from faiss; the cosine that decides
        is summed in float64 for the pair alone, so that no other task changes it.
    """
    texts = {task.instruction: place for place, task in reversed(list(enumerate(tasks)))}
    places = sorted(texts.values())
    near = _neighbours(vectors[places], places)
    kept: dict[int, list[int]] = defaultdict(list)
    repeats: dict[int, Repeat] = {}
    for place, task in enumerate(tasks):
        text = texts[task.instruction]
        rivals = sorted(rival for other in near[text] for rival in kept[other])
        found = next((rival for rival in rivals if task.may_repeat(tasks[rival])), None)
        if found is None:
            kept[text].append(place)
        else:
            repeats[place] = Repeat(found, _cosine(vectors, found, place))
    return repeats


def _neighbours(vectors: NDArray[np.float16], places: Sequence[int]) -> dict[int, list[int]]:
    """Give for each distinct instruction those that count as the same, itself among them."""
    import faiss

    near: dict[int, list[int]] = {place: [] for place in places}
    if not places:
        return near
    base = vectors.astype(np.float32)
    index = faiss.IndexFlatIP(base.shape[1])
    index.add(base)
    for start in range(0, len(base), _BLOCK):
        limits, _, found = index.range_search(base[start : start + _BLOCK], MIN_COSINE - _MARGIN)
        for row in range(len(limits) - 1):
            at = start + row
            others = sorted(int(other) for other in found[limits[row] : limits[row + 1]])
            near[places[at]] = [
                places[other]
                for other in others
                if other == at or _cosine(vectors, at, other) >= MIN_COSINE
            ]
    return near


def _cosine(vectors: NDArray[np.float16], first: int, second: int) -> float:
    one, other = vectors[first].astype(np.float64), vectors[second].astype(np.float64)
    return float(one @ other / np.sqrt((one @ one) * (other @ other)))
