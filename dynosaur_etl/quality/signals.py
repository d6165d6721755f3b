"""Signs of quality that anybody can check by eye, each in [0, 1], 1 is good."""

import itertools
import re
from collections.abc import Collection, Sequence

from dynosaur_etl.domain.language import text_language
from dynosaur_etl.domain.references import reference_kind

FULL_LENGTH_WORDS = 40
FULL_SUBSTANCE_WORDS = 12
ONE_WORD = 0.5
NUMBER = 0.3
REFERENCE = 0.05
COPIED_RUN = 5
LONG_OUTPUT_WORDS = 8
SHORT_COPY_WORDS = 3
CUT_CHARACTERS = 1_900
LANGUAGE_LETTERS = 60
MIXED_SCRIPTS = 0.1

_DAMAGE = re.compile("[\ufffd\x00-\x08\x0b\x0c\x0e-\x1f]|Ã[\x80-\xbf©¨¤¶¼±³]|â€|Ã.Ã")
_CLOSING = frozenset(".!?…)]}\"'”’»。！？;:|>`*")
_NOTHING = frozenset({
    "n/a", "na", "n.a", "nan", "null", "none", "nil", "unknown", "undefined", "untitled", "todo",
    "tbd", "empty", "nothing", "missing", "error", "test", "pass", "removed", "deleted", "blank",
    "unavailable", "placeholder", "see above", "to be done", "no answer", "no review",
    "no summary", "not available", "no data", "not applicable", "none given", "no text",
    "no comment", "no description",
})  # fmt: skip
_QUANTITY = re.compile(r"[-+$€£]?\d[\d.,]*%?(?:\s*[,;]\s*-?\d[\d.,]*)*")
_CODE_TOKEN = re.compile(r"(?=\S*\d)(?=\S*[A-Za-z])[A-Za-z0-9_#:=./-]+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>|&[a-z]{2,8};")
_BOILERPLATE = re.compile(
    r"\b(?:cookies?\b.*\b(?:accept|experience|agree|polic)|accept all cookies|subscribe to"
    r"|sign up (?:for|now|free)|click here|log in or|create an account|share (?:this|on)"
    r"|like us on|download the app|scroll down|terms of use|privacy policy|all rights reserved"
    r"|copyright (?:\(c\)|©|\d{4})|subject to copyright|lorem ipsum|as an ai\b|as a language model"
    r"|page not found|return to the home ?page|additional citations|advertisement)",
    re.IGNORECASE | re.DOTALL,
)
_OTHER_SCRIPT = re.compile("[\u0370-\u1cff\u2e80-\u9fff\uac00-\ud7af]")


def substance(output: str, output_words: Sequence[str]) -> float:
    """Give how much an output says: 0 nothing, 0.05 a reference, 0.3 a number, 0.5 to 1 words.

    Words count fully from 12 on; what is neither word nor number, such as codes, says nothing.
    """
    text = output.strip().strip("()[]{}<>.").strip()
    if not _WORD.search(text) and not any(character.isalnum() for character in text):
        return 0.0
    if text.casefold() in _NOTHING:
        return 0.0
    if reference_kind(output.strip()) is not None:
        return REFERENCE
    if _QUANTITY.fullmatch(text):
        return NUMBER
    if len(output_words) == 1 and _CODE_TOKEN.fullmatch(text):
        return REFERENCE
    words = len(_WORD.findall(text))
    return ONE_WORD + (1 - ONE_WORD) * min(1.0, max(0, words - 1) / (FULL_SUBSTANCE_WORDS - 1))


def length(output_words: Sequence[str]) -> float:
    """Give how much there is to learn from, rising to 1 at 40 words of output."""
    return min(1.0, len(output_words) / FULL_LENGTH_WORDS)


def repetition(output_words: Sequence[str]) -> float:
    """Give the share of distinct word pairs of an output; 1 for fewer than two words."""
    pairs = list(itertools.pairwise(word.casefold() for word in output_words))
    return len(set(pairs)) / len(pairs) if pairs else 1.0


def copied_input(input_words: Sequence[str], output_words: Sequence[str]) -> float:
    """Give 1 less the share of the output's five-word runs that stand in the input too.

    An output of fewer than eight words may quote, and has 1, unless it is the whole input.
    """
    if len(output_words) < LONG_OUTPUT_WORDS:
        whole = len(output_words) >= SHORT_COPY_WORDS and list(input_words) == list(output_words)
        return 0.0 if whole else 1.0
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
    """Give 0 where an output of 60 letters or more, or half of it, is clearly in another language.

    So is one of which more than a tenth is written in a script of another kind than the rest.
    """
    letters = sum(character.isalpha() for character in output)
    if letters < LANGUAGE_LETTERS:
        return 1.0
    foreign = len(_OTHER_SCRIPT.findall(output)) / letters
    if MIXED_SCRIPTS < foreign < 1 - MIXED_SCRIPTS:
        return 0.0
    parts = [output]
    if letters >= 2 * LANGUAGE_LETTERS:
        middle = output.find(" ", len(output) // 2)
        parts += [output[:middle], output[middle:]] if middle > 0 else []
    found = [text_language(part) for part in parts]
    return 1.0 if all(code is None or code in languages for code in found) else 0.0


def encoding(text: str) -> float:
    """Give 1 for undamaged text, falling to 0 where 5% of the characters are damaged.

    Damaged are U+FFFD, control characters and the marks of UTF-8 that was read as Latin-1.
    """
    return max(0.0, 1.0 - 20 * len(_DAMAGE.findall(text)) / max(1, len(text)))


def boilerplate(output: str) -> float:
    """Give 0 for the phrases of web pages and refusals, and for an output that is mostly tags."""
    if _BOILERPLATE.search(output):
        return 0.0
    tags = sum(map(len, _TAG.findall(output)))
    return 0.0 if tags > len(output) / 2 else 1.0


def _runs(words: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + COPIED_RUN]) for at in range(len(words) - COPIED_RUN + 1)]
