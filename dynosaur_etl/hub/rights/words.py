"""The vocabulary of rights: words that mean the same under one name, and typing errors mended."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files

_LEAST_MENDED = 6
_DASHES = re.compile(r"[‐‑‒–—−]")
_QUOTES = re.compile(r"[’‘`´]")
_NOT = r"(?:not|never|nothing|no|neither|nor|nobody|in no way|by no means)"
_JOINED = tuple(
    (re.compile(pattern), joined)
    for pattern, joined in (
        (r"n't\b", " not"),
        (r"\bcannot\b", "can not"),
        (r"\bno\.\s*(?=[a-z]{0,4}[\s-]?\d)", "number "),
        (r"\bnon?[\s-]+(?=comm?e|profit|comerc)", "non"),
        (r"\bnicht[\s-]+(?=kommerz)", "nicht"),
        (r"\bnot[\s-]for[\s-]profit", "notforprofit"),
        (r"\bfor[\s-]profit\b", "forprofit"),
        (r"\boff[\s-]limits|\bout of (?:bounds|the question)", "offlimits"),
        (r"\brul(?:e|es|ed|ing) out\b", "excludes"),
        (r"\bin[\s-]house\b", "inhouse"),
        (r"\bused to be\b", "used-to be"),
        (r"\bshared[\s-]task\b", "shared-task"),
        (r"\bre-(?=us|distrib|publ|post|upl|host|shar|prod)", "re"),
        (
            r"\bpass(?:ed|ing|es)? (?:\w+ ){0,2}?on\b|\bhand(?:ed|ing)? (?:\w+ ){0,2}?on\b",
            "redistribute",
        ),
        (r"\?\s*(?:sorry,? )?(?:no|unfortunately|not)\b", " answerno "),
        (r"\?\s*(?:yes|sure|of course|certainly)\b", " answeryes "),
        (
            rf"\b{_NOT} (?:\w+ ){{0,2}}?(?:limited|restricted|confined|reserved)\b"
            r"|\bnot (?:only|just|merely|solely)\b",
            " notlimited ",
        ),
        (
            rf"\b{_NOT} (?:\w+ ){{0,1}}?(?:prohibit|forbid|prevent|exclude|restrict|limit|ban|stop"
            r"|hinder|forbidden|banned)(?:s|ed|d)?\b",
            " notforbidden ",
        ),
        (
            r"\bneed not\b|\bno need\b"
            rf"|\b{_NOT} [^.;,?]{{0,30}}?\b(?:needs?|needed|required?|have to|has to|necessary)\b",
            " noneed ",
        ),
        (
            r"\bwithout (?:\w+ ){0,3}?(?:permissions?|asking|consent|approval|restrictions?"
            r"|limit\w*|fees?|charge|paying|payment|licen[cs]es?|conditions?|registration)\b",
            " withoutasking ",
        ),
    )
)
_URL = re.compile(r"(?:https?://|www\.)[^\s)>\]]*|mailto:\S*|\S+@\S+")
_TOKEN = re.compile(
    r"[a-zà-ÿß][a-zà-ÿß0-9_]*(?:['-][a-zà-ÿß0-9]+)*|\d[\d.,]*|[一-龥ぁ-んァ-ヶ가-힣]+"
)
_ASIAN = re.compile(r"[一-龥ぁ-んァ-ヶ가-힣]")


def _vocabulary() -> str:
    return files("dynosaur_etl.hub.rights").joinpath("vocabulary.toml").read_text("utf-8")


@cache
def _tables() -> tuple[dict[str, str], dict[str, str], dict[str, str], tuple[str, ...]]:
    """Return whole words, beginnings, words with a letter left out, and Asian words by length."""
    whole: dict[str, str] = {}
    begun: dict[str, str] = {}
    mended: dict[str, str] = {}
    asian: list[str] = []
    for name, words in tomllib.loads(_vocabulary()).items():
        for word in words.split():
            bare = word.removesuffix("*")
            if _ASIAN.search(bare):
                asian.append(bare)
                whole.setdefault(bare, name)
            elif word.endswith("*"):
                begun.setdefault(bare, name)
            else:
                whole.setdefault(bare, name)
    for word in (*_OFTEN_MISTYPED, *begun, *whole):
        meant = _concept_of(word, whole, begun)
        if meant is not None and len(word) >= _LEAST_MENDED:
            for left in _deletions(word):
                mended.setdefault(left, meant)
    return whole, begun, mended, tuple(sorted(asian, key=len, reverse=True))


_OFTEN_MISTYPED = (
    "academic", "allowed", "commercial", "commercially", "copyright", "educational", "exclusively",
    "forbidden", "licence", "license", "noncommercial", "permission", "permitted", "prohibited",
    "purposes", "redistribute", "redistribution", "required", "research", "researchers",
    "reserved", "restricted", "scientific", "written",
)  # fmt: skip


def _concept_of(word: str, whole: dict[str, str], begun: dict[str, str]) -> str | None:
    if word in whole:
        return whole[word]
    for end in range(len(word), 2, -1):
        if word[:end] in begun:
            return begun[word[:end]]
    return None


def _deletions(word: str) -> Iterator[str]:
    yield word
    for at in range(len(word)):
        yield word[:at] + word[at + 1 :]


@lru_cache(maxsize=50_000)
def concept(word: str) -> str | None:
    """Return the name that a word in lower case goes under; None for one without a name.

    Long words are recognised with one letter too many, too few, wrong or in the wrong place.
    """
    whole, begun, mended, _ = _tables()
    found = _concept_of(word, whole, begun)
    if found is None and len(word) >= _LEAST_MENDED and word.isalpha():
        found = next((mended[left] for left in _deletions(word) if left in mended), None)
    return found


@lru_cache(maxsize=1_000)  # a sentence is mostly asked about three times
def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text in lower case, with what belongs together joined."""
    text = _QUOTES.sub("'", _DASHES.sub("-", text))
    text = _URL.sub(" link ", text)
    for pattern, joined in _JOINED:
        text = pattern.sub(joined, text)
    return tuple(word for token in _TOKEN.findall(text) for word in _split(token))


def _split(token: str) -> list[str]:
    if _ASIAN.match(token):
        return _asian_words(token)
    if token[0].isdigit():
        return ["0"]
    token = token.replace("'s", "").replace("'", "")
    return token.split("-") if token not in ("used-to", "shared-task") else [token]


def _asian_words(token: str) -> list[str]:
    """Cut a run of characters at the words that are known; the rest is passed over."""
    *_, asian = _tables()
    found, at = [], 0
    while at < len(token):
        word = next((known for known in asian if token.startswith(known, at)), None)
        if word is not None:
            found.append(word)
        at += len(word) if word else 1
    return found
