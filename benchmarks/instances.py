"""Filling tasks: whole columns against a loop over rows; memory, growth, and what is looked for.

Usage: python -m benchmarks.instances [--quick] [--json]

Both sides take Arrow tables and give Arrow tables with the same rows, by the paper's rules; "whole"
adds each instance's key and provenance on both sides. Each is run in turn in processes of its own,
and the median counts.
"""

import sys
from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.harness import Figure, main, measured_child
from benchmarks.instances_child import POOL, columns, columns_whole
from benchmarks.instances_rows import batches, row_by_row, row_by_row_whole

CHILD = "benchmarks.instances_child"
TIMES = 3
MEMORY_LIMIT = 500
GROWTH = 100
NATIVE_RATE = 50_000
GROWTH_LIMIT = 110


def runs(methods: Sequence[str], rows: int) -> dict[str, dict[str, float]]:
    """Medians of several runs of each method, one after the other."""
    found: dict[str, list[dict[str, Any]]] = {method: [] for method in methods}
    for _ in range(TIMES):
        for method in methods:
            found[method].append(measured_child(sys.executable, CHILD, [method, str(rows)]))
    return {
        method: {name: median(told[name] for told in all_told) for name in all_told[0]}
        for method, all_told in found.items()
    }


def check_equal() -> None:
    """Refuse to measure where the two sides do not give the same rows."""
    for task, config, rows in batches(POOL // 2):
        pairs = [
            (columns(task, config, rows), row_by_row(task, config, rows)),
            (
                columns_whole(task, config, rows).drop_columns(["instance_key"]),
                row_by_row_whole(task, config, rows).drop_columns(["instance_key"]),
            ),
        ]
        if not all(ours.equals(theirs) for ours, theirs in pairs):
            raise SystemExit(f"{config.name}: the two sides give different rows")


def measure(quick: bool) -> list[Figure]:
    check_equal()
    rows = 50_000 if quick else 500_000
    return [*filling(rows), native(rows // 5), *growing(rows // 10), *finding(rows // 5)]


def filling(rows: int) -> list[Figure]:
    told = runs(["columns", "rows", "columns-whole", "rows-whole", "columns-default"], rows)
    speed = {method: figures["rows_per_second"] for method, figures in told.items()}
    return [
        Figure(
            "organise by the paper's rules", speed["columns"], "rows/s", "row by row",
            speed["rows"], {"rows": rows},
        ),
        Figure(
            "the same, whole instances", speed["columns-whole"], "rows/s", "row by row",
            speed["rows-whole"],
        ),
        Figure("whole instances by the default rules", speed["columns-default"], "rows/s"),
    ]  # fmt: skip


def native(rows: int) -> Figure:
    told = runs(["native"], rows)["native"]
    notes = {"rows": rows, "peak MiB": round(told["peak_mib"])}
    speed = told["rows_per_second"]
    return Figure("native conversations", speed, "rows/s", "at least", NATIVE_RATE, notes)


def growing(rows: int) -> list[Figure]:
    few, many = (runs(["store"], count)["store"] for count in (rows, rows * GROWTH))
    growth = many["seconds"] / few["seconds"]
    return [
        Figure("fill and write Parquet", many["seconds"], "s", notes={"rows": rows * GROWTH}),
        Figure("time for 100 times the rows", growth, "times", "at most", GROWTH_LIMIT),
        Figure("peak memory", many["peak_mib"], "MiB", "at most", MEMORY_LIMIT,
               {f"at {rows} rows": round(few["peak_mib"])}),
    ]  # fmt: skip


def finding(rows: int) -> list[Figure]:
    told = runs(["minhash", "contamination", "pii"], rows)
    names = {"minhash": "MinHash", "contamination": "contamination", "pii": "personal data"}
    return [
        Figure(names[method], figures["rows_per_second"], "rows/s", notes={"rows": rows})
        for method, figures in told.items()
    ]


if __name__ == "__main__":
    main(measure, "filling tasks by columns against a loop over rows")
