import numpy as np
import pyarrow as pa
import pytest

from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.flows.select.pool_duplicates import drop_duplicates, duplicate_rules
from dynosaur_etl.settings import Settings
from tests.instances.test_duplicates import CHANGED, PASSAGE, table

ROWS = (
    ("Sum up.", PASSAGE, "words"),
    ("Sum up.", CHANGED, "words"),
    ("Sum up.", "all else", "words"),
    ("Sum up.", "everything but that", "words"),
    ("Sum up.", "all but that", "other"),
    ("Sum up.", PASSAGE, "words"),
)
VECTORS = np.array([[1, 0], [0, 1], [-1, 0], [-1, 0.01], [-1, 0], [1, 0]], np.float16)


def left(**thresholds: float) -> tuple[list[int], dict[Reason, int]]:
    numbered = table(*ROWS).append_column("number", pa.array(range(len(ROWS)), pa.int64()))
    unique = drop_duplicates(numbered, VECTORS, Settings(**thresholds))  # type: ignore[arg-type]
    return unique.instances["number"].to_pylist(), dict(unique.dropped)


@pytest.mark.parametrize(
    ("near", "semantic", "numbers", "dropped"),
    [
        (0, 0, [0, 1, 2, 3, 4], {Reason.DUPLICATE_INSTANCE: 1}),
        (0.9, 0, [0, 2, 3, 4], {Reason.DUPLICATE_INSTANCE: 1, Reason.NEAR_DUPLICATE: 1}),
        (0, 0.95, [0, 1, 2, 4], {Reason.DUPLICATE_INSTANCE: 1, Reason.SEMANTIC_DUPLICATE: 1}),
    ],
)
def test_the_first_stays_and_each_threshold_has_its_own_reason(
    near: float, semantic: float, numbers: list[int], dropped: dict[Reason, int]
) -> None:
    assert left(near_duplicates=near, semantic_duplicates=semantic) == (numbers, dropped)


def test_another_threshold_makes_another_selection() -> None:
    rules = [
        duplicate_rules(Settings(**{name: 0.5}))  # type: ignore[arg-type]
        for name in ("near_duplicates", "semantic_duplicates", "selection_alpha")
    ]
    assert len({str(rule) for rule in rules}) == 3
