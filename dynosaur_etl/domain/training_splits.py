"""Which splits of a config may make training rows, by their names alone.

A name is taken apart at everything that is no letter, and where a capital follows a small letter:
`test_sft`, `dev-matched`, `test2014` and `blindTest` are held back, `constraint`, `latest` and
`contest` are not. Names that say neither (`stem`, `unsupervised`) are for training.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from itertools import pairwise

HELD_BACK = frozenset(
    {
        "dev", "devel", "development", "devset", "devtest",
        "val", "vals", "valid", "validate", "validation", "valset", "minival",
        "test", "tests", "testing", "testset", "testdev", "testmini", "tst",
        "eval", "evals", "evaluate", "evaluation", "evalset",
        "blind", "holdout", "heldout",
    }
)  # fmt: skip
"""Words that name a split for evaluation."""

_LETTERS = re.compile(r"[^\W\d_]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PAIRS = frozenset({("held", "out"), ("hold", "out")})


class SplitUse(StrEnum):
    """Which splits make training rows."""

    TRAIN = "train"
    ALL = "all"


def is_held_back(name: str) -> bool:
    """Return whether a split is for evaluation, by the words of its name."""
    words = _words(name)
    pairs = pairwise(words)
    return not HELD_BACK.isdisjoint(words) or not _PAIRS.isdisjoint(pairs)


def parted(names: Iterable[str], use: SplitUse) -> tuple[list[str], list[str]]:
    """Return the names of the splits that make training rows, and of those held back."""
    listed = list(names)
    if use is SplitUse.ALL:
        return listed, []
    held = [name for name in listed if is_held_back(name)]
    return [name for name in listed if name not in set(held)], held


def _words(name: str) -> list[str]:
    humps = (part for letters in _LETTERS.findall(name) for part in _HUMP.split(letters))
    return [part.lower() for part in humps]
