"""Instances row by row: found by filters, words and places, from the store and from a folder."""

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pydantic import ValidationError

from dynosaur_etl.domain import schemas
from dynosaur_etl.domain.errors import Corrupt, InvalidInput
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.instance_pages import (
    instance_list,
    instance_page,
    list_instances,
)
from dynosaur_etl.flows.views.paging import cursor
from dynosaur_etl.flows.views.row_columns import row_columns
from dynosaur_etl.flows.views.row_report import row_report, text_parts
from dynosaur_etl.flows.views.row_search import RowLine, RowPart, RowSearch, find_rows
from dynosaur_etl.flows.views.row_set import EVERYTHING, RowSet, folder_rows, row_set
from dynosaur_etl.flows.views.row_statistics import length_range, row_statistics
from dynosaur_etl.flows.views.row_words import IndexUnavailable, WordIndex
from dynosaur_etl.flows.views.version_figures import version_file
from dynosaur_etl.store.storage import Storage
from tests.flows.versioned import Grown, build

HOSTILE = (
    "<script>alert(1)</script> ' OR 1=1 -- \" ]]> \u202e שלום 名 ```py\nx = 1\n``` %_\\ {{ 7*7 }}"
)
LICENCES = ("mit", "cc0-1.0")


LAST = "2026-10-06"


def nothing(row: Any) -> bool:
    return False


def instances(day: str, number: int) -> pa.Table:
    """Rows of a day, of which one is hostile and one holds personal data."""
    rows = [
        {
            "instance_key": digest(day, at), "instruction": f"Say what row {at} says.",
            "input": HOSTILE if (day, at) == ("2026-10-05", 3) else f"Boat {at} of {day}; calm-sea",
            "output": str(at % 3),
            "task_key": f"task{at % 4}", "dataset": f"{'reed' if at % 2 else 'lake'}/set-{at % 5}",
            "revision": "a" * 40, "config": "default", "split": "train", "row": at,
            "licence": LICENCES[at % 2], "mode": "aware", "prompt_version": "tight-1",
            "growth_day": day, "pii": "email" if at == 5 else "",
        }
        for at in range(number)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=schemas.INSTANCES)


@pytest.fixture
def found(tmp_path: Path) -> Any:
    """A set of 30 rows in two files, of which 25 are live, 6 picked and 2 held out."""
    storage = Storage(str(tmp_path / "store"))
    tables = [instances("2026-10-05", 20), instances("2026-10-06", 10)]
    paths = tuple(storage.write_table("instances", table).path for table in tables)
    whole = pa.concat_tables(tables)
    numbers = [at for at in range(30) if at % 6]
    quality = np.linspace(1, 0, len(numbers))
    held = [at in (1, 2) for at in numbers]
    pool = pa.table({"number": numbers, "quality": quality, "held_out": held}, schemas.POOL)
    picks = [25, 3, 5, 27, 7, 8]
    selection = pa.Table.from_pylist(
        [
            {"rank": rank, "instance_key": whole["instance_key"][at].as_py(), "gain": 0.5,
             "quality": 0.5, "coverage": 0.5} for rank, at in enumerate(picks)
        ],
        schema=schemas.SELECTION,
    )  # fmt: skip
    files = [storage.write_table(*one).path for one in (("pools", pool), ("selections", selection))]
    rows = RowSet("the pool", 1, storage, paths, files[0], files[1])
    return SimpleNamespace(
        rows=rows, whole=whole, live=whole.take(pa.array(numbers)), picks=picks, tables=tables,
        words=WordIndex(tmp_path / "cache"), numbers=numbers,
    )  # fmt: skip


def asked(found: Any, **filters: Any) -> RowPart:
    return find_rows(found.rows, RowSearch(**filters), found.words)


def keys(lines: Any) -> list[str]:
    return [line.instance_key for line in lines]


def every(found: Any, **filters: Any) -> list[RowLine]:
    """Page through a list to its end."""
    lines: list[RowLine] = []
    after = ""
    for _ in range(100):
        part = asked(found, after=after, **filters)
        lines += part.rows
        after = part.following
        if not after:
            assert len(lines) == part.total
            return lines
    raise AssertionError("the list has no end")


@pytest.mark.parametrize("size", [1, 7, 50])
@pytest.mark.parametrize("sort", ["", "rank", "newest", "oldest", "best", "worst"])
def test_every_order_is_paged_through_to_its_end(found: Any, size: int, sort: str) -> None:
    shown = keys(every(found, size=size, sort=sort))
    assert sorted(shown) == sorted(found.live["instance_key"].to_pylist())
    forward = found.live["instance_key"].to_pylist()
    if sort in ("oldest", "best"):
        assert shown == forward
    if sort in ("", "newest", "worst"):
        assert shown == forward[::-1]


