"""Duplicates in the pool, where instances of all days meet: exact, near, and alike in meaning."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.instances.duplicates import NEAR_VERSION, find_duplicates, output_groups
from dynosaur_etl.selection.semantic_duplicates import SEMANTIC_VERSION, semantic_duplicates
from dynosaur_etl.settings import Settings


@dataclass(frozen=True)
class UniquePool:
    """The instances that stay, in their order, and the number of those left out, by reason."""

    instances: pa.Table
    dropped: Mapping[Reason, int]


def duplicate_rules(settings: Settings) -> list[Any]:
    """Give what decides which instances of the pool are duplicates."""
    return [NEAR_VERSION, settings.near_duplicates, SEMANTIC_VERSION, settings.semantic_duplicates]


def drop_duplicates(
    instances: pa.Table, vectors: NDArray[np.float16], settings: Settings
) -> UniquePool:
    """Leave out instances that an earlier one stands for.

    Args:
        instances: columns `schemas.INSTANCES` and `number`, the row of `vectors`.
        vectors: float16 [n, d], unit length.
        settings: with the two thresholds.
    """
    [doubles] = find_duplicates([[instances]], settings.near_duplicates)
    left = instances.filter(pa.array(~doubles.dropped))
    alike = np.zeros(left.num_rows, np.bool_)
    if settings.semantic_duplicates:
        at = left["number"].to_numpy()
        groups = output_groups(left)
        alike = semantic_duplicates(
            vectors[at], groups, settings.semantic_duplicates, settings.seed
        )
    found = [*doubles.by_reason(), (Reason.SEMANTIC_DUPLICATE, alike)]
    dropped = {reason: int(rows.sum()) for reason, rows in found if rows.any()}
    return UniquePool(left.filter(pa.array(~alike)), dropped)
