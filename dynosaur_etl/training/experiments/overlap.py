"""Nothing of an evaluation set is trained on: rows that share words with it are taken out."""

from collections.abc import Iterable, Sequence

from dynosaur_etl.training.sets import Example

WORDS = 13
"""Words in a row that an example may not share with the evaluation set, as in its filling."""


def without_overlap(
    examples: Sequence[Example], evaluation: Iterable[Example], words: int = WORDS
) -> tuple[list[Example], int]:
    """Return the examples that share no such run of words, and the number of the others.

    The instruction alone does not count: what is compared are inputs and answers.
    """
    known = {gram for example in evaluation for gram in _grams(example, words)}
    kept = [example for example in examples if known.isdisjoint(_grams(example, words))]
    return kept, len(examples) - len(kept)


def _grams(example: Example, words: int) -> set[tuple[str, ...]]:
    given = example.prompt.partition("\n\n")[2]
    found: set[tuple[str, ...]] = set()
    for text in (given, *example.answers):
        parts = text.lower().split()
        found |= {tuple(parts[at : at + words]) for at in range(len(parts) - words + 1)}
    return found
