"""Signs of quality that anybody can check by eye, each in [0, 1], 1 is good."""

import itertools
import re
from collections.abc import Collection, Sequence

from dynosaur_etl.domain.language import text_language

FULL_LENGTH_WORDS = 40
COPIED_RUN = 5
LONG_OUTPUT_WORDS = 8
CUT_CHARACTERS = 1_900
LANGUAGE_LETTERS = 60

_DAMAGE = re.compile("[\ufffd\x00-\x08\x0b\x0c\x0e-\x1f]|Ã[\x80-\xbf]|â€")
_CLOSING = frozenset(".!?…)]}\"'”’»。！？;:|>`*")


def length(input_words: Sequence[str], output_words: Sequence[str]) -> float:
    """Give how much there is to learn from, rising to 1 at 40 words of input and output."""
    return min(1.0, (len(input_words) + len(output_words)) / FULL_LENGTH_WORDS)


def repetition(input_words: Sequence[str], output_words: Sequence[str]) -> float:
    """Give the share of distinct word pairs of input and output; 1 for fewer than two words."""
    pairs = list(itertools.pairwise([*input_words, *output_words]))
    return len(set(pairs)) / len(pairs) if pairs else 1.0


def copied_input(input_words: Sequence[str], output_words: Sequence[str]) -> float:
    """Give 1 less the share of the output's five-word runs that stand in the input too.

    An output of fewer than eight words may quote, and has 1.
    """
    if len(output_words) < LONG_OUTPUT_WORDS:
        return 1.0
    runs = _runs(output_words)
    known = set(_runs(input_words))
    return 1.0 - sum(run in known for run in runs) / len(runs)


def label(output: str, label_space: Collection[str]) -> float:
    """Give 0 where the task has a closed list of outputs and the output is none of them."""
    return 1.0 if not label_space or output in label_space else 0.0


def truncation(output: str, output_words: Sequence[str]) -> float:
    """Give 1 where an output ends as a text does, and for outputs of fewer than eight words.

    A longer one that ends inside a sentence has 0.5; one that is also about as long as a cell is
    kept has 0, since it was cut.
    """
    if len(output_words) < LONG_OUTPUT_WORDS or output[-1] in _CLOSING:
        return 1.0
    return 0.0 if len(output) >= CUT_CHARACTERS else 0.5


def language(output: str, languages: Collection[str]) -> float:
    """Give 0 where an output of 60 letters or more is clearly in none of the languages."""
    if sum(character.isalpha() for character in output) < LANGUAGE_LETTERS:
        return 1.0
    found = text_language(output)
    return 1.0 if found is None or found in languages else 0.0


def encoding(text: str) -> float:
    """Give 1 for undamaged text, falling to 0 where 5% of the characters are damaged.

    Damaged are U+FFFD, control characters and the marks of UTF-8 that was read as Latin-1.
    """
    return max(0.0, 1.0 - 20 * len(_DAMAGE.findall(text)) / max(1, len(text)))


def _runs(words: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + COPIED_RUN]) for at in range(len(words) - COPIED_RUN + 1)]
