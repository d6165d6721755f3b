"""The rooms inside of `selection` import downwards only."""

import pytest

from tests.house import Arrow, House, read_house

ROOMS = ("vectors", "problem", "greedy", "exact", "graph", "partitioned")
"""From the ground up; what stands beside them, and `assessment`, may import all of these."""
PACKAGE = "dynosaur_etl.selection."

HOUSE = read_house()


def room(module: str) -> str:
    """The room of a module of `selection`; an empty text for what stands beside the rooms."""
    inside = module.removeprefix(PACKAGE).partition(".")[0]
    return inside if inside in ROOMS else ""


def climbing(house: House) -> list[Arrow]:
    return [
        arrow
        for arrow in house.arrows
        if arrow.source.startswith(PACKAGE)
        and arrow.target.startswith(PACKAGE)
        and room(arrow.source)
        and (not room(arrow.target) or ROOMS.index(room(arrow.target)) > own(arrow))
    ]


def own(arrow: Arrow) -> int:
    return ROOMS.index(room(arrow.source))


def test_no_import_climbs() -> None:
    assert climbing(HOUSE) == []


@pytest.mark.parametrize("climbs", ["greedy.sampled", "modes"])
def test_an_import_that_climbs_is_seen(climbs: str) -> None:
    import ast

    modules = {f"{PACKAGE}problem.a": f"import {PACKAGE}{climbs}", f"{PACKAGE}{climbs}": ""}
    trees = {name: ast.parse(code) for name, code in modules.items()}
    found = climbing(House(trees, dict.fromkeys(trees, 1)))
    assert [arrow.source for arrow in found] == [f"{PACKAGE}problem.a"]
