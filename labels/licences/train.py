"""Trains the classifiers of rights from the wordings beside this file, and writes their weights.

Usage: python -m labels.licences.train [--check]

With `--check` nothing is written; it fails where the packaged weights decide otherwise than those
that come out. Only wordings written for it are trained on.
"""

import argparse
import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from dynosaur_etl.hub.rights.features import mention_features, whole_features
from dynosaur_etl.hub.rights.names import mentions_in
from dynosaur_etl.hub.rights.statements import sentences_of
from dynosaur_etl.hub.rights.weights import WEIGHTS as FILE_NAME
from dynosaur_etl.hub.rights.weights import LinearModel, RightsModel, read_model, write_model
from labels.licences.expand import expand

HERE = Path(__file__).parent
WEIGHTS = HERE.parents[1] / "dynosaur_etl" / "hub" / "rights" / FILE_NAME
INVERSE_PENALTY = {"restricts": 400.0, "applies": 40.0}
LEAST_SEEN = 4
LEAST_WEIGHT = 0.1
DIGITS = 2
PARTS = 10
LEFT_OUT = 4
"""Of so many parts of the wordings each regression goes without so many."""
MOST_OTHER = 0.005
"""Share of the wordings that the packaged weights may decide otherwise."""
NAMED = (
    "CC BY-SA 4.0", "GPL-3.0-or-later", "the GNU General Public License v3", "ODbL", "cc-by-nc-4.0",
    "creativecommons.org/licenses/by-sa/4.0", "AGPLv3", "CC BY-NC-SA 3.0", "GFDL", "LGPL-3.0",
    "Creative Commons Attribution-ShareAlike 3.0", "cc-by-sa-3.0",
)  # fmt: skip
"""What stands for `$L` in a wording about a named licence, each in its turn."""

PLACES = ("", "License", "Usage", "Dataset Summary", "Disclaimer", "About this repository")
"""Headings under which a sentence means what it means under its own."""
_JOINTS = (", and ", "; ", ": ", ", ", " - ")


@dataclass(frozen=True)
class Wording:
    """A labelled line: what it is an example of, the heading it stands under, and its words."""

    label: str
    family: str
    place: str
    text: str


@dataclass(frozen=True)
class Example:
    """Features with their label; the examples of one wording share its weight."""

    features: frozenset[str]
    is_positive: bool
    wording: int
    weight: float


def read_wordings(name: str) -> list[Wording]:
    """Read a file of wordings, whose first line names the columns."""
    _, *lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [Wording(*line.split("\t")) for line in lines if line.strip()]


def restriction_examples(wordings: Sequence[Wording]) -> list[Example]:
    """Return the examples for `restricts`; what restricts nothing does so in each of its sentences.

    Every third one is also shown within a longer sentence, since cards put such things into one:
    beside a second sentence that restricts nothing.
    """
    neutral = [text for item in wordings if item.label == "none" for text in expand(item.text)]
    return [
        Example(features, wording.label == "restricts", number, weight)
        for number, wording in enumerate(wordings)
        for features, weight in _weighed(_pieces(wording, neutral[number % 7 :: 7]))
    ]


def name_examples(wordings: Sequence[Wording]) -> list[Example]:
    """Return the examples for `applies`: the last licence named in each wording."""
    numbers = iter(range(1_000_000))
    return [
        Example(features, wording.label == "applies", number, weight)
        for number, wording in enumerate(wordings)
        for features, weight in _weighed(
            _last_named(wording.place, text.replace("$L", NAMED[next(numbers) % len(NAMED)]))
            for text in expand(wording.text)
        )
    ]


