"""Versions by other methods than QDIT, and selections that a target is set for."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dynosaur_etl.domain.choices import SelectionMethod
from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.flows import training_set
from dynosaur_etl.selection import METHODS
from tests.flows.versioned import DAYS, TRAIN, Grown, build

LAST = GrowthDay.parse(DAYS[-1])
SIZE = {"selection_size": "24"}
AIM = [
    {"instruction": "Which mood does the diary of the lake show?", "input": "Day 3 at the lake"},
    {"instruction": "Name the mood of this entry.", "input": "Day 9 at the lake: 2 boats."},
    {"instruction": " ", "input": "a row without an instruction"},
]


@pytest.fixture
def aim(tmp_path: Path) -> Path:
    file = tmp_path / "aim.jsonl"
    file.write_text("\n".join(map(json.dumps, AIM)))
    return file


def facts(grown: Grown, **values: str) -> dict[str, Any]:
    return dict(training_set.select(LAST, grown.services(**SIZE | values)).facts)


def words(table: pa.Table) -> int:
    names = ("instruction", "input", "output")
    return sum(len(text.split()) for name in names for text in table[name].to_pylist())


def test_settings_know_every_method() -> None:
    assert set(SelectionMethod) == METHODS.keys()


@pytest.mark.parametrize("method", ["coverage", "deita", "mig"])
def test_each_method_makes_a_version_that_is_verified_and_found_again(
    grown: Grown, method: str
) -> None:
    services = grown.services(**SIZE, selection_method=method)
    built = build(services)
    assert (built["rows"], built["new"]) == (24, True)
    assert build(services) == built | {"new": False}
    manifest = json.loads(grown.of(1, "manifest.json").read_text())
    assert manifest["parameters"]["method"] == ("exact" if method == "coverage" else method)


def test_methods_differ_and_a_version_of_one_is_not_that_of_another(grown: Grown) -> None:
    build(grown.services(**SIZE))
    build(grown.services(**SIZE, selection_method="longest"))
    build(grown.services(**SIZE, selection_method="random-by-source"))
    rows = {version: grown.table(version, TRAIN) for version in (1, 2, 3)}
    lengths = {version: words(table) for version, table in rows.items()}
    assert lengths[2] > max(lengths[1], lengths[3])
    sources = rows[3]["dataset"].to_pylist()
    assert max(map(sources.count, sources)) - min(map(sources.count, sources)) <= 1


def test_a_base_is_kept_by_other_methods_too(grown: Grown) -> None:
    build(grown.services(**SIZE, selection_method="mig"), DAYS[0])
    stable = {"selection_method": "mig", "selection_growth": "stable", "selection_size": "40"}
    build(grown.services(**stable))
    first, second = (grown.table(version, TRAIN)["instance_key"].to_pylist() for version in (1, 2))
    assert second[:24] == first
    assert len(set(second)) == 40


def test_a_target_draws_the_selection_and_says_how_much_of_it_is_covered(
    grown: Grown, aim: Path
) -> None:
    plain = facts(grown)
    near = facts(grown, selection_target=str(aim), selection_alpha="0")
    nearest = facts(grown, selection_target=str(aim), selection_method="rds")
    chance = facts(grown, selection_target=str(aim), selection_method="random")
    assert "target_coverage" not in plain["parameters"]
    covered = [one["parameters"]["target_coverage"] for one in (near, nearest, chance)]
    assert 0 < covered[2] < covered[0] <= covered[1] <= 1
    assert near["inputs"] != plain["inputs"]
    again = facts(grown, selection_target=str(aim), selection_alpha="0")
    assert again == near


def test_another_content_of_the_target_is_another_selection(grown: Grown, aim: Path) -> None:
    first = build(grown.services(**SIZE, selection_target=str(aim)))
    folder = aim.parent / "aims"
    folder.mkdir()
    aim.rename(folder / aim.name)
    assert build(grown.services(**SIZE, selection_target=str(folder))) == first | {"new": False}
    (folder / aim.name).write_text('{"instruction": "Write a sonnet about boats."}')
    second = build(grown.services(**SIZE, selection_target=str(folder)))
    assert (second["version"], second["new"]) == (2, True)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"selection_method": "rds"}, "received 'rds'; allowed: with DYNOSAUR_SELECTION_TARGET"),
        ({"selection_target": "/nowhere/aims"}, "DYNOSAUR_SELECTION_TARGET: received '/nowhere"),
    ],
)
def test_a_target_that_is_missing_is_refused_before_any_work(
    grown: Grown, values: dict[str, str], words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        facts(grown, **values)


@pytest.mark.parametrize("content", ["", "{}", '{"instruction": null}', '{"n": 3}', "no json"])
def test_a_target_without_texts_is_refused(grown: Grown, aim: Path, content: str) -> None:
    aim.write_text(content)
    with pytest.raises(InvalidInput):
        facts(grown, selection_target=str(aim))
