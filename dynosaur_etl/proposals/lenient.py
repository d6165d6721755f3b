"""Finds JSON-like values in any text: JSON inside prose, Python literals, cut answers.

It is a small reader of its own because `ast.literal_eval` can exhaust the stack on hostile text.
"""

import re
from typing import Any, Literal

Rescue = Literal["prose", "python", "truncated"]

MAX_DEPTH = 8
MAX_WORK = 1_000_000
MAX_STARTS = 5_000

_START = re.compile(r"[{\[]")
_SPACE = re.compile(r"\s*")
_ATOM = re.compile(r"[+-]?[A-Za-z0-9_.+-]{1,64}")
_WORDS = {"true": True, "false": False, "null": None}
_PYTHON_WORDS = {"True": True, "False": False, "None": None}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_CLOSING = {"[": "]", "(": ")", "{": "}"}
_CODE_LENGTHS = {"u": 4, "x": 2, "U": 8}


class _Malformed(Exception):
    """No value begins here."""


class _Cut(_Malformed):
    """The text ends within a value."""


def read_values(text: str) -> tuple[list[Any], Rescue]:
    """Read every outermost object and list that is whole, in order.

    Where an outer value is broken or cut, the whole values inside it are found in its place. Work
    is bounded: a text that makes the reader start over too often is given up.
    """
    reader = _Reader(text)
    values: list[Any] = []
    was_cut = False
    position = 0
    for _ in range(MAX_STARTS):
        start = _START.search(text, position)
        if start is None or reader.work > MAX_WORK:
            break
        try:
            value, position = reader.read(start.start())
            values.append(value)
        except _Cut:
            was_cut, position = True, start.end()
        except _Malformed:
            position = start.end()
    rescue: Rescue = "truncated" if was_cut else "python" if reader.python else "prose"
    return values, rescue


class _Reader:
    """A recursive reader with a limited depth; `work` counts the characters it has read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.work = 0
        self.python = False

    def read(self, position: int) -> tuple[Any, int]:
        """Read the value at a position, and give where it ends."""
        self._at = position
        try:
            return self._value(MAX_DEPTH), self._at
        finally:
            self.work += self._at - position

    def _value(self, depth: int) -> Any:
        sign = self._peek()
        if sign in "{[(":
            if depth == 0:
                raise _Malformed
            self._at += 1
            self.python |= sign == "("
            return self._object(depth) if sign == "{" else self._list(_CLOSING[sign], depth)
        return self._string() if sign in "\"'" else self._atom()

    def _peek(self) -> str:
        space = _SPACE.match(self._text, self._at)
        self._at = space.end() if space else self._at
        if self._at >= len(self._text):
            raise _Cut
        return self._text[self._at]

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self._peek() != "}":
            name = self._value(0)
            if self._peek() != ":":
                raise _Malformed
            self._at += 1
            found[str(name)] = self._value(depth - 1)
            self._comma("}")
        self._at += 1
        return found

    def _list(self, closing: str, depth: int) -> list[Any]:
        found: list[Any] = []
        while self._peek() != closing:
            found.append(self._value(depth - 1))
            self._comma(closing)
        self._at += 1
        return found

    def _comma(self, closing: str) -> None:
        sign = self._peek()
        if sign == ",":
            self._at += 1
        elif sign != closing:
            raise _Malformed

    def _string(self) -> str:
        quote = self._text[self._at]
        self.python |= quote == "'"
        self._at += 1
        parts: list[str] = []
        plain = re.compile(rf"[^\\{quote}]*")
        while True:
            run = plain.match(self._text, self._at)
            if run is not None:
                parts.append(run.group())
                self._at = run.end()
            if self._at >= len(self._text):
                raise _Cut
            self._at += 1
            if self._text[self._at - 1] == quote:
                return _paired("".join(parts))
            parts.append(self._escape())

    def _escape(self) -> str:
        if self._at >= len(self._text):
            raise _Cut
        sign = self._text[self._at]
        self._at += 1
        length = _CODE_LENGTHS.get(sign)
        if length is None:
            return _ESCAPES.get(sign, sign)
        digits = self._text[self._at : self._at + length]
        self._at += length
        try:
            return chr(int(digits, 16))
        except (ValueError, OverflowError):
            raise _Malformed from None

    def _atom(self) -> Any:
        atom = _ATOM.match(self._text, self._at)
        if atom is None:
            raise _Malformed
        self._at = atom.end()
        word = atom.group()
        if word in _PYTHON_WORDS:
            self.python = True
            return _PYTHON_WORDS[word]
        if word in _WORDS:
            return _WORDS[word]
        if self._at >= len(self._text):
            raise _Cut
        return _number(word)


def _paired(text: str) -> str:
    """Join surrogates that were escaped one by one; a lone one becomes U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _number(word: str) -> int | float:
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    raise _Malformed