def test_picks_come_in_their_order_with_what_the_selection_made_of_them(found: Any) -> None:
    lines = every(found, picked="yes", size=4)
    assert keys(lines) == [found.whole["instance_key"][at].as_py() for at in found.picks]
    assert [line.rank for line in lines] == [1, 2, 3, 4, 5, 6]
    assert {line.standing for line in every(found, picked="test")} == {"held out for tests"}
    assert len(every(found, picked="no")) == 25 - 6 - 2
    assert lines[0].gain == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("filters", "keep"),
    [
        ({"source": "reed/set-1"}, lambda row: row["dataset"] == "reed/set-1"),
        ({"source": "lake/"}, lambda row: row["dataset"].startswith("lake/")),
        ({"source": "re*"}, lambda row: row["dataset"].startswith("reed/")),
        ({"licence": "CC0-1.0"}, lambda row: row["licence"] == "cc0-1.0"),
        ({"task": "task2"}, lambda row: row["task_key"] == "task2"),
        ({"day": LAST}, lambda row: row["growth_day"] == LAST),
        ({"pii": "yes"}, lambda row: bool(row["pii"])),
        ({"pii": "no", "split": "train"}, lambda row: not row["pii"]),
        ({"words": "Boat"}, lambda row: "Boat" in row["input"]),
        ({"words": "boat 4"}, lambda row: row["row"] == 4),
        ({"words": "calm sea"}, lambda row: "Boat" in row["input"]),
        ({"words": '"boat 2026"'}, nothing),
        ({"words": f'"of {LAST}"'}, lambda row: row["growth_day"] == LAST),
        ({"words": "alert(1)"}, lambda row: row["input"] == HOSTILE),
        ({"words": "שלום 名"}, lambda row: row["input"] == HOSTILE),
        ({"words": "NEAR OR NOT"}, nothing),
        ({"words": "absent", "licence": "mit"}, nothing),
        ({"words": 'x"y* ^'}, nothing),
        ({"split": "test"}, nothing),
    ],
)  # fmt: skip
def test_a_filter_lets_through_what_it_names(found: Any, filters: Any, keep: Any) -> None:
    wanted = [row["instance_key"] for row in found.live.to_pylist() if keep(row)]
    assert sorted(keys(every(found, size=3, **filters))) == sorted(wanted)


def test_quality_is_a_range_with_both_ends(found: Any) -> None:
    quality = [line.quality for line in every(found, least=0.25, most=0.5, sort="worst")]
    assert quality == sorted(quality)
    assert (min(quality), max(quality)) == (pytest.approx(0.25), pytest.approx(0.5))


def test_a_form_is_found_by_the_tasks_of_it(found: Any) -> None:
    part = find_rows(found.rows, RowSearch(form="choices"), found.words, {"task1", "none"})
    assert {line.task_key for line in part.rows} == {"task1"}
    assert find_rows(found.rows, RowSearch(form="choices"), found.words, set()).total == 0


@pytest.mark.parametrize("after", ["x", cursor(("zz",)), cursor(("",)), cursor(("f" * 64,))])
def test_a_place_that_the_list_has_not_given_is_refused(found: Any, after: str) -> None:
    with pytest.raises(InvalidInput, match="after"):
        asked(found, after=after)


@pytest.mark.parametrize(
    "filters",
    [{"least": 2}, {"size": 51}, {"task": "a'b"}, {"day": "today"}, {"version": -1}, {"sort": "x"}],
)
def test_a_filter_that_cannot_be_is_refused(filters: Any) -> None:
    with pytest.raises(ValidationError):
        RowSearch(**filters)


@pytest.mark.parametrize("words", ['"', "* ^", "-"])
def test_words_without_a_letter_are_refused(found: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match="words"):
        asked(found, words=words)


