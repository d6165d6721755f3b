"""The parameters of a version as people read them: in words, with their units, one value a line."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_WORDS = {
    "selection.k": ("Rows asked of the selection", "rows"),
    "selection.alpha": ("Weight of quality against diversity", "0 to 1"),
    "selection.quality_scale": ("Scale of the quality", ""),
    "method": ("Method of the selection", ""),
    "growth": ("How a version grows from the one before", ""),
    "base": ("Version whose picks it began with", ""),
    "kept": ("Picks kept from it", "rows"),
    "held_out_share": ("Share of sources held out for tests", "0 to 1"),
    "held_out_task_share": ("Share of tasks held out for tests", "0 to 1"),
    "asked": ("Rows asked for", "rows"),
    "scorer": ("Scorer of the quality", ""),
    "scorer_version": ("Version of the scorer", ""),
    "embedding.text": ("Text that is embedded", ""),
    "embedding.model": ("Embedding model", ""),
    "embedding.dimension": ("Length of a vector", "numbers"),
    "embedding.max_tokens": ("Most of a text that is embedded", "tokens"),
    "instances_per_task": ("Most rows made for a task", "rows"),
    "instructions_per_row": ("Instructions under which one row may stand", ""),
    "seed": ("Seed of all that is drawn", ""),
}


@dataclass(frozen=True)
class ParameterLine:
    """A parameter: its words, value and unit, and the name under which the manifest has it."""

    words: str
    value: str
    unit: str
    name: str


def parameter_lines(parameters: Mapping[str, Any]) -> list[ParameterLine]:
    """Return the parameters of a version, nested ones each on a line of its own."""
    return [_line(name, value) for name, value in _flat(parameters, "")]


def as_words(value: Any) -> str:
    """Return a value as people read it; numbers are rounded to four digits behind the point."""
    if value is None or value == "" or value == []:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4f}".rstrip("0").rstrip(".")
    if isinstance(value, list | tuple):
        return ", ".join(map(as_words, value))
    return str(value)


def _flat(values: Mapping[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", None if isinstance(value, Mapping) else value


def _line(name: str, value: Any) -> ParameterLine:
    words, unit = _WORDS.get(name, (_spelt(name), ""))
    plain = str(value) if name == "seed" else as_words(value)
    return ParameterLine(words, plain, unit if isinstance(value, int | float) else "", name)


def _spelt(name: str) -> str:
    words = name.replace(".", ": ").replace("_", " ")
    return words[:1].upper() + words[1:]
