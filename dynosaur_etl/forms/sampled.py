"""The columns of a config, and what its sampled rows hold in them."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from dynosaur_etl.domain.features import FieldKind, fields_of
from dynosaur_etl.forms import names as known
from dynosaur_etl.forms.turns import are_turns
from dynosaur_etl.forms.values import Row, text_of

LEAST_FITTING = 0.6
_SHORT_TEXT = 40


class SampledRows:
    """The columns of a config, and what its sampled rows hold in them."""

    def __init__(self, features: Mapping[str, Any], rows: Sequence[Row]) -> None:
        self.features = features
        self.rows = rows
        self.names = {name.lower(): name for name in reversed(list(features))}
        self.kinds = {field.name: field.kind for field in fields_of(features)}

    def first(self, wanted: Sequence[str]) -> str | None:
        """Return the first of the wanted columns that is there."""
        return known.first_of(tuple(name.lower() for name in wanted), self.names)

    def holds(self, name: str | None, test: Callable[[Any], bool]) -> bool:
        """Return whether what rows hold in a column passes a test; nulls do not count."""
        if name is None:
            return False
        values = [row.get(name) for row in self.rows if row.get(name) is not None]
        return bool(values) and sum(map(test, values)) >= LEAST_FITTING * len(values)

    def text(self, *wanted: str) -> str | None:
        """Return the first of the wanted columns that holds texts."""
        found = (self.first((name,)) for name in wanted)
        return next((name for name in found if self.is_text(name)), None)

    def is_text(self, name: str | None) -> bool:
        """Return whether a column holds texts, and not the codes of labels."""
        return (
            name is not None and self.kinds[name] is FieldKind.TEXT and self.holds(name, is_filled)
        )

    def prompt(self, *wanted: str) -> str | None:
        """Return the first of the wanted columns that holds texts or turns."""
        found = (self.first((name,)) for name in wanted)
        return next(
            (name for name in found if self.is_text(name) or self.holds(name, are_turns)), None
        )

    def others(self, *used: str | None) -> list[str]:
        """Return columns of content beside those that are used, whose names tell of no metadata."""
        return [
            name
            for name, kind in self.kinds.items()
            if name not in used
            and kind in (FieldKind.TEXT, FieldKind.TEXT_LIST, FieldKind.NESTED)
            and not known.is_meta(name)
            and name.lower() not in (*known.SYSTEMS, *known.THOUGHTS, *known.CONVERSATIONS)
        ]

    @cached_property
    def extras(self) -> dict[str, str]:
        """The columns of a system turn and of tools, by their roles."""
        found = {"system": self.text(*known.SYSTEMS), "tools": self.first(known.TOOLS)}
        return {role: name for role, name in found.items() if name is not None}


def is_filled(value: Any) -> bool:
    """Return whether a value is a text that says something."""
    return bool(text_of(value))


def roles_of(**columns: str | None) -> dict[str, str]:
    """Return the columns that are there, by role."""
    return {role: name for role, name in columns.items() if name is not None}


def is_long(value: Any) -> bool:
    """Return whether a text is longer than a label or a name."""
    return len(text_of(value)) >= _SHORT_TEXT
