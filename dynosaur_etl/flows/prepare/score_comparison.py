"""All scorers of the store beside one another."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.flows.runtime.scorers import score_kind, scorers
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.quality.correlation import ScorerFigures, figures_of, rank_correlations
from dynosaur_etl.quality.scorer import Scorer
from dynosaur_etl.store.steps import files_of


@dataclass(frozen=True)
class ScoreComparison:
    """How the scorers that are set rank the instances of all grown days.

    Attributes:
        instances: that any of them has seen.
        scorers: figures by name.
        correlations: Spearman's, by two names.
    """

    instances: int
    scorers: Mapping[str, ScorerFigures]
    correlations: Mapping[str, Mapping[str, float | None]]


def compare_scores(services: Services) -> ScoreComparison:
    """Compare the stored scores of the scorers that are set.

    Raises:
        InvalidInput: no day has been scored by any of them.
    """
    found = {scorer.name: _scores(services, scorer) for scorer in scorers(services, "")}
    keys = list(dict.fromkeys(key for scores in found.values() for key in scores))
    if not keys:
        raise InvalidInput(not_allowed("scores", "none", "after a day that has been grown"))
    columns = {name: _column(scores, keys) for name, scores in found.items()}
    figures = {name: figures_of(column) for name, column in columns.items()}
    return ScoreComparison(len(keys), figures, rank_correlations(columns))


def _scores(services: Services, scorer: Scorer) -> dict[str, float | None]:
    """The scores of a scorer by instance, of the first day that has each."""
    found: dict[str, float | None] = {}
    for file in files_of(services.engine, score_kind(scorer)):
        table = services.storage.read_table(file.path, ["instance_key", "score"])
        for key, score in zip(
            *(table[name].to_pylist() for name in table.column_names), strict=True
        ):
            found.setdefault(key, score)
    return found


def _column(scores: Mapping[str, float | None], keys: list[str]) -> NDArray[np.float64]:
    values = (scores.get(key) for key in keys)
    return np.array([np.nan if value is None else value for value in values], np.float64)