def fit(examples: Sequence[Example], inverse_penalty: float) -> LinearModel:
    """Fit logistic regressions with an L2 penalty, each to a part, and give their mean.

    A single one moves with each wording that is added; the mean hardly does, and being linear it
    is one model. The same examples give the same weights.
    """
    from sklearn.linear_model import LogisticRegression

    seen = Counter(feature for example in examples for feature in example.features)
    names = sorted(feature for feature, number in seen.items() if number >= LEAST_SEEN)
    matrix = _matrix(examples, {name: column for column, name in enumerate(names)})
    labels = np.array([example.is_positive for example in examples])
    shares = np.array([example.weight for example in examples])
    numbers = np.array([example.wording for example in examples])
    coefficients, intercepts = [], []
    for part in range(PARTS):
        chosen = (numbers * 7 + part) % PARTS >= LEFT_OUT
        model = LogisticRegression(C=inverse_penalty, tol=1e-5, max_iter=10_000)
        model.fit(matrix[chosen], labels[chosen], sample_weight=shares[chosen])
        coefficients.append(model.coef_[0])
        intercepts.append(model.intercept_[0])
    weights = {
        name: round(float(weight), DIGITS)
        for name, weight in zip(names, np.mean(coefficients, axis=0), strict=True)
        if abs(weight) >= LEAST_WEIGHT
    }
    return LinearModel(round(float(np.mean(intercepts)), DIGITS), weights)


def train(restrictions: Sequence[Wording], names: Sequence[Wording]) -> RightsModel:
    """Train both classifiers."""
    return RightsModel(
        restricts=fit(restriction_examples(restrictions), INVERSE_PENALTY["restricts"]),
        applies=fit(name_examples(names), INVERSE_PENALTY["applies"]),
    )


def other_decisions(
    made: RightsModel,
    packaged: RightsModel,
    restrictions: Sequence[Wording],
    names: Sequence[Wording],
) -> float:
    """Return the share of all wordings that two models decide otherwise.

    Weights themselves move with the arithmetic of a machine and with each wording that is added;
    what a card is judged by are their decisions.
    """
    parts = (
        (restriction_examples(restrictions), made.restricts, packaged.restricts),
        (name_examples(names), made.applies, packaged.applies),
    )
    decided = [
        (ours.score(example.features) > 0) != (theirs.score(example.features) > 0)
        for examples, ours, theirs in parts
        for example in examples
    ]
    return sum(decided) / len(decided)


def _weighed(features: Any) -> Iterator[tuple[frozenset[str], float]]:
    made = [item for item in features if item is not None]
    return ((item, len(made) ** -0.5) for item in made)


def _pieces(wording: Wording, neutral: Sequence[str]) -> Iterator[frozenset[str]]:
    """Return the features of sentences under its own heading, each second one under another."""
    for number, text in enumerate(expand(wording.text)):
        place = PLACES[number // 2 % len(PLACES)] if number % 2 else wording.place
        sentences = [text] if wording.label == "restricts" else sentences_of(text) or [text]
        if number % 3 == 0:
            other = neutral[zlib.crc32(text.encode()) % len(neutral)]
            sentences = [*sentences, _joined(text, other, number % 2)]
        for sentence in sentences:
            lower = sentence.lower()
            yield next(whole_features(place, lower, mentions_in(lower)))


def _joined(text: str, other: str, turned: int) -> str:
    first, second = (other, text) if turned else (text, other)
    return f"{first.rstrip('.!')}{_JOINTS[len(text) % len(_JOINTS)]}{second}"


def _last_named(place: str, text: str) -> frozenset[str] | None:
    lower = text.lower()
    mentions = mentions_in(lower)
    meant = [mention for mention in mentions if mention.conditions]
    return mention_features(place, lower, mentions, meant[-1]) if meant else None


def _matrix(examples: Sequence[Example], columns: dict[str, int]) -> scipy.sparse.csr_matrix:
    at = [
        (row, columns[feature], len(example.features) ** -0.5)
        for row, example in enumerate(examples)
        for feature in sorted(example.features)
        if feature in columns
    ]
    rows, found, values = (np.array(part) for part in zip(*at, strict=True))
    return scipy.sparse.csr_matrix((values, (rows, found)), (len(examples), len(columns)))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m labels.licences.train", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    check = parser.parse_args().check
    wordings = read_wordings("restrictions.tsv"), read_wordings("names.tsv")
    made = train(*wordings)
    if check:
        share = other_decisions(made, read_model(WEIGHTS.read_bytes()), *wordings)
        print(f"{share:.2%} of the wordings are decided otherwise than by the packaged weights")
        return int(share > MOST_OTHER)
    WEIGHTS.write_bytes(write_model(made))
    print(f"wrote {len(made.restricts.weights)} and {len(made.applies.weights)} weights")
    return 0


if __name__ == "__main__":
    sys.exit(main())
