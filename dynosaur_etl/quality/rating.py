"""A rating from 0 to 5 out of what a model really writes.

A judge is asked for the number on the first line. Models write "4.5/5", "**Score:** 4.5", a JSON
object, or their reasons first. What can be read in two ways is not read at all.
"""

import re

HIGHEST = 5.0

_NUMBER = r"(?<![\w.,/])(?P<number>-?\d+(?:[.,]\d+)?)(?![\d%])"
_OUT_OF = r"(?:\s*(?:/|\(?out\s+of|of)\s*(?P<scale>\d+(?:\.\d+)?)\)?)?"
_NAME = r"\b(?:score|rating|rated?|grade|accuracy|helpfulness)\b"
_DASHES = str.maketrans("−–—", "---")
_MARKS = re.compile(r"[*_`#\"'{}\[\]]")
_SCALE = re.compile(
    r"(?:\bon\s+(?:a|the)\s+)?(?:scale|range)?\s*(?:of|from)?\s*\b0\s*(?:to|-)\s*5\b"
)
_FIRST = re.compile(
    rf"^[^\w-]*(?:-\s+)?(?:{_NAME}[^\d\n-]{{0,20}}(?:-\s+)?)?{_NUMBER}{_OUT_OF}"
    r"\s*(?:stars?|points?)?\s*(?:[.,;]?$|[-:(])",
    re.IGNORECASE,
)
_NAMED = re.compile(rf"{_NAME}[^\d\n.;-]{{0,40}}?(?:-\s+)?{_NUMBER}{_OUT_OF}", re.IGNORECASE)
_LINE = re.compile(rf"^[^\w\n-]*{_NUMBER}{_OUT_OF}[^\w\n]*$", re.MULTILINE)
_OF_FIVE = re.compile(rf"{_NUMBER}\s*(?:/|out\s+of)\s*(?P<scale>5(?:\.0+)?)(?![\d/])")


def read_rating(text: str) -> float | None:
    """Give the rating, 0 to 5, or None where there is none or more than one.

    The first line goes first, then a number that is called a score or a rating, then one "out of
    5". A number on another scale, or outside 0 to 5, is no rating.
    """
    plain = _SCALE.sub(" ", _MARKS.sub("", text.translate(_DASHES))).strip()
    first = _FIRST.search(plain.partition("\n")[0].strip())
    if first is not None:
        return _value(first)
    for patterns in ((_NAMED, _LINE), (_OF_FIVE,)):
        found = {_value(match) for pattern in patterns for match in pattern.finditer(plain)}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def _value(match: re.Match[str]) -> float | None:
    if match["scale"] is not None and float(match["scale"]) != HIGHEST:
        return None
    number = float(match["number"].replace(",", "."))
    return number if 0 <= number <= HIGHEST else None
