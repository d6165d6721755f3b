"""Names that settings choose from."""

from enum import StrEnum


class ScorerName(StrEnum):
    """Scorers of instances; see docs/quality.md."""

    HEURISTICS = "heuristics"
    JUDGE = "judge"
    REWARD = "reward"
    PERPLEXITY = "perplexity"
    IFD = "ifd"
    DEITA_COMPLEXITY = "deita_complexity"
    DEITA_QUALITY = "deita_quality"
    TAGS = "tags"
    LENGTH = "length"


class SelectionMethod(StrEnum):
    """Ways to select; see docs/selection.md."""

    QDIT = "qdit"
    COVERAGE = "coverage"
    MIG = "mig"
    RDS = "rds"
    QUALITY = "quality"
    DEITA = "deita"
    LONGEST = "longest"
    RANDOM = "random"
    RANDOM_BY_SOURCE = "random-by-source"
    K_CENTER = "k-center"
    K_MEANS = "k-means"
    K_MEANS_QUALITY = "k-means-quality"
    NOVELSELECT = "novelselect"
