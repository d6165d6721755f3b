"""How near a text is to the right answers: ROUGE-L, exact match and METEOR, each from 0 to 1.

ROUGE-L and exact match are those of Super-NaturalInstructions' own evaluation: Google's
`rouge-score` with its stemmer, the best over all right answers, and equality once case,
punctuation and blanks are gone.
"""

import string
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

_PUNCTUATION = str.maketrans("", "", string.punctuation)
METEOR_FORM = "stems, without synonyms"
"""What METEOR matches here: WordNet, which tells synonyms, is in no package that is installed."""


def rouge_l(text: str, answers: Sequence[str]) -> float:
    """Return the F-measure of the longest common subsequence of stemmed words, best over answers.

    From `rouge-score` (Lin 2004), as in Super-NaturalInstructions (arXiv 2204.07705).
    """
    scorer = _rouge_scorer()
    return max(float(scorer.score(answer, text)["rougeL"].fmeasure) for answer in answers)


def exact_match(text: str, answers: Sequence[str]) -> float:
    """Return 1 where the text equals an answer but for case, punctuation and blanks, else 0."""
    return float(plain_words(text) in {plain_words(answer) for answer in answers})


def meteor(text: str, answers: Sequence[str]) -> float:
    """Return METEOR (Banerjee and Lavie 2005) over words and their stems, best over answers."""
    from nltk.translate.meteor_score import single_meteor_score

    words = plain_words(text).split()
    references = [plain_words(answer).split() for answer in answers]
    if not words or not any(references):
        return 0.0
    return max(
        float(single_meteor_score(reference, words, wordnet=_NoSynonyms()))
        for reference in references
    )


def plain_words(text: str) -> str:
    """Return a text in lower case, without punctuation, its blanks made one each."""
    return " ".join(text.lower().translate(_PUNCTUATION).split())


class _NoSynonyms:
    """Stands where METEOR looks for synonyms, and knows none."""

    def synsets(self, _: str) -> list[Any]:
        return []


@lru_cache(1)
def _rouge_scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], use_stemmer=True)


TEXT_METRICS: dict[str, Callable[[str, Sequence[str]], float]] = {
    "rouge_l": rouge_l,
    "exact_match": exact_match,
    "meteor": meteor,
}
