"""Two versions row by row, over folders; nothing but files is asked."""

import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.flows.views.paging import cursor
from dynosaur_etl.flows.views.row_compare import ComparedRow, CompareSearch, Kind, compare_sets
from dynosaur_etl.flows.views.row_set import RowSet, folder_rows
from tests.snapshots.factories import Source, snapshot

ANN, BOB = Source("ann/news"), Source("bob/weather", rows=(5, 6, 7))
CAT = Source("cat/films", rows=(1, 2))


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[RowSet, RowSet]:
    home = tmp_path_factory.mktemp("compared")
    old = snapshot(home / "old", ANN, BOB)
    new = snapshot(home / "new", Source("bob/weather", rows=(6, 5)), CAT, version=2)
    return folder_rows(old, "v0001"), folder_rows(new, "v0002")


def told(row: ComparedRow) -> tuple[str, int, int | None, int | None]:
    return (row.line.dataset, row.line.row, row.before, row.after)


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        ("added", [("cat/films", 1, None, 3), ("cat/films", 2, None, 4)]),
        (
            "removed",
            [("ann/news", 0, 1, None), ("ann/news", 1, 2, None), ("bob/weather", 7, 5, None)],
        ),
        ("moved", [("bob/weather", 6, 4, 1), ("bob/weather", 5, 3, 2)]),
    ],
)
def test_rows_came_went_and_moved(
    versions: tuple[RowSet, RowSet], kind: Kind, rows: list[object]
) -> None:
    found = compare_sets(*versions, CompareSearch(kind=kind))
    assert list(map(told, found.rows)) == rows
    assert found.numbers == {"added": 2, "removed": 3, "moved": 2}
    assert (found.kept, found.following) == (2, "")


@pytest.mark.parametrize("kind", ["added", "removed", "moved"])
@pytest.mark.parametrize("size", [1, 2])
def test_parts_put_together_are_the_whole(
    versions: tuple[RowSet, RowSet], kind: Kind, size: int
) -> None:
    whole = compare_sets(*versions, CompareSearch(kind=kind)).rows
    parts, after = list[ComparedRow](), ""
    while True:
        part = compare_sets(*versions, CompareSearch(kind=kind, size=size, after=after))
        parts += part.rows
        after = part.following
        if not after:
            break
    assert parts == list(whole)


def test_a_version_against_itself_differs_in_nothing(versions: tuple[RowSet, RowSet]) -> None:
    found = compare_sets(versions[0], versions[0], CompareSearch(kind="moved"))
    assert (found.numbers, found.kept) == ({"added": 0, "removed": 0, "moved": 0}, 5)


@pytest.mark.parametrize("after", [cursor(("0123456789abcdef",)), cursor(("no key",)), "e30="])
def test_a_place_of_another_list_is_refused(versions: tuple[RowSet, RowSet], after: str) -> None:
    with pytest.raises(InvalidInput, match="after"):
        compare_sets(*versions, CompareSearch(after=after))
