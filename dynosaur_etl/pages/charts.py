"""Charts as plain data; `static/charts.js` draws them, and each page has the numbers in a table."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from dynosaur_etl.flows.views.growth_history import VALIDITY_FLOOR, GrowthLine
from dynosaur_etl.flows.views.pool_map import PoolMap
from dynosaur_etl.flows.views.version_figures import SizeCurve, VersionLine, VersionReport


def growth_chart(days: Sequence[GrowthLine]) -> dict[str, Any]:
    """Instances per day as bars, and all of them so far as a line."""
    by_day = {day.day: day.instances for day in days}
    shown = _all_days(days)
    made = [by_day.get(day) for day in shown]
    sums = _sums([number or 0 for number in made])
    return {
        "label": "Instances per growth day, and in all",
        "y": "instances a day",
        "y2": "in all",
        "series": [
            {"name": "instances of the day", "kind": "bar", "x": shown, "y": made},
            {
                "name": "in all",
                "kind": "line",
                "x": shown,
                "y": sums,
                "axis": 2,
            },
        ],
    }


def validity_chart(days: Sequence[GrowthLine]) -> dict[str, Any]:
    """The share of valid proposals per day, with the line that it should not fall under."""
    shares = {day.day: day.validity for day in days if day.validity is not None}
    shown = _all_days([day for day in days if day.validity is not None])
    floor = [100 * VALIDITY_FLOOR] * len(shown)
    return {
        "label": "Valid proposals per growth day, in percent",
        "y": "percent",
        "range": [0, 100],
        "series": [
            {
                "name": "valid proposals",
                "kind": "line",
                "x": shown,
                "y": [_percent(shares.get(day)) for day in shown],
            },
            {"name": f"{VALIDITY_FLOOR:.0%}", "kind": "limit", "x": shown, "y": floor},
        ],
    }


def _all_days(days: Sequence[GrowthLine]) -> list[str]:
    """Name every calendar day from the first to the last, so that a gap shows as one."""
    if not days:
        return []
    first, last = (date.fromisoformat(day.day) for day in (days[0], days[-1]))
    return [str(first + timedelta(days=number)) for number in range((last - first).days + 1)]


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)


def cost_chart(days: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """US dollars per growth day."""
    return {
        "label": "US dollars per growth day",
        "y": "US dollars",
        "series": [
            {
                "name": "paid",
                "kind": "bar",
                "x": [day["name"] for day in days],
                "y": [float(day["cost_usd"]) for day in days],
            }
        ],
    }


def curve_chart(curve: SizeCurve) -> dict[str, Any]:
    """Coverage and mean quality against the number of rows, in the order of selection."""
    lines = {"coverage of the pool": curve.coverage, "mean quality": curve.quality}
    return {
        "label": "Coverage of the pool and mean quality by size",
        "x": "rows, in the order of selection",
        "y": "0 to 1",
        "series": [
            {"name": words, "kind": "line", "x": curve.rows, "y": values}
            for words, values in lines.items()
        ],
    }


def alpha_chart(versions: Sequence[VersionLine]) -> dict[str, Any]:
    """Quality against coverage of each version, marked with its alpha."""
    shown = [line for line in versions if line.coverage is not None]
    return {
        "label": "Mean quality against coverage, one point a version",
        "x": "coverage of the pool",
        "y": "mean quality",
        "series": [
            {
                "name": "versions",
                "kind": "points",
                "x": [line.coverage for line in shown],
                "y": [line.quality for line in shown],
                "text": [f"{line.name}, alpha {line.alpha}" for line in shown],
            }
        ],
    }


def tradeoff_chart(report: VersionReport) -> dict[str, Any]:
    """Quality against coverage over alpha, on a sample of the pool."""
    points = report.tradeoff
    return {
        "label": "Mean quality against coverage over alpha, on a sample of the pool",
        "x": "coverage of the sample",
        "y": "mean quality",
        "series": [
            {
                "name": "by alpha",
                "kind": "path",
                "x": [round(point.coverage, 5) for point in points],
                "y": [round(point.quality, 5) for point in points],
                "text": [f"{point.alpha:g}" for point in points],
            }
        ],
    }


def map_chart(found: PoolMap) -> dict[str, Any]:
    """Points of the pool, and on top of them those that were picked."""
    parts = {"in the pool only": found.left, "picked": found.picked}
    return {
        "label": "Pool and picks on the two directions of most variance",
        "x": "first direction",
        "y": "second direction",
        "series": [
            {"name": words, "kind": "dots", "x": part.x, "y": part.y}
            for words, part in parts.items()
        ],
    }


def _sums(numbers: Sequence[int]) -> list[int]:
    total, found = 0, []
    for number in numbers:
        total += number
        found.append(total)
    return found
