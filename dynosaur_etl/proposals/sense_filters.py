"""The validity filters that hold an instruction against its output: does it ask for this task?

Each filter has one reason and several signs of it; a sign gives the words of its finding, or None.
The signs look at names, values and meanings (see `agreement`); without an embedder only identifiers
are sought. What each filter finds and loses on tasks that were read by hand stands in
`docs/filters.md`.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from dynosaur_etl.domain.features import SCALAR_KINDS
from dynosaur_etl.domain.models import Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.proposals.agreement import SAME_HEAD, Sense, families, same_words, stems
from dynosaur_etl.proposals.draft import Draft, Sample, drop
from dynosaur_etl.proposals.grammar import word_list
from dynosaur_etl.proposals.profiles import Profile, share_held
from dynosaur_etl.proposals.specifics import label_named, row_words, specific_words

HELD = 0.5
MOSTLY_HELD = 0.8
FITS_LITTLE = 0.45
FITS_NOTHING = 0.2
FITS_SOMEWHAT = 0.6
NOT_GIVEN = 0.3
OF_THE_RECORD = 0.8
PERHAPS_OF_THE_RECORD = 0.6
LONG_INPUT = 5

Sign = Callable[[Sense], str | None]

_CHOICES = re.compile(
    r"\b(?:options?|choices?|alternatives?|candidates?|multiple[- ]choice)\b", re.IGNORECASE
)
_OTHER_ROWS = re.compile(
    r"\b(?:data ?sets?|(?:in|from) the (?:data|table)|database|corpus)\b", re.IGNORECASE
)
_ALL_ROWS = re.compile(r"\b(?:all|every) (?:of )?(?:the )?[a-z]+s\b", re.IGNORECASE)
_CHANGES = re.compile(
    r"\b(?:opposite|reversed?|swap(?:ped)?|vice versa|replaced by|inverted?)\b", re.IGNORECASE
)
_CHANGED = re.compile(r"opposite|revers|swap|anton|replac|invert|negat", re.IGNORECASE)
_RIGHT = re.compile(r"\b(?:correct|right|best|true)\b", re.IGNORECASE)
_TWO = re.compile(r"\b(?:two|both|pair)\b")
_OF_TWO = re.compile(r"\bof (?:the |these |those )?(?:two|both)\b", re.IGNORECASE)
_BLANK = re.compile(r"\bblanks?\b", re.IGNORECASE)
_QUESTIONS = re.compile(r"\b(?:question|quer|ask|problem|riddle|wonder)", re.IGNORECASE)
_ESTIMATES = re.compile(r"\b(?:estimate|approximate|roughly|rate|grade)\b", re.IGNORECASE)
_COUNTS = re.compile(r"^\W*count\b", re.IGNORECASE)
_MEANINGLESS_NAMES = word_list("meaningless_names")
_ANSWERS = word_list("answers")
_RECORD_HEADS = word_list("record_heads")
_RECORD_WORDS = word_list("record_words")
_WRITERS = word_list("writers")
_TALLIES = word_list("tallies")
_PLACES = word_list("places")
_COUNTED = word_list("counted")
_COUNTABLE = word_list("countable")


def output_identifier(draft: Draft, sample: Sample) -> Verdict | None:
    """The output names its rows, by a number, a code or an address that no input holds."""
    if not _is_known(draft, sample):
        return None
    output = sample.profile(draft.output)
    inputs = [sample.profile(name) for name in draft.inputs]
    if output.identifier is None or share_held(output, inputs) >= MOSTLY_HELD:
        return None
    shown = ", ".join(output.texts[:2])
    return drop(Reason.OUTPUT_IDENTIFIER, f"{output.name} holds {output.identifier}: {shown[:160]}")


def asks_for_input(draft: Draft, sample: Sample) -> Verdict | None:
    """What the instruction asks for is an input, and not the output."""
    return _first_sign(Reason.ASKS_FOR_INPUT, (_names_an_input,), draft, sample)


def asks_for_other(draft: Draft, sample: Sample) -> Verdict | None:
    """What the instruction asks for is not what the output holds."""
    signs = (_fits_output_little, _yes_or_no, _no_questions, _question_unheard, _unmade_change)
    return _first_sign(Reason.ASKS_FOR_OTHER, (*signs, _one_of_several), draft, sample)


def fits_few_rows(draft: Draft, sample: Sample) -> Verdict | None:
    """The instruction fits one row, or the rows of one label, and is wrong for the others."""
    signs = (_words_of_one_row, _specific_words, _one_label)
    return _first_sign(Reason.FITS_FEW_ROWS, signs, draft, sample)


def needs_not_given(draft: Draft, sample: Sample) -> Verdict | None:
    """The instruction needs something that is no input: choices, a second text, other rows."""
    signs = (_choices_missing, _choices_spoken_of, _other_rows, _more_than_given, _two_of_one)
    more = (_blank_missing, _other_field)
    return _first_sign(Reason.NEEDS_NOT_GIVEN, (*signs, *more), draft, sample)


def output_not_derivable(draft: Draft, sample: Sample) -> Verdict | None:
    """Nothing that is given tells the output: who wrote it, when, how often, or from a number."""
    signs = (_inputs_are_numbers, _named_for_record, _meant_for_record, _date_not_held, _tally)
    return _first_sign(
        Reason.OUTPUT_NOT_DERIVABLE, (*signs, _source, _short_names, _person), draft, sample
    )


def _first_sign(
    reason: Reason, signs: Sequence[Sign], draft: Draft, sample: Sample
) -> Verdict | None:
    if sample.meanings is None or not _is_known(draft, sample):
        return None
    sense = _sense(draft, sample)
    found = next((words for sign in signs if (words := sign(sense)) is not None), None)
    return None if found is None else drop(reason, f"{found}: {draft.instruction}")


@lru_cache(maxsize=4)
def _sense(draft: Draft, sample: Sample) -> Sense:
    if sample.meanings is None:
        raise ValueError("meanings: received None; allowed: an embedder")
    return Sense(draft, sample, sample.meanings)


def _is_known(draft: Draft, sample: Sample) -> bool:
    fields = [sample.field(name) for name in (*draft.inputs, *draft.outputs)]
    output = sample.field(draft.output)
    known = bool(draft.inputs) and len(draft.outputs) == 1 and all(fields)
    return known and output is not None and output.kind in SCALAR_KINDS


def _names_an_input(sense: Sense) -> str | None:
    options = {name for members in families(sense.draft.inputs) for name in members}
    plain = [one for one in sense.inputs if one.name not in options and not one.is_listed]
    named = next(
        (one for one in plain for said in sense.asked if same_words(said, one) >= SAME_HEAD), None
    )
    fits = sense.names_output >= 0.6 or sense.fits_output >= 0.75
    return None if named is None or fits else f"it asks for the input {named.name}"


def _fits_output_little(sense: Sense) -> str | None:
    output = sense.output
    says_little = bool(_MEANINGLESS_NAMES.intersection(stems(output.spoken)))
    if sense.reading.whether or says_little or len(output.spoken) < 4 or output.is_numeric:
        return None
    if len(output.distinct) < 2 or any(character.isdigit() for character in output.name):
        return None
    phrases = sense.wanted or (() if sense.reading.question else sense.spoken_of)
    fit = max((sense.fit(phrase, output) for phrase in phrases), default=1.0)
    if max(fit, sense.fits_output) >= (FITS_LITTLE if output.words <= 3 else FITS_NOTHING):
        return None
    return f"{phrases[0]!r} and {output.name} have a fit of {fit:.2f}"


def _yes_or_no(sense: Sense) -> str | None:
    output = sense.output
    asks = sense.reading.whether and not sense.asked
    open_ended = output.words > 4 or output.is_numeric or not output.is_closed
    return f"it asks whether, and {output.name} is open" if asks and open_ended else None


def _no_questions(sense: Sense) -> str | None:
    asks = any(stems(phrase)[-1:] == ("question",) for phrase in sense.asked)
    output = sense.output
    if asks and not output.asks and sense.names_output < SAME_HEAD:
        return f"it asks for a question, and {output.name} holds none"
    said = _QUESTIONS.search(sense.text) or sense.reading.whether or not sense.asked
    all_ask = sum(text.rstrip().endswith("?") for text in output.texts) >= 0.8 * len(output.texts)
    if all_ask and output.asks and not said and sense.fits_output < FITS_LITTLE:
        return f"{output.name} holds questions, and it asks for none"
    return None


def _question_unheard(sense: Sense) -> str | None:
    """Find an instruction over questions that neither speaks of one nor asks for an answer."""
    asked = sense.inputs[0] if all(one.asks for one in sense.inputs) else None
    heard = _QUESTIONS.search(sense.text) or "answer" in sense.text.casefold()
    if asked is None or heard or sense.reading.question:
        return None
    spoken = max((sense.fit(phrase, asked) for phrase in sense.spoken_of), default=0.0)
    return f"it does not speak of the question in {asked.name}" if spoken < FITS_LITTLE else None


def _unmade_change(sense: Sense) -> str | None:
    said = _CHANGES.search(sense.text)
    if said is None or _CHANGED.search(sense.output.name):
        return None
    return f"{said[0]!r} is not what {sense.output.name} holds"


def _one_of_several(sense: Sense) -> str | None:
    """Find "the right answer" where the output is one of three or more numbered fields."""
    all_names = sense.sample.field_names
    alike = [
        group for group in families(all_names) if sense.output.name in group and len(group) > 2
    ]
    if not alike or set(alike[0]) & set(sense.draft.inputs) or not _RIGHT.search(sense.text):
        return None
    return f"{sense.output.name} is one of {len(alike[0])} fields"


def _words_of_one_row(sense: Sense) -> str | None:
    words = row_words(sense)
    return f"words of a single row, {', '.join(words[:4])}" if len(words) > 1 else None


def _specific_words(sense: Sense) -> str | None:
    """Find an instruction that does not speak of its inputs, or of something else as given."""
    known = specific_words(sense)
    speaks = sense.speaks_of_inputs >= FITS_SOMEWHAT
    if not speaks and (row_words(sense) or known.names or len(known.words) > 2):
        found = dict.fromkeys((*row_words(sense), *known.names, *known.words))
        return f"of no input, but of {', '.join(list(found)[:4])}"
    if sense.least_given < NOT_GIVEN and len(known.words) > 1:
        return f"of something particular, {', '.join(known.words[:4])}"
    return None


def _one_label(sense: Sense) -> str | None:
    found = label_named(sense)
    return None if found is None else f"it fixes {found[1]!r}, and {found[0]} has other values"


def _choices_missing(sense: Sense) -> str | None:
    output = sense.output
    answers = bool(_ANSWERS.intersection(stems(output.spoken)))
    numbered = answers and output.numbers_options and _has_option_fields(sense)
    if sense.has_options or not (output.names_options or numbered):
        return None
    return f"{output.name} is the sign of an option, and none are given"


def _has_option_fields(sense: Sense) -> bool:
    """Tell whether the config has fields of options: a numbered family, or a list called so."""
    groups = [
        group for group in families(sense.sample.field_names) if sense.output.name not in group
    ]
    texts = [group for group in groups if sense.sample.profile(group[0]).has_words]
    called = [one for one in sense.others if one.is_listed and _CHOICES.search(one.spoken)]
    return bool(texts or called)


def _choices_spoken_of(sense: Sense) -> str | None:
    said = _CHOICES.search(sense.text)
    named = any(_CHOICES.search(one.spoken) for one in (*sense.inputs, sense.output))
    if said is None or named or sense.has_options or len(sense.inputs) > 2:
        return None
    return f"no {said[0]} are given"


def _other_rows(sense: Sense) -> str | None:
    said = _OTHER_ROWS.search(sense.text)
    if said is not None and not any(
        word in one.spoken for one in sense.inputs for word in ("data", "schema", "table", "corpus")
    ):
        return f"{said[0]!r} is not given"
    said = _ALL_ROWS.search(sense.text)
    closed = all(one.is_closed or not one.has_words for one in sense.inputs)
    return f"{said[0]!r} are rows that are not given" if said and closed else None


def _more_than_given(sense: Sense) -> str | None:
    """Find more things that are said to be given than there are inputs."""
    items = sense.reading.items
    if len(items) <= len(sense.inputs) or any(one.is_listed for one in sense.inputs):
        return None
    missing = next((item for item in items if _is_missing(item, sense)), None)
    return None if missing is None else f"no {missing} is given"


def _is_missing(item: str, sense: Sense) -> bool:
    if max(sense.fit(item, one) for one in sense.inputs) < FITS_SOMEWHAT:
        return True
    by_words = max(same_words(item, one) for one in sense.inputs)
    return same_words(item, sense.output) >= SAME_HEAD and by_words < FITS_SOMEWHAT


def _two_of_one(sense: Sense) -> str | None:
    if len(sense.inputs) > 1 or sense.inputs[0].is_listed or "pair" in sense.inputs[0].spoken:
        return None
    asked = sense.asked if _OF_TWO.search(sense.text) else ()
    said = next((phrase for phrase in (*sense.spoken_of, *asked) if _TWO.search(phrase)), None)
    return None if said is None else f"{said}, and one is given"


def _blank_missing(sense: Sense) -> str | None:
    if not _BLANK.search(sense.text) or any(one.has_blanks for one in sense.inputs):
        return None
    return "no input has a blank"


def _other_field(sense: Sense) -> str | None:
    """Find the name of a field that the task does not receive, where none of its own is meant."""
    for phrase in sense.spoken_of:
        other = next((one for one in sense.others if same_words(phrase, one) >= 1), None)
        own = max(sense.fit(phrase, one) for one in (*sense.inputs, sense.output))
        if other is not None and own < FITS_SOMEWHAT and len(stems(phrase)) > 1:
            return f"{other.name} is not given"
    return None


def _inputs_are_numbers(sense: Sense) -> str | None:
    """Find inputs without words that name records, or of which a text is to be made."""
    if sense.held >= HELD:
        return None
    names = ", ".join(sense.draft.inputs)
    if all(one.names_records for one in sense.inputs):
        return f"{names} only names a record"
    if not sense.has_wordless_inputs:
        return None
    output = sense.output
    of_records = any(one.names_records for one in sense.inputs) and not output.is_numeric
    if of_records or (output.has_words and output.words >= 3):
        return f"{names} has no words"
    return None


def _named_for_record(sense: Sense) -> str | None:
    words = stems(sense.output.spoken)
    if sense.held >= HELD or not _may_be_metadata(sense.output):
        return None
    of_record = bool(_RECORD_HEADS.intersection(words[-1:]) or _RECORD_WORDS.intersection(words))
    written = bool(_WRITERS.intersection(words)) and sense.input_words >= LONG_INPUT
    return f"{sense.output.name} is not told by its inputs" if of_record or written else None


def _may_be_metadata(output: Profile) -> bool:
    """Tell whether values may be facts about a record: neither classes nor whole texts."""
    return not output.is_class and output.is_short


def _meant_for_record(sense: Sense) -> str | None:
    about = sense.meanings.about_record(sense.output.spoken)
    known_of_a_name = sense.output.has_words and sense.input_words < LONG_INPUT
    estimated = _ESTIMATES.search(sense.text) is not None
    known = sense.held >= HELD or known_of_a_name or estimated
    if about <= OF_THE_RECORD or known or not _may_be_metadata(sense.output):
        return None
    return f"{sense.output.name} speaks of the record ({about:.2f})"


def _date_not_held(sense: Sense) -> str | None:
    asks = any(one.asks for one in sense.inputs)
    if not sense.output.is_dated or sense.held >= HELD or asks or sense.input_words < 4:
        return None
    return f"the date in {sense.output.name} stands in no input"


def _tally(sense: Sense) -> str | None:
    """Find a number of times that nothing given tells."""
    output = sense.output
    told = _COUNTS.search(sense.text) or _ESTIMATES.search(sense.text)
    if not output.is_numeric or sense.held >= HELD or told:
        return None
    asks = any(_COUNTED.intersection(stems(phrase)[:1]) for phrase in sense.asked)
    large = any(len(text.split(".")[0].lstrip("-")) > 1 for text in output.distinct)
    large = large or len(output.distinct) == 1
    about = sense.meanings.about_record(output.spoken)
    spoken_of = {word for phrase in sense.asked for word in stems(phrase)}
    uncounted = not any(_has_digits(one) for one in sense.inputs) and not spoken_of & _COUNTABLE
    counted = asks and large and (about > PERHAPS_OF_THE_RECORD or uncounted)
    named = stems(output.spoken)
    called = (_TALLIES.intersection(named) and large) or _PLACES.intersection(named[-1:])
    return f"{output.name} is a number that nothing tells" if counted or called else None


def _has_digits(given: Profile) -> bool:
    return sum(any(map(str.isdigit, text)) for text in given.texts) > len(given.texts) / 3


def _person(sense: Sense) -> str | None:
    """Find "who ...", where the name stands in none of the texts."""
    output = sense.output
    asks = "person name" in sense.asked
    named = output.is_short and not output.is_class and not output.is_numeric
    if asks and named and sense.held < HELD and sense.input_words >= LONG_INPUT:
        return f"{output.name} is a name that no text holds"
    return None


def _source(sense: Sense) -> str | None:
    asks = any(stems(phrase)[-1:] == ("source",) for phrase in sense.asked)
    named = "source" in stems(sense.output.spoken)
    return "the source is not told by its text" if asks and named and sense.held < HELD else None


def _short_names(sense: Sense) -> str | None:
    """Find speakers that are known by one or two letters only."""
    output: Profile = sense.output
    codes = bool(output.texts) and max(map(len, output.texts)) <= 2 and not output.is_numeric
    persons = {"speaker", "caller", "user", "person", "author"}
    asks = any(persons.intersection(stems(phrase)) for phrase in sense.asked)
    unknown = codes and asks and not output.is_class
    return f"{output.name} is a letter that nothing tells" if unknown else None
