"""The validity filters that read the instruction against the fields and the sampled rows."""

import re
from collections.abc import Iterator

from dynosaur_etl.domain.features import SCALAR_KINDS
from dynosaur_etl.domain.language import text_language
from dynosaur_etl.domain.models import Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.proposals.draft import Draft, Sample, drop
from dynosaur_etl.proposals.labels import OPEN, label_space

MIN_LETTERS = 12
MIN_TOLD_WORDS = 2
MIN_TOLD_LETTERS = 12

_QUOTED = re.compile(r"""(?<!\w)(["'`«“‘])(?P<inside>[^"'`»”’]{1,200})["'`»”’](?!\w)""")
_GIVING = (
    r"(?:given|using|from|based on|according to|help of|read|consider)"
    r"\s+(?:(?:the|a|an|this|that|these|those|its|provided|given|following)\s+){0,2}"
)
_ENDING = r"(?=\s*(?:[.,;:!?]|$|and\b|or\b|to\b))"
_ANSWER_IS = r"\b(?:answer|output|label|result|solution)\s*(?:is|are|:|=)\s*[\"'`“‘]?"


def instruction_language(draft: Draft, sample: Sample) -> Verdict | None:
    """The instruction is clearly written in a language that is not allowed.

    What it quotes is left aside. Fewer than 12 letters, or a language that is less likely than
    all others together, tell nothing.
    """
    text = _QUOTED.sub(" ", draft.instruction)
    if sum(character.isalpha() for character in text) < MIN_LETTERS and text.isascii():
        return None
    code = text_language(text)
    if code is None or code in sample.languages:
        return None
    return drop(Reason.INSTRUCTION_LANGUAGE, f"{code}: {draft.instruction}")


def answer_given_away(draft: Draft, sample: Sample) -> Verdict | None:
    """The instruction tells an output: a phrase of an open one, or "the answer is" and a value.

    An instruction may list the labels, so a value of a closed output tells nothing, nor does one
    of several values that stand in the instruction.
    """
    field = sample.field(draft.output)
    if field is None or field.kind not in SCALAR_KINDS:
        return None
    texts = {text.casefold() for text in sample.texts(field.name) if text is not None}
    told = [text for text in sorted(texts) if _stands_in(text, draft.instruction)]
    if len(told) != 1:
        return None
    closed = label_space(field, sample.values(field.name)) != OPEN
    if _is_the_answer(told[0], draft.instruction) or (not closed and _is_phrase(told[0])):
        return drop(Reason.ANSWER_GIVEN_AWAY, f"{told[0][:80]!r} in: {draft.instruction}")
    return None


def field_not_given(draft: Draft, sample: Sample) -> Verdict | None:
    """The instruction names a field of the config that is neither an input nor the output.

    A name of several words counts wherever it stands, a single word only in quotation marks or as
    what is given ("from the passage,"). A name that shares a word with an input or the output may
    mean that one.
    """
    received = (*draft.inputs, *draft.outputs)
    known = {stem for name in received for stem in _stems(_name_words(name))}
    for name in sample.field_names:
        words = _name_words(name)
        if name in received or not words or known.intersection(_stems(words)):
            continue
        if _names_field(draft.instruction, name, words):
            return drop(Reason.FIELD_NOT_GIVEN, f"{name} in: {draft.instruction}")
    return None


def _stands_in(text: str, instruction: str) -> bool:
    found = instruction.casefold()
    return text in found and re.search(rf"(?<!\w){re.escape(text)}(?!\w)", found) is not None


def _is_the_answer(text: str, instruction: str) -> bool:
    return re.search(_ANSWER_IS + re.escape(text) + r"(?!\w)", instruction.casefold()) is not None


def _is_phrase(text: str) -> bool:
    return len(text) >= MIN_TOLD_LETTERS and len(text.split()) >= MIN_TOLD_WORDS


def _names_field(instruction: str, name: str, words: tuple[str, ...]) -> bool:
    text = instruction.casefold()
    quoted = {match["inside"].casefold() for match in _QUOTED.finditer(instruction)}
    if quoted & {name.casefold(), " ".join(words)}:
        return True
    if len(words) > 1:
        spellings = {re.escape(name.casefold()), r"[\s_-]".join(map(re.escape, words))}
        return any(re.search(rf"(?<!\w){spelling}(?!\w)", text) for spelling in spellings)
    return re.search(rf"\b{_GIVING}{re.escape(words[0])}{_ENDING}", text) is not None


def _name_words(name: str) -> tuple[str, ...]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return tuple(re.findall(r"[^\W_]+", spaced.casefold()))


def _stems(words: tuple[str, ...]) -> Iterator[str]:
    """Give the words with and without their number: `questions1` may be the `question`."""
    for word in words:
        plain = word.rstrip("0123456789")
        yield from (word, plain, plain.removesuffix("s"), f"{plain}s")
