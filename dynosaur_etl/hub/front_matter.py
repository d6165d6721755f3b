"""The YAML head of a card, read from the parser's events into plain mappings, lists and texts.

Reading events, and not letting a YAML library build objects, keeps `no` a text (Norwegian), dates
and versions as they are written, and hostile YAML small: aliases, which can be made to expand
without end, and deep nesting are refused.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import yaml  # type: ignore[import-untyped]

MAX_FRONT_MATTER = 1_000_000
MAX_DEPTH = 40
_FENCE = "---"
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True} | dict.fromkeys(
    ("false", "False", "FALSE"), False
)


class UnreadableYaml(ValueError):
    """The head of a card is not YAML that can be read safely."""


def split_card(text: str) -> tuple[str | None, str]:
    """Part a card into its YAML head, None where there is none, and its Markdown text."""
    lines = text.lstrip().splitlines(keepends=True)
    if not lines or lines[0].rstrip() != _FENCE:
        return None, text
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == _FENCE:
            return "".join(lines[1:number]), "".join(lines[number + 1 :])
    return None, text


def read_yaml(text: str) -> dict[str, Any]:
    """Read a card's head; scalars become texts, but for null, true and false.

    Raises:
        UnreadableYaml: it does not parse, is no mapping, is too large or nested too deep, or
            uses aliases.
    """
    if len(text) > MAX_FRONT_MATTER:
        raise UnreadableYaml(f"{len(text)} characters of YAML; allowed: {MAX_FRONT_MATTER}")
    try:
        # a scan in C: a megabyte takes a second, where the scan in Python takes a minute
        value = _document(yaml.parse(text, Loader=yaml.CSafeLoader))
    except (yaml.YAMLError, UnicodeError) as error:
        raise UnreadableYaml(" ".join(str(error).split())[:300]) from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnreadableYaml(f"the YAML is a {type(value).__name__}; allowed: a mapping")
    return value


def _document(events: Iterator[yaml.Event]) -> Any:
    first = next(islice(events, 2, None), None)  # past the starts of stream and document
    if first is None or isinstance(first, yaml.StreamEndEvent):
        return None
    return _value(first, events, depth=0)


def _value(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise UnreadableYaml(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    if isinstance(event, yaml.SequenceStartEvent):
        return _sequence(events, depth)
    if isinstance(event, yaml.MappingStartEvent):
        return _mapping(events, depth)
    raise UnreadableYaml(f"received {type(event).__name__}; allowed: no aliases in a card")


def _sequence(events: Iterator[yaml.Event], depth: int) -> list[Any]:
    items = []
    for event in events:
        if isinstance(event, yaml.SequenceEndEvent):
            break
        items.append(_value(event, events, depth + 1))
    return items


def _mapping(events: Iterator[yaml.Event], depth: int) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for event in events:
        if isinstance(event, yaml.MappingEndEvent):
            break
        key = _value(event, events, depth + 1)
        mapping[str(key)] = _value(next(events), events, depth + 1)
    return mapping


def _scalar(event: yaml.ScalarEvent) -> str | bool | None:
    text = str(event.value).replace("\x00", "")
    if event.style:  # quoted or block text is never a null or a boolean
        return text
    if text in _NULLS:
        return None
    return _BOOLEANS.get(text, text)
