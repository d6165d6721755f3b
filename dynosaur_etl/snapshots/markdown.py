"""Foreign text as Markdown: it shows as it is and never becomes markup, a link or a table."""

import re
from urllib.parse import quote

_PLAIN = frozenset("-/,;()'=+?%")
_BACKSLASHED = frozenset("._")


class Markdown(str):
    """Text that is Markdown already; everything else is escaped."""

    __slots__ = ()


def escaped(value: object) -> Markdown:
    """Give a value as Markdown that shows its text, on one line.

    Punctuation that can be syntax becomes character references, which no dialect of Markdown
    reads as such; the full stop and the underscore, frequent in names, take a backslash to stay
    readable. A colon counts, as it makes a bare address a link.
    """
    if isinstance(value, Markdown):
        return value
    visible = "".join(char if char.isprintable() else " " for char in str(value))
    return Markdown("".join(map(_escaped_char, " ".join(visible.split()))))


def link(text: object, url: str) -> Markdown:
    """Link to a web address; anything else that stands for an address gives the bare text."""
    if re.match(r"https?://[^\s/]", url) is None:
        return escaped(text)
    return Markdown(f"[{escaped(text)}]({quote(url, safe=':/?#=%@+,;~')})")


def _escaped_char(char: str) -> str:
    if not char.isascii() or char.isalnum() or char == " " or char in _PLAIN:
        return char
    return f"\\{char}" if char in _BACKSLASHED else f"&#{ord(char)};"
