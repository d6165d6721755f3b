"""How an instruction goes with the fields of its task: by their names, their values, their meaning.

A `Sense` gathers, for one draft, what the instruction asks for and speaks of, and how well each of
these phrases fits the output, the inputs and the config's other fields. Fit is 1 for the same
words, 0.85 for the same last word, else the likeness of phrase and name, or of phrase and labels.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache

from dynosaur_etl.proposals.asking import Reading, read_instruction
from dynosaur_etl.proposals.draft import Draft, Sample
from dynosaur_etl.proposals.grammar import word_list
from dynosaur_etl.proposals.identifiers import words_of
from dynosaur_etl.proposals.meanings import Meanings
from dynosaur_etl.proposals.profiles import Profile, share_held

SAME_HEAD = 0.85
MOST_OTHERS = 40

_LONG_TEXT = word_list("long_text")
_ANY_OUTCOME = word_list("any_outcome")
_ANY_SHORT = word_list("any_short")
_QUANTITY = word_list("quantity")
_KINDS = word_list("kinds")
_PERSON = word_list("person")


class Sense:
    """What one draft's instruction means, held against its fields."""

    def __init__(self, draft: Draft, sample: Sample, meanings: Meanings) -> None:
        self.draft = draft
        self.text = draft.instruction
        self.meanings = meanings
        self.output = sample.profile(draft.output)
        self.inputs = [sample.profile(name) for name in draft.inputs]
        named = {*draft.inputs, *draft.outputs, self.output.field.part_of}
        rest = [name for name in sample.field_names if name not in named]
        self.others = [sample.profile(name) for name in rest[:MOST_OTHERS]]
        self.sample = sample

    @cached_property
    def reading(self) -> Reading:
        return read_instruction(self.text)

    @property
    def asked(self) -> tuple[str, ...]:
        return self.reading.asked

    @property
    def wanted(self) -> tuple[str, ...]:
        """What is asked for, or may be."""
        return (*self.reading.asked, *self.reading.perhaps)

    @property
    def spoken_of(self) -> tuple[str, ...]:
        """Every phrase but what is asked for."""
        return (*self.reading.given, *self.reading.mentioned)

    @cached_property
    def fits_output(self) -> float:
        """How well what is asked for fits the output."""
        fits = [self.fit(phrase, self.output) for phrase in self.wanted]
        of_it = any(same_words(phrase, self.output) >= SAME_HEAD for phrase in self.spoken_of)
        return max([*fits, 0.5 if of_it and fits else 0.0])

    @cached_property
    def names_output(self) -> float:
        """The same by words alone."""
        return max((same_words(phrase, self.output) for phrase in self.wanted), default=0.0)

    @cached_property
    def speaks_of_inputs(self) -> float:
        """How well anything that it says fits the input that is spoken of most clearly."""
        phrases = (*self.spoken_of, *self.asked)
        return max((self.fit(p, given) for p in phrases for given in self.inputs), default=0.0)

    @cached_property
    def least_given(self) -> float:
        """How well the things that are said to be given fit an input, the worst of them."""
        return min(
            (max(self.fit(p, given) for given in self.inputs) for p in self.reading.given),
            default=1.0,
        )

    @cached_property
    def held(self) -> float:
        """The share of rows whose output stands in an input."""
        return share_held(self.output, self.inputs)

    @cached_property
    def input_words(self) -> float:
        return max(given.words for given in self.inputs)

    @cached_property
    def has_wordless_inputs(self) -> bool:
        return not any(given.has_words for given in self.inputs)

    @cached_property
    def has_options(self) -> bool:
        """An input lists options, or several inputs are options of one numbered family."""
        return any(given.holds_options for given in self.inputs) or bool(
            families(self.draft.inputs)
        )

    def fit(self, phrase: str, field: Profile) -> float:
        """Give from 0 to 1 how well a phrase fits a field."""
        by_words = same_words(phrase, field)
        if by_words >= 1:
            return 1.0
        likeness = min(0.95, self.meanings.likeness(phrase, field.spoken))
        labels = 0.0
        if field is self.output and field.is_closed:
            labels = min(0.9, 1.1 * self.meanings.likeness(phrase, field.labels_text))
        return max(by_words, likeness, labels, _fit_of_form(phrase, field))


def texts_to_compare(draft: Draft, sample: Sample) -> Iterator[str]:
    """Give the texts whose meaning a `Sense` of the draft may ask for."""
    reading = read_instruction(draft.instruction)
    yield from (*reading.asked, *reading.perhaps, *reading.given, *reading.mentioned)
    for name in (*draft.inputs, *draft.outputs):
        if sample.field(name) is not None:
            profile = sample.profile(name)
            yield profile.spoken
            yield profile.labels_text


def same_words(phrase: str, field: Profile) -> float:
    """Give how much of a phrase stands in a field's name: 1 all, 0.85 the last word of both."""
    said, named = stems(phrase), stems(field.spoken)
    if not said or not named:
        return 0.0
    if set(said) == set(named):
        return 1.0
    if said[-1] == named[-1]:
        return SAME_HEAD
    if said[-1] in named or named[-1] in said:
        return 0.6
    return 0.4 if set(said) & set(named) else 0.0


@lru_cache(maxsize=50_000)
def stems(phrase: str) -> tuple[str, ...]:
    """Give the words of a phrase in lower case, without plural endings and numbers at their end."""
    words = (word.rstrip("0123456789") or word for word in words_of(phrase))
    return tuple(stem(word) for word in words if word != "of")


def stem(word: str) -> str:
    """Give the singular of a plural, by its ending."""
    for ending, single in (("ies", "y"), ("sses", "ss"), ("es", "e"), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 2 and not word.endswith("ss"):
            return word.removesuffix(ending) + single
    return word


def families(names: Iterable[str]) -> list[list[str]]:
    """Give the names that differ by a number or letter at their end: `choice1`, `choice2`."""
    found: dict[str, list[str]] = {}
    for name in names:
        words = words_of(name)
        last = words[-1] if words else ""
        base = last.rstrip("0123456789")
        if base != last or (len(last) == 1 and len(words) > 1 and last in "abcde"):
            key = " ".join([*words[:-1], base if base != last else ""])
            found.setdefault(key, []).append(name)
    return [members for members in found.values() if len(members) > 1]


def _fit_of_form(phrase: str, field: Profile) -> float:
    """Give how well a general word fits the form of the values: a question, a number, a text."""
    said: Sequence[str] = stems(phrase)
    head = said[-1] if said else ""
    named = stems(field.spoken)
    of_a_kind = bool(_KINDS.intersection(said)) and bool(_KINDS.intersection(named))
    forms = (
        (0.6, of_a_kind),
        (0.8, head == "question" and field.asks),
        (0.75, head in {"code", "function", "program", "snippet"} and field.is_code),
        (0.7, head in _ANY_OUTCOME and field.is_closed),
        (0.7, head in {"date", "time", "day"} and field.is_dated),
        (0.6, head in _QUANTITY and field.is_numeric),
        (0.6, phrase == "person name" and bool(_PERSON.intersection(stems(field.spoken)))),
        (0.6, phrase == "person name" and field.is_short),
        (0.55, head in _LONG_TEXT and not field.is_short),
        (0.5, head in _ANY_SHORT and field.is_short),
    )
    return max((fit for fit, applies in forms if applies), default=0.0)