def test_an_index_is_made_once_by_many_at_once_and_again_when_it_is_lost(found: Any) -> None:
    threads = [threading.Thread(target=found.words.build, args=(found.rows,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found.words.find(found.rows, "boat 4").row) == 2
    found.words.path.unlink()
    assert len(every(found, words="boat 7")) == 2
    found.words.path.write_bytes(b"no database " * 100)
    with pytest.raises(IndexUnavailable, match="may be removed"):
        asked(found, words="boat")


def test_words_of_files_of_other_sets_are_left_out(found: Any) -> None:
    found.words.build(found.rows)
    other = RowSet("one file", None, found.rows.storage, found.rows.paths[1:])
    part = find_rows(other, RowSearch(words="boat", size=50), found.words)
    assert {line.growth_day for line in part.rows} == {"2026-10-06"}
    assert (part.total, part.missing, part.of) == (10, 0, 10)


def test_a_licence_that_was_corrected_is_shown_and_found(found: Any) -> None:
    now = RowSet(**(vars(found.rows) | {"licences": {"reed/set-1": "odc-by"}}))
    part = find_rows(now, RowSearch(licence="odc-by"), found.words)
    assert {(line.dataset, line.licence) for line in part.rows} == {("reed/set-1", "odc-by")}
    assert "odc-by" not in row_columns(found.rows).coded["licence"].names


def test_a_file_that_is_gone_is_told(found: Any) -> None:
    path = found.rows.storage.local_path(found.rows.paths[0])
    path.unlink()
    with pytest.raises(Corrupt, match="missing"):
        asked(found)


def test_one_row_is_told_whole_with_its_places_at_the_hub(found: Any) -> None:
    [line] = [line for line in every(found) if line.input == HOSTILE]
    report = row_report(found.rows, line.instance_key, "https://hub.example/")
    assert [turn.role for turn in report.turns] == ["user", "assistant"]
    assert [part.text for part in report.turns[0].parts if part.is_code] == ["x = 1"]
    assert report.source_row.endswith(f"datasets/{line.dataset}/viewer/default/train?row=3")
    assert report.links.files.startswith("https://hub.example/datasets/")
    with pytest.raises(InvalidInput, match="instance"):
        row_report(found.rows, "f" * 64, "https://hub.example")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("plain\n  indented", [("plain\n  indented", False)]),
        ("a\n```py\nx\n```\nb", [("a", False), ("x", True), ("b", False)]),
        ("```\nnever closed", [("never closed", True)]),
        ("``` \n```", []),
        ("a `b` ```c```", [("a `b` ```c```", False)]),
    ],
)
def test_a_text_is_parted_into_prose_and_code(text: str, parts: Any) -> None:
    assert [(part.text, part.is_code) for part in text_parts(text)] == parts


def test_a_version_its_folder_and_the_store_show_the_same_rows(grown: Grown) -> None:
    services = grown.services()
    everything = list_instances(services, RowSearch(size=50))
    assert everything.total == everything.of > 0
    assert {line.quality for line in everything.rows} == {None}
    build(services)
    pool = row_set(services, None)
    picked = _all(pool, services, picked="yes")
    folder = folder_rows(grown.of(1, ""), "v0001")
    same = _all(folder, services, picked="yes")
    assert keys(picked) == keys(same)
    assert [line.rank for line in same] == list(range(1, len(picked) + 1))
    shown = instance_list(services, RowSearch(picked="yes"))
    assert (shown.name, shown.version) == ("the pool of v0001", 1)
    assert set(shown.tasks) == {line.task_key for line in shown.part.rows}
    assert shown.choices.versions == {EVERYTHING: "everything in the store", 1: "v0001"}
    assert version_file(services, 1, "README.md").is_file()
    for name in ("../v0001/README.md", "/etc/passwd", "none", ""):
        with pytest.raises(InvalidInput, match="file"):
            version_file(services, 1, name)
    one = instance_page(services, picked[0].instance_key, 1)
    assert (one.report.line, one.task) == (picked[0], shown.tasks[picked[0].task_key])


def _all(rows: RowSet, services: Services, **filters: Any) -> list[RowLine]:
    words = WordIndex(services.settings.home / "cache")
    return list(find_rows(rows, RowSearch(size=50, **filters), words).rows)


def test_a_set_without_rows_is_empty(tmp_path: Path) -> None:
    nothing = RowSet("nothing", EVERYTHING, Storage(str(tmp_path)), ())
    part = find_rows(nothing, RowSearch(sort="best"), WordIndex(tmp_path))
    assert (list(part.rows), part.total, part.of) == ([], 0, 0)
    assert not pc.any(pa.array(row_columns(nothing).picked)).as_py()


def test_columns_of_a_pool_and_its_picks_stand_side_by_side(grown: Grown) -> None:
    services = grown.services()
    nothing_picked = row_statistics(services, None)
    assert nothing_picked.left == nothing_picked.right == "everything in the store"
    build(services)
    found = row_statistics(services, None)
    assert (found.left, found.right) == ("the pool of v0001", "the picks of v0001")
    assert found.right_rows == 20 < found.left_rows
    for column in found.columns:
        for side in ("left", "right"):
            shares = sum(getattr(line, side) for line in column.lines)
            assert shares == pytest.approx(1) or column.more or column.sampled, column.name
    by_name = {column.name: column for column in found.columns}
    assert len(by_name["Source"].lines) > 1
    begins = [line.value.split(" ")[0] for line in by_name["Quality"].lines]
    assert begins == sorted(begins)
    [language] = by_name["Languages of the source's card"].lines
    assert (language.left, language.right) == (1, 1)
    same = row_statistics(services, 1, 1)
    assert all(line.left == line.right for column in same.columns for line in column.lines)
    with pytest.raises(InvalidInput, match="version"):
        row_statistics(services, 1, 7)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (0, "0 to 19"), (19, "0 to 19"), (20, "20 to 49"), (4999, "2,000 to 4,999"),
        (10**6, "5,000 or more"),
    ],
)  # fmt: skip
def test_a_length_belongs_to_one_range(length: int, words: str) -> None:
    assert length_range(length) == words
