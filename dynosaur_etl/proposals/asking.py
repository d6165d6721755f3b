"""What an instruction asks for and what it says is given, read with light rules.

An instruction is an order ("Summarise the text"), a question ("Which genre is it?") or a situation
and an order ("You are given a text. Name ..."). The words are cut into phrases at prepositions,
conjunctions and punctuation; the phrase behind the order's verb is what is asked for, all others
are what is given. A verb may itself name its outcome: who summarises writes a summary. English
only: instructions are asked for in English.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from dynosaur_etl.proposals.grammar import phrase_table, word_list

MAX_WORDS = 120

_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)?|[.?!:;,()]|[/&]")
_SENTENCE_ENDS = frozenset(".?!:;")
_PAUSES = frozenset(",()/&")

OUTCOMES = phrase_table("outcomes")
"""Verbs that name their outcome: who summarises writes a summary."""

_PLAIN_VERBS = word_list("plain_verbs")
VERBS = frozenset(OUTCOMES) | _PLAIN_VERBS
_INTO_VERBS = word_list("into_verbs")
_MATERIAL_VERBS = word_list("material_verbs")
_READING_VERBS = word_list("reading_verbs")
_LEAD_INS = re.compile(
    r"^(?:please|kindly|now|then|and|also|first|next|finally|try to|help me|help to|let us|to"
    r"|(?:can|could|would|will) you|i (?:want|would like) you to|task|instruction"
    r"|you (?:should|must|will|need to|have to|are to|can|are asked to)|(?:is|are) asked to"
    r"|(?:the|your|this) (?:task|job|goal|aim|objective|challenge)s? (?:is|are|asks?|requires?)"
    r"(?: (?:you|models?|the model))?(?: to)?|in this task|in this exercise|for this task)"
    r"\b[\s,:]*"
)
_GIVEN = re.compile(
    r"^(?:(?:you(?:'re|’re| are| will be| were| have been| get| receive| see)"
    r"(?: given| provided with| provided| shown| presented with)?)"
    r"|given|provided(?: with)?|based (?:only |solely )?on|according to|using(?: only)?|from|with"
    r"|for|in|(?:here|below|there) (?:is|are)|considering|by (?:reading|using|looking at))\b"
)
_BREAKS = word_list("breaks")
_FILLERS = word_list("fillers")
_GENERAL = word_list("general")
_ARTICLES = word_list("articles")
_ARTICLE_LISTS = [[word] for word in ("the", "a", "an", "this", "these", "each")]
_GIVEN_WORDS = frozenset(["given", "provided", "from", "using", "based", "according", "read"])
_PARTICLES = frozenset(["up", "with", "out", "down", "back", "in", "at", "me", "us"])
_INTO = frozenset(["into", "to", "as", "by", "in", "with"])
_ALSO_ASKED = frozenset({"ask"})
_CLAUSES = frozenset(
    ["whether", "if", "what", "which", "who", "whom", "when", "where", "how", "why"]
)
_HANGING = frozenset(["about", "for", "like", "with", "on", "from", "to", "at"])
_FINITE = word_list("finite")
_WH = phrase_table("wh")
_HOW = phrase_table("how")
_YES_NO = word_list("yes_no")


@dataclass(frozen=True)
class Reading:
    """What an instruction says.

    Attributes:
        asked: phrases for what is asked for, the closest to the verb first.
        given: phrases for what it says is given: "Given A", "based on B", "read C".
        mentioned: phrases for everything else that it speaks of.
        items: the first phrase of each thing that is said to be given, one of "A of B and C" each.
        perhaps: phrases that may be asked for: what is rated, explained or classified.
        whether: it asks for a yes or no, or for one of two.
        question: it is a question, not an order.
    """

    asked: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    mentioned: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    whether: bool = False
    question: bool = False


@dataclass
class _Notes:
    """A reading on the way."""

    asked: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    mentioned: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    perhaps: list[str] = field(default_factory=list)
    whether: bool = False
    question: bool = False

    def mention(self, words: Sequence[str]) -> None:
        for phrase, is_given in _phrases(words):
            if phrase not in _GENERAL:
                (self.given if is_given else self.mentioned).append(phrase)

    def give(self, words: Sequence[str]) -> None:
        self.given += [phrase for phrase, _ in _phrases(words) if phrase not in _GENERAL]


@lru_cache(maxsize=10_000)
def read_instruction(text: str) -> Reading:
    """Read an instruction; of one that is none of the known forms every phrase is mentioned."""
    notes = _Notes()
    for sentence in _sentences(text):
        _read_sentence(sentence, notes)
    return Reading(
        tuple(dict.fromkeys(filter(None, notes.asked))),
        tuple(dict.fromkeys(notes.given)),
        tuple(dict.fromkeys(notes.mentioned)),
        tuple(dict.fromkeys(notes.items)),
        tuple(dict.fromkeys(notes.perhaps)),
        notes.whether,
        notes.question,
    )


def _sentences(text: str) -> Iterator[list[str]]:
    """Give the words of each sentence, in lower case; pauses stay as words."""
    words: list[str] = []
    for token in _TOKEN.findall(text.casefold().replace("_", " "))[:MAX_WORDS]:
        if token in _SENTENCE_ENDS:
            yield words
            words = []
        else:
            words.append(token)
    yield words


def _read_sentence(words: Sequence[str], notes: _Notes) -> None:
    words = _without_lead_ins(words)
    if words[:1] and words[0] in _BREAKS and words[1:2] in (["what"], ["which"], ["whose"]):
        words = words[1:]
    if not words:
        return
    given = _GIVEN.match(" ".join(words))
    if given:
        skipped = len(given[0].split())
        end = _end_of_given(words, skipped)
        notes.give(words[skipped:end])
        notes.items += _items(words[skipped:end])
        _read_sentence(words[end:], notes)
    elif _is_order(words):
        _read_order(words, notes)
    else:
        _read_question(words, notes)


def _items(words: Sequence[str]) -> list[str]:
    """Give the first phrase of each of the things that are joined by `and` or a comma."""
    found: list[list[str]] = [[]]
    for word in words:
        if word in {"and", ","}:
            found.append([])
        else:
            found[-1].append(word)
    firsts = [next(iter(_phrases(item)), ("", False))[0] for item in found]
    return [phrase for phrase in firsts if phrase]


def _without_lead_ins(words: Sequence[str]) -> list[str]:
    text = " ".join(words).strip(" ,")
    while (found := _LEAD_INS.match(text)) and found.end():
        text = text[found.end() :].strip(" ,")
    return text.split()


def _end_of_given(words: Sequence[str], start: int) -> int:
    """Find where what is given ends: at a comma that an order or a question follows."""
    commas = [at for at in range(start, len(words)) if words[at] == ","]
    for at in commas:
        if _begins_order(_without_lead_ins(words[at + 1 :])):
            return at
    for at in range(start + 1, len(words)):
        if " ".join(words[at : at + 2]) in {"can you", "could you", "please generate"}:
            return at
    return commas[0] if commas else len(words)


def _begins_order(words: Sequence[str]) -> bool:
    return bool(words) and (words[0] in VERBS or words[0] in _CLAUSES or words[0] in _YES_NO)


def _is_order(words: Sequence[str]) -> bool:
    """Tell whether words begin with a known verb, or with one that an article follows."""
    known = words[0] in VERBS and not _is_question(words)
    return known or (words[0] not in _BREAKS | _FILLERS | _CLAUSES and words[1:2] in _ARTICLE_LISTS)


def _is_question(words: Sequence[str]) -> bool:
    return words[0] in _YES_NO and words[1:2] not in (["you"], ["we"])


def _read_order(words: Sequence[str], notes: _Notes) -> None:
    verb, rest = words[0], list(words[1:])
    while rest and rest[0] in _PARTICLES:
        rest = rest[1:]
    if verb in _READING_VERBS:
        _read_first_step(rest, notes)
    elif rest and rest[0] in _CLAUSES:
        _read_clause(rest, notes)
    else:
        _read_object(verb, rest, notes)


def _read_first_step(rest: Sequence[str], notes: _Notes) -> None:
    """Read "Read the text and decide ...": what is read is given, the order comes behind it."""
    for at, word in enumerate(rest):
        behind = _without_lead_ins(rest[at + 1 :])
        if word in {"and", ",", "to"} and behind and behind[0] in VERBS:
            notes.give(rest[:at])
            _read_sentence(behind, notes)
            return
        if word in {"into", "as"}:
            notes.give(rest[:at])
            _read_asked(rest[at + 1 :], notes)
            return
    notes.give(rest)


def _read_object(verb: str, rest: Sequence[str], notes: _Notes) -> None:
    """Read what stands behind the verb of an order."""
    second = next((at for at in range(2, len(rest)) if _is_second_order(rest, at)), None)
    if second is not None:
        _read_order(rest[second:], notes)
        rest = rest[: second - 1]
    outcome = OUTCOMES.get(verb, "")
    notes.asked += [outcome] if outcome else []
    into = _place_of(_into_words(verb), rest)
    if into is not None and into < len(rest) - 1:
        notes.give(rest[:into])
        rest = rest[into + 1 :]
    elif outcome and verb not in _ALSO_ASKED:
        notes.perhaps += [phrase for phrase, _ in _phrases(rest)][:1]
        notes.give(rest)
        return
    elif verb in _MATERIAL_VERBS or (not outcome and verb not in VERBS):
        _read_first_step(rest, notes)
        return
    _read_asked(rest, notes)


def _place_of(wanted: frozenset[str], words: Sequence[str]) -> int | None:
    """Find the first of some words; what stands in a relative clause does not count."""
    for at, word in enumerate(words):
        if word in wanted:
            return at
        if word in {"that", "which", "who", "whose", "where"}:
            return None
    return None


def _into_words(verb: str) -> frozenset[str]:
    if verb == "fill":
        return frozenset({"with"})
    return _INTO if verb in _INTO_VERBS else frozenset()


def _is_second_order(words: Sequence[str], at: int) -> bool:
    """Tell whether a second order begins: "and decide whether", ", name the"."""
    follows = words[at - 1] in {"and", ",", "then"} and words[at] in VERBS
    behind = words[at + 1 : at + 2]
    return follows and bool(behind) and (behind[0] in _FILLERS or behind[0] in _CLAUSES)


def _read_asked(words: Sequence[str], notes: _Notes) -> None:
    """Take the first phrase as what is asked for, with the next one where it is a general word."""
    phrases = [phrase for phrase, _ in _phrases(words)]
    if not phrases or (len(phrases[0].split()) == 1 and phrases[0].endswith("ed")):
        notes.mention(words)
        return
    first = phrases[0]
    last = first.split()[-1]
    notes.asked.append(_without_participle(first))
    taken = 1
    if len(phrases) > 1 and last in _GENERAL and "of" in words[: words.index(last) + 2]:
        notes.asked[-1:] = [f"{first} of {phrases[1]}", phrases[1]]
        taken = 2
    start = _place_behind(words, taken)
    notes.mention(words[start:])


def _without_participle(phrase: str) -> str:
    """Give "system" for "system used", what is said of it aside."""
    words = phrase.split()
    while len(words) > 1 and words[-1].endswith("ed"):
        words.pop()
    return " ".join(words)


def _place_behind(words: Sequence[str], taken: int) -> int:
    """Give where the words behind the first phrases begin."""
    for end in range(1, len(words) + 1):
        if len(_phrases(words[:end])) > taken:
            return end - 2 if end > 1 else 0
    return len(words)


def _read_clause(words: Sequence[str], notes: _Notes) -> None:
    """Read "whether ...", "which ...", "how many ..." behind a verb."""
    if words[0] in {"whether", "if"}:
        notes.whether = True
        notes.mention(words[1:])
    else:
        _read_wh(words, notes)


def _read_wh(words: Sequence[str], notes: _Notes) -> None:
    first, rest = words[0], list(words[1:])
    if first in _WH:
        notes.asked.append(_WH[first])
        notes.mention(rest)
    elif first == "how":
        noun = _HOW.get(rest[0], rest[0]) if rest and rest[0] not in _YES_NO else "way"
        behind = [phrase for phrase, _ in _phrases(rest[1:])][:1]
        notes.asked.append(" ".join([noun, *behind]) if rest[:1] == ["many"] else noun)
        notes.mention(rest[1:])
    elif rest[-1:] and rest[-1] in _HANGING:
        notes.mention(rest)
    else:
        _read_asked(rest[1:] if rest[:1] and rest[0] in _YES_NO else _split_at_verb(rest), notes)


def _split_at_verb(words: Sequence[str]) -> list[str]:
    """Put a pause before the verb of "which account posted it"."""
    for at in range(1, len(words)):
        if words[at].endswith("ed") or words[at] in _FINITE:
            return [*words[:at], ",", *words[at:]]
    return list(words)


def _read_question(words: Sequence[str], notes: _Notes) -> None:
    notes.question = True
    if words[0] in _YES_NO and len(words) > 1:
        notes.whether = True
        notes.mention(words[1:])
    elif words[0] in _CLAUSES:
        _read_clause(words, notes)
    else:
        notes.whether = notes.whether or "whether" in words
        notes.question = "whether" not in words
        notes.mention(words)


def _phrases(words: Sequence[str]) -> list[tuple[str, bool]]:
    """Cut words into phrases, without articles and the like, each with whether it is given."""
    found: list[tuple[list[str], bool]] = [([], False)]
    for at, word in enumerate(words):
        behind = words[at + 1] if at + 1 < len(words) else ""
        before = words[at - 1] if at else ""
        marks_given = word in _GIVEN_WORDS and (before not in _ARTICLES) and behind in _ARTICLES
        if marks_given:
            found.append(([], True))
        elif word == "given" and before in _ARTICLES:
            found[-1] = (found[-1][0], found[-1][1] or not found[-1][0])
        elif word in _BREAKS or word in _PAUSES:
            found.append(([], found[-1][1] and (word in {"and", ","} or not found[-1][0])))
        elif word not in _FILLERS:
            found[-1][0].append(word.removesuffix("'s").removesuffix("’s"))
    return [(" ".join(phrase), given) for phrase, given in found if phrase]
