r"""A free scorer: four signals that anybody can check by eye, each in [0, 1], 1 is good.

    substance   words of input and output, rising to 1 at 40 words
    variety     distinct word pairs over all word pairs of input and output
    own_words   1, less the share of the output's words in its longest run that the input has too,
                where the output has 8 words or more (a short answer may quote)
    soundness   1, less 20 times the share of damaged characters (U+FFFD, control characters,
                the marks of UTF-8 read as Latin-1)

The score is 0.35 substance + 0.25 variety + 0.2 own_words + 0.2 soundness.
"""

import itertools
import re
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher

import pyarrow as pa

HEURISTICS = "heuristics-1"
WEIGHTS = {"substance": 0.35, "variety": 0.25, "own_words": 0.2, "soundness": 0.2}

_FULL_SUBSTANCE_WORDS = 40
_MAY_QUOTE_WORDS = 8
_COMPARED_WORDS = 400
_DAMAGE = re.compile("[\ufffd\x00-\x08\x0b\x0c\x0e-\x1f]|Ã[\x80-\xbf]|â€")


def score_heuristics(instances: pa.Table) -> pa.Table:
    """Score instances by the module's formula.

    Returns:
        Columns `instance_key`, `score` and one float64 column a signal, in the instances' order.
    """
    inputs = [text.split() for text in instances["input"].to_pylist()]
    outputs = [text.split() for text in instances["output"].to_pylist()]
    texts = [
        f"{i}\n{o}"
        for i, o in zip(
            instances["input"].to_pylist(), instances["output"].to_pylist(), strict=True
        )
    ]
    signals = {
        "substance": _each(substance, inputs, outputs),
        "variety": _each(variety, inputs, outputs),
        "own_words": _each(own_words, inputs, outputs),
        "soundness": [soundness(text) for text in texts],
    }
    rows = zip(*signals.values(), strict=True)
    scores = [
        round(sum(w * s for w, s in zip(WEIGHTS.values(), row, strict=True)), 6) for row in rows
    ]
    return pa.table(
        {"instance_key": instances["instance_key"], "score": pa.array(scores, pa.float64())}
        | {name: pa.array(values, pa.float64()) for name, values in signals.items()}
    )


def substance(input_words: Sequence[str], output_words: Sequence[str]) -> float:
    """Give how much there is to learn from, by the number of words."""
    return min(1.0, (len(input_words) + len(output_words)) / _FULL_SUBSTANCE_WORDS)


def variety(input_words: Sequence[str], output_words: Sequence[str]) -> float:
    """Give the share of distinct word pairs; 1 for a text of fewer than two words."""
    words = [*input_words, *output_words]
    pairs = list(itertools.pairwise(words))
    return len(set(pairs)) / len(pairs) if pairs else 1.0


def own_words(input_words: Sequence[str], output_words: Sequence[str]) -> float:
    """Give the share of a long output that is not one passage of its input."""
    if len(output_words) < _MAY_QUOTE_WORDS:
        return 1.0
    output = list(output_words[:_COMPARED_WORDS])
    source = list(input_words[:_COMPARED_WORDS])
    match = SequenceMatcher(None, source, output, autojunk=False).find_longest_match()
    return 1.0 - match.size / len(output)


def soundness(text: str) -> float:
    """Give 1 for undamaged text, falling to 0 where 5% of the characters are damaged."""
    return max(0.0, 1.0 - 20 * len(_DAMAGE.findall(text)) / max(1, len(text)))


def _each(
    signal: Callable[[Sequence[str], Sequence[str]], float],
    inputs: Sequence[Sequence[str]],
    outputs: Sequence[Sequence[str]],
) -> list[float]:
    return [signal(i, o) for i, o in zip(inputs, outputs, strict=True)]
