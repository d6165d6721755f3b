"""Cutting texts to a length without leaving half a word, half a sentence or half a character."""

import re
import unicodedata
from collections.abc import Sequence

MAX_CHARACTERS = 2000

_SENTENCE_END = re.compile("[.!?][\"')\\]”’]*\\s|[。！？]|\n")
_SEARCHED_PART = 4
_JOINER = "\u200d"
_LONGEST_CLUSTER = 32


def cut(text: str, limit: int = MAX_CHARACTERS) -> str:
    """Cut a text to at most `limit` characters.

    The cut falls behind the last sentence that ends in the last quarter of the limit, else before
    the word that crosses the limit, else, inside one endless word, between two characters as a
    reader sees them: a letter keeps its accents, and an emoji its parts.
    """
    if len(text) <= limit:
        return text
    if limit < 1:
        return ""
    head = text[: limit + 1]
    ends = [match.end() for match in _SENTENCE_END.finditer(head, limit - limit // _SEARCHED_PART)]
    if ends:
        return head[: ends[-1]].rstrip()[:limit]
    space = max(head.rfind(" "), head.rfind("\n"), head.rfind("\t"))
    return head[:space].rstrip() if space > 0 else text[: _between_clusters(text, limit)]


def fair_share(lengths: Sequence[int], limit: int) -> int:
    """Give the length to which texts are cut so that they fit into `limit` together.

    Short texts stay whole, and long ones share what is left.
    """
    left = limit
    for number, length in enumerate(sorted(lengths)):
        share = left // (len(lengths) - number)
        if length > share:
            return share
        left -= length
    return limit


def _between_clusters(text: str, limit: int) -> int:
    end = limit
    while end > max(1, limit - _LONGEST_CLUSTER) and _continues(text, end):
        end -= 1
    return end if not _continues(text, end) else limit


def _continues(text: str, at: int) -> bool:
    """Tell whether the character at a place belongs to the one before it."""
    character = text[at]
    return (
        unicodedata.category(character) in {"Mn", "Me", "Mc"}
        or character == _JOINER
        or text[at - 1] == _JOINER
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )
