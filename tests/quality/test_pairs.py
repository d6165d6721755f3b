"""The heuristics against hand-made pairs: of two outputs the better one has the higher score."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dynosaur_etl.quality.heuristics import Heuristics
from tests.quality.factories import instances

PAIRS = [
    json.loads(line)
    for line in (Path(__file__).parent / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
]


def scores(pairs: list[dict[str, Any]], side: str) -> list[float]:
    rows = [(pair["instruction"], pair["input"], pair[side]) for pair in pairs]
    found: list[float] = Heuristics(["en"]).score(instances(*rows))["score"].to_pylist()
    return found


def right(pairs: list[dict[str, Any]]) -> float:
    both = zip(scores(pairs, "better"), scores(pairs, "worse"), strict=True)
    return sum(better > worse for better, worse in both) / len(pairs)


def test_there_are_pairs_of_every_kind_and_part() -> None:
    assert len(PAIRS) >= 200
    kinds = Counter(pair["kind"] for pair in PAIRS)
    assert min(kinds[kind] for kind in ("identifier", "label", "empty", "copied", "number")) >= 5
    assert len(kinds) >= 15
    assert min(Counter(pair["part"] for pair in PAIRS).values()) >= 90


@pytest.mark.parametrize("part", ["fit", "held out"])
def test_pairs_stand_in_the_right_order(part: str) -> None:
    assert right([pair for pair in PAIRS if pair["part"] == part]) >= 0.95


@pytest.mark.parametrize("kind", sorted({pair["kind"] for pair in PAIRS}))
def test_no_kind_stands_above_what_is_better(kind: str) -> None:
    assert right([pair for pair in PAIRS if pair["kind"] == kind]) >= 0.8
