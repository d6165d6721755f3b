"""What the pages make of figures before they show them: lines with words and bars."""

from collections.abc import Mapping, Sequence
from typing import Any

from dynosaur_etl.domain.reasons import REASON_WORDS, Reason

MOVES_SHOWN = 100


def reject_lines(rejects: Mapping[str, int]) -> list[dict[str, Any]]:
    """Put words and a bar's width (0 to 100) to each reason, the most frequent first."""
    lines = [
        {"reason": reason, "words": REASON_WORDS[Reason(reason)], "number": number}
        for reason, number in rejects.items()
    ]
    return with_bars(sorted(lines, key=lambda line: -line["number"]), "number")


def with_bars(lines: Sequence[Mapping[str, Any]], measure: str) -> list[dict[str, Any]]:
    """Add each line's share of the largest, 0 to 100, as `width`."""
    most = max((line[measure] for line in lines), default=0) or 1
    return [{**line, "width": round(100 * line[measure] / most, 1)} for line in lines]


def moves(diff: Mapping[str, Any]) -> dict[str, Any]:
    """Give the rows that came and went by reason, source, licence and type, the most moved first.

    Returns:
        By each: up to 100 `lines`, and how many more there are as `more`.
    """
    came, went = diff["added"], diff["dropped"]
    return {
        by.replace("_", " "): _moved(went[f"by_{by}"], came[f"by_{by}"])
        for by in ("reason", "source", "licence", "task_type")
    }


def _moved(went: Mapping[str, int], came: Mapping[str, int]) -> dict[str, Any]:
    names = sorted(
        came.keys() | went.keys(), key=lambda name: (-came.get(name, 0) - went.get(name, 0), name)
    )
    lines = [{"name": name, "came": came.get(name, 0), "went": went.get(name, 0)} for name in names]
    return {"lines": lines[:MOVES_SHOWN], "more": max(0, len(lines) - MOVES_SHOWN)}
