"""A diff tells every row that came, went or stayed, and why."""

from dataclasses import replace
from pathlib import Path

import pytest

from dynosaur_etl.domain.errors import Corrupt
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.jsonable import to_json
from dynosaur_etl.snapshots import diff as room
from dynosaur_etl.snapshots.diff import Moved, SourcesMoved, TasksMoved, diff, read_diff
from dynosaur_etl.snapshots.layout import DIFF, json_bytes
from tests.snapshots.factories import PLAIN, Source, content, snapshot, with_cell

NEWS = Source("ann/news", rows=(0, 1, 2))
GONE = Source("bob/weather", rows=(5, 6), licence="cc-by-4.0")
NEW = Source("cal/maths", rows=(3,), licence="odbl")


def key(source: Source, row: int) -> str:
    return digest("instance", source.dataset, row)


def test_without_a_parent_all_is_added() -> None:
    changes = diff(None, content())
    assert changes.added.number == 5
    assert changes.added.by_reason == {"new_source": 5}
    assert changes.dropped.number == changes.kept.number == 0
    assert changes.figures["rows"] == Moved(None, 5)
    assert changes.sources.added == ["ann/news", "bob/weather"]


def test_the_same_content_changes_nothing(tmp_path: Path) -> None:
    changes = diff(snapshot(tmp_path / "one"), content())
    assert changes.added.number == changes.dropped.number == 0
    assert changes.kept.by_source == {"ann/news": 2, "bob/weather": 3}
    assert changes.sources == SourcesMoved([], [], {}, {})
    assert all(move.from_ == move.to for move in changes.figures.values())


def test_tells_parts_by_source_licence_and_reason(tmp_path: Path) -> None:
    old = snapshot(tmp_path / "one", NEWS, GONE)
    changes = diff(old, content(replace(NEWS, rows=(1, 2, 9)), NEW))
    assert changes.added.by_source == {"ann/news": 1, "cal/maths": 1}
    assert changes.added.by_reason == {"new_source": 1, "newly_selected": 1}
    assert changes.added.keys == sorted([key(NEWS, 9), key(NEW, 3)])
    assert changes.dropped.by_licence == {"cc-by-4.0": 2, "mit": 1}
    assert changes.dropped.by_reason == {"not_selected": 1, "source_gone": 2}
    assert changes.kept.keys == sorted([key(NEWS, 1), key(NEWS, 2)])
    assert changes.sources.dropped == ["bob/weather"]
    assert changes.tasks == TasksMoved(1, 1, 1)
    assert changes.counts["selected"] == Moved(5, 4)


def test_a_task_that_was_taken_back_is_the_reason(tmp_path: Path) -> None:
    old = snapshot(tmp_path / "one", NEWS)
    now = content(replace(NEWS, rows=(7,)))
    tasks = with_cell(now.tasks, "task_key", 0, "another")
    selected = with_cell(now.selected, "task_key", 0, "another")
    changes = diff(old, replace(now, tasks=tasks, selected=selected))
    assert changes.dropped.by_reason == {"task_gone": 3}
    assert changes.added.by_reason == {"new_task": 1}


def test_a_source_under_another_licence_is_told(tmp_path: Path) -> None:
    old = snapshot(tmp_path / "one", NEWS)
    changes = diff(old, content(replace(NEWS, licence="cc-by-sa-4.0")))
    moved = changes.sources.changed["ann/news"]
    assert moved["licence"] == Moved("mit", "cc-by-sa-4.0")


def test_long_lists_of_keys_become_their_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = diff(None, content()).added
    monkeypatch.setattr(room, "KEYS_LISTED", 4)
    unlisted = diff(None, content()).added
    assert "keys" not in to_json(unlisted)
    assert unlisted.keys_sha256 == digest(listed.keys)


def test_hostile_names_come_back_from_disk_unchanged(tmp_path: Path) -> None:
    hostile = Source("=cmd|'/c calc'!A0\r\n\"x", pretty_name="'@\t")
    changes = diff(snapshot(tmp_path / "one", hostile, *PLAIN), content(hostile, *PLAIN))
    assert changes.sources == SourcesMoved([], [], {}, {})


def test_what_is_written_down_is_read_as_it_was_found(tmp_path: Path) -> None:
    old = snapshot(tmp_path / "one", NEWS, GONE)
    now = content(replace(NEWS, rows=(1, 2, 9), licence="cc-by-sa-4.0"), NEW)
    found = diff(old, now)
    folder = tmp_path / "two"
    folder.mkdir()
    (folder / DIFF).write_bytes(json_bytes(to_json(found)))
    assert read_diff(folder) == found
    assert b'"licence": {\n          "from": "mit",\n          "to": "cc-by-sa-4.0"' in (
        (folder / DIFF).read_bytes()
    )


@pytest.mark.parametrize("stored", [None, b"", b"{", b"[]", b"null", b'{"added": 3}', b"\xff"])
def test_a_record_that_is_missing_or_damaged_is_named(tmp_path: Path, stored: bytes | None) -> None:
    if stored is not None:
        (tmp_path / DIFF).write_bytes(stored)
    with pytest.raises(Corrupt, match=r"diff\.json"):
        read_diff(tmp_path)
